"""What everybody buys, overall or of late: the same ranking for every user."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.interactions import History, Interactions
from retrieval.source import Contribution, Ranking, load_arrays, rank, save_arrays


@dataclass
class Popularity:
    """Events per item, each counting half for every `half_life_days` before the last event; all alike without it.

    Times must be known for a half-life. For the popularity in a segment, fit it on `Interactions.of_users`.
    """

    half_life_days: float | None = None
    _counts: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32), init=False, repr=False)
    _fingerprint: str = field(default="", init=False, repr=False)

    def fit(self, interactions: Interactions) -> "Popularity":
        """Raises ValueError for a half-life where the interactions have no times."""
        weights = None
        if self.half_life_days is not None:
            if interactions.days is None:
                raise ValueError(f"half_life_days={self.half_life_days!r} needs interactions with times, these have none")
            weights = np.exp2((interactions.days - interactions.now) / self.half_life_days)
        self._counts = np.bincount(interactions.items, weights, interactions.n_items).astype(np.float32)
        self._fingerprint = interactions.fingerprint
        return self

    def scores(self, histories: Sequence[History]) -> NDArray[np.float32]:
        return np.broadcast_to(self._counts, (len(histories), len(self._counts)))

    def similar_items(self, item: int, k: int) -> Ranking:
        """The most popular items: this source knows no nearness."""
        others = np.arange(len(self._counts)) != item
        return rank(self._counts[None], k, others)

    def explain(self, history: History, item: int) -> list[Contribution]:
        score = float(self._counts[item])
        return [Contribution(None, score)] if score else []

    def save(self, folder: Path) -> None:
        save_arrays(folder, self._fingerprint, {"half_life_days": self.half_life_days}, {"counts": self._counts})

    @classmethod
    def load(cls, folder: Path, fingerprint: str) -> "Popularity":
        values, arrays = load_arrays(folder, fingerprint)
        source = cls(**values)
        source._counts, source._fingerprint = arrays["counts"], fingerprint
        return source
