"""What may be recommended, as masks over item codes, and how alike the chosen may be."""

import heapq
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from behavior.catalog import Catalog

_NO_CODES = np.zeros(0, np.int64)


class Filter(NamedTuple):
    """`passes` is a mask over item codes, `words` say what it asks for: "at most $4.00"."""

    words: str
    passes: NDArray[np.bool_]


class Shelf:
    """A catalog in the order of `item_ids`, made once, for masks that are made for each request.

    An item without a price passes no bound on the price. An item is available if it is listed and its
    `attributes["available"]` is not False.
    """

    def __init__(self, catalog: Catalog, item_ids: Sequence[str]) -> None:
        self.item_ids = list(item_ids)
        self.code_of = {item_id: code for code, item_id in enumerate(self.item_ids)}
        known = [catalog.item(item_id) for item_id in self.item_ids]
        self.prices = np.array([np.nan if i is None or i.price is None else i.price for i in known], np.float64)
        self.topic_of = [catalog.topic_of(item_id) for item_id in self.item_ids]
        self._available = np.array(
            [bool(catalog.levels(i.item_id)) and i.attributes.get("available") is not False if i else False for i in known], bool
        )
        codes: dict[str, list[int]] = {}
        brands: dict[str, list[int]] = {}
        for code, (item_id, item) in enumerate(zip(self.item_ids, known, strict=True)):
            for topic in catalog.levels(item_id):
                codes.setdefault(topic, []).append(code)
            if item is not None and item.brand:
                brands.setdefault(item.brand, []).append(code)
        self._of_topic = {topic: np.array(found) for topic, found in codes.items()}
        self._of_brand = {brand: np.array(found) for brand, found in brands.items()}

    def available(self) -> Filter:
        return Filter("available", self._available)

    def price(self, low: float | None, high: float | None) -> Filter:
        """Both bounds inclusive."""
        words = [f"at least ${low:.2f}" if low is not None else "", f"at most ${high:.2f}" if high is not None else ""]
        passes = (self.prices >= (-np.inf if low is None else low)) & (self.prices <= (np.inf if high is None else high))
        return Filter(" and ".join(word for word in words if word), passes)

    def topic(self, name: str) -> Filter:
        return Filter(f"of {name}", self._mask(self._of_topic.get(name, _NO_CODES)))

    def brand(self, name: str) -> Filter:
        """The brand's name, case aside."""
        same = [codes for brand, codes in self._of_brand.items() if brand.casefold() == name.strip().casefold()]
        return Filter(f"by {name}", self._mask(np.concatenate([_NO_CODES, *same])))

    def without(
        self,
        words: str,
        item_ids: Iterable[str] = (),
        topics: Iterable[str] = (),
        codes: NDArray[np.int64] = _NO_CODES,
    ) -> Filter:
        """All but these items, by id or code, and what belongs to these topics or brands. Unknown ids and names are ignored."""
        passes = np.ones(len(self.item_ids), bool)
        passes[codes] = False
        passes[[self.code_of[item_id] for item_id in item_ids if item_id in self.code_of]] = False
        for name in topics:
            for of in (self._of_topic, self._of_brand):
                passes[of.get(name, _NO_CODES)] = False
        return Filter(words, passes)

    def _mask(self, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
        passes = np.zeros(len(self.item_ids), bool)
        passes[codes] = True
        return passes


def narrow(candidates: NDArray[np.bool_], filters: Collection[Filter]) -> tuple[NDArray[np.bool_], str | None]:
    """The candidates that pass all filters and, if none does, the words of the filter that left nothing of those before it."""
    left = candidates.copy()
    for words, passes in filters:
        left &= passes
        if not left.any() and candidates.any():
            return left, words
    return left, None


def diverse(scores: Sequence[float], groups: Sequence[str | None], k: int, diversity: float) -> list[int]:
    """`k` places of a ranking, best first, chosen one by one: a score counts (1 - `diversity`) ** (chosen before of its group).

    At 0 the ranking stands; at 1 a group gives one item. Scores must not be negative; of equal ones the earlier place wins.
    With one similarity per group, this is maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) as a product.
    """
    waiting: dict[str | None, list[int]] = {}
    for place in reversed(range(len(scores))):
        waiting.setdefault(groups[place], []).append(place)
    heap = [(-scores[places[-1]], places[-1], 1.0) for places in waiting.values()]
    heapq.heapify(heap)
    chosen: list[int] = []
    while heap and len(chosen) < k:
        _, place, weight = heapq.heappop(heap)
        chosen.append(place)
        rest, weight = waiting[groups[place]], weight * (1 - diversity)
        rest.pop()
        if rest and weight > 0:
            heapq.heappush(heap, (-weight * scores[rest[-1]], rest[-1], weight))
    return chosen
