"""What a user buys again and again, and whether it is due: in words from one timeline, and as a candidate source."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

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
        if any(len(history.items) for history in histories):
            habits = self._habits(histories)
            found[habits.users, habits.items] = habits.shares * habits.damps
        return found

    def similar_items(self, item: int, k: int) -> Ranking:
        """None: this source knows no nearness."""
        return Ranking(np.full((1, k), -1, np.int32), np.zeros((1, k), np.float32))

    def explain(self, history: History, item: int) -> list[Contribution]:
        events = np.flatnonzero(history.items == item)
        if not len(events):
            return []
        habits = self._habits([history])
        amounts = habits.per_event[events] * habits.damps[np.searchsorted(habits.items, item)]
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

    def _habits(self, histories: Sequence[History]) -> "_Habits":
        lengths = [len(history.items) for history in histories]
        user = np.repeat(np.arange(len(histories)), lengths)
        steps = np.concatenate([history.steps for history in histories])
        ages = np.concatenate([history.steps if history.ages is None else history.ages for history in histories]).astype(float)
        weights = np.exp2(-ages / self.half_life_days)
        opens = _starts(user) | _starts(steps)
        whole = np.bincount(user[opens], weights[opens], len(histories))
        pair = user * self._n_items + np.concatenate([history.items for history in histories])
        order = np.argsort(pair, kind="stable")  # the oldest first of each user's item
        oldest = np.flatnonzero(_starts(pair[order]))
        newest = np.append(oldest[1:], len(order)) - 1
        place = np.repeat(np.arange(len(oldest)), newest - oldest + 1)
        new = _starts(pair[order]) | _starts(steps[order])
        visits = np.bincount(place[new], minlength=len(oldest))
        visit = np.cumsum(new) - 1
        parts = weights[order] / np.bincount(visit)[visit] / whole[user[order]]
        parts[visits[place] < self.min_visits] = 0
        last = ages[order][newest]
        interval = np.maximum((ages[order][oldest] - last) / np.maximum(visits - 1, 1), 1.0)
        per_event = np.empty(len(parts))
        per_event[order] = parts
        shares = np.bincount(place, parts, len(oldest)).astype(np.float64)
        users, items = np.divmod(pair[order][oldest], self._n_items)
        return _Habits(users, items, shares, _damp(last / interval), per_event)


class _Habits(NamedTuple):
    """Users by their place in the batch and items by code, sorted by both, with the share of visits and the damping of each
    pair, and each event's part of its pair's share, event after event."""

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    shares: NDArray[np.float64]
    damps: NDArray[np.float64]
    per_event: NDArray[np.float64]


def _starts(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a value differs from the one before; the first does."""
    differs: NDArray[np.bool_] = np.diff(values, prepend=values[:1] - 1) != 0
    return differs


def _damp(due: NDArray[np.float64]) -> NDArray[np.float64]:
    """Less while a habit is not due yet, and again when it is overdue by more than three intervals."""
    return np.where(due < 3, np.minimum(1.0, 0.3 + due), 3 / np.maximum(due, 1e-9))
