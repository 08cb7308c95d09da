"""Baskets by topic, and the habits that they show: how often, how lately, how regularly, how much at a time."""

from datetime import datetime

import polars as pl

from behavior.expressions import age_days, discount, visit

HALF_LIFE_DAYS = 120.0
RECENT_HALF_LIFE_DAYS = 30.0
WEEKS_HALF_LIFE_DAYS = 10.0
HALF_LIFE_BASKETS = 6.0
PERIOD_DAYS = 28

DAY = 86_400e6


def topic_visits(on_topics: pl.DataFrame) -> pl.DataFrame:
    """One row per user_id, topic and `visit` (session, or day where there is no session) with a purchase, oldest first.

    `on_topics` are events repeated for each of their topics. Columns: `ts` of the visit's last purchase on the topic, `spend`,
    `quantity`, `rows` bought, `again` (share of the rows whose item the user had bought before), `deal` (share with a discount),
    `saved` (discount in all), `gap` in days since the visit before with the topic, and `basket`, which numbers the user's
    visits from 1. No column of a row depends on what came after it.
    """
    bought = on_topics.filter(pl.col("type") == "purchase").with_columns(visit=visit(), discount=discount().fill_null(0.0))
    visits = bought.group_by("user_id", "topic", "visit").agg(
        pl.col("ts").max(),
        spend=pl.col("price").sum(),
        quantity=pl.col("quantity").sum(),
        rows=pl.len().cast(pl.Int64),
        again=pl.col("again").mean(),
        deal=(pl.col("discount") > 0).mean(),
        saved=pl.col("discount").sum(),
    )
    numbered = baskets_of(visits).select("user_id", "visit", "basket")
    gap = pl.col("ts").diff().over("user_id", "topic").dt.total_microseconds() / DAY
    return visits.join(numbered, on=["user_id", "visit"]).sort("user_id", "topic", "ts", "visit").with_columns(gap=gap)


def baskets_of(visits: pl.DataFrame) -> pl.DataFrame:
    """The visits of each user whatever the topic: user_id, visit, ts and `basket`, their number from 1 in the order of time."""
    baskets = visits.group_by("user_id", "visit").agg(pl.col("ts").max()).sort("user_id", "ts", "visit")
    return baskets.with_columns(basket=pl.int_range(1, pl.len() + 1).over("user_id"))


def habits(visits: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """One row per (user_id, topic) of `topic_visits` up to `as_of`, sorted by both.

    `baskets`, `first_ts`, `last_ts`, `days_since` and `days_since_first` purchase, `spend`, `quantity`; `decayed`,
    `decayed_recent`, `decayed_weeks`: the baskets, each weighted by 2^(-age / half-life) with half-lives of 120, 30 and 10 days;
    `decayed_baskets`: the same by the user's own baskets since, half-life 6; `last_28`, `last_84`: baskets of so many days;
    `periods`: in how many of the stretches of 28 days, counted back; `mean_interval_days`, `median_interval_days` and
    `interval_deviation` (null under two, the last under three baskets); `rows` and `saved` summed, `again` and `deal` averaged
    over the baskets; `baskets_since` the last with the topic.
    """
    visits, age = visits.filter(pl.col("ts") <= as_of), age_days(pl.col("ts"), as_of)
    interval = (pl.col("last_ts") - pl.col("first_ts")).dt.total_microseconds() / DAY / (pl.col("baskets") - 1)
    return (
        visits.with_columns(ago=pl.col("basket").max().over("user_id") - pl.col("basket"))
        .group_by("user_id", "topic", maintain_order=True)
        .agg(
            baskets=pl.len().cast(pl.Int64),
            first_ts=pl.col("ts").first(),
            last_ts=pl.col("ts").last(),
            days_since=age.last(),
            days_since_first=age.first(),
            spend=pl.col("spend").sum().round(2),
            quantity=pl.col("quantity").sum(),
            decayed=(0.5 ** (age / HALF_LIFE_DAYS)).sum(),
            decayed_recent=(0.5 ** (age / RECENT_HALF_LIFE_DAYS)).sum(),
            decayed_weeks=(0.5 ** (age / WEEKS_HALF_LIFE_DAYS)).sum(),
            decayed_baskets=(0.5 ** (pl.col("ago") / HALF_LIFE_BASKETS)).sum(),
            last_28=(age < PERIOD_DAYS).sum().cast(pl.Int64),
            last_84=(age < 3 * PERIOD_DAYS).sum().cast(pl.Int64),
            periods=(age // PERIOD_DAYS).n_unique().cast(pl.Int64),
            median_interval_days=pl.col("gap").median(),
            interval_deviation=pl.col("gap").std(),
            rows=pl.col("rows").sum(),
            again=pl.col("again").mean(),
            deal=pl.col("deal").mean(),
            saved=pl.col("saved").sum().round(2),
            baskets_since=pl.col("ago").last(),
        )
        .with_columns(mean_interval_days=pl.when(pl.col("baskets") > 1).then(interval))
    )


def paces(visits: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """One row per user of `topic_visits` up to `as_of`: `user_baskets`, the same decayed (`user_decayed`, `user_recent`,
    half-lives of 120 and 30 days), and `user_days_since` the last."""
    age = age_days(pl.col("ts"), as_of)
    return (
        baskets_of(visits.filter(pl.col("ts") <= as_of))
        .group_by("user_id", maintain_order=True)
        .agg(
            user_baskets=pl.len().cast(pl.Int64),
            user_recent=(0.5 ** (age / RECENT_HALF_LIFE_DAYS)).sum(),
            user_decayed=(0.5 ** (age / HALF_LIFE_DAYS)).sum(),
            user_days_since=age.last(),
        )
    )


def looks(on_topics: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """One row per (user_id, topic) looked at up to `as_of`: `looks_recent`, the views, clicks and additions to a cart, each
    weighted by 2^(-age / 30 days)."""
    looked = on_topics.filter(pl.col("type").is_in(["view", "click", "cart_add"]), pl.col("ts") <= as_of)
    weight = 0.5 ** (age_days(pl.col("ts"), as_of) / RECENT_HALF_LIFE_DAYS)
    return looked.sort("user_id", "topic", "ts").group_by("user_id", "topic", maintain_order=True).agg(looks_recent=weight.sum())
