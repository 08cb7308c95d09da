"""All that is learned from a shop's baskets, fitted and kept as one."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from behavior import Catalog
from retrieval.carts.bundles import common_bundles
from retrieval.carts.missions import Missions
from retrieval.carts.offers import item_offers
from retrieval.carts.pairs import Pairs
from retrieval.carts.rules import Rules

MIN_BASKETS = 30
"""A bundle in fewer baskets is not kept."""


@dataclass(frozen=True)
class Baskets:
    """What goes together, by topic. Supports are shares of the baskets with two topics or more.

    `bundles` and `offers` have the columns of `common_bundles` and `item_offers`.
    """

    rules: Rules
    pairs: Pairs
    missions: Missions
    bundles: pl.DataFrame
    offers: pl.DataFrame

    @classmethod
    def fit(cls, bought: pl.DataFrame, catalog: Catalog, seed: int = 7) -> "Baskets":
        """Learn from the purchase events of an event frame."""
        on_topics = with_topic(bought, catalog)
        mixed = several_topics(on_topics)
        rules, pairs = Rules.fit(mixed), Pairs.fit(mixed)
        missions = Missions.fit(pairs, _occasions(catalog), seed)
        return cls(rules, pairs, missions, common_bundles(pairs, rules, MIN_BASKETS), item_offers(on_topics))

    def save(self, folder: Path) -> None:
        self.rules.save(folder)
        self.pairs.save(folder)
        self.missions.save(folder)
        self.bundles.write_parquet(folder / "bundles.parquet")
        self.offers.write_parquet(folder / "offers.parquet")

    @classmethod
    def load(cls, folder: Path) -> "Baskets":
        """Raises OSError when nothing was saved in `folder`."""
        bundles, offers = (pl.read_parquet(folder / f"{name}.parquet") for name in ("bundles", "offers"))
        return cls(Rules.load(folder), Pairs.load(folder), Missions.load(folder), bundles, offers)


def with_topic(events: pl.DataFrame, catalog: Catalog) -> pl.DataFrame:
    """The rows with a column `topic`, the narrowest one of their item; null where there is none."""
    topics = {item_id: topic for item_id in events["item_id"].drop_nulls().unique() if (topic := catalog.topic_of(item_id))}
    return events.with_columns(topic=pl.col("item_id").replace_strict(topics, default=None, return_dtype=pl.String))


def several_topics(bought: pl.DataFrame) -> pl.DataFrame:
    """session_id and topic of the baskets with more than one topic, each topic of a basket once."""
    rows = bought.select("session_id", "topic").drop_nulls().unique()
    return rows.filter(pl.len().over("session_id") > 1)


def _occasions(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """What each leaf topic is good for, by its own words and those of the topic above it."""
    good_for = {topic.path: topic.good_for for topic in catalog.topics() if topic.kind == "taxonomy"}
    leaves = [topic for topic in catalog.topics() if topic.is_leaf]
    return {topic.name: (*topic.good_for, *good_for.get(topic.path[:-1], ())) for topic in leaves}
