"""EASE: the item-to-item weights that best rebuild each user's row from the rest of it, in closed form."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from retrieval.interactions import Interactions
from retrieval.sources.linear import LinearSource


@dataclass
class EASE(LinearSource):
    """Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (WWW 2019), equation 8, `l2` being its lambda.

    The weights are dense: 4 bytes for each pair of items, and as much again while fitting. Above `max_items` only the items
    with the most users are kept; about the others EASE has nothing to say.
    """

    half_life: float | None = 3.0
    l2: float = 200.0
    max_items: int = 12_500

    def weigh(self, interactions: Interactions) -> tuple[NDArray[np.float32], NDArray[np.int32] | None]:
        bought = interactions.counts()
        bought.data[:] = 1
        kept = None
        if interactions.n_items > self.max_items:
            users = np.bincount(bought.indices, minlength=interactions.n_items)
            kept = np.sort(np.lexsort((np.arange(len(users)), -users))[: self.max_items]).astype(np.int32)
            bought = bought[:, kept]
        gram = (bought.T @ bought).toarray(order="F")
        gram[np.diag_indices_from(gram)] += self.l2
        inverse = _inverse(gram)
        inverse /= -np.diag(inverse)
        np.fill_diagonal(inverse, 0)
        return inverse, kept


def _inverse(gram: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of a positive definite matrix in Fortran order, whose memory is used. LAPACK fills its lower triangle, clears the upper."""
    if not len(gram):
        return gram
    factor, failed = linalg.lapack.spotrf(gram, lower=1, overwrite_a=1)
    lower, failed_too = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        raise ValueError("the items' co-occurrence matrix is not positive definite: raise l2")
    upper = np.array(lower.T)
    np.fill_diagonal(upper, 0)
    upper += lower
    return upper
