"""Who buys alike: the collaborative source of a shop, read for a user's whole timeline at each request."""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval import History, Interactions, ItemKNN, Ranking, Shelf, rank
from tools.past import Past

MIN_PURCHASES = 5
NEIGHBOURS = 50


class Alike:
    """Item neighbours by their buyers, over items bought at least five times.

    Of the log only the item ids and the neighbours are kept, nothing of a user.
    """

    def __init__(self, source: ItemKNN, items: Interactions, fingerprint: str, shelf: Shelf) -> None:
        self._source, self._items, self._fingerprint = source, items, fingerprint
        self._on_shelf = np.array([shelf.code_of[item_id] for item_id in items.item_ids], np.int64)

    @classmethod
    def fit(cls, bought: pl.DataFrame, shelf: Shelf) -> "Alike":
        """From purchases of items on the shelf (columns user_id, item_id, ts)."""
        often = bought.group_by("item_id").len().filter(pl.col("len") >= MIN_PURCHASES)["item_id"]
        interactions = Interactions.of(bought.filter(pl.col("item_id").is_in(often.implode())))
        return cls(ItemKNN(neighbours=NEIGHBOURS).fit(interactions), interactions.of_users([]), interactions.fingerprint, shelf)

    def save(self, folder: Path) -> None:
        self._source.save(folder / "alike")
        self._items.save(folder / "alike" / "items")
        (folder / "alike" / "fingerprint").write_text(self._fingerprint)

    @classmethod
    def load(cls, folder: Path, shelf: Shelf) -> "Alike":
        """Raises OSError when nothing was saved in `folder`, and StaleModel when its parts do not belong together."""
        fingerprint = (folder / "alike" / "fingerprint").read_text()
        source = ItemKNN.load(folder / "alike", fingerprint)
        return cls(source, Interactions.load(folder / "alike" / "items"), fingerprint, shelf)

    def known(self, past: Past) -> Past:
        """The events on items that this source knows."""
        return past.at(past.among(self._on_shelf))

    def recommend(self, past: Past, k: int, allowed: NDArray[np.bool_]) -> list[tuple[str, float]]:
        """The `k` best items, with their scores, for someone with this `known` past.

        `allowed` is a mask over the shelf. What was bought already may come again.
        """
        best: Ranking = rank(self._source.scores([self._history(past)]), k, allowed[self._on_shelf])
        return [(self._items.item_ids[c], float(s)) for c, s in zip(best.items[0], best.scores[0], strict=True) if c >= 0]

    def because(self, past: Past, item_id: str) -> int | None:
        """The place in a `known` past of the event that adds most to an item's score, None where none does."""
        parts = self._source.explain(self._history(past), self._items.code_of[item_id])
        return parts[0].event if parts else None

    def _history(self, past: Past) -> History:
        """Ages are days before the last event: visits are told apart by them."""
        return self._items.history_of(past.items, (past.days[-1:].sum() - past.days).tolist())
