"""Protects that ALS and item-kNN answer as implicit itself does. Run: pytest tests/retrieval/test_implicit.py"""

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender, TFIDFRecommender

from retrieval import ALS, Interactions, ItemKNN, recommend


@pytest.fixture(scope="module")
def data() -> Interactions:
    """Sixty users with five to twenty of forty items, some twice; user n leans towards items near n."""
    draw = np.random.default_rng(7)
    return Interactions.from_sequences(
        [[f"i{int(item) % 40:02}" for item in draw.normal(n, 6, draw.integers(5, 20)).round()] for n in draw.integers(0, 40, 60)]
    )


@pytest.mark.parametrize(("metric", "theirs"), [("cosine", CosineRecommender), ("tfidf", TFIDFRecommender)])
@pytest.mark.filterwarnings("ignore:Method expects CSR")
def test_item_knn_recommends_what_implicit_recommends(metric: str, theirs: type[CosineRecommender], data: Interactions) -> None:
    model = theirs(K=10, num_threads=1)
    model.fit(data.counts().astype(np.float64), show_progress=False)
    ours = ItemKNN(half_life=None, neighbours=10, metric=metric, threads=1).fit(data)  # type: ignore[arg-type]
    found = recommend(ours, data.histories(), 5)
    _, scores = model.recommend(np.arange(data.n_users), data.counts().astype(np.float64), N=5)
    np.testing.assert_allclose(found.scores, scores, rtol=1e-4)


def test_als_fold_in_recommends_what_implicit_recommends_when_it_recalculates_a_user(data: Interactions) -> None:
    rows = data.counts()
    rows.data = np.log2(1 + rows.data)
    model = AlternatingLeastSquares(8, 1.0, 10.0, random_state=7, num_threads=1)
    model.fit(rows, show_progress=False)
    ours = ALS(factors=8, threads=1).fit(data)
    found = recommend(ours, data.histories(), 5)
    items, scores = model.recommend(np.arange(data.n_users), rows, N=5, recalculate_user=True)
    np.testing.assert_allclose(found.scores, scores, rtol=1e-3)
    assert (found.items == items).mean() > 0.99
    total, parts, _ = model.explain(3, rows, int(items[3, 0]), N=100)
    explained = ours.explain(data.histories([3])[0], int(items[3, 0]))
    assert sum(part.amount for part in explained) == pytest.approx(total, rel=1e-3)
    first = data.histories([3])[0].items[explained[0].event]
    assert first in {item for item, _ in parts}
