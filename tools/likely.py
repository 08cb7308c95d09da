"""What a user buys next: the fusion of a shop's sources, read for a user's whole past at each request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval import ALS, EASE, DecayedCooccurrence, Fusion, History, Interactions, ItemKNN, Popularity, Repeat, Shelf, Source
from retrieval.fusion import TooFewLessons
from retrieval.lessons import DAYS, lessons
from retrieval.sources.linear import LinearSource
from tools.past import Past

MIN_PURCHASES = 5
FEWEST = 200
"""Users who must have bought, in the last days of the log, what a source had found: of fewer nothing is learned."""

BOOSTING = {"num_leaves": 8, "learning_rate": 0.1}
"""Small trees, and fewer: what each adds to a score is said with every answer, which took 4 ms with the fusion's own and now 1.
On users set aside before 2017-12-01 of the demo (three draws) NDCG@10 is .494 with either.
"""


def sources(seed: int = 7) -> dict[str, Source]:
    """What the fusion of a shop is made of. Not the transformer, whose fit takes minutes, nor the items' texts, which added
    nothing to these on the demo shop.
    """
    return {
        "popularity": Popularity(),
        "recent_popularity": Popularity(half_life_days=DAYS),
        "repeat": Repeat(min_visits=1),
        "item_knn": ItemKNN(neighbours=50),
        "als": ALS(seed=seed),
        "ease": EASE(max_items=6000),
        "cooccurrence": DecayedCooccurrence(half_life=4.0, window=2),
    }


@dataclass(frozen=True, eq=False)
class Ranked:
    """Candidates for one user by item code of the fusion, with their place on the shelf and how likely each is bought next."""

    fusion: Fusion
    history: History
    events: NDArray[np.int64]
    items: NDArray[np.int64]
    on_shelf: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    features: NDArray[np.float32]

    def contributions(self, rows: Sequence[int]) -> list[dict[str, float]]:
        """As `Fusion.contributions`, of these candidates."""
        return self.fusion.contributions(self.features[list(rows)])

    def because(self, source: str, rows: Sequence[int]) -> list[int | None]:
        """For each of these candidates the place in the past of the event on another item that adds most to what an item-to-item
        source says of it; None where no event adds anything.
        """
        linear = self.fusion.sources[source]
        assert isinstance(linear, LinearSource)
        amounts = linear.amounts(self.history, self.items[list(rows)].tolist())
        amounts[self.items[list(rows), None] == self.history.items] = 0
        best = amounts.argmax(axis=1) if amounts.size else np.zeros(len(rows), np.int64)
        return [int(self.events[n]) if amounts.size and amounts[row, n] > 0 else None for row, n in enumerate(best)]


class Likely:
    """The fusion over items bought at least five times. Of the log, counts and fitted weights are kept, nothing of a user."""

    def __init__(self, fusion: Fusion, items: Interactions, fingerprint: str, shelf: Shelf) -> None:
        self._fusion, self._items, self._fingerprint = fusion, items, fingerprint
        self._on_shelf = np.array([shelf.code_of[item_id] for item_id in items.item_ids], np.int64)
        self._of_shelf = np.full(len(shelf.item_ids), -1, np.int32)
        self._of_shelf[self._on_shelf] = np.arange(len(self._on_shelf))

    @classmethod
    def fit(cls, bought: pl.DataFrame, shelf: Shelf, seed: int = 7) -> "Likely | None":
        """From purchases of items on the shelf (columns user_id, item_id, ts). None for a shop too small to learn from.

        The ranker learns from the last 28 days, with sources fitted on what came before; these are then fitted on everything.
        """
        often = bought.group_by("item_id").len().filter(pl.col("len") >= MIN_PURCHASES)["item_id"]
        whole = Interactions.of(bought.filter(pl.col("item_id").is_in(often.implode())))
        taught = lessons(whole, whole.now - DAYS)
        if len(taught.histories) < FEWEST:
            return None
        fusion = Fusion(sources(seed), seen=True, seed=seed, boosting=BOOSTING).fit(taught.known)
        try:
            fusion.learn(taught.histories, taught.bought, FEWEST)
        except TooFewLessons:
            return None
        return cls(fusion.fit(whole), whole.of_users([]), whole.fingerprint, shelf)

    def save(self, folder: Path) -> None:
        self._fusion.save(folder / "likely")
        self._items.save(folder / "likely" / "items")
        (folder / "likely" / "fingerprint").write_text(self._fingerprint)

    @classmethod
    def load(cls, folder: Path, shelf: Shelf) -> "Likely | None":
        """None when nothing was saved in `folder`. Raises StaleModel when its parts do not belong together."""
        known = folder / "likely" / "fingerprint"
        if not known.exists():
            return None
        fingerprint = known.read_text()
        fusion = Fusion.load(folder / "likely", fingerprint)
        return cls(fusion, Interactions.load(folder / "likely" / "items"), fingerprint, shelf)

    def probability(self, score: float) -> float:
        """Of a purchase in the next 28 days, for a candidate with this score of the ranker."""
        return float(self._fusion.probabilities(np.array([score], np.float32))[0])

    def rank(self, past: Past, now: datetime, allowed: NDArray[np.bool_], also: Sequence[str] = ()) -> Ranked:
        """The candidates for someone with this past, those of `allowed`, a mask over the shelf, and the items `also`.

        What was bought already may come again, what only lies in the cart does not.
        """
        code_of = self._items.code_of
        events = past.among(self._on_shelf)
        history = History(self._of_shelf[past.codes[events]], np.maximum(now.timestamp() / 86_400 - past.days[events], 0.0))
        mask = allowed[self._on_shelf]
        carted = self._of_shelf[past.carted]
        mask[carted[carted >= 0]] = False
        found = self._fusion.candidates([history], mask, [code_of[item_id] for item_id in also if item_id in code_of])
        scores = self._fusion.predict(found.features) if len(found.items) else np.zeros(0, np.float32)
        return Ranked(
            self._fusion,
            history,
            events,
            found.items,
            self._on_shelf[found.items],
            self._fusion.probabilities(scores),
            found.features,
        )
