"""Protects the fusion: it learns whom each source serves, explains itself, and comes back from disk.
Run: pytest tests/retrieval/test_fusion.py"""

from pathlib import Path

import numpy as np
import pytest

from retrieval import DecayedCooccurrence, History, Interactions, Popularity, StaleModel, recommend
from retrieval.fusion import Fusion
from retrieval.sources.content import Content, text_vectors

PLAIN = [f"plain {n:02}" for n in range(20)]
CHAIN = [f"chain {n:02}" for n in range(20)]


def shop() -> Interactions:
    """Everybody buys plain items, the first the most; only regulars go on along the chain, one after the other."""
    popular = [[PLAIN[place] for place in range(20 - n % 20)] for n in range(60)]
    regular = [[CHAIN[(start + step) % 20] for step in range(6)] for start in range(20)]
    return Interactions.from_sequences(popular + regular)


def lessons(data: Interactions) -> tuple[list[History], list[np.ndarray]]:
    """Newcomers, who bought one thing, next buy the most popular; regulars next buy what follows in the chain."""
    histories, bought = [], []
    for n in range(300):
        start, new = n % 20, n % 2 == 0
        along = [CHAIN[(start + step) % 20] for step in range(1 if new else 4)]
        histories.append(data.history_of(along))
        bought.append(np.array([data.code_of[PLAIN[0] if new else CHAIN[(start + 4) % 20]]], np.int32))
    return histories, bought


@pytest.fixture(scope="module")
def data() -> Interactions:
    return shop()


@pytest.fixture(scope="module")
def fusion(data: Interactions) -> Fusion:
    sources = {"popularity": Popularity(), "next": DecayedCooccurrence(backward=0.0)}
    return Fusion(sources, depth=10).fit(data).learn(*lessons(data))


def test_newcomers_get_what_serves_newcomers_and_regulars_what_serves_regulars(fusion: Fusion, data: Interactions) -> None:
    newcomer, regular = data.history_of([CHAIN[7]]), data.history_of(CHAIN[7:11])
    best = recommend(fusion, [newcomer, regular], 1).items[:, 0]
    assert [data.item_ids[code] for code in best] == [PLAIN[0], CHAIN[11]]


def test_candidates_are_the_best_of_each_source_and_nothing_else(fusion: Fusion, data: Interactions) -> None:
    history = data.history_of([CHAIN[0]])
    found = set(np.flatnonzero(fusion.scores([history])[0]))
    best = [set(recommend(source, [history], 10).items[0]) - {-1} for source in fusion.sources.values()]
    assert found == set.union(*best)
    assert data.code_of[CHAIN[0]] not in found


def test_own_items_are_candidates_only_when_asked_for(data: Interactions) -> None:
    fusion = Fusion({"popularity": Popularity()}, seen=True).fit(data).learn(*lessons(data))
    assert fusion.scores([data.history_of([PLAIN[0]])])[0, data.code_of[PLAIN[0]]] != 0


def test_the_parts_of_the_sources_and_of_the_events_sum_to_the_score(fusion: Fusion, data: Interactions) -> None:
    history = data.history_of(CHAIN[7:11])
    scores = fusion.scores([history])[0]
    for item in np.flatnonzero(scores):
        assert sum(fusion.parts(history, item).values()) == pytest.approx(float(scores[item]), rel=1e-4)
        assert sum(part.amount for part in fusion.explain(history, item)) == pytest.approx(float(scores[item]), rel=1e-4)
    assert fusion.explain(history, data.code_of[CHAIN[7]]) == []
    assert sum(fusion.importance().values()) == pytest.approx(1)


def test_an_empty_history_gets_what_is_popular(fusion: Fusion, data: Interactions) -> None:
    assert (recommend(fusion, [data.empty], 3).items >= 0).all()


def test_too_few_lessons_are_refused(data: Interactions) -> None:
    fusion = Fusion({"popularity": Popularity()}).fit(data)
    histories, bought = lessons(data)
    with pytest.raises(ValueError, match="too few"):
        fusion.learn(histories[:5], bought[:5])
    with pytest.raises(ValueError, match="learned nothing"):
        fusion.scores(histories[:1])


def test_what_was_saved_answers_as_before_and_is_refused_for_other_data(
    fusion: Fusion, data: Interactions, tmp_path: Path
) -> None:
    fusion.save(tmp_path / "model")
    loaded = Fusion.load(tmp_path / "model", data.fingerprint)
    np.testing.assert_array_equal(loaded.scores(data.histories()), fusion.scores(data.histories()))
    with pytest.raises(StaleModel, match="other"):
        Fusion.load(tmp_path / "model", "other")


def test_content_recommends_what_reads_alike_and_its_parts_sum_to_the_score() -> None:
    texts = ["red nail polish", "blue nail polish", "green tea soap", "oat milk soap", "", "zzz"]
    data = Interactions.from_sequences([[str(n)] for n in range(6)])
    source = Content(text_vectors(texts)).fit(data)
    assert recommend(source, [data.history_of(["0"])], 6).items[0].tolist()[:1] == [1]
    assert recommend(source, [data.history_of(["5"])], 1).items.tolist() == [[-1]]
    history = data.history_of(["0", "2"])
    for item in range(6):
        parts = source.explain(history, item)
        assert sum(part.amount for part in parts) == pytest.approx(float(source.scores([history])[0, item]), abs=1e-5)
    assert not text_vectors(["", "one"]).any()


def test_filters_come_before_the_ranking_and_what_is_asked_about_is_among_the_candidates(
    fusion: Fusion, data: Interactions
) -> None:
    history, allowed = data.history_of(CHAIN[7:11]), np.zeros(data.n_items, bool)
    allowed[[data.code_of[PLAIN[15]], data.code_of[CHAIN[12]]]] = True
    assert set(fusion.candidates([history], allowed).items) <= set(np.flatnonzero(allowed))
    assert data.code_of[PLAIN[15]] in fusion.candidates([history], allowed).items
    assert data.code_of[PLAIN[19]] in fusion.candidates([history], also=[data.code_of[PLAIN[19]]]).items


def test_contributions_sum_to_the_score_and_probabilities_keep_its_order(fusion: Fusion, data: Interactions) -> None:
    found = fusion.candidates([data.history_of(CHAIN[7:11])])
    scores = fusion.predict(found.features)
    for score, parts in zip(scores, fusion.contributions(found.features), strict=True):
        assert sum(parts.values()) == pytest.approx(float(score), rel=1e-4)
    likely = fusion.probabilities(scores)
    assert ((likely > 0) & (likely < 1)).all()
    assert (np.argsort(-likely, kind="stable") == np.argsort(-scores, kind="stable")).all()
    assert found.items[likely.argmax()] == data.code_of[CHAIN[11]]
