"""Users as points: what they do in general, and the mix of topics that they buy, each in comparable units."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD

from behavior.expressions import age_days, visit

HABITS = ("recency", "baskets", "spend", "basket_value", "rhythm", "discount_share", "deal_share", "top_brand_share")
"""Days since the last purchase; baskets; what was paid for all and per basket; days between baskets; three shares in [0, 1]."""
LOGARITHMIC = ("recency", "baskets", "spend", "basket_value", "rhythm")
TOPIC_PARTS = 6
"""Dimensions that are left of the mix of topics."""

Points = NDArray[np.float64]


def habits_of(events: pl.DataFrame, traits: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """user_id and `HABITS` of each user with a purchase in an event frame, sorted by user_id; null where unknown.

    `traits` are the `trait_values` of the same users at least.
    """
    bought = events.filter(pl.col("type") == "purchase")
    counts = bought.group_by("user_id").agg(
        recency=age_days(pl.col("ts").max(), as_of).clip(0), baskets=visit().n_unique(), spend=pl.col("price").sum()
    )
    known = counts.with_columns(basket_value=pl.col("spend") / pl.col("baskets"), baskets=pl.col("baskets").cast(pl.Float64))
    wide = known.join(traits, on="user_id", how="left").rename({"days_between_baskets": "rhythm"})
    return wide.select("user_id", *HABITS).sort("user_id")


def broad(features: pl.DataFrame) -> pl.DataFrame:
    """The rows of bought topics above the narrowest, or of the narrowest where the taxonomy has one level."""
    bought = features.filter(pl.col("baskets") > 0)
    above = bought.filter(~pl.col("is_leaf"))
    return bought if above.is_empty() else above


@dataclass(frozen=True)
class UserSpace:
    """`centre` and `scale` of each habit, after the logarithm where there is one; `parts` (parts, topics) of the topic mix with
    `topic_centre` (parts,) and one `topic_scale`, so that the widest part has the spread of a habit."""

    centre: Points
    scale: Points
    topics: tuple[str, ...]
    parts: Points
    topic_centre: Points
    topic_scale: float

    @classmethod
    def fit(cls, habits: pl.DataFrame, features: pl.DataFrame, seed: int) -> "UserSpace":
        """From `habits_of` and the `topic_features` of the same users."""
        raw = _raw(habits)
        known = ~np.isnan(raw).all(axis=0)
        centre, scale = np.zeros(raw.shape[1]), np.ones(raw.shape[1])
        centre[known], scale[known] = np.nanmedian(raw[:, known], axis=0), np.nanstd(raw[:, known], axis=0)
        scale[scale < 1e-9] = 1.0
        topics = tuple(sorted(broad(features)["topic"].unique()))
        mix = _mix(habits["user_id"], features, topics)
        size = min(TOPIC_PARTS, len(topics) - 1, len(mix) - 1)
        if size < 1:
            return cls(centre, scale, topics, np.zeros((0, len(topics))), np.zeros(0), 1.0)
        reduced = TruncatedSVD(size, random_state=seed).fit(mix)
        placed = mix @ reduced.components_.T
        spread = float(placed.std(axis=0).max())
        return cls(centre, scale, topics, reduced.components_, placed.mean(axis=0), spread if spread > 1e-9 else 1.0)

    def place(self, habits: pl.DataFrame, features: pl.DataFrame) -> Points:
        """The users of `habits` as points (users, habits + parts), in its order; what is not known is put in the middle."""
        own = np.nan_to_num((_raw(habits) - self.centre) / self.scale)
        mix = _mix(habits["user_id"], features, self.topics)
        return np.hstack([own, (mix @ self.parts.T - self.topic_centre) / self.topic_scale])

    def save(self, folder: Path) -> None:
        np.savez(
            folder / "user-space.npz", centre=self.centre, scale=self.scale, parts=self.parts, topic_centre=self.topic_centre
        )
        values = {"topics": self.topics, "topic_scale": self.topic_scale}
        (folder / "user-space.json").write_text(json.dumps(values), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "UserSpace":
        """Raises OSError when nothing was saved in `folder`."""
        values = json.loads((folder / "user-space.json").read_text(encoding="utf-8"))
        with np.load(folder / "user-space.npz") as arrays:
            return cls(
                arrays["centre"],
                arrays["scale"],
                tuple(values["topics"]),
                arrays["parts"],
                arrays["topic_centre"],
                values["topic_scale"],
            )


def _raw(habits: pl.DataFrame) -> Points:
    columns = [pl.col(name).log1p() if name in LOGARITHMIC else pl.col(name) for name in HABITS]
    return habits.select(columns).to_numpy().astype(np.float64)


def _mix(users: pl.Series, features: pl.DataFrame, topics: tuple[str, ...]) -> Points:
    """Square roots of the shares of a user's baskets by topic (users, topics): distances are then Hellinger's (Legendre and
    Gallagher 2001), and the few topics that everyone buys do not decide alone."""
    rows = pl.DataFrame({"user_id": users, "row": np.arange(len(users))}, schema={"user_id": pl.String, "row": pl.Int64})
    columns = pl.DataFrame(
        {"topic": list(topics), "column": np.arange(len(topics))}, schema={"topic": pl.String, "column": pl.Int64}
    )
    cells = (
        features.filter(pl.col("baskets") > 0)
        .select("user_id", "topic", "baskets")
        .join(rows, on="user_id")
        .join(columns, on="topic")
    )
    mix = np.zeros((len(users), len(topics)))
    mix[cells["row"].to_numpy(), cells["column"].to_numpy()] = cells["baskets"].to_numpy()
    return np.asarray(np.sqrt(mix / np.maximum(mix.sum(axis=1, keepdims=True), 1)))
