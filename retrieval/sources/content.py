"""What an item is, by its words: vectors of the items' texts, and the source that recommends what is alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.extmath import randomized_svd

from retrieval.interactions import History, Interactions, event_weights, rows_of
from retrieval.source import Contribution, Ranking, load_arrays, rank, save_arrays

DIMENSIONS = 256
MOST_TERMS = 50_000


def text_vectors(texts: Sequence[str], seed: int = 7) -> NDArray[np.float32]:
    """Latent semantic analysis of the words and pairs of words that at least two of the texts have.

    (texts, at most 256 dimensions), of length 1, or 0 for a text that shares no word with another.
    """
    try:
        terms = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2, max_features=MOST_TERMS).fit_transform(texts)
    except ValueError:  # scikit-learn's answer where no term is left
        return np.zeros((len(texts), 1), np.float32)
    left, strength, _ = randomized_svd(terms, min(DIMENSIONS, *terms.shape), random_state=seed)
    found = left * strength
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(np.where(lengths > 1e-6, found / np.maximum(lengths, 1e-6), 0), np.float32)


@dataclass
class Content:
    """score(user, item) = sum over the user's events e of 0.5 ** (visits since e / half_life) * vector of e . vector of item.

    `vectors` (items, dimensions) are of length 1, or 0 for an item that nothing is known of, which is never recommended.
    """

    vectors: NDArray[np.float32] = field(repr=False)
    half_life: float | None = 1.0
    _fingerprint: str = field(default="", init=False, repr=False)

    def fit(self, interactions: Interactions) -> "Content":
        """Learns nothing. Raises ValueError unless there is a vector for each item."""
        if len(self.vectors) != interactions.n_items:
            raise ValueError(f"{len(self.vectors)!r} vectors for {interactions.n_items!r} items")
        self._fingerprint = interactions.fingerprint
        return self

    def scores(self, histories: Sequence[History]) -> NDArray[np.float32]:
        rows = rows_of(histories, len(self.vectors), self.half_life)
        return np.asarray((rows @ self.vectors) @ self.vectors.T, np.float32)

    def similar_items(self, item: int, k: int) -> Ranking:
        """By the cosine of the vectors."""
        return rank((self.vectors @ self.vectors[item])[None], k, np.arange(len(self.vectors)) != item)

    def explain(self, history: History, item: int) -> list[Contribution]:
        amounts = event_weights(history, self.half_life) * (self.vectors[history.items] @ self.vectors[item])
        found = [Contribution(event, float(amount)) for event, amount in enumerate(amounts) if amount]
        return sorted(found, key=lambda part: -part.amount)

    def save(self, folder: Path) -> None:
        save_arrays(folder, self._fingerprint, {"half_life": self.half_life}, {"vectors": self.vectors})

    @classmethod
    def load(cls, folder: Path, fingerprint: str) -> "Content":
        values, arrays = load_arrays(folder, fingerprint)
        source = cls(arrays["vectors"], values["half_life"])
        source._fingerprint = fingerprint
        return source
