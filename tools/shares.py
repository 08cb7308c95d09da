"""Candidates of a shop too small to learn a ranking: fixed shares of habits, baskets and people who buy alike."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval import habits
from tools.alike import Alike
from tools.past import LEADING, Past
from tools.reasons import BASKETS, HABIT, PEOPLE, Candidates, Reason, rhythm, short
from tools.results import ExplanationPart
from tools.shop import Shop

SEEDS = 30
DEPTH = 200
"""Items taken from a source that ranks the whole shop."""
TOGETHER, ALIKE = 0.25, 0.25
"""The most that baskets and people who buy alike add, where a habit of each visit adds 1."""

Parts = dict[str, list[ExplanationPart]]


def shares(shop: Shop, alike: Alike, timeline: pl.DataFrame, past: Past, allowed: NDArray[np.bool_]) -> Candidates:
    """An item's score is the sum of what each source gives it.

    `allowed` is a mask over the shelf, looked at before people who buy alike give their best; others can be among the candidates.
    """
    found: Parts = {}
    _habits(shop, timeline, found)
    _together(shop, past, found)
    known = _alike(shop, alike, past, allowed, found)

    def explain(item_ids: Sequence[str]) -> list[Reason]:
        parts = [[_worded(shop, alike, known, item_id, part) for part in found.get(item_id, [])] for item_id in item_ids]
        return [Reason(sorted(one, key=lambda part: (part.source != HABIT, -part.weight))) for one in parts]

    codes = np.array([shop.shelf.code_of[item_id] for item_id in found], np.int64)
    return Candidates(codes, np.array([sum(part.weight for part in parts) for parts in found.values()]), explain)


def _add(shop: Shop, found: Parts, item_id: str, part: ExplanationPart) -> None:
    if part.weight > 0 and shop.catalog.levels(item_id):
        found.setdefault(item_id, []).append(part)


def _habits(shop: Shop, timeline: pl.DataFrame, found: Parts) -> None:
    for habit in habits(timeline, shop.now()):
        part = ExplanationPart(
            source=HABIT, text=rhythm(habit.interval_days, habit.last_ts), weight=habit.score, evidence=habit.evidence
        )
        _add(shop, found, habit.item_id, part)


def _together(shop: Shop, past: Past, found: Parts) -> None:
    """What shares baskets with the newest items that the user bought, carted or liked, the newest counting most."""
    seeds: dict[str, int] = {}
    for place in reversed(range(len(past.items))):
        if len(seeds) < SEEDS:
            seeds.setdefault(past.items[place], place)
    for near in shop.views.cooccurrence.similar_items(list(seeds), [1 / (n + 2) for n in range(len(seeds))], k=DEPTH):
        place = seeds[near.because]
        text = f"in {near.baskets} baskets with {short(shop, near.because)}, which you {LEADING[past.kinds[place]]}"
        weight, evidence = TOGETHER * min(near.cosine, 1.0), [past.events[place]]
        _add(shop, found, near.item_id, ExplanationPart(source=BASKETS, text=text, weight=weight, evidence=evidence))


def _alike(shop: Shop, alike: Alike, past: Past, allowed: NDArray[np.bool_], found: Parts) -> Past:
    """The best of the collaborative source for all that the user did of what it knows, which is returned."""
    known = alike.known(past)
    best = alike.recommend(known, DEPTH, allowed)
    for item_id, score in best:
        _add(shop, found, item_id, ExplanationPart(source=PEOPLE, text="", weight=ALIKE * score / best[0][1]))
    return known


def _worded(shop: Shop, alike: Alike, past: Past, item_id: str, part: ExplanationPart) -> ExplanationPart:
    """With its reason and evidence where it is of people who buy alike: from which of the user's events it comes most."""
    if part.source != PEOPLE or (place := alike.because(past, item_id)) is None:
        return part
    text = f"bought by people who buy {short(shop, past.items[place])}, which you {LEADING[past.kinds[place]]}"
    return part.model_copy(update={"text": text, "evidence": [past.events[place]]})
