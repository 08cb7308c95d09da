"""Sources whose score is a sum over the user's events of how strongly each event's item leads to another."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Self, TypeAlias

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from scipy import sparse
from torch.nn.functional import embedding_bag

from retrieval.interactions import History, Interactions, event_weights, rows_of
from retrieval.source import Contribution, Ranking, load_arrays, rank, save_arrays

Weights: TypeAlias = sparse.csr_matrix | NDArray[np.float32]

STRIPE = 256
"""Columns of dense weights that lie together: what a block of users reads of so many stays in the cache."""


@dataclass
class LinearSource(ABC):
    """score(user, item) = sum over the user's events e of 0.5 ** (visits since e / half_life) * weight[item of e, item].

    A subclass says in `weigh` what the weights are. Without `half_life` all events of a user count alike.
    """

    half_life: float | None = None
    _weights: Weights = field(default_factory=lambda: sparse.csr_matrix((0, 0), dtype=np.float32), init=False, repr=False)
    _kept: NDArray[np.int32] | None = field(default=None, init=False, repr=False)
    _place_of: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64), init=False, repr=False)
    _n_items: int = field(default=0, init=False, repr=False)
    _fingerprint: str = field(default="", init=False, repr=False)

    @abstractmethod
    def weigh(self, interactions: Interactions) -> tuple[Weights, NDArray[np.int32] | None]:
        """Weights from item (row) to item (column), over the item codes returned with them, or over all items for None."""

    def fit(self, interactions: Interactions) -> Self:
        self._weights = sparse.csr_matrix((0, 0), dtype=np.float32)  # of a fit before: memory need not hold both
        weights, self._kept = self.weigh(interactions)
        self._weights = _striped(weights) if isinstance(weights, np.ndarray) else weights
        self._n_items, self._fingerprint = interactions.n_items, interactions.fingerprint
        self._place_of = _places(self._kept, self._n_items)
        return self

    def scores(self, histories: Sequence[History]) -> NDArray[np.float32]:
        rows = rows_of(histories, self._n_items, self.half_life)
        if self._kept is None:
            return _product(rows, self._weights)[:, : self._n_items]
        return np.take(_product(rows[:, self._kept], self._weights), self._place_of, axis=1)

    def similar_items(self, item: int, k: int) -> Ranking:
        """By the weight from this item to the others."""
        alone = History(np.array([item], np.int32))
        return rank(self.scores([alone]), k, without=[alone])

    def explain(self, history: History, item: int) -> list[Contribution]:
        amounts = self.amounts(history, [item])[0]
        order = np.argsort(-amounts, kind="stable")
        order = order[amounts[order] != 0]
        return [Contribution(*part) for part in zip(order.tolist(), amounts[order].tolist(), strict=True)]

    def amounts(self, history: History, items: Sequence[int]) -> NDArray[np.float32]:
        """What each event of a history adds to the score of each of these items, (items, events)."""
        own, event = np.unique(history.items, return_inverse=True)
        counts = event_weights(history, self.half_life)
        rows, columns = self._place_of[own], self._place_of[list(items)]
        known, asked = np.flatnonzero((rows >= 0) & (np.bincount(event, counts) > 0)), np.flatnonzero(columns >= 0)
        found = np.zeros((len(items), len(own)), np.float32)
        found[np.ix_(asked, known)] = _weights_of(self._weights, rows[known], columns[asked]).T
        return found[:, event] * counts

    def save(self, folder: Path) -> None:
        weights = self._weights
        arrays = (
            {"stripes": weights}
            if isinstance(weights, np.ndarray)
            else {"data": weights.data, "indices": weights.indices, "indptr": weights.indptr}
        )
        if self._kept is not None:
            arrays["kept"] = self._kept
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        save_arrays(folder, self._fingerprint, {"n_items": self._n_items, "parameters": values}, arrays)

    @classmethod
    def load(cls, folder: Path, fingerprint: str) -> Self:
        values, arrays = load_arrays(folder, fingerprint)
        source = cls(**values["parameters"])
        source._n_items, source._fingerprint, source._kept = values["n_items"], fingerprint, arrays.get("kept")
        source._place_of = _places(source._kept, source._n_items)
        if "stripes" in arrays:
            source._weights = arrays["stripes"]
        else:
            shape = (source._n_items, source._n_items)
            source._weights = sparse.csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape, copy=False)
        return source


def _places(kept: NDArray[np.int32] | None, n_items: int) -> NDArray[np.int64]:
    """Rows and columns of the weights by item code; -1, the last column, for an item that was not kept."""
    if kept is None:
        return np.arange(n_items)
    places = np.full(n_items, -1, np.int64)
    places[kept] = np.arange(len(kept))
    return places


def _striped(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Dense weights as (stripes, items, `STRIPE`), the last stripe filled up with 0, by one column at least."""
    stripes = np.zeros((len(weights) // STRIPE + 1, len(weights), STRIPE), np.float32)
    for n, start in enumerate(range(0, len(weights), STRIPE)):
        stripes[n, :, : len(weights) - start] = weights[:, start : start + STRIPE]
    return stripes


def _weights_of(weights: Weights, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
    """Those from each of `rows` to each of `columns`."""
    found: NDArray[np.float32]
    if isinstance(weights, np.ndarray):
        found = weights[columns // STRIPE, rows[:, None], columns % STRIPE]
    else:
        found = weights[rows][:, columns].toarray()
    return found


def _product(rows: sparse.csr_matrix, weights: Weights) -> NDArray[np.float32]:
    """Dense, and with stripes as wide as these are together. The rows are few and short beside the weights: only those that
    they name are read, dense ones by a sum of rows in torch, sparse ones by a loop of our own, where scipy goes over them twice.
    """
    if isinstance(weights, np.ndarray):
        items, starts, amounts = (torch.from_numpy(part) for part in (rows.indices, rows.indptr, rows.data))
        product = np.empty((rows.shape[0], len(weights), STRIPE), np.float32)
        for n, stripe in enumerate(torch.from_numpy(weights)):
            product[:, n] = embedding_bag(
                items, stripe, starts, mode="sum", per_sample_weights=amounts, include_last_offset=True
            ).numpy()
        return product.reshape(rows.shape[0], -1)
    product = np.zeros((rows.shape[0], weights.shape[1]), np.float32)
    _add_rows(rows.indptr, rows.indices, rows.data, weights.indptr, weights.indices, weights.data, product)
    return product


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _add_rows(
    starts: NDArray[np.int32],
    items: NDArray[np.int32],
    amounts: NDArray[np.float32],
    weight_starts: NDArray[np.int32],
    columns: NDArray[np.int32],
    weights: NDArray[np.float32],
    product: NDArray[np.float32],
) -> None:
    """Add to each row of a dense (users, items) the sum of its items' rows of sparse weights. Blocks run side by side."""
    for user in range(len(starts) - 1):
        row = product[user]
        for event in range(starts[user], starts[user + 1]):
            item, amount = items[event], amounts[event]
            for place in range(weight_starts[item], weight_starts[item + 1]):
                row[columns[place]] += amount * weights[place]
