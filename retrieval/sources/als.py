"""Matrix factorisation for implicit feedback, by `implicit`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from retrieval.interactions import History, Interactions, event_weights, rows_of
from retrieval.source import Contribution, Ranking, load_arrays, rank, save_arrays


@dataclass
class ALS:
    """Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets" (ICDM 2008).

    The confidence of a user in an item is `alpha` * log2(1 + events), each event counting half for every `half_life` visits
    that it is ago. A user's factors are always computed from his row, for known and new users alike.
    """

    factors: int = 64
    regularization: float = 1.0
    alpha: float = 10.0
    iterations: int = 15
    half_life: float | None = None
    seed: int = 7
    threads: int = 0
    _factors: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32), init=False, repr=False)
    _prior: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32), init=False, repr=False)
    _fingerprint: str = field(default="", init=False, repr=False)

    def fit(self, interactions: Interactions) -> "ALS":
        rows = rows_of(interactions.histories(), interactions.n_items, self.half_life)
        factors = np.zeros((interactions.n_items, self.factors), np.float32)
        if rows.nnz:
            with threadpool_limits(1, "blas"):  # implicit has its own threads, and those of OpenBLAS would get in their way
                model = AlternatingLeastSquares(
                    self.factors,
                    self.regularization,
                    self.alpha,
                    iterations=self.iterations,
                    random_state=self.seed,
                    num_threads=self.threads,
                )
                model.fit(_damped(rows), show_progress=False)
            bought = np.flatnonzero(rows.getnnz(axis=0))
            factors[bought] = model.item_factors[bought]
        return self._holding(factors, interactions.fingerprint)

    def scores(self, histories: Sequence[History]) -> NDArray[np.float32]:
        return np.asarray(self.user_factors(histories) @ self._factors.T, np.float32)

    def user_factors(self, histories: Sequence[History]) -> NDArray[np.float32]:
        """Folded in from whole rows (equation 4), (users, factors); 0 for an empty row."""
        rows = rows_of(histories, len(self._factors), self.half_life)
        confidence = self.alpha * _damped(rows).data
        left = np.empty((len(histories), self.factors, self.factors), np.float32)
        right = np.empty((len(histories), self.factors, 1), np.float32)
        for user, (start, end) in enumerate(pairwise(rows.indptr)):
            own, weight = self._factors[rows.indices[start:end]], confidence[start:end, None]
            left[user] = own.T @ ((weight - 1) * own)
            right[user] = own.T @ weight
        found: NDArray[np.float32] = np.linalg.solve(left + self._prior, right)[:, :, 0]
        return found

    def similar_items(self, item: int, k: int) -> Ranking:
        """By the cosine of the factors."""
        lengths = np.linalg.norm(self._factors, axis=1)
        cosine = self._factors @ self._factors[item] / np.maximum(lengths * lengths[item], 1e-12)
        return rank(cosine[None].astype(np.float32), k, np.arange(len(cosine)) != item)

    def explain(self, history: History, item: int) -> list[Contribution]:
        """Section 5 of the paper: the score is a sum over the user's items; each item's part is shared by its events' weights."""
        row = rows_of([history], len(self._factors), self.half_life)
        confidence = self.alpha * _damped(row).data
        own = self._factors[row.indices]
        left = own.T @ ((confidence - 1)[:, None] * own) + self._prior
        parts = confidence * (own @ np.linalg.solve(left, self._factors[item]))
        part = dict(zip(row.indices, parts / row.data, strict=True))
        weights = event_weights(history, self.half_life)
        found = [
            Contribution(n, float(part.get(code, 0) * weight))
            for n, (code, weight) in enumerate(zip(history.items, weights, strict=True))
        ]
        return sorted((c for c in found if c.amount), key=lambda c: -c.amount)

    def save(self, folder: Path) -> None:
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        save_arrays(folder, self._fingerprint, values, {"factors": self._factors})

    @classmethod
    def load(cls, folder: Path, fingerprint: str) -> "ALS":
        values, arrays = load_arrays(folder, fingerprint)
        return cls(**values)._holding(arrays["factors"], fingerprint)

    def _holding(self, factors: NDArray[np.float32], fingerprint: str) -> "ALS":
        """With these item factors. `_prior` is what the equations of all users share: their products and the regularization."""
        self._factors, self._fingerprint = factors, fingerprint
        self._prior = factors.T @ factors + self.regularization * np.eye(self.factors, dtype=np.float32)
        return self


def _damped(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    rows = rows.copy()
    rows.data = np.log2(1 + rows.data)
    return rows
