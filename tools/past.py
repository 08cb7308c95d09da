"""What one user did that leads on to other items, as recommendations read it, and how it is said."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from behavior import Catalog, topic_features
from behavior.expressions import visit
from behavior.opinions import DISLIKED, FEWEST, avoided, disliked
from retrieval import Shelf

LEADING = {"purchase": "bought", "cart_add": "put into the cart", "like": "like"}
"""Types of event that lead on to other items, in words."""


@dataclass(frozen=True, eq=False)
class Past:
    """Events that lead on to other items, oldest first: `days` since 1970, `kinds` as in `LEADING`, each of one of the `visits`.

    `codes` are the items' on the shelf, -1 for one that is not there. Of these `bought` were bought, `carted` put into the cart
    and neither bought nor liked. `disliked` has the ids and names of items, topics and brands.
    """

    items: list[str]
    codes: NDArray[np.int64]
    events: list[str]
    kinds: list[str]
    visits: list[str]
    days: NDArray[np.float64]
    bought: NDArray[np.int64]
    carted: NDArray[np.int64]
    disliked: list[str]

    @classmethod
    def of(cls, timeline: pl.DataFrame, catalog: Catalog, shelf: Shelf) -> "Past":
        """From a user's events, oldest first."""
        leading = timeline.filter(pl.col("type").is_in(list(LEADING)), pl.col("item_id").is_not_null())
        items, kinds = leading["item_id"].to_list(), leading["type"].to_list()
        codes = np.array([shelf.code_of.get(item_id, -1) for item_id in items], np.int64)
        kind, there = np.array(kinds, dtype=np.str_), codes >= 0
        return cls(
            items=items,
            codes=codes,
            events=leading["event_id"].to_list(),
            kinds=kinds,
            visits=leading.select(visit()).to_series().to_list(),
            days=leading["ts"].dt.timestamp("us").to_numpy() / 86_400e6,
            bought=np.unique(codes[there & (kind == "purchase")]),
            carted=np.setdiff1d(codes[there], codes[kind != "cart_add"]),
            disliked=[*disliked(timeline, catalog), *_against(timeline, catalog)],
        )

    def at(self, places: NDArray[np.int64]) -> "Past":
        """These events alone."""
        pick = [[column[n] for n in places] for column in (self.items, self.events, self.kinds, self.visits)]
        items, events, kinds, visits = pick
        codes, days = self.codes[places], self.days[places]
        return replace(self, items=items, codes=codes, events=events, kinds=kinds, visits=visits, days=days)

    def among(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The places of the events on the items with these codes."""
        return np.flatnonzero(np.isin(self.codes, codes))


def _against(timeline: pl.DataFrame, catalog: Catalog) -> list[str]:
    """The narrowest topics that the user's profile says to avoid because of bad stars."""
    bad = timeline.filter(pl.col("type") == "review", pl.col("rating") <= DISLIKED)
    if len(bad) < FEWEST:
        return []
    features = topic_features(timeline, catalog, timeline["ts"][-1])
    return features.filter("is_leaf", avoided())["topic"].to_list()
