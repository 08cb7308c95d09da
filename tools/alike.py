"""Who buys alike: the collaborative source of a shop, read for a user's whole timeline at each request."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval import Interactions, ItemKNN, Ranking, Shelf, rank

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

    def recommend(self, events: pl.DataFrame, k: int, allowed: NDArray[np.bool_]) -> list[tuple[str, float]]:
        """The `k` best items, with their scores, for someone who did these `events` (columns item_id and ts, oldest first).

        `events` are `known` ones, `allowed` is a mask over the shelf. What was bought already may come again.
        """
        history = self._items.history_of(events["item_id"].to_list(), _ages(events))
        best: Ranking = rank(self._source.scores([history]), k, allowed[self._on_shelf])
        return [(self._items.item_ids[c], float(s)) for c, s in zip(best.items[0], best.scores[0], strict=True) if c >= 0]

    def because(self, events: pl.DataFrame, item_ids: Iterable[str]) -> list[int]:
        """For each of the items recommended for `events` (known ones alone) the row of the event that adds most to its score."""
        history = self._items.history_of(events["item_id"].to_list(), _ages(events))
        best = [self._source.explain(history, self._items.code_of[item_id])[0].event for item_id in item_ids]
        return [event for event in best if event is not None]  # a neighbour is always one of an event

    def known(self, events: pl.DataFrame) -> pl.DataFrame:
        """The events on items that this source knows."""
        return events.filter(pl.Series([item_id in self._items.code_of for item_id in events["item_id"]], dtype=pl.Boolean))


def _ages(events: pl.DataFrame) -> list[float]:
    """Days before the last event: visits are told apart by them."""
    age = (pl.col("ts").max() - pl.col("ts")).dt.total_microseconds() / 86_400e6
    return events.select(age).to_series().to_list()
