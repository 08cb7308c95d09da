"""What is bought next: co-occurrence in sequences that decays with the distance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from retrieval.interactions import Interactions
from retrieval.sources.linear import LinearSource


@dataclass
class DecayedCooccurrence(LinearSource):
    """Each time that j follows i within `window` visits of one user counts `decay` ** (visits between - 1) from i to j.

    `backward` of it also counts from j to i; two items of one visit count 1 both ways. The weight is the count over
    baskets(i) ** `alpha` * baskets(j) ** `beta`; of each i the greatest `neighbours` are kept. This is the sequential
    rules of Ludewig and Jannach ("Evaluation of Session-based Recommendation Algorithms", UMUAI 2018, section 3.1) with a
    geometric decay, over visits instead of clicks.
    """

    half_life: float | None = 1.0
    window: int = 10
    decay: float = 0.8
    backward: float = 0.25
    alpha: float = 0.25
    beta: float = 0.0
    neighbours: int = 200

    def weigh(self, interactions: Interactions) -> tuple[sparse.csr_matrix, NDArray[np.int32] | None]:
        visits, user = _visits(interactions)
        n_items = interactions.n_items
        ahead = sparse.csr_matrix((n_items, n_items), dtype=np.float32)
        for distance in range(1, self.window + 1):
            same = user[distance:] == user[:-distance]
            if not same.any():
                break
            first, later = visits[:-distance][same], visits[distance:][same]
            ahead = ahead + (first.T @ later) * np.float32(self.decay ** (distance - 1))
        weights = ahead + ahead.T * np.float32(self.backward)
        if visits.nnz > visits.shape[0]:
            together = (visits.T @ visits).tocsr()
            together.setdiag(0)
            weights = weights + together
        baskets = np.maximum(np.bincount(visits.indices, minlength=n_items), 1).astype(np.float32)
        weights = sparse.diags(baskets**-self.alpha) @ weights @ sparse.diags(baskets**-self.beta)
        return _strongest(weights.tocsr().astype(np.float32), self.neighbours), None


def _strongest(weights: sparse.csr_matrix, n: int) -> sparse.csr_matrix:
    """The `n` greatest of each row, of equal ones the first."""
    weights.sort_indices()
    for row in np.flatnonzero(np.diff(weights.indptr) > n):
        values = weights.data[weights.indptr[row] : weights.indptr[row + 1]]
        values[np.argsort(-values, kind="stable")[n:]] = 0
    weights.eliminate_zeros()
    return weights


def _visits(interactions: Interactions) -> tuple[sparse.csr_matrix, NDArray[np.int64]]:
    """The visits in time order with the items of each, (visits, items) of ones, and the user of each visit."""
    user = np.repeat(np.arange(interactions.n_users), np.diff(interactions.indptr))
    new = np.ones(len(user), bool)
    if interactions.days is not None:
        new[1:] = (np.diff(user) != 0) | (np.diff(interactions.days) != 0)
    visit = np.cumsum(new) - 1
    shape = (int(new.sum()), interactions.n_items)
    visits = sparse.csr_matrix((np.ones(len(user), np.float32), (visit, interactions.items)), shape)
    visits.data[:] = 1
    return visits, user[new]
