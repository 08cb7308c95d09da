"""Protects the reader of review files: each review is stored once, with its words unharmed, and a broken file is named.
Run: pytest tests/behavior/test_reviews.py"""

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from behavior import EventStore, ingest
from behavior.importers import reviews

BEAUTY = Path(__file__).parents[2] / "../shared/data/amazon_all_beauty_2018_5core/All_Beauty_5.json.gz"
GOOD = {
    "reviewerID": "ana",
    "asin": "B1",
    "overall": 4.0,
    "unixReviewTime": 1_400_000_000,
    "reviewText": "很香 🍵 رائع",
    "summary": "Fine",
}


def written(path: Path, *rows: dict[str, Any] | str) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)
    return path


def test_a_review_becomes_an_event_and_its_item_an_item(tmp_path: Path, store: EventStore) -> None:
    path = written(tmp_path / "r.gz", GOOD, {**GOOD, "asin": "B2", "reviewText": None}, GOOD)
    account = ingest(store, reviews.event_batches(path), "beauty")
    assert (account.read, account.stored, account.duplicate, account.quarantined) == (3, 2, 1, {})
    first, second = sorted(store.timeline("ana"), key=lambda event: event.item_id or "")
    assert (first.type, first.item_id, first.rating, first.text) == ("review", "B1", 4.0, "很香 🍵 رائع")
    assert (first.ts.isoformat(), first.attributes) == ("2014-05-13T16:53:20+00:00", {"headline": "Fine"})
    assert second.text is None
    (item, _) = reviews.items(path, "All Beauty")
    assert (item.item_id, item.title, item.path) == ("B1", "All Beauty, B1", ("All Beauty",))


@pytest.mark.parametrize(("row", "quoted"), [("{", "line 2 is no JSON: '{"), ("[1]", "line 2 is no review"), ("{}", "line 2 is")])
def test_a_line_that_is_no_review_is_named(tmp_path: Path, row: str, quoted: str) -> None:
    path = written(tmp_path / "r.gz", GOOD, row)
    with pytest.raises(ValueError, match=quoted):
        list(reviews.event_batches(path))


def test_a_review_with_impossible_values_is_quarantined(tmp_path: Path, store: EventStore) -> None:
    path = written(tmp_path / "r.gz", GOOD, {**GOOD, "overall": 11.0}, {**GOOD, "unixReviewTime": None})
    account = ingest(store, reviews.event_batches(path), "beauty")
    assert (account.stored, sum(account.quarantined.values())) == (1, 2)


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b'{"a": 1}' * 999)[:-9]])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.gz").write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.gz"):
        list(reviews.event_batches(tmp_path / "broken.gz"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"absent\.gz"):
        list(reviews.event_batches(tmp_path / "absent.gz"))


@pytest.mark.skipif(not BEAUTY.exists(), reason="the Amazon beauty reviews are not beside the checkout")
def test_the_beauty_reviews_are_read_whole(store: EventStore) -> None:
    account = ingest(store, reviews.event_batches(BEAUTY), "beauty")
    assert (account.read, account.quarantined) == (5269, {})
    stored = store.scan(types=["review"])
    assert len(stored) == account.stored
    assert (stored["user_id"].n_unique(), stored["item_id"].n_unique(), len(reviews.items(BEAUTY, "All Beauty"))) == (991, 85, 85)
    assert stored.select(pl.col("rating").is_between(1, 5).all()).item()
