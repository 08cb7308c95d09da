"""Items bought by the same users: nearest neighbours of `implicit`."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from implicit.nearest_neighbours import all_pairs_knn, bm25_weight, normalize, tfidf_weight
from numpy.typing import NDArray
from scipy import sparse

from retrieval.interactions import Interactions
from retrieval.sources.linear import LinearSource


@dataclass
class ItemKNN(LinearSource):
    """Similarity of an item to its `neighbours` nearest by the users that bought them, itself among them.

    `metric` as in implicit: the cosine of the counts, of their TF-IDF weights, or the product of their BM25 weights.
    """

    half_life: float | None = 3.0
    neighbours: int = 100
    metric: Literal["cosine", "tfidf", "bm25"] = "tfidf"
    threads: int = 0

    def weigh(self, interactions: Interactions) -> tuple[sparse.csr_matrix, NDArray[np.int32] | None]:
        if not interactions.n_items:
            return sparse.csr_matrix((0, 0), dtype=np.float32), None
        buyers = interactions.counts().astype(np.float64).T
        if self.metric == "bm25":
            weighted = bm25_weight(buyers, K1=1.2, B=0.75)
        else:
            with np.errstate(invalid="ignore"):  # an item whose buyers all weigh 0 has no length
                weighted = normalize(tfidf_weight(buyers) if self.metric == "tfidf" else buyers)
            weighted.data = np.nan_to_num(weighted.data)
        near = all_pairs_knn(weighted.T.tocsr(), self.neighbours, show_progress=False, num_threads=self.threads)
        return near.tocsr().astype(np.float32), None
