"""Reviews in the form of the Amazon review data (2014 and 2018, McAuley lab): gzipped JSON lines with text, stars, user and item.

Covered: one category's file, each review as an event, each item of it as an item. The file holds no titles and no taxonomy, so
an item is called by its id under the one topic given, unless a shop's own catalog knows it better. The headline of a review is
kept in its attributes: it often just says the stars in words ("Five Stars"). Pictures are not read.
"""

import hashlib
import json
import zlib
from collections.abc import Iterator
from gzip import BadGzipFile
from gzip import open as open_gzip
from pathlib import Path
from typing import Any

import polars as pl

from behavior.schema import Item
from behavior.store import EVENT_SCHEMA

BATCH = 50_000
FIELDS = ("reviewerID", "asin", "overall", "unixReviewTime")
"""What every review must say; its text, headline, votes and style may be missing."""


def items(path: Path, topic: str) -> list[Item]:
    """The items that the file reviews, sorted by id, each under `topic`. Raises ValueError as `event_batches` does."""
    found = {item_id for batch in event_batches(path) for item_id in batch["item_id"].drop_nulls()}
    return [Item(item_id=item_id, title=f"{topic}, {item_id}", path=(topic,)) for item_id in sorted(found)]


def event_batches(path: Path) -> Iterator[pl.DataFrame]:
    """The reviews of a file as event frames, in the order of the file.

    The event id is made of user, item, time and words, so a review that the file repeats is stored once. Raises ValueError
    naming the file and line that cannot be read or that lacks one of `FIELDS`; what was yielded before stays good.
    """
    rows: list[tuple[Any, ...]] = []
    for number, line in _lines(path):
        rows.append(_row(_object(path, number, line)))
        if len(rows) == BATCH:
            yield _frame(rows)
            rows = []
    if rows:
        yield _frame(rows)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with open_gzip(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                yield number, line
    except (OSError, EOFError, BadGzipFile, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"{str(path)!r} cannot be read past line {number}: {error}") from error


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        review = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{str(path)!r} line {number} is no JSON: {line[:80]!r}") from error
    if not isinstance(review, dict) or any(name not in review for name in FIELDS):
        raise ValueError(f"{str(path)!r} line {number} is no review, which has {', '.join(FIELDS)}: {line[:80]!r}")
    return review


def _row(review: dict[str, Any]) -> tuple[Any, ...]:
    user, item, stars, seconds = (review[name] for name in FIELDS)
    text = review.get("reviewText")
    words = {"headline": review.get("summary"), "verified": review.get("verified"), "votes": review.get("vote")}
    said = {name: value for name, value in words.items() if value is not None}
    key = json.dumps([user, item, seconds, stars, text, said.get("headline")])
    return (f"review-{_digest(key)}", user, item, seconds, stars, text, json.dumps(said, ensure_ascii=False))


def _frame(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    names = ("event_id", "user_id", "item_id", "ts", "rating", "text", "attributes")
    kinds = {name: pl.Int64() if name == "ts" else EVENT_SCHEMA[name] for name in names}
    return pl.DataFrame(rows, schema=kinds, orient="row", strict=False).with_columns(
        ts=pl.from_epoch("ts", time_unit="s").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"), type=pl.lit("review")
    )


def _digest(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=10).hexdigest()
