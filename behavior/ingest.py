"""Cleaning with an account: every row that is read ends stored, known already, or quarantined with its reason."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, get_args

import polars as pl
from pydantic import ValidationError

from behavior.schema import Event, EventType
from behavior.store import EVENT_SCHEMA, EventStore

TYPES = list(get_args(EventType))


@dataclass
class Account:
    """read == stored + duplicate + sum(quarantined.values()), always."""

    read: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        refused = sum(self.quarantined.values())
        reasons = "".join(f"\n  {count:,} {reason}" for reason, count in self.quarantined.items())
        return f"{self.read:,} read = {self.stored:,} stored + {self.duplicate:,} duplicate + {refused:,} quarantined{reasons}"


@dataclass(frozen=True)
class Rejection:
    """Why an event was not taken, quoting the value."""

    reason: str


def ingest(
    store: EventStore, batches: Iterable[pl.DataFrame], source: str, progress: Callable[[int], None] | None = None
) -> Account:
    """Check and store frames with the columns of `EVENT_SCHEMA` (missing optional ones are added) and account for each row.

    Each batch is one transaction. `source` names the origin in the quarantine; `progress` is told the rows read so far.
    Raises ValueError when a batch lacks a required column, StoreError when the database refuses.
    """
    account = Account()
    for batch in batches:
        checked = _complete(batch, source).with_columns(_problem().alias("problem"))
        bad = checked.filter(pl.col("problem").is_not_null())
        appended = store.append(checked.filter(pl.col("problem").is_null()))
        if not bad.is_empty():
            rows = bad.select(*EVENT_SCHEMA).with_columns(pl.col("ts").cast(pl.String))
            store.quarantine(source, zip(bad["problem"], (json.dumps(row) for row in rows.iter_rows(named=True)), strict=True))
            for problem, count in bad["problem"].str.replace(r" '.*'", "").value_counts(sort=True).iter_rows():
                account.quarantined[problem] = account.quarantined.get(problem, 0) + count
        account.read += len(batch)
        account.stored += appended.stored
        account.duplicate += appended.duplicate
        if progress:
            progress(account.read)
    return account


def check_event(raw: dict[str, Any]) -> Event | Rejection:
    """One event from outside, or the first reason why it is none."""
    try:
        return Event.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        value = "" if first["type"] == "missing" else f", got {str(first['input'])[:100]!r}"
        return Rejection(f"{name}: {first['msg'][0].lower()}{first['msg'][1:]}{value}")


def event_frame(events: Iterable[Event]) -> pl.DataFrame:
    """Events as a frame with the columns of `EVENT_SCHEMA`."""
    rows = [
        (*(getattr(e, name) for name in list(EVENT_SCHEMA)[:-1]), json.dumps(e.attributes, ensure_ascii=False)) for e in events
    ]
    return pl.DataFrame(rows, schema=EVENT_SCHEMA, orient="row")


def _complete(batch: pl.DataFrame, source: str) -> pl.DataFrame:
    missing = {"event_id", "user_id", "type", "ts"} - set(batch.columns)
    if missing:
        raise ValueError(f"{source!r} lacks the columns {sorted(missing)}, it has {batch.columns}")
    defaults = {"platform": "shop", "quantity": 1.0, "attributes": "{}"}
    added = [
        pl.lit(defaults.get(name), dtype=kind).alias(name) for name, kind in EVENT_SCHEMA.items() if name not in batch.columns
    ]
    filled = [pl.col(name).fill_null(value) for name, value in defaults.items()]
    return batch.with_columns(added).with_columns(filled).select(*EVENT_SCHEMA)


def _problem() -> pl.Expr:
    """The first reason why a row is no event, null for a good one."""
    return (
        pl.when(_is_bad_id("event_id"))
        .then(pl.lit("event_id is empty or over 200 characters"))
        .when(_is_bad_id("user_id"))
        .then(pl.lit("user_id is empty or over 200 characters"))
        .when(pl.col("ts").is_null())
        .then(pl.lit("ts is missing or no time"))
        .when(~pl.col("type").fill_null("").is_in(TYPES))
        .then(pl.format("type is unknown: '{}'", pl.col("type").fill_null("").str.head(50)))
        .when(~pl.col("quantity").is_between(0, 1e6))
        .then(pl.format("quantity is outside 0..1e6: '{}'", "quantity"))
        .when(pl.col("price").is_not_null() & ~pl.col("price").is_between(0, 1e9))
        .then(pl.format("price is outside 0..1e9: '{}'", "price"))
        .when(pl.col("rating").is_not_null() & ~pl.col("rating").is_between(0, 5))
        .then(pl.format("rating is outside 0..5: '{}'", "rating"))
    )


def _is_bad_id(name: str) -> pl.Expr:
    return ~pl.col(name).fill_null("").str.len_chars().is_between(1, 200)
