"""What one user did that leads on to other items, as recommendations read it, and how it is said."""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from behavior import Catalog, topic_features
from behavior.expressions import visit
from behavior.opinions import DISLIKED, FEWEST, avoided, opinions

LEADING = {"purchase": "bought", "cart_add": "put into the cart", "like": "like"}
"""Types of event that lead on to other items, in words."""


@dataclass(frozen=True, eq=False)
class Past:
    """Events that lead on to other items, oldest first: `days` since 1970, `kinds` as in `LEADING`, each of one of the `visits`.

    `bought` are items, `carted` those that were put into the cart and neither bought nor liked, `disliked` the ids and names of
    items, topics and brands.
    """

    items: list[str]
    events: list[str]
    kinds: list[str]
    visits: list[str]
    days: NDArray[np.float64]
    bought: frozenset[str]
    carted: frozenset[str]
    disliked: list[str]

    @classmethod
    def of(cls, timeline: pl.DataFrame, catalog: Catalog) -> "Past":
        """From a user's events, oldest first."""
        leading = timeline.filter(pl.col("type").is_in(list(LEADING)), pl.col("item_id").is_not_null())
        items, kinds = leading["item_id"].to_list(), leading["type"].to_list()
        return cls(
            items=items,
            events=leading["event_id"].to_list(),
            kinds=kinds,
            visits=leading.select(visit()).to_series().to_list(),
            days=leading["ts"].dt.timestamp("us").to_numpy() / 86_400e6,
            bought=frozenset(item_id for item_id, kind in zip(items, kinds, strict=True) if kind == "purchase"),
            carted=frozenset(items) - {item_id for item_id, kind in zip(items, kinds, strict=True) if kind != "cart_add"},
            disliked=[*(name for name, word in opinions(timeline).items() if word == "dislike"), *_against(timeline, catalog)],
        )

    def at(self, places: Sequence[int]) -> "Past":
        """These events alone."""
        pick = [[column[n] for n in places] for column in (self.items, self.events, self.kinds, self.visits)]
        items, events, kinds, visits = pick
        return replace(self, items=items, events=events, kinds=kinds, visits=visits, days=self.days[places])

    def among(self, known: Container[str]) -> list[int]:
        """The places of the events on these items."""
        return [n for n, item_id in enumerate(self.items) if item_id in known]


def _against(timeline: pl.DataFrame, catalog: Catalog) -> list[str]:
    """The narrowest topics that the user's profile says to avoid because of bad stars."""
    bad = timeline.filter(pl.col("type") == "review", pl.col("rating") <= DISLIKED)
    if len(bad) < FEWEST:
        return []
    features = topic_features(timeline, catalog, timeline["ts"][-1])
    return features.filter("is_leaf", avoided())["topic"].to_list()
