"""What the interest model is told of a (user, topic): habits as rates and shares, the user's pace, the topic's season."""

from math import log

import polars as pl

from behavior.topic_tables import TopicTables
from behavior.visits import (
    HALF_LIFE_BASKETS,
    HALF_LIFE_DAYS,
    PERIOD_DAYS,
    RECENT_HALF_LIFE_DAYS,
    WEEKS_HALF_LIFE_DAYS,
)

PRIOR_BASKETS, PRIOR_DAYS = 0.02, 20.0


def simple_estimate(more_baskets: pl.Expr | float = 0.0) -> pl.Expr:
    """The plain estimate of a purchase in the next 28 days, from columns of `topic_features`: gamma-Poisson.

    The rate is (decayed baskets + prior) / (days observed, decayed alike + prior days), and the probability of at least one
    basket is 1 - exp(-28 rate). `more_baskets` are added to those bought.
    """
    rate = (pl.col("decayed") + PRIOR_BASKETS + more_baskets) / (exposure(HALF_LIFE_DAYS) + PRIOR_DAYS)
    return 1 - (-PERIOD_DAYS * rate).exp()


def propensity_features(rows: pl.DataFrame, tables: TopicTables) -> pl.DataFrame:
    """The model's columns, one row per row of `rows`; what is unknown is null.

    `rows` are the leaf rows of `topic_features` with a purchase or a look, each user's whole.
    """
    rows = rows.join(tables.coded, on="topic", how="left", maintain_order="left").with_columns(simple=simple_estimate())
    rows = rows.with_columns(
        related=tables.related(rows),
        user_pace=pl.col("user_recent") / (exposure(RECENT_HALF_LIFE_DAYS) + 1),
        user_long_pace=pl.col("user_decayed") / (exposure(HALF_LIFE_DAYS) + 1),
    ).with_columns(corrected=pl.col("simple") + pl.col("related").fill_null(0.0))
    due = pl.col("days_since") / pl.col("mean_interval_days").clip(1.0)
    own = pl.col("user_baskets")
    every = own / pl.col("baskets")
    weight = (1 - 0.5 ** (own / HALF_LIFE_BASKETS)) / (1 - 0.5 ** (1 / HALF_LIFE_BASKETS))
    baskets = pl.max_horizontal(pl.col("baskets"), 1)
    expressions: dict[str, pl.Expr] = {
        "simple": pl.col("simple"),
        "count": pl.col("baskets"),
        "rate_weeks": pl.col("decayed_weeks") / (exposure(WEEKS_HALF_LIFE_DAYS) + 1),
        "rate_recent": pl.col("decayed_recent") / (exposure(RECENT_HALF_LIFE_DAYS) + 1),
        "rate_all": pl.col("baskets") / (pl.col("observed_days") + 1),
        "last_28": pl.col("last_28"),
        "last_84": pl.col("last_84"),
        "periods_share": pl.col("periods") / (pl.col("observed_days") / PERIOD_DAYS).ceil().clip(1),
        "since": pl.col("days_since"),
        "since_first": pl.col("days_since_first"),
        "interval": pl.col("mean_interval_days"),
        "regularity": pl.col("interval_deviation") / pl.col("mean_interval_days").clip(1.0),
        "due": due,
        "due_median": pl.col("days_since") / pl.col("median_interval_days").clip(1.0),
        "due_baskets": pl.col("baskets_since") / every,
        "baskets_since": pl.col("baskets_since"),
        "share": pl.col("baskets") / own,
        "share_recent": pl.col("decayed_baskets") / weight,
        "share_days": pl.col("decayed_recent") / pl.max_horizontal(pl.col("user_recent"), 0.01),
        "spend_each": pl.col("spend") / baskets,
        "quantity_each": pl.col("quantity") / baskets,
        "rows_each": pl.col("rows") / baskets,
        "again": pl.col("again"),
        "deal": pl.col("deal"),
        "saved_share": pl.col("saved") / (pl.col("saved") + pl.col("spend")),
        "looks_recent": pl.col("looks_recent"),
        "user_baskets": own,
        "user_since": pl.col("user_days_since"),
        "user_pace": pl.col("user_pace"),
        "user_turn": pl.col("user_pace") / pl.col("user_long_pace"),
        "observed_days": pl.col("observed_days"),
        "user_topics": pl.len().over("user_id"),
        "user_expected": pl.col("simple").sum().over("user_id"),
        "user_deal": pl.col("deal").mean().over("user_id"),
        "topic_share": pl.col("topic_share"),
        "topic_trend": pl.col("topic_trend"),
        "topic_return": pl.col("topic_return"),
        "topic_lift": pl.col("topic_lift"),
        "topic_interval": pl.col("topic_interval_days"),
        "topic_due": pl.col("days_since") / pl.col("topic_interval_days").clip(1.0),
        "related": pl.col("related"),
        "corrected": pl.col("corrected"),
        "rank": pl.col("corrected").rank("ordinal", descending=True).over("user_id"),
        "of_best": pl.col("corrected") / pl.col("corrected").max().over("user_id"),
    }
    return rows.select(value.cast(pl.Float32).alias(name) for name, value in expressions.items())


def exposure(half_life: float) -> pl.Expr:
    """The days observed, each weighted by 2^(-age / half-life)."""
    return half_life / log(2) * (1 - 0.5 ** (pl.col("observed_days") / half_life))
