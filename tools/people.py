"""What the clauses of an audience ask of: compact frames over users, kept fresh, the same for all users or a part of them.

Ten million users are partitions by user: each holds the frames of its own users, and only the percentiles of
`traits` are made from everyone. Users, topics, brands and types are categorical, so a clause compares integers.
"""

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from behavior import Catalog
from behavior.expressions import visit
from behavior.opinions import avoided

TRAITS = {
    "price sensitivity": "discount_share",
    "promotion affinity": "deal_share",
    "brand loyalty": "top_brand_share",
    "shopping rhythm": "days_between_baskets",
}
"""The column of `trait_values` behind each trait."""


@dataclass(frozen=True)
class People:
    """`users`: user_id of everyone with an event. `interests`: user_id, topic and strength, without what the user avoids.

    `traits`: user_id and of each trait the percentile in [0, 100], ties counted half. `activity`: see `activity_of`.
    """

    users: pl.DataFrame
    interests: pl.DataFrame
    traits: pl.DataFrame
    activity: pl.DataFrame

    @classmethod
    def of(cls, features: pl.DataFrame, traits: pl.DataFrame, activity: pl.DataFrame) -> "People":
        """From `topic_features` with their `strength`, `trait_values` of the whole population, and `activity_of`."""
        interests = _interests(features)
        return cls(_users(interests, activity), interests, _percentiles(traits), activity)

    def renewed(self, users: Collection[str], features: pl.DataFrame, traits: pl.DataFrame, activity: pl.DataFrame) -> "People":
        """The same with the rows of `users` replaced by new ones; `traits` are again of the whole population."""
        others = ~pl.col("user_id").is_in(list(users))
        interests = _interests(features)
        return People(
            pl.concat([self.users.filter(others), _users(interests, activity)]),
            pl.concat([self.interests.filter(others), interests]),
            _percentiles(traits),
            pl.concat([self.activity.filter(others), activity]),
        )

    def only(self, user_id: str) -> "People":
        """One user alone, judged as among all."""
        own = pl.col("user_id") == user_id
        return People(*(frame.filter(own) for frame in (self.users, self.interests, self.traits, self.activity)))


def activity_of(events: pl.DataFrame, catalog: Catalog) -> pl.DataFrame:
    """How often each user did what and when: one row per user_id, topic, brand, type, visit, day and campaign.

    `topic` and `brand` are as in `with_topics`, `visit` numbers a user's sessions (days where there is no session) from 1,
    `day` is the UTC date, `campaign` what an event names as such; `events` is the count, `spend` and `quantity` are sums.
    A user's rows on a topic stay together, by day.
    """
    return (
        with_topics(events, catalog)
        .with_columns(
            day=pl.col("ts").dt.date(),
            campaign=pl.col("attributes").str.json_path_match("$.campaign").cast(pl.Categorical),
            visit=visit().rank("dense").over("user_id"),
        )
        .group_by("user_id", "topic", "brand", "type", "visit", "day", "campaign")
        .agg(pl.col("price").sum().alias("spend"), pl.col("quantity").sum(), events=pl.len())
        .with_columns(pl.col("user_id", "type").cast(pl.Categorical))
        .sort("topic", "user_id", "day", "type", "visit", nulls_last=True)
    )


def with_topics(events: pl.DataFrame, catalog: Catalog) -> pl.DataFrame:
    """Events with `topic`, the narrowest of the item or the one that a like or dislike names, and `brand`; null without any."""
    ids = events["item_id"].drop_nulls().unique().to_list()
    brands = [item.brand if (item := catalog.item(item_id)) else None for item_id in ids]
    schema = {"item_id": pl.String, "item_topic": pl.Categorical, "brand": pl.Categorical}
    topics = pl.DataFrame({"item_id": ids, "item_topic": [catalog.topic_of(i) for i in ids], "brand": brands}, schema=schema)
    said = pl.when(pl.col("type").is_in(["like", "dislike"])).then(pl.col("attributes").str.json_path_match("$.topic"))
    both = events.join(topics, on="item_id", how="left", maintain_order="left")
    return both.with_columns(topic=pl.coalesce("item_topic", said.cast(pl.Categorical))).drop("item_topic")


def _users(interests: pl.DataFrame, activity: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([activity.select("user_id").unique(), interests.select("user_id").unique()]).unique()


def _interests(features: pl.DataFrame) -> pl.DataFrame:
    return features.filter(~avoided()).select(pl.col("user_id", "topic").cast(pl.Categorical), "strength")


def _percentiles(traits: pl.DataFrame) -> pl.DataFrame:
    shares = {name: 100 * (pl.col(column).rank() - 0.5) / pl.col(column).count() for name, column in TRAITS.items()}
    return traits.select(pl.col("user_id").cast(pl.Categorical), **shares)
