"""What a user buys again and again, and whether it is due."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl


@dataclass(frozen=True)
class Habit:
    """An item a user bought in several baskets. `due` is the days since the last over the usual interval; 1 is on time."""

    item_id: str
    baskets: int
    interval_days: float
    last_ts: datetime
    due: float
    score: float
    evidence: list[str]


def habits(timeline: pl.DataFrame, as_of: datetime, min_baskets: int = 2) -> list[Habit]:
    """The items of one user's timeline (an event frame) bought in at least `min_baskets` baskets, the likeliest next first.

    `score` in [0, 1] is the decayed share of the user's baskets that held the item (half-life 60 days), damped while the item
    is not due yet and again when it is overdue by more than three intervals.
    """
    age = (pl.lit(as_of).cast(pl.Datetime("us", "UTC")) - pl.col("ts")).dt.total_microseconds() / 86_400e6
    bought = timeline.filter(pl.col("type") == "purchase", pl.col("ts") <= as_of, pl.col("item_id").is_not_null()).with_columns(
        visit=pl.col("session_id").fill_null(pl.col("ts").dt.date().cast(pl.String)), weight=0.5 ** (age / 60)
    )
    whole = bought.group_by("visit").agg(pl.col("weight").max())["weight"].sum()
    items = (
        bought.group_by("item_id", "visit")
        .agg(pl.col("ts").max(), pl.col("weight").max(), pl.col("event_id").last())
        .sort("item_id", "ts", "visit")
        .group_by("item_id", maintain_order=True)
        .agg(
            baskets=pl.len(),
            first=pl.col("ts").first(),
            last=pl.col("ts").last(),
            weight=pl.col("weight").sum(),
            evidence=pl.col("event_id").tail(5).reverse(),
        )
        .filter(pl.col("baskets") >= min_baskets)
    )
    found = []
    for row in items.iter_rows(named=True):
        interval = max((row["last"] - row["first"]).total_seconds() / 86_400 / (row["baskets"] - 1), 1.0)
        due = (as_of - row["last"]).total_seconds() / 86_400 / interval
        damp = min(1.0, 0.3 + due) if due < 3 else 3 / due
        found.append(
            Habit(row["item_id"], row["baskets"], interval, row["last"], due, row["weight"] / whole * damp, row["evidence"])
        )
    return sorted(found, key=lambda habit: (-habit.score, habit.item_id))
