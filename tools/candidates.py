"""What could be recommended to a user and why: habits, baskets, people who buy alike, the words that were said."""

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval import Habit, habits
from tools.results import ExplanationPart
from tools.shop import Shop

SEEDS = 30
SEEDING = {"purchase": "bought", "cart_add": "put into the cart", "like": "like"}
"""Types of event that lead on to other items, in words."""
DEPTH = 200
"""Items taken from a source that ranks the whole shop."""
TOGETHER, ALIKE = 0.25, 0.25
"""The most that baskets and people who buy alike add, where a habit of each visit adds 1."""
HABIT, BASKETS, PEOPLE = "repeat purchase", "bought together", "people who buy alike"


@dataclass
class Candidate:
    """Shares of an item's score by source, each with its reason in words and its evidence."""

    parts: list[ExplanationPart] = field(default_factory=list)

    @property
    def score(self) -> float:
        return sum(part.weight for part in self.parts)


def candidates(
    shop: Shop, timeline: pl.DataFrame, topics: list[tuple[str, float]], allowed: NDArray[np.bool_]
) -> dict[str, Candidate]:
    """Candidates by item id, those of `topics` (with how well each fits the words said) where there are any.

    `allowed` is a mask over `shop.shelf`, looked at before a source takes its best; other items can be among the candidates too.
    """
    found: dict[str, Candidate] = {}
    _habits(shop, timeline, found)
    _together(shop, timeline, found)
    _alike(shop, timeline, allowed, found)
    if topics:
        return _said(shop, topics, found)
    if not any(allowed[shop.shelf.code_of[item_id]] for item_id in found):
        _popular(shop, allowed, found)
    return found


def explain_alike(shop: Shop, timeline: pl.DataFrame, item_ids: Collection[str], found: dict[str, Candidate]) -> None:
    """Put into words, with its evidence, what people who buy alike add to these candidates: from which of the user's events."""
    parts = {i: n for i in item_ids for n, part in enumerate(found[i].parts) if part.source == PEOPLE}
    if not parts:
        return
    events = _seeding(shop, timeline)
    for (item_id, n), row in zip(parts.items(), shop.alike.because(events, parts), strict=True):
        because, event_id, kind = events.select("item_id", "event_id", "type").row(row)
        text = f"bought by people who buy {short(shop, because)}, which you {SEEDING[kind]}"
        found[item_id].parts[n] = found[item_id].parts[n].model_copy(update={"text": text, "evidence": [event_id]})


def rhythm(habit: Habit) -> str:
    """A habit as its owner reads it."""
    return f"you buy it about every {round(habit.interval_days)} days, last on {habit.last_ts.day} {habit.last_ts:%b}"


def short(shop: Shop, item_id: str) -> str:
    return shop.catalog.topic_of(item_id) or shop.catalog.items[item_id].title


def _add(shop: Shop, found: dict[str, Candidate], item_id: str, part: ExplanationPart) -> None:
    if part.weight > 0 and shop.catalog.levels(item_id):
        found.setdefault(item_id, Candidate()).parts.append(part)


def _habits(shop: Shop, timeline: pl.DataFrame, found: dict[str, Candidate]) -> None:
    for habit in habits(timeline, shop.now()):
        part = ExplanationPart(source=HABIT, text=rhythm(habit), weight=habit.score, evidence=habit.evidence)
        _add(shop, found, habit.item_id, part)


def _together(shop: Shop, timeline: pl.DataFrame, found: dict[str, Candidate]) -> None:
    """What shares baskets with the newest items that the user bought, carted or liked, the newest counting most."""
    newest = (
        _leading(timeline)
        .sort("ts", "event_id", descending=True)
        .unique("item_id", keep="first", maintain_order=True)
        .head(SEEDS)
    )
    seeds = {item_id: (event_id, kind) for item_id, event_id, kind in newest.select("item_id", "event_id", "type").iter_rows()}
    for near in shop.cooccurrence.similar_items(list(seeds), [1 / (n + 2) for n in range(len(seeds))], k=DEPTH):
        event_id, kind = seeds[near.because]
        text = f"in {near.baskets} baskets with {short(shop, near.because)}, which you {SEEDING[kind]}"
        weight = TOGETHER * min(near.cosine, 1.0)
        _add(shop, found, near.item_id, ExplanationPart(source=BASKETS, text=text, weight=weight, evidence=[event_id]))


def _alike(shop: Shop, timeline: pl.DataFrame, allowed: NDArray[np.bool_], found: dict[str, Candidate]) -> None:
    """The best of the collaborative source for all that the user did. Their reasons follow by `explain_alike`."""
    best = shop.alike.recommend(_seeding(shop, timeline), DEPTH, allowed)
    for item_id, score in best:
        _add(shop, found, item_id, ExplanationPart(source=PEOPLE, text="", weight=ALIKE * score / best[0][1], evidence=[]))


def _seeding(shop: Shop, timeline: pl.DataFrame) -> pl.DataFrame:
    """The events that the collaborative source reads, oldest first: those that lead on, of items that it knows."""
    return shop.alike.known(_leading(timeline))


def _leading(timeline: pl.DataFrame) -> pl.DataFrame:
    """The events that lead on to other items."""
    return timeline.filter(pl.col("type").is_in(list(SEEDING)), pl.col("item_id").is_not_null())


def _said(shop: Shop, topics: list[tuple[str, float]], found: dict[str, Candidate]) -> dict[str, Candidate]:
    """Bought items of the topics that the words mean, on top of what speaks for them already."""
    fitting: dict[str, Candidate] = {}
    for topic, score in topics:
        for item_id in shop.catalog.items_of(topic):
            baskets = shop.cooccurrence.baskets_of(item_id)
            if baskets or item_id in found:
                weight = score + baskets / max(shop.cooccurrence.n_baskets, 1)
                part = ExplanationPart(source="your words", text=f"fits your words, in {baskets} baskets", weight=weight)
                known = found.get(item_id, Candidate()).parts
                fitting.setdefault(item_id, Candidate(list(known))).parts.append(part)
    return fitting


def _popular(shop: Shop, allowed: NDArray[np.bool_], found: dict[str, Candidate]) -> None:
    """Where nothing else speaks for anything allowed: what is in most baskets."""
    baskets = {item_id: shop.cooccurrence.baskets_of(item_id) for item_id in shop.cooccurrence.item_ids}
    passing = (item_id for item_id in baskets if allowed[shop.shelf.code_of[item_id]])
    for item_id in sorted(passing, key=lambda item_id: (-baskets[item_id], item_id))[:DEPTH]:
        text, weight = f"in {baskets[item_id]} baskets of this shop", baskets[item_id] / shop.cooccurrence.n_baskets
        _add(shop, found, item_id, ExplanationPart(source="popularity", text=text, weight=weight))
