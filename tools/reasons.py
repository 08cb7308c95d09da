"""What a ranking of the shop's items comes as: places on the shelf, scores, and what speaks for each in words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from tools.results import ExplanationPart
from tools.shop import Shop

HABIT, BASKETS, PEOPLE = "repeat purchase", "bought together", "people who buy alike"
POPULARITY, WORDS = "popularity", "your words"


@dataclass(frozen=True)
class Reason:
    """What speaks for an item, the first of `parts` to be named; their weights sum to its score.

    `contributions` are as in `Explanation`.
    """

    parts: list[ExplanationPart]
    contributions: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Codes of `shop.shelf`, each once, with scores that are not negative. `explain` takes item ids, candidates or not."""

    codes: NDArray[np.int64]
    scores: NDArray[np.float64]
    explain: Callable[[Sequence[str]], list[Reason]]


def rhythm(interval_days: float, last: datetime) -> str:
    """A habit as its owner reads it."""
    return f"you buy it about every {round(interval_days)} days, last on {last.day} {last:%b}"


def short(shop: Shop, item_id: str) -> str:
    return shop.catalog.topic_of(item_id) or shop.catalog.items[item_id].title


def popularity(shop: Shop, item_id: str, weight: float) -> ExplanationPart:
    text = f"in {shop.views.cooccurrence.baskets_of(item_id)} baskets of this shop"
    return ExplanationPart(source=POPULARITY, text=text, weight=weight)
