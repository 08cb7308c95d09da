"""What the whole population did on each topic: fixed when the interest model is fitted, read when one user is scored."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import linalg, sparse

RIDGE = 30.0
MOST_TOPICS = 3000
SMOOTHING = 5.0


@dataclass(frozen=True)
class TopicTables:
    """`topics`: one row per topic, see `topic_table`. `weights` (topics, topics), by the row number in `topics`: what a
    probability of buying on the one topic adds to the chance of buying on the other, see `topic_weights`."""

    topics: pl.DataFrame
    weights: NDArray[np.float32]

    @classmethod
    def fit(cls, before: pl.DataFrame, bought: pl.DataFrame) -> "TopicTables":
        """`before`: user_id, topic, `simple` (the plain estimate) and the columns of `habits`, as of 28 days ago; `bought`:
        user_id, topic of the purchases since."""
        topics = topic_table(before, bought)
        return cls(topics, topic_weights(before, bought, topics["topic"].to_list()))

    @cached_property
    def coded(self) -> pl.DataFrame:
        """`topics` with `code`, the row number in `weights`, null for a topic without weights."""
        code = pl.int_range(pl.len(), dtype=pl.Int32)
        return self.topics.with_columns(code=pl.when(code < len(self.weights)).then(code))

    def related(self, rows: pl.DataFrame) -> pl.Series:
        """The correction of each row's `simple` by all that the same user does. Null for a topic without weights.

        `rows` holds each user's topics whole, with `code` as in `coded`. Sums run in the order of the topics, so a user alone
        gives what the batch gives.
        """
        known = rows["code"].is_not_null().to_numpy()
        lines = rows["user_id"].rank("dense").to_numpy().astype(np.int64)[known] - 1
        columns = rows["code"].drop_nulls().to_numpy()
        values = rows["simple"].to_numpy()[known].astype(np.float32)
        own = sparse.csr_matrix((values, (lines, columns)), (int(lines.max(initial=-1)) + 1, len(self.weights)))
        out = np.full(len(rows), np.nan, np.float32)
        out[known] = (own @ self.weights)[lines, columns]
        return pl.Series("related", out).fill_nan(None)

    def save(self, folder: Path) -> None:
        self.topics.write_parquet(folder / "topic_table.parquet")
        np.save(folder / "topic_weights.npy", self.weights)

    @classmethod
    def load(cls, folder: Path) -> "TopicTables":
        return cls(pl.read_parquet(folder / "topic_table.parquet"), np.load(folder / "topic_weights.npy", mmap_mode="r"))


def topic_table(before: pl.DataFrame, bought: pl.DataFrame) -> pl.DataFrame:
    """One row per topic, those with the most buyers in the last 28 days first.

    `topic_share`: of the users who bought anything, who bought on it. `topic_trend`: its buyers against the 28 days before.
    `topic_return`: of the users who ever had, who did again. `topic_lift`: its buyers among them against what the plain
    estimate expected, above 1 when in season. `topic_interval_days`: median over users of their mean interval.
    """
    active = max(bought["user_id"].n_unique(), 1)
    known = (
        before.join(bought.with_columns(again_now=pl.lit(1)), on=["user_id", "topic"], how="left")
        .group_by("topic")
        .agg(
            buyers_before=(pl.col("last_28") > 0).sum(),
            ever=pl.len(),
            returned=pl.col("again_now").sum(),
            expected=pl.col("simple").sum(),
            topic_interval_days=pl.col("mean_interval_days").median(),
        )
    )
    now = bought.group_by("topic").agg(buyers=pl.len())
    usual = pl.col("returned").sum() / pl.col("ever").sum().clip(1)
    return (
        known.join(now, on="topic", how="full", coalesce=True)
        .with_columns(pl.col("buyers", "buyers_before", "ever", "returned", "expected").fill_null(0))
        .sort("buyers", "topic", descending=[True, False])
        .select(
            "topic",
            topic_share=pl.col("buyers") / active,
            topic_trend=(pl.col("buyers") + SMOOTHING) / (pl.col("buyers_before") + SMOOTHING),
            topic_return=(pl.col("returned") + SMOOTHING * usual) / (pl.col("ever") + SMOOTHING),
            topic_lift=(pl.col("returned") + SMOOTHING) / (pl.col("expected") + SMOOTHING),
            topic_interval_days="topic_interval_days",
        )
    )


def topic_weights(before: pl.DataFrame, bought: pl.DataFrame, topics: list[str]) -> NDArray[np.float32]:
    """Ridge regression, in closed form, of what was bought in 28 days less what the plain estimate expected, on the estimates
    for all topics: W = (X'X + l2 I)^-1 X'(Y - X). The idea of EASE (Steck, WWW 2019) turned towards the time after.

    At most 3,000 topics, those named first.
    """
    kept = topics[:MOST_TOPICS]
    users = pl.concat([before["user_id"], bought["user_id"]]).unique().sort().to_list()
    x = _matrix(before.select("user_id", "topic", "simple"), users, kept)
    y = _matrix(bought.select("user_id", "topic", simple=pl.lit(1.0)), users, kept)
    gram = (x.T @ x).toarray()
    gram[np.diag_indices_from(gram)] += RIDGE
    weights: NDArray[np.float32] = np.zeros(gram.shape, np.float32)
    if kept:
        weights[:] = linalg.solve(gram, (x.T @ (y - x)).toarray(), assume_a="pos")
    return weights


def _matrix(rows: pl.DataFrame, users: list[str], topics: list[str]) -> sparse.csr_matrix:
    lines = rows["user_id"].replace_strict(dict(zip(users, range(len(users)), strict=True)), return_dtype=pl.Int64)
    columns = rows["topic"].replace_strict(
        dict(zip(topics, range(len(topics)), strict=True)), default=None, return_dtype=pl.Int64
    )
    known = columns.is_not_null()
    place = (lines.filter(known).to_numpy(), columns.filter(known).to_numpy())
    return sparse.csr_matrix((rows["simple"].filter(known).to_numpy(), place), (len(users), len(topics)))
