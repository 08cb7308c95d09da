"""What each user did on each topic, vectorised over all users; one user's timeline alone gives the same rows."""

from datetime import datetime

import polars as pl

from behavior.catalog import Catalog
from behavior.expressions import age_days, visit

HALF_LIFE_DAYS = 120.0
RECENT_HALF_LIFE_DAYS = 30.0
EVIDENCE = 8

_DAY = 86_400e6


def topic_features(events: pl.DataFrame, catalog: Catalog, as_of: datetime) -> pl.DataFrame:
    """One row per (user_id, topic) of the events up to `as_of`, sorted by both.

    `events` has the columns of an event frame and holds each of its users' whole history. Columns of the result:
    `is_leaf`; `baskets` (sessions, or days where there is no session, with a purchase), `first_ts`, `last_ts` of a purchase,
    `mean_interval_days` between them (null under two), `spend`, `quantity`; `decayed` and `decayed_recent`, the baskets
    each weighted by 2^(-age / half-life) with half-lives of 120 and 30 days; `views`, `carts`; `stated` (1 liked, -1 disliked,
    null when nothing was said) and `stated_ts`, the user's latest word on the topic; `observed_days` since the user's first
    event; `evidence`, the newest event ids, at most 8.
    """
    events = events.filter(pl.col("ts") <= as_of)
    observed = events.group_by("user_id").agg(observed_days=age_days(pl.col("ts"), as_of).max())
    on_topics = _explode_topics(events, catalog)
    age = age_days(pl.col("ts"), as_of)
    visits = (
        on_topics.filter(pl.col("type") == "purchase")
        .group_by("user_id", "topic", visit().alias("visit"))
        .agg(pl.col("ts").max(), pl.col("price").sum(), pl.col("quantity").sum())
        .sort("user_id", "topic", "ts", "visit")
        .group_by("user_id", "topic", maintain_order=True)
        .agg(
            baskets=pl.len().cast(pl.Int64),
            first_ts=pl.col("ts").first(),
            last_ts=pl.col("ts").last(),
            spend=pl.col("price").sum().round(2),
            quantity=pl.col("quantity").sum(),
            decayed=(0.5 ** (age / HALF_LIFE_DAYS)).sum(),
            decayed_recent=(0.5 ** (age / RECENT_HALF_LIFE_DAYS)).sum(),
        )
    )
    said = pl.col("type").is_in(["like", "dislike"])
    actions = (
        on_topics.sort("user_id", "topic", "ts", "event_id")
        .group_by("user_id", "topic", maintain_order=True)
        .agg(
            is_leaf=pl.col("is_leaf").first(),
            views=pl.col("type").is_in(["view", "click"]).sum().cast(pl.Int64),
            carts=(pl.col("type") == "cart_add").sum().cast(pl.Int64),
            stated=pl.col("type")
            .filter(said)
            .last()
            .replace_strict({"like": 1, "dislike": -1}, default=None, return_dtype=pl.Int8),
            stated_ts=pl.col("ts").filter(said).last(),
            evidence=pl.col("event_id").filter(pl.col("type") != "impression").tail(EVIDENCE).reverse(),
        )
    )
    interval = (pl.col("last_ts") - pl.col("first_ts")).dt.total_microseconds() / _DAY / (pl.col("baskets") - 1)
    return (
        actions.join(visits, on=["user_id", "topic"], how="left")
        .join(observed, on="user_id")
        .with_columns(pl.col("baskets", "spend", "quantity", "decayed", "decayed_recent").fill_null(0))
        .with_columns(mean_interval_days=pl.when(pl.col("baskets") > 1).then(interval))
        .filter(pl.col("evidence").list.len() > 0)
        .sort("user_id", "topic")
    )


def _explode_topics(events: pl.DataFrame, catalog: Catalog) -> pl.DataFrame:
    """Events repeated for each topic of their item; a preference stated for a topic counts on that topic alone.

    A like or dislike of one item says nothing of its topics, so it is left out here.
    """
    said = pl.col("type").is_in(["like", "dislike"])
    levels = [
        (item_id, topic, depth == len(path) - 1)
        for item_id in events["item_id"].drop_nulls().unique()
        if (path := catalog.levels(item_id))
        for depth, topic in enumerate(path)
    ]
    topics = pl.DataFrame(levels, schema={"item_id": pl.String, "topic": pl.String, "is_leaf": pl.Boolean}, orient="row")
    columns = ["event_id", "user_id", "type", "ts", "quantity", "price", "session_id"]
    by_item = events.filter(~said).select(*columns, "item_id").join(topics, on="item_id").drop("item_id")
    by_word = (
        events.filter(said & pl.col("item_id").is_null())
        .select(*columns, topic=pl.col("attributes").str.json_path_match("$.topic"))
        .filter(pl.col("topic").is_not_null())
    )
    is_leaf = [(topic := catalog.topic(name)) is None or topic.is_leaf or topic.kind == "brand" for name in by_word["topic"]]
    return pl.concat([by_item, by_word.with_columns(is_leaf=pl.Series(is_leaf, dtype=pl.Boolean))])
