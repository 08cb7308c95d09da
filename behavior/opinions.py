"""What a user's own stars say: of the items, and with that of the topics they are under.

Only stars count here. What a text without stars feels like is an estimate that is wrong too often to hold against anything.
"""

from collections.abc import Mapping

import polars as pl

from behavior.catalog import Catalog

DISLIKED, LIKED = 2.0, 4.0
"""Stars up to which, and from which on, a review is a word against its item, or for it."""
FEWEST = 2
"""Items of a topic with stars before they say anything of the topic: one bad shampoo says much of itself, little of shampoo."""
EVIDENCE = 8
"""Event ids that are kept as the evidence of a topic."""


def topic_opinions(events: pl.DataFrame, catalog: Catalog) -> pl.DataFrame:
    """What the users of an event frame think of topics, one row per (user_id, topic) with a review that has stars.

    Of the user's latest stars on each item: `reviews`, on how many items they are; `stars`, their mean; `reviewed_ts`, the
    newest; `opinion`, -1 where each of at least two items has two stars or fewer, 1 where at least two have four or more on
    average, else null; `review_evidence`, the newest event ids, at most 8. A review counts on every level of its item's path.
    One item that pleased is enough not to be against a topic. The same words at the same moment on several items are one review:
    shops copy it to all variants of a product.
    """
    latest = _latest(events)
    levels = [(item_id, topic) for item_id in latest["item_id"].unique() for topic in catalog.levels(item_id)]
    topics = pl.DataFrame(levels, schema={"item_id": pl.String, "topic": pl.String}, orient="row")
    enough, stars = pl.len() >= FEWEST, pl.col("rating")
    return (
        latest.join(topics, on="item_id")
        .sort("ts", "event_id", descending=True)
        .unique(["user_id", "topic", "ts", "words"], keep="first", maintain_order=True)
        .group_by("user_id", "topic", maintain_order=True)
        .agg(
            reviews=pl.len().cast(pl.Int64),
            stars=stars.mean(),
            reviewed_ts=pl.col("ts").max(),
            opinion=pl.when(enough & (stars.max() <= DISLIKED)).then(-1).when(enough & (stars.mean() >= LIKED)).then(1),
            review_evidence=pl.col("event_id").head(EVIDENCE),
        )
        .with_columns(pl.col("opinion").cast(pl.Int8))
        .sort("user_id", "topic")
    )


def standing_opinion() -> pl.Expr:
    """`opinion` beside what was bought: who bought on the topic after the newest review, or in more baskets than there are
    items with bad stars, goes on buying and is not against it.

    From columns of `topic_opinions` and `habits`.
    """
    goes_on = (pl.col("last_ts") > pl.col("reviewed_ts")) | (pl.col("baskets") > pl.col("reviews"))
    return pl.when((pl.col("opinion") == -1) & goes_on).then(None).otherwise("opinion")


def avoided() -> pl.Expr:
    """Whether a user avoids a topic, from columns of `topic_features`: by the latest word on it, or without one by reviews."""
    return (pl.coalesce("stated", "opinion") == -1).fill_null(value=False)


def opinions(timeline: pl.DataFrame) -> dict[str, str]:
    """The latest word of the user of a timeline, oldest first, on each item (by id) and topic (by name): `like` or `dislike`, in
    the order in which they were said.

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
    latest = said.drop_nulls("about").unique("about", keep="last", maintain_order=True)
    return dict(latest.drop_nulls("word").iter_rows())


def ruled_out(said: Mapping[str, str], catalog: Catalog) -> dict[str, str]:
    """The topics that a dislike of a broader one holds for, each with that one. `said` is as `opinions` gives it.

    What the user liked since is not ruled out, nor what is below that. A like holds for its topic alone: who likes cheese need
    not like every cheese.
    """
    found: dict[str, str] = {}
    names = list(said)
    for place, name in enumerate(names):
        if said[name] == "dislike" and len(within := catalog.below(name)) > 1:
            liked = [later for later in names[place + 1 :] if said[later] == "like" and later in within]
            free = {name, *(below for later in liked for below in catalog.below(later))}
            found |= {below: name for below in within if below not in free}
    return found


def disliked(timeline: pl.DataFrame, catalog: Catalog) -> list[str]:
    """Ids of items and names of topics and brands that the user of a timeline said no to: nothing of them is to be shown.

    Of a broad topic in which the user liked something since, only the narrowest that are still ruled out.
    """
    said = opinions(timeline)
    out = ruled_out(said, catalog)
    names = []
    for name in (name for name, word in said.items() if word == "dislike"):
        below = [topic for topic in catalog.below(name) if topic != name]
        whole = all(topic in out for topic in below)
        names += [name] if whole else [topic for topic in below if topic in out and not catalog.below(topic)[1:]]
    return names


def _latest(events: pl.DataFrame) -> pl.DataFrame:
    rated = events.filter(pl.col("type") == "review", pl.col("item_id").is_not_null(), pl.col("rating").is_not_null())
    columns = ["user_id", "item_id", "event_id", "ts", "rating"]
    return (
        rated.select(*columns, words=pl.coalesce("text", "item_id"))
        .sort("ts", "event_id")
        .unique(["user_id", "item_id"], keep="last", maintain_order=True)
    )
