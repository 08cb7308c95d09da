"""How the rooms read an event frame alike: what one visit is, how old an event is, what was taken off its price."""

from datetime import datetime

import polars as pl


def visit() -> pl.Expr:
    """What an event belongs to: its session, or its day in UTC where there is none."""
    return pl.col("session_id").fill_null(pl.col("ts").dt.date().cast(pl.String))


def age_days(ts: pl.Expr, as_of: datetime) -> pl.Expr:
    """Days from a time of events to `as_of`."""
    return (pl.lit(as_of).cast(pl.Datetime("us", "UTC")) - ts).dt.total_microseconds() / 86_400e6


def discount() -> pl.Expr:
    """What was taken off the price, as the attributes say; null where they do not."""
    return pl.col("attributes").str.extract(r'"discount":\s*([0-9.]+)').cast(pl.Float64)
