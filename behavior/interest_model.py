"""The learned interest model: boosted trees that say how probable a purchase on a topic in the next 28 days is.

Fitted on the shop's own log, the past of earlier dates against the 28 days after each. Covered: the narrowest topics that a user
bought from or looked at. Not covered: broader topics, brands, topics that the user never touched, and what was said in words.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import lightgbm
import numpy as np
import polars as pl

from behavior.catalog import Catalog
from behavior.drivers import in_words
from behavior.expressions import age_days
from behavior.features import events_on_topics, topic_habits
from behavior.propensity_features import propensity_features, simple_estimate
from behavior.topic_tables import TopicTables
from behavior.visits import PERIOD_DAYS, paces, topic_visits

WINDOW = timedelta(days=PERIOD_DAYS)
DATES = 5
"""How many as-of dates, 28 days apart, the trees learn from at most."""
LEAST_DATES, LEAST_BOUGHT = 2, 5_000
"""Fewer dates with 28 days before and after them, or fewer (user, topic) pairs bought again, and nothing is learned."""
UNLIKELY, KEPT = 0.05, 0.25
"""Of the rows that the plain estimate puts below .05 a quarter is learned from, with four times the weight."""
ROUNDS = 300
PARAMETERS = {
    "objective": "binary",
    "learning_rate": 0.04,
    "num_leaves": 15,
    "min_data_in_leaf": 300,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


@dataclass(frozen=True)
class InterestModel:
    """Made by `fit`, asked by `behavior.strength` and `behavior.build_profile`."""

    booster: lightgbm.Booster
    tables: TopicTables

    @classmethod
    def fit(
        cls,
        events: pl.DataFrame,
        catalog: Catalog,
        as_of: datetime,
        progress: Callable[[str], None] = lambda _: None,
        seed: int = 0,
    ) -> "InterestModel | None":
        """Learn from an event frame that holds the log up to `as_of`; None when it is too short or too thin to learn from."""
        events = events.filter(pl.col("ts") <= as_of)
        on_topics = events_on_topics(events, catalog).filter("is_leaf")
        visits = topic_visits(on_topics)
        first = events.group_by("user_id").agg(first_ts=pl.col("ts").min())
        start = visits["ts"].min()
        dates = [as_of - n * WINDOW for n in range(DATES + 2)]
        dates = [date for date in dates if isinstance(start, datetime) and date >= start + WINDOW]
        if len(dates) < LEAST_DATES + 2:
            return None
        random = np.random.default_rng(seed)
        features, bought_after, weights = [], [], []
        before = rows_at(visits, on_topics, first, dates[-1])
        for n, date in reversed(list(enumerate(dates[:-1]))):
            tables = TopicTables.fit(before, bought_between(visits, dates[n + 1], date))
            if n == 0:
                break
            progress(f"learning from the 28 days after {date:%d %b %Y}")
            before = rows_at(visits, on_topics, first, date)
            y = _labels(before, bought_between(visits, date, dates[n - 1]))
            unlikely = (before["simple"] < UNLIKELY).to_numpy()
            kept = ~unlikely | (random.random(len(y)) < KEPT)
            features.append(propensity_features(before, tables).filter(kept))
            bought_after.append(y[kept])
            weights.append(np.where(unlikely, 1 / KEPT, 1.0)[kept])
        labels = np.concatenate(bought_after)
        if labels.sum() < LEAST_BOUGHT:
            return None
        progress(f"growing trees on {len(labels):,} examples")
        learn = pl.concat(features)
        data = lightgbm.Dataset(learn.to_numpy(), labels, weight=np.concatenate(weights), feature_name=learn.columns)
        return cls(lightgbm.train({**PARAMETERS, "seed": seed}, data, ROUNDS), tables)

    def probability(self, rows: pl.DataFrame) -> pl.Series:
        """One value in [0, 1] per row of `topic_features`, which holds each user's rows whole; null for what is not covered."""
        covered = is_covered(rows)
        values = np.full(len(rows), np.nan)
        if covered.any():
            values[covered.to_numpy()] = self._predict(propensity_features(rows.filter(covered), self.tables))
        return pl.Series("probability", values).fill_nan(None)

    def drivers(self, rows: pl.DataFrame, topics: list[str]) -> dict[str, list[str]]:
        """For the topics covered, what raised or lowered the probability most, in words; `rows` are all of one user."""
        rows = rows.filter(is_covered(rows))
        asked = rows["topic"].is_in(topics)
        if not asked.any():
            return {}
        features = propensity_features(rows, self.tables).filter(asked)
        parts = self.booster.predict(features.to_numpy(), pred_contrib=True, num_threads=1)
        words = [
            in_words(dict(zip(features.columns, part, strict=False)), row)
            for part, row in zip(parts, features.iter_rows(named=True), strict=True)
        ]
        return dict(zip(rows.filter(asked)["topic"], words, strict=True))

    def save(self, folder: Path) -> None:
        self.booster.save_model(folder / "interests.txt")
        self.tables.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "InterestModel | None":
        """What `save` wrote; None if nothing was."""
        file = folder / "interests.txt"
        return cls(lightgbm.Booster(model_file=file), TopicTables.load(folder)) if file.exists() else None

    def _predict(self, features: pl.DataFrame) -> np.ndarray:
        threads = 1 if len(features) < 5_000 else 0  # to wake threads takes longer than to score one user
        return np.asarray(self.booster.predict(features.to_numpy(), num_threads=threads))


def is_covered(rows: pl.DataFrame) -> pl.Series:
    """Which rows of `topic_features` the model speaks of."""
    return rows.select(pl.col("is_leaf") & ((pl.col("baskets") > 0) | (pl.col("looks_recent") > 0)))["is_leaf"]


def rows_at(visits: pl.DataFrame, on_topics: pl.DataFrame, first: pl.DataFrame, date: datetime) -> pl.DataFrame:
    """The rows of `topic_features` that the model speaks of, as they were at `date`, with `simple`, the plain estimate.

    `first` has user_id and first_ts of everyone.
    """
    observed = first.filter(pl.col("first_ts") <= date).select("user_id", observed_days=age_days(pl.col("first_ts"), date))
    return (
        topic_habits(visits, on_topics, date)
        .join(paces(visits, date), on="user_id", how="left", maintain_order="left")
        .join(observed, on="user_id", maintain_order="left")
        .with_columns(simple=simple_estimate())
    )


def bought_between(visits: pl.DataFrame, after: datetime, until: datetime) -> pl.DataFrame:
    """user_id and topic of what was bought in after < ts <= until."""
    return visits.filter(pl.col("ts") > after, pl.col("ts") <= until).select("user_id", "topic").unique()


def _labels(rows: pl.DataFrame, bought: pl.DataFrame) -> np.ndarray:
    marked = rows.join(bought.with_columns(bought=pl.lit(1.0)), on=["user_id", "topic"], how="left", maintain_order="left")
    return marked["bought"].fill_null(0.0).to_numpy()
