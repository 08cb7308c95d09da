"""Protects what the ranker is taught on: nothing of the days that it is to foretell is known before.
Run: pytest tests/retrieval/test_lessons.py"""

import polars as pl
import pytest

from retrieval import Interactions
from retrieval.lessons import DAYS, lessons


def bought(*rows: tuple[str, str, int]) -> Interactions:
    """Rows of user, item and day since 1970."""
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "ts"], orient="row")
    return Interactions.of(frame.with_columns((pl.col("ts") * 86_400_000_000).cast(pl.Datetime("us", "UTC"))))


def test_what_comes_from_the_date_on_is_asked_and_never_known() -> None:
    whole = bought(("ana", "milk", 9), ("ana", "milk", 10), ("ana", "tea", 10 + DAYS - 1), ("ana", "rye", 10 + DAYS))
    cut = lessons(whole, 10)
    assert [whole.item_ids[code] for code in cut.known.items] == ["milk"]
    assert [whole.item_ids[code] for code in cut.histories[0].items] == ["milk"]
    assert cut.histories[0].ages is not None
    assert cut.histories[0].ages.tolist() == [0]
    assert [whole.item_ids[code] for code in cut.bought[0]] == ["milk", "tea"]
    assert [whole.item_ids[code] for code in cut.new[0]] == ["tea"]


def test_only_users_who_bought_before_and_then_teach() -> None:
    whole = bought(("ana", "milk", 9), ("ana", "milk", 10), ("bob", "milk", 9), ("cem", "milk", 12))
    cut = lessons(whole, 10)
    assert len(cut.histories) == len(cut.bought) == len(cut.new) == 1
    assert cut.known.user_ids == whole.user_ids
    assert lessons(whole, 1000).histories == []


def test_without_times_there_is_no_cut() -> None:
    with pytest.raises(ValueError, match="with times"):
        lessons(Interactions.from_sequences([["a"]]), 10)
