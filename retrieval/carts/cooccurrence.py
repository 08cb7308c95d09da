"""What is bought together: counts of baskets that hold two items, and the cosine between items that follows."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy import sparse

MIN_BASKETS = 5


@dataclass(frozen=True)
class Neighbour:
    """An item bought with those asked about: nearest to `because`, in `baskets` baskets with it, `lift` times chance.

    `cosine` is the weighted sum over all that were asked about.
    """

    item_id: str
    baskets: int
    lift: float
    cosine: float
    because: str


class Cooccurrence:
    """Counts of common baskets of items that were bought in at least five baskets.

    Build it with `fit`, keep it with `save` and `load`.
    """

    def __init__(self, item_ids: list[str], counts: sparse.csr_matrix, n_baskets: int) -> None:
        self.item_ids = item_ids
        self.n_baskets = n_baskets
        self._counts = counts
        self._index = {item_id: n for n, item_id in enumerate(item_ids)}
        self._baskets_of = counts.diagonal()

    @classmethod
    def fit(cls, interactions: pl.DataFrame) -> "Cooccurrence":
        """Count the baskets of `interactions` (columns session_id and item_id, one row per item bought)."""
        rows = interactions.select("session_id", "item_id").drop_nulls().unique()
        often = rows.group_by("item_id").len().filter(pl.col("len") >= MIN_BASKETS).sort("item_id")["item_id"]
        rows = rows.filter(pl.col("item_id").is_in(often.implode()))
        baskets = rows["session_id"].rank("dense").to_numpy().astype(np.int64) - 1 if len(rows) else np.zeros(0, np.int64)
        items = often.search_sorted(rows["item_id"]).to_numpy() if len(rows) else np.zeros(0, np.int64)
        n_baskets = int(baskets.max()) + 1 if len(baskets) else 0
        bought = sparse.csr_matrix((np.ones(len(rows), np.int32), (baskets, items)), shape=(n_baskets, len(often)))
        counts = (bought.T @ bought).tocsr()
        counts.data[counts.data < 2] = 0
        counts.eliminate_zeros()
        return cls(often.to_list(), counts, n_baskets)

    def save(self, folder: Path) -> None:
        sparse.save_npz(folder / "cooccurrence.npz", self._counts, compressed=False)
        pl.DataFrame({"item_id": self.item_ids}).write_parquet(folder / "cooccurrence-items.parquet")
        (folder / "cooccurrence-baskets").write_text(str(self.n_baskets))

    @classmethod
    def load(cls, folder: Path) -> "Cooccurrence":
        """Raises OSError when nothing was saved in `folder`."""
        items = pl.read_parquet(folder / "cooccurrence-items.parquet")["item_id"].to_list()
        return cls(items, sparse.load_npz(folder / "cooccurrence.npz"), int((folder / "cooccurrence-baskets").read_text()))

    def baskets_of(self, item_id: str) -> int:
        """In how many baskets an item was bought; 0 for a rare or unknown one."""
        n = self._index.get(item_id)
        return 0 if n is None else int(self._baskets_of[n])

    def similar_items(self, item_ids: list[str], weights: list[float] | None = None, k: int = 50) -> list[Neighbour]:
        """The `k` items nearest to any of `item_ids` (by weighted sum of cosines), without those asked about; ties by item id."""
        weighted = [
            (self._index[i], w) for i, w in zip(item_ids, weights or [1.0] * len(item_ids), strict=True) if i in self._index
        ]
        if not weighted:
            return []
        asked, weight = np.array([n for n, _ in weighted]), np.array([w for _, w in weighted])
        counts = self._counts[asked]
        row = np.repeat(np.arange(len(asked)), np.diff(counts.indptr))
        cosine = counts.data / np.sqrt(self._baskets_of[asked[row]] * self._baskets_of[counts.indices].astype(np.float64))
        score = np.bincount(counts.indices, weight[row] * cosine, len(self.item_ids))
        score[asked] = 0
        found = np.flatnonzero(score > 0)
        best = found[np.lexsort((found, -score[found]))[:k]]
        near = sparse.csr_matrix((cosine, counts.indices, counts.indptr), counts.shape)[:, best].toarray().argmax(axis=0)
        together = counts[:, best].toarray()[near, np.arange(len(best))]
        by_chance = self._baskets_of[asked[near]].astype(np.float64) * self._baskets_of[best] / self.n_baskets
        return [
            Neighbour(self.item_ids[n], int(baskets), float(baskets / chance), float(score[n]), self.item_ids[because])
            for n, baskets, chance, because in zip(best, together, by_chance, asked[near], strict=True)
        ]
