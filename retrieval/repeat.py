"""What a user buys again and again, and whether it is due: in words from one timeline, and as a candidate source."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from behavior.expressions import age_days, visit
from retrieval.interactions import History, Interactions
from retrieval.source import Contribution, Ranking, load_arrays, save_arrays

HALF_LIFE = 60.0
"""Days after which a visit counts half."""


@dataclass(frozen=True)
class Habit:
    """An item a user bought in several baskets. `due` is the days since the last over the usual interval; 1 is on time."""

    item_id: str
    baskets: int
    interval_days: float
    last_ts: datetime
    due: float
    score: float
    evidence: list[str]


def habits(timeline: pl.DataFrame, as_of: datetime, min_baskets: int = 2) -> list[Habit]:
    """The items of one user's timeline (an event frame) bought in at least `min_baskets` baskets, the likeliest next first.

    `score` in [0, 1] is the decayed share of the user's baskets that held the item (half-life 60 days), damped while the item
    is not due yet and again when it is overdue by more than three intervals.
    """
    age = age_days(pl.col("ts"), as_of)
    bought = timeline.filter(pl.col("type") == "purchase", pl.col("ts") <= as_of, pl.col("item_id").is_not_null()).with_columns(
        visit=visit(), weight=0.5 ** (age / HALF_LIFE)
    )
    whole = bought.group_by("visit").agg(pl.col("weight").max())["weight"].sum()
    items = (
        bought.group_by("item_id", "visit")
        .agg(pl.col("ts").max(), pl.col("weight").max(), pl.col("event_id").last())
        .sort("item_id", "ts", "visit")
        .group_by("item_id", maintain_order=True)
        .agg(
            baskets=pl.len(),
            first=pl.col("ts").first(),
            last=pl.col("ts").last(),
            weight=pl.col("weight").sum(),
            evidence=pl.col("event_id").tail(5).reverse(),
        )
        .filter(pl.col("baskets") >= min_baskets)
    )
    rows = items.to_dicts()
    intervals = [max((row["last"] - row["first"]).total_seconds() / 86_400 / (row["baskets"] - 1), 1.0) for row in rows]
    dues = [(as_of - row["last"]).total_seconds() / 86_400 / interval for row, interval in zip(rows, intervals, strict=True)]
    found = [
        Habit(row["item_id"], row["baskets"], interval, row["last"], due, row["weight"] / whole * damp, row["evidence"])
        for row, interval, due, damp in zip(rows, intervals, dues, _damp(np.array(dues)).tolist(), strict=True)
    ]
    return sorted(found, key=lambda habit: (-habit.score, habit.item_id))


@dataclass
class Repeat:
    """The same score for whole histories, over items a user bought on at least `min_visits` visits; 0 for all others.

    Events of one age are one visit. Without ages, visits take the place of days. Nothing is learned from other users.
    """

    min_visits: int = 2
    half_life_days: float = HALF_LIFE
    _n_items: int = field(default=0, init=False, repr=False)
    _fingerprint: str = field(default="", init=False, repr=False)

    def fit(self, interactions: Interactions) -> "Repeat":
        self._n_items, self._fingerprint = interactions.n_items, interactions.fingerprint
        return self

    def scores(self, histories: Sequence[History]) -> NDArray[np.float32]:
        found = np.zeros((len(histories), self._n_items), np.float32)
        for row, history in enumerate(histories):
            if len(history.items):
                items, shares, damps, _ = self._habits(history)
                found[row, items] = shares * damps
        return found

    def similar_items(self, item: int, k: int) -> Ranking:
        """None: this source knows no nearness."""
        return Ranking(np.full((1, k), -1, np.int32), np.zeros((1, k), np.float32))

    def explain(self, history: History, item: int) -> list[Contribution]:
        events = np.flatnonzero(history.items == item)
        if not len(events):
            return []
        items, _, damps, per_event = self._habits(history)
        amounts = per_event[events] * damps[np.searchsorted(items, item)]
        found = [Contribution(int(event), float(amount)) for event, amount in zip(events, amounts, strict=True) if amount]
        return sorted(found, key=lambda part: -part.amount)

    def save(self, folder: Path) -> None:
        values = {"min_visits": self.min_visits, "half_life_days": self.half_life_days, "n_items": self._n_items}
        save_arrays(folder, self._fingerprint, values, {})

    @classmethod
    def load(cls, folder: Path, fingerprint: str) -> "Repeat":
        values, _ = load_arrays(folder, fingerprint)
        source = cls(values["min_visits"], values["half_life_days"])
        source._n_items, source._fingerprint = values["n_items"], fingerprint
        return source

    def _habits(
        self, history: History
    ) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The items of a history by code with the share of visits and the damping of each, and each event's part of its share."""
        ages = history.steps.astype(np.float64) if history.ages is None else history.ages
        weights = np.exp2(-ages / self.half_life_days)
        whole = weights[np.flatnonzero(np.diff(history.steps, prepend=-1))].sum()
        items, place = np.unique(history.items, return_inverse=True)
        order = np.lexsort((history.steps, place))
        first = np.diff(place[order], prepend=-1) != 0
        new = first | (np.diff(history.steps[order], prepend=-1) != 0)
        group = np.cumsum(new) - 1
        per_event = np.empty(len(ages))
        per_event[order] = weights[order] / np.bincount(group)[group] / whole
        visits = np.bincount(place[order][new], minlength=len(items))
        last, oldest = ages[order][first], ages[order][np.append(np.flatnonzero(first)[1:], len(ages)) - 1]
        interval = np.maximum((oldest - last) / np.maximum(visits - 1, 1), 1.0)
        shares = np.where(visits >= self.min_visits, np.bincount(place, per_event, len(items)), 0.0)
        per_event[shares[place] == 0] = 0
        return items, shares, _damp(last / interval), per_event


def _damp(due: NDArray[np.float64]) -> NDArray[np.float64]:
    """Less while a habit is not due yet, and again when it is overdue by more than three intervals."""
    return np.where(due < 3, np.minimum(1.0, 0.3 + due), 3 / np.maximum(due, 1e-9))
