"""What each user did on each topic, vectorised over all users; one user's timeline alone gives the same rows."""

from datetime import datetime

import polars as pl

from behavior.catalog import Catalog
from behavior.expressions import age_days
from behavior.opinions import EVIDENCE, ruled_out, standing_opinion, topic_opinions
from behavior.visits import habits, looks, paces, topic_visits

COUNTED = [
    *("baskets", "spend", "quantity", "rows", "saved", "periods", "last_28", "last_84", "looks_recent"),
    *("decayed", "decayed_recent", "decayed_weeks", "decayed_baskets"),
]
"""Columns that are 0 where nothing was bought or looked at."""

MODEL_ONLY = [
    *("days_since", "days_since_first", "decayed_weeks", "decayed_baskets", "last_28", "last_84", "periods", "rows", "saved"),
    *("median_interval_days", "interval_deviation", "again", "deal", "baskets_since", "looks_recent"),
    *("user_baskets", "user_recent", "user_decayed", "user_days_since"),
    *("reviews", "stars", "reviewed_ts", "review_evidence", "stated_on"),
]
"""Columns of `topic_features` for one strength or profile alone: to keep them beside all strengths would double the memory."""


def topic_features(events: pl.DataFrame, catalog: Catalog, as_of: datetime) -> pl.DataFrame:
    """One row per (user_id, topic) of the events up to `as_of`, sorted by both.

    `events` has the columns of an event frame and holds each of its users' whole history. Columns of the result:
    `is_leaf`; all of `habits` (its counts and sums 0 where nothing was bought), `looks` and `paces`, a basket being a session
    (a day where there is no session) with a purchase; `views`, `carts`; `stated` (1 liked, -1 disliked, null when nothing was
    said), `stated_ts` and `stated_on`, the user's word on the topic or on a broader one that rules it out, and which of them it
    is on; all of `topic_opinions`, null without stars, its `opinion` as it stands beside what was bought; `observed_days` since
    the user's first event; `evidence`, the newest event ids, at most 8, first of all a word on a broader topic.
    """
    events = events.filter(pl.col("ts") <= as_of)
    on_topics = events_on_topics(events, catalog)
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
            stated_in=pl.col("event_id").filter(said).last(),
            evidence=pl.col("event_id").filter(pl.col("type") != "impression").tail(EVIDENCE).reverse(),
        )
    )
    visits = topic_visits(on_topics)
    return (
        _with_broader_words(actions.filter(pl.col("evidence").list.len() > 0), catalog)
        .join(topic_habits(visits, on_topics, as_of), on=["user_id", "topic"], how="left")
        .join(paces(visits, as_of), on="user_id", how="left")
        .join(events.group_by("user_id").agg(observed_days=age_days(pl.col("ts"), as_of).max()), on="user_id")
        .join(topic_opinions(events, catalog), on=["user_id", "topic"], how="left")
        .with_columns(pl.col(COUNTED).fill_null(0))
        .with_columns(opinion=standing_opinion())
        .sort("user_id", "topic")
    )


def _with_broader_words(actions: pl.DataFrame, catalog: Catalog) -> pl.DataFrame:
    """The rows with `stated_on`, and with the dislike of a broader topic stated where that rules a topic out."""
    actions = actions.with_columns(stated_on=pl.when(pl.col("stated").is_not_null()).then("topic"))
    said = actions.filter(pl.col("stated").is_not_null())
    against_broad = said.filter(pl.col("stated") == -1, ~pl.col("is_leaf"))["user_id"]
    if against_broad.is_empty():
        return actions.drop("stated_in")
    said, found = said.sort("user_id", "stated_ts", "stated_in"), []
    word = pl.col("stated").replace_strict({1: "like", -1: "dislike"}, return_dtype=pl.String)
    for (user,), own in said.filter(pl.col("user_id").is_in(against_broad.to_list())).group_by("user_id"):
        words = dict(own.select("topic", word).iter_rows())
        out = ruled_out(words, catalog)
        found += [(user, topic, broad) for topic, broad in out.items() if words.get(topic) != "dislike"]
    by = pl.DataFrame(found, schema={"user_id": pl.String, "topic": pl.String, "by": pl.String}, orient="row")
    broad = said.select("user_id", by="topic", by_ts="stated_ts", by_in="stated_in")
    rows = actions.join(by, on=["user_id", "topic"], how="left").join(broad, on=["user_id", "by"], how="left")
    ruled = pl.col("by").is_not_null()
    return rows.with_columns(
        stated=pl.when(ruled).then(pl.lit(-1, pl.Int8)).otherwise("stated"),
        stated_ts=pl.coalesce("by_ts", "stated_ts"),
        stated_on=pl.coalesce("by", "stated_on"),
        evidence=pl.when(ruled).then(pl.concat_list("by_in", "evidence").list.head(EVIDENCE)).otherwise("evidence"),
    ).drop("by", "by_ts", "by_in", "stated_in")


def topic_habits(visits: pl.DataFrame, on_topics: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """`habits` and `looks` side by side: one row per (user_id, topic) bought or looked at up to `as_of`, sorted by both."""
    both = habits(visits, as_of).join(looks(on_topics, as_of), on=["user_id", "topic"], how="full", coalesce=True)
    return both.with_columns(pl.col(COUNTED).fill_null(0)).sort("user_id", "topic")


def events_on_topics(events: pl.DataFrame, catalog: Catalog) -> pl.DataFrame:
    """Events repeated for each topic of their item; a preference stated for a topic is on that topic alone.

    `again` says whether the user had bought the item before. A like or dislike of one item says nothing of its topics,
    so it is left out here.
    """
    said = pl.col("type").is_in(["like", "dislike"])
    levels = [
        (item_id, topic, depth == len(path) - 1)
        for item_id in events["item_id"].drop_nulls().unique()
        if (path := catalog.levels(item_id))
        for depth, topic in enumerate(path)
    ]
    topics = pl.DataFrame(levels, schema={"item_id": pl.String, "topic": pl.String, "is_leaf": pl.Boolean}, orient="row")
    columns = ["event_id", "user_id", "type", "ts", "quantity", "price", "session_id", "attributes"]
    first = pl.col("ts").filter(pl.col("type") == "purchase").min().over("user_id", "item_id")
    by_item = (
        events.filter(~said).select(*columns, "item_id", again=pl.col("ts") > first).join(topics, on="item_id").drop("item_id")
    )
    by_word = (
        events.filter(said & pl.col("item_id").is_null())
        .select(*columns, again=pl.lit(None, pl.Boolean), topic=pl.col("attributes").str.json_path_match("$.topic"))
        .filter(pl.col("topic").is_not_null())
    )
    is_leaf = [(topic := catalog.topic(name)) is None or topic.is_leaf or topic.kind == "brand" for name in by_word["topic"]]
    return pl.concat([by_item, by_word.with_columns(is_leaf=pl.Series(is_leaf, dtype=pl.Boolean))])
