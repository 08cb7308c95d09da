"""Protects that weights give the same scores however they are kept. Run: pytest tests/retrieval/test_linear.py"""

from pathlib import Path

import numpy as np
import pytest

from retrieval import EASE, Interactions, ItemKNN
from retrieval.interactions import rows_of
from retrieval.sources.linear import LinearSource


@pytest.fixture(scope="module")
def data() -> Interactions:
    """Eighty users with thirty of 600 items, more than lie together of dense weights."""
    draw = np.random.default_rng(7)
    return Interactions.from_sequences([[f"i{item}" for item in draw.choice(600, 30)] for _ in range(80)])


@pytest.mark.parametrize("source", [EASE(l2=5.0), ItemKNN(half_life=3.0, neighbours=20, threads=1)])
def test_scores_are_the_product_with_the_weights(source: LinearSource, data: Interactions, tmp_path: Path) -> None:
    weights, _ = source.weigh(data)
    histories = [*data.histories()[:5], data.empty]
    expected = rows_of(histories, data.n_items, 3.0) @ weights
    expected = expected if isinstance(expected, np.ndarray) else expected.toarray()
    source.fit(data).save(tmp_path)
    for one in (source, type(source).load(tmp_path, data.fingerprint)):
        np.testing.assert_allclose(one.scores(histories), expected, rtol=1e-4, atol=1e-6)
        every = one.amounts(histories[0], range(data.n_items))
        np.testing.assert_allclose(every.sum(axis=1), expected[0], rtol=1e-4, atol=1e-6)
