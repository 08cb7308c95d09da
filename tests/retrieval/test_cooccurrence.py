"""Protects co-purchase counts on baskets whose answer is plain. Run: pytest tests/retrieval/test_cooccurrence.py"""

from pathlib import Path

import polars as pl
import pytest

from retrieval import Cooccurrence

# Five baskets each: a with b; c with d; and e alone in all ten.
BASKETS = [(f"b{n}", item) for n in range(10) for item in (*("ab" if n < 5 else "cd"), "e")]


@pytest.fixture
def model() -> Cooccurrence:
    return Cooccurrence.fit(pl.DataFrame(BASKETS, schema=["session_id", "item_id"], orient="row"))


def test_partners_come_first_and_chance_has_lift_one(model: Cooccurrence) -> None:
    first, second = model.similar_items(["a"])
    assert (first.item_id, first.baskets, first.lift, first.cosine) == ("b", 5, 2.0, 1.0)
    assert (second.item_id, second.baskets, second.lift) == ("e", 5, 1.0)


def test_the_other_half_is_never_named(model: Cooccurrence) -> None:
    assert {near.item_id for near in model.similar_items(["a", "b"])} == {"e"}


def test_weights_decide_and_ties_go_by_item_id(model: Cooccurrence) -> None:
    assert [near.item_id for near in model.similar_items(["a", "c"], [1.0, 1.0])] == ["e", "b", "d"]
    assert [near.item_id for near in model.similar_items(["a", "c"], [0.1, 1.0])] == ["d", "e", "b"]


def test_unknown_and_rare_items_give_nothing(model: Cooccurrence) -> None:
    assert model.similar_items(["nope", "ünï code"]) == []
    assert model.baskets_of("nope") == 0
    assert Cooccurrence.fit(pl.DataFrame(schema={"session_id": pl.String, "item_id": pl.String})).similar_items(["a"]) == []


def test_a_basket_with_the_same_item_twice_counts_once(model: Cooccurrence) -> None:
    twice = Cooccurrence.fit(pl.DataFrame(BASKETS + BASKETS, schema=["session_id", "item_id"], orient="row"))
    assert twice.similar_items(["a"]) == model.similar_items(["a"])


def test_what_was_saved_answers_as_before(model: Cooccurrence, tmp_path: Path) -> None:
    model.save(tmp_path)
    assert Cooccurrence.load(tmp_path).similar_items(["a", "d"]) == model.similar_items(["a", "d"])
