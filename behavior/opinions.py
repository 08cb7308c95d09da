"""What a user's own stars say: of the items, and with that of the topics they are under.

Only stars count here. What a text without stars feels like is an estimate that is wrong too often to hold against anything.
"""

import polars as pl

from behavior.catalog import Catalog

DISLIKED, LIKED = 2.0, 4.0
"""Stars up to which, and from which on, a review is a word against its item, or for it."""
EVIDENCE = 8


def topic_opinions(events: pl.DataFrame, catalog: Catalog) -> pl.DataFrame:
    """What the users of an event frame think of topics, one row per (user_id, topic) with a review that has stars.

    Columns: `opinion`, the mean of (stars - 3) / 2 over the user's latest review of each item, in [-1, 1]; `reviews`, how many
    items that is; `reviewed_ts`, the newest; `review_evidence`, the newest event ids, at most 8. A review counts on every
    level of its item's path: one bad shampoo says much of itself, a little of shampoo, which `reviews` lets a model weigh.
    """
    latest = _latest(events)
    levels = [(item_id, topic) for item_id in latest["item_id"].unique() for topic in catalog.levels(item_id)]
    topics = pl.DataFrame(levels, schema={"item_id": pl.String, "topic": pl.String}, orient="row")
    return (
        latest.join(topics, on="item_id")
        .sort("ts", "event_id", descending=True)
        .group_by("user_id", "topic")
        .agg(
            opinion=((pl.col("rating") - 3) / 2).mean().clip(-1, 1),
            reviews=pl.len().cast(pl.Int64),
            reviewed_ts=pl.col("ts").max(),
            review_evidence=pl.col("event_id").head(EVIDENCE),
        )
        .sort("user_id", "topic")
    )


def opinions(timeline: pl.DataFrame) -> dict[str, str]:
    """The latest word of the user of a timeline, oldest first, on each item (by id) and topic (by name): `like` or `dislike`.

    A review with four stars or more is a like of its item, one with two or fewer a dislike, one between takes either back.
    """
    about = pl.coalesce("item_id", pl.col("attributes").str.json_path_match("$.topic"))
    word = (
        pl.when(pl.col("type") != "review")
        .then(pl.col("type"))
        .when(pl.col("rating") <= DISLIKED)
        .then(pl.lit("dislike"))
        .when(pl.col("rating") >= LIKED)
        .then(pl.lit("like"))
    )
    rated = (pl.col("type") == "review") & pl.col("rating").is_not_null()
    said = timeline.filter(pl.col("type").is_in(["like", "dislike"]) | rated).select(about=about, word=word)
    latest = dict(said.drop_nulls("about").iter_rows())
    return {name: word for name, word in latest.items() if word}


def _latest(events: pl.DataFrame) -> pl.DataFrame:
    rated = events.filter(pl.col("type") == "review", pl.col("item_id").is_not_null(), pl.col("rating").is_not_null())
    columns = ["user_id", "item_id", "event_id", "ts", "rating"]
    return rated.select(columns).sort("ts", "event_id").unique(["user_id", "item_id"], keep="last", maintain_order=True)
