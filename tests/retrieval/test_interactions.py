"""Protects how a log becomes sequences: their order, their codes, their fingerprint.
Run: pytest tests/retrieval/test_interactions.py"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from retrieval import History, Interactions
from retrieval.interactions import rows_of

START = datetime(2025, 1, 1, tzinfo=UTC)
LOG = [("bob", "b", 3), ("ana", "z", 9), ("ana", "a", 1), ("ana", "z", 1), ("bob", None, 0), (None, "a", 0), ("bob", "b", 4)]


def frame(rows: list[tuple[str | None, str | None, int]]) -> pl.DataFrame:
    dated = [(user, item, START + timedelta(days=day)) for user, item, day in rows]
    return pl.DataFrame(dated, {"user_id": pl.String, "item_id": pl.String, "ts": pl.Datetime("us", "UTC")}, orient="row")


@pytest.fixture
def log() -> Interactions:
    return Interactions.of(frame(LOG))


def test_each_user_s_events_are_in_time_order_and_ages_count_from_the_last_event(log: Interactions) -> None:
    assert (log.item_ids, log.user_ids) == (["a", "b", "z"], ["ana", "bob"])
    ana = log.history("ana")
    assert [log.item_ids[code] for code in ana.items] == ["a", "z", "z"]
    assert ana.ages is not None
    assert ana.ages.tolist() == pytest.approx([8, 8, 0])
    assert ana.steps.tolist() == [1, 1, 0]
    assert log.history("nobody").items.tolist() == []


def test_without_times_rows_count_as_they_stand() -> None:
    log = Interactions.of(frame(LOG).drop("ts"))
    assert [log.item_ids[code] for code in log.history("ana").items] == ["z", "a", "z"]
    assert log.history("ana").steps.tolist() == [2, 1, 0]


def test_a_row_from_outside_leaves_out_what_is_unknown(log: Interactions) -> None:
    history = log.history_of(["z", "never seen", "a"], [5.0, 3.0, 1.0])
    assert history.items.tolist() == [2, 0]
    assert history.ages is not None
    assert history.ages.tolist() == [5.0, 1.0]


def test_counting_leaves_the_sequences_as_they_were() -> None:
    """Summing duplicates in a matrix over the log's own arrays once sorted every user's sequence by item."""
    log = Interactions.from_sequences([["z", "a", "z"], ["b"]])
    assert log.counts().toarray().tolist() == [[1, 0, 2], [0, 1, 0]]
    rows_of(log.histories([0]), log.n_items)
    assert [log.item_ids[code] for code in log.history("0").items] == ["z", "a", "z"]


def test_an_event_counts_half_for_each_half_life_of_visits(log: Interactions) -> None:
    rows = rows_of([log.history("ana"), log.empty], log.n_items, half_life=1.0)
    assert rows.toarray().tolist() == [[0.5, 0, 1.5], [0, 0, 0]]


def test_an_event_that_counts_less_than_a_thousandth_of_the_newest_counts_nothing() -> None:
    log = Interactions.from_sequences([["old", *["x"] * 11]])
    rows = rows_of(log.histories(), log.n_items, half_life=1.0)
    assert rows.nnz == 1
    assert rows_of(log.histories(), log.n_items, half_life=1.1).nnz == 2


def test_a_code_of_no_item_is_refused(log: Interactions) -> None:
    with pytest.raises(IndexError, match="item codes from 0 to 3, there are 3 items"):
        rows_of([History(np.array([0, 3], np.int32))], log.n_items)


def test_a_segment_keeps_the_item_codes(log: Interactions) -> None:
    bob = log.of_users([1])
    assert (bob.item_ids, bob.user_ids, bob.counts().toarray().tolist()) == (log.item_ids, ["bob"], [[0, 2, 0]])
    assert log.of_users([]).counts().shape == (0, 3)


def test_the_fingerprint_follows_ids_order_and_times(log: Interactions, tmp_path: Path) -> None:
    log.save(tmp_path)
    again = Interactions.load(tmp_path)
    assert again.fingerprint == log.fingerprint == Interactions.of(frame(LOG[::-1])).fingerprint
    np.testing.assert_array_equal(again.items, log.items)
    later = [(user, item, day + 1) for user, item, day in LOG]
    renamed = [(user, "c" if item == "b" else item, day) for user, item, day in LOG]
    others = [Interactions.of(frame(rows)) for rows in (LOG[:-1], later, renamed)]
    others.append(Interactions.of(frame(LOG).drop("ts")))
    assert len({log.fingerprint, *(other.fingerprint for other in others)}) == 5
