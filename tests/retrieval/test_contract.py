"""Protects what every candidate source promises, on shoppers that buy from one of two shelves only.
Run: pytest tests/retrieval/test_contract.py"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from retrieval import (
    ALS,
    EASE,
    Content,
    DecayedCooccurrence,
    Fusion,
    History,
    Interactions,
    ItemKNN,
    Popularity,
    Repeat,
    Sequential,
    Source,
    StaleModel,
    recommend,
)
from retrieval.sources.content import text_vectors
from retrieval.sources.transformer import Shape, Training

LEFT = ["a b", "c", "ünï", "d/é"]
RIGHT = ["x", "y", "z z", "日本"]
DAYS_APART = 7

SMALL, QUICK = Shape(width=16, blocks=1, heads=2, dropout=0.0, max_length=6), Training(negatives=16, batch=32, epochs=20)


def reading_alike(data: Interactions) -> Content:
    """The items of a shelf have the same text."""
    return Content(text_vectors(["right shelf" if item in RIGHT else "left side" for item in data.item_ids])).fit(data)


def learned(data: Interactions) -> Fusion:
    """Taught, twenty times over, what each user bought last."""
    fusion = Fusion({"item-kNN": ItemKNN(threads=1), "next": DecayedCooccurrence()}, seen=True).fit(data)
    rows = 20 * [row for row in data.histories() if len(row.items)]
    return fusion.learn(
        [History(row.items[:-1], None if row.ages is None else row.ages[:-1]) for row in rows], [row.items[-1:] for row in rows]
    )


SOURCES: dict[str, Callable[[Interactions], Source]] = {
    "popularity": lambda data: Popularity().fit(data),
    "recent popularity": lambda data: Popularity(half_life_days=30).fit(data),
    "repeat": lambda data: Repeat().fit(data),
    "decayed co-occurrence": lambda data: DecayedCooccurrence().fit(data),
    "item-kNN": lambda data: ItemKNN(threads=1).fit(data),
    "BM25 item-kNN": lambda data: ItemKNN(metric="bm25", half_life=3, threads=1).fit(data),
    "ALS": lambda data: ALS(factors=4, threads=1).fit(data),
    "EASE": lambda data: EASE(l2=1, half_life=3).fit(data),
    "EASE of some": lambda data: EASE(l2=1, max_items=7).fit(data),
    "content": reading_alike,
    "sequential": lambda data: Sequential(SMALL, QUICK).fit(data),
    "fusion": learned,
}
PERSONAL = [name for name in SOURCES if "popularity" not in name]
LEARNING = [name for name in PERSONAL if name not in ("repeat", "EASE of some", "sequential", "fusion")]
UNTAUGHT = [name for name in SOURCES if name != "fusion"]
"""Those that can be fitted on a log that has nothing to teach."""


def shoppers() -> pl.DataFrame:
    """Six users of each shelf. Each buys three of its four items a week apart, the first of them twice, and one item last."""
    rows = []
    for shelf, items in (("left", LEFT), ("right", RIGHT)):
        for n in range(6):
            kept = [item for place, item in enumerate(items) if place != n % 4]
            for week, item in enumerate([kept[0], *kept]):
                rows.append((f"{shelf} {n}", item, 86_400_000_000 * DAYS_APART * week))
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "ts"], orient="row")
    return frame.with_columns(pl.col("ts").cast(pl.Datetime("us", "UTC"))).sample(fraction=1, shuffle=True, seed=7)


@pytest.fixture(scope="module")
def data() -> Interactions:
    return Interactions.of(shoppers())


@pytest.fixture(params=list(SOURCES))
def source(request: pytest.FixtureRequest, data: Interactions) -> Source:
    return SOURCES[request.param](data)


@pytest.fixture(params=LEARNING)
def learning(request: pytest.FixtureRequest, data: Interactions) -> Source:
    return SOURCES[request.param](data)


def ids(data: Interactions, codes: Any) -> list[str]:
    return [data.item_ids[code] for code in codes if code >= 0]


def test_the_item_that_is_missing_from_the_own_shelf_comes_first(learning: Source, data: Interactions) -> None:
    for shelf, items in (("left", LEFT), ("right", RIGHT)):
        for n in range(6):
            best = recommend(learning, [data.history(f"{shelf} {n}")], 8)
            assert ids(data, best.items[0])[0] == items[n % 4]


def test_a_batch_is_each_user_alone(source: Source, data: Interactions) -> None:
    histories = [*data.histories(), data.empty, data.history_of(["x"], [1.0])]
    batch = recommend(source, histories, 5, seen=True)
    for row, history in enumerate(histories):
        alone = recommend(source, [history], 5, seen=True)
        assert batch.items[row].tolist() == alone.items[0].tolist()
        np.testing.assert_allclose(batch.scores[row], alone.scores[0], rtol=1e-4, atol=1e-6)


def test_own_items_come_back_only_when_asked_for(source: Source, data: Interactions) -> None:
    history = data.history("left 1")
    assert not set(recommend(source, [history], 8).items[0]) & set(history.items)
    assert set(recommend(source, [history], 8, seen=True).items[0]) & set(history.items)


def test_only_what_is_allowed_comes(source: Source, data: Interactions) -> None:
    histories, allowed = data.histories(), np.zeros(data.n_items, bool)
    assert (recommend(source, histories, 3, allowed).items == -1).all()
    allowed[[data.code_of["ünï"], data.code_of["x"]]] = True
    found = recommend(source, histories, 3, allowed, seen=True)
    assert set(ids(data, found.items.ravel())) <= {"ünï", "x"}
    each = np.zeros((len(histories), data.n_items), bool)
    each[3] = allowed
    assert (recommend(source, histories, 3, each, seen=True).items[3] == found.items[3]).all()
    assert (recommend(source, histories, 3, each, seen=True).items[4] == -1).all()


def test_the_explanation_sums_to_the_score_and_names_own_events(source: Source, data: Interactions) -> None:
    for history in (data.history("left 0"), data.history("right 5"), data.empty, data.history_of(["ünï", "ünï", "x"], [9, 9, 0])):
        scores = source.scores([history])[0]
        for item in range(data.n_items):
            parts = source.explain(history, item)
            assert sum(part.amount for part in parts) == pytest.approx(float(scores[item]), rel=1e-3, abs=1e-5)
            assert all(part.event is None or 0 <= part.event < len(history.items) for part in parts)
            assert [part.amount for part in parts] == sorted((part.amount for part in parts), reverse=True)


def test_neighbours_are_of_the_same_shelf(learning: Source, data: Interactions) -> None:
    near = learning.similar_items(data.code_of["x"], 3)
    assert near.items.shape == (1, 3)
    found = ids(data, near.items[0])
    assert found
    assert set(found) <= set(RIGHT) - {"x"}


@pytest.mark.parametrize("name", SOURCES)
def test_an_item_is_not_its_own_neighbour(name: str, data: Interactions) -> None:
    near = SOURCES[name](data).similar_items(0, 8)
    assert 0 not in near.items
    assert near.items.shape == near.scores.shape == (1, 8)


@pytest.mark.parametrize("name", PERSONAL)
def test_a_new_event_changes_the_next_answer(name: str, data: Interactions) -> None:
    source = SOURCES[name](data)
    before = data.history_of(["c", "c"], [20.0, 10.0])
    after = data.history_of(["c", "c", "x", "x"], [20.0, 10.0, 4.0, 1.0])
    assert not np.array_equal(source.scores([before]), source.scores([after]))
    assert set(ids(data, recommend(source, [after], 8, seen=True).items[0])) & set(RIGHT)
    assert not set(ids(data, recommend(source, [before], 1, seen=True).items[0])) & set(RIGHT)


def test_users_and_items_that_nobody_knows(source: Source, data: Interactions) -> None:
    for history in (data.history("nobody"), data.history_of(["never seen", ""], [2.0, 1.0])):
        assert len(history.items) == 0
        scores = source.scores([history])
        assert scores.shape == (1, data.n_items)
        assert np.isfinite(scores).all()
        found = recommend(source, [history], 3).items[0]
        assert (found >= 0).all() if isinstance(source, Popularity) else (found == -1).all()


def test_no_users_more_than_there_are_items_and_none_at_all(source: Source, data: Interactions) -> None:
    assert recommend(source, [], 3).items.shape == (0, 3)
    assert recommend(source, data.histories([0]), 50).items.shape == (1, 50)
    assert recommend(source, data.histories([0]), 0).items.shape == (1, 0)


def test_only_the_order_is_known(data: Interactions) -> None:
    sequences = [[data.item_ids[code] for code in history.items] for history in data.histories()]
    ordered = Interactions.from_sequences(sequences, data.user_ids)
    assert ordered.days is None
    for name in LEARNING:
        best = recommend(SOURCES[name](ordered), [ordered.history("right 2")], 1)
        assert ids(ordered, best.items[0]) == ["z z"]


@pytest.mark.parametrize("name", UNTAUGHT)
def test_users_with_one_item_and_users_without(name: str) -> None:
    frame = shoppers().group_by("user_id", maintain_order=True).head(1)
    lonely = Interactions.of(frame)
    source = SOURCES[name](lonely)
    assert np.isfinite(source.scores(lonely.histories())).all()
    if name != "recent popularity":
        rows = Interactions.from_sequences([["a"], [], ["b"]])
        assert np.isfinite(SOURCES[name](rows).scores(rows.histories())).all()


@pytest.mark.parametrize("name", UNTAUGHT)
def test_a_log_without_events(name: str) -> None:
    nothing = Interactions.of(shoppers().clear())
    source = SOURCES[name](nothing)
    assert recommend(source, [nothing.empty, nothing.history("ana")], 2).items.tolist() == [[-1, -1], [-1, -1]]


@pytest.mark.parametrize("name", SOURCES)
def test_what_was_saved_answers_as_before_and_is_refused_for_other_data(name: str, data: Interactions, tmp_path: Path) -> None:
    source = SOURCES[name](data)
    source.save(tmp_path / "model")
    loaded = type(source).load(tmp_path / "model", data.fingerprint)
    np.testing.assert_array_equal(loaded.scores(data.histories()), source.scores(data.histories()))
    np.testing.assert_array_equal(loaded.similar_items(1, 4).items, source.similar_items(1, 4).items)
    history = data.history("left 2")
    assert loaded.explain(history, 2) == source.explain(history, 2)
    loaded.save(tmp_path / "again")
    other = Interactions.of(shoppers().head(-1))
    with pytest.raises(StaleModel, match=other.fingerprint):
        type(source).load(tmp_path / "again", other.fingerprint)


def test_histories_are_left_as_they_were(source: Source, data: Interactions) -> None:
    history = data.history("left 0")
    before = history.items.copy(), None if history.ages is None else history.ages.copy()
    recommend(source, [history], 3)
    source.explain(history, 1)
    assert isinstance(history, History)
    np.testing.assert_array_equal(history.items, before[0])
    np.testing.assert_array_equal(history.ages, before[1])
