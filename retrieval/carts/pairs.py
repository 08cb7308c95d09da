"""Topics two by two: in how many baskets they lie together, however rare, where rules want a support."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from retrieval.carts.rules import Rule

MIN_TOGETHER = 5
"""Pairs in fewer baskets are not kept: too few to say anything, and too near to single people."""


class Pairs:
    """Counts of common baskets. A topic's code is its place in `topics`. Build it with `fit`, keep it with `save` and `load`."""

    def __init__(self, topics: list[str], counts: sparse.csr_matrix, n_baskets: int) -> None:
        self.topics = topics
        self.n_baskets = n_baskets
        self.code_of = {topic: code for code, topic in enumerate(topics)}
        self.baskets_of: NDArray[np.int64] = counts.diagonal().astype(np.int64)
        self._counts = counts

    @classmethod
    def fit(cls, baskets: pl.DataFrame) -> "Pairs":
        """Count `baskets` (columns session_id and topic, a row for each topic in a basket; doubles count once)."""
        rows = baskets.select("session_id", "topic").drop_nulls().unique()
        topics, n_baskets = rows["topic"].unique().sort(), rows["session_id"].n_unique()
        cells = (rows["session_id"].rank("dense").to_numpy().astype(np.int64) - 1, topics.search_sorted(rows["topic"]).to_numpy())
        held = sparse.csr_matrix((np.ones(len(rows), np.int32), cells), shape=(n_baskets, len(topics)))
        counts = (held.T @ held).tocoo()
        kept = (counts.data >= MIN_TOGETHER) | (counts.row == counts.col)
        cells = (counts.row[kept], counts.col[kept])
        return cls(topics.to_list(), sparse.csr_matrix((counts.data[kept], cells), shape=counts.shape), n_baskets)

    def save(self, folder: Path) -> None:
        sparse.save_npz(folder / "pairs.npz", self._counts, compressed=False)
        pl.DataFrame({"topic": self.topics}, schema={"topic": pl.String}).write_parquet(folder / "pairs-topics.parquet")
        (folder / "pairs-baskets").write_text(str(self.n_baskets))

    @classmethod
    def load(cls, folder: Path) -> "Pairs":
        """Raises OSError when nothing was saved in `folder`."""
        topics = pl.read_parquet(folder / "pairs-topics.parquet")["topic"].to_list()
        return cls(topics, sparse.load_npz(folder / "pairs.npz"), int((folder / "pairs-baskets").read_text()))

    def codes(self, topics: Collection[str]) -> list[int]:
        """The codes of the topics that were ever bought, sorted."""
        return sorted(self.code_of[topic] for topic in set(topics) if topic in self.code_of)

    def together(self, codes: list[int]) -> NDArray[np.int64]:
        """Baskets with each of `codes` and each other topic, (codes, topics); 0 for a topic with itself."""
        counts = self._counts[codes].toarray().astype(np.int64)
        counts[np.arange(len(codes)), codes] = 0
        return np.asarray(counts)

    def rule(self, antecedent: int, consequent: int) -> Rule:
        """The rule between two topics by their codes, with 0 baskets where they are not known to lie together."""
        baskets = int(self._counts[antecedent, consequent])
        alone = (int(self.baskets_of[antecedent]), int(self.baskets_of[consequent]))
        return Rule((self.topics[antecedent],), self.topics[consequent], baskets, *alone, self.n_baskets)

    def matrix(self) -> sparse.coo_matrix:
        """The counts of pairs, (topics, topics) and symmetric, with an empty diagonal."""
        counts = self._counts.tocoo(copy=True)
        off = counts.row != counts.col
        return sparse.coo_matrix((counts.data[off], (counts.row[off], counts.col[off])), shape=counts.shape)
