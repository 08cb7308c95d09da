"""Candidates in the order of the learned ranking, and what each of its sources adds, in words."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from tools.likely import Likely, Ranked
from tools.past import LEADING, Past
from tools.reasons import BASKETS, HABIT, PEOPLE, POPULARITY, Candidates, Reason, popularity, rhythm, short
from tools.results import ExplanationPart
from tools.shop import Shop

CALLED = {
    "repeat": HABIT,
    "bought before": HABIT,
    "cooccurrence": BASKETS,
    "item_knn": PEOPLE,
    "als": PEOPLE,
    "ease": PEOPLE,
    "popularity": POPULARITY,
    "recent_popularity": POPULARITY,
    "bought by": POPULARITY,
}
"""What the contributions to the ranking are called before people; the others are of the user, whatever the item."""

EVIDENCE = 5
"""Events shown of a habit, the newest."""

Worded = tuple[str, list[str]]


def fused(shop: Shop, likely: Likely, past: Past, allowed: NDArray[np.bool_], also: Sequence[str] = ()) -> Candidates:
    """Scores are probabilities of a purchase in the next 28 days, among what is `allowed` and the items `also`.

    The parts of a reason are the sources that speak for an item, by what they add to the ranking's score; what speaks against it
    is in `contributions` alone.
    """
    ranked = likely.rank(past, shop.now(), allowed, also)
    row_of = {shop.shelf.item_ids[code]: row for row, code in enumerate(ranked.on_shelf)}

    def explain(item_ids: Sequence[str]) -> list[Reason]:
        known = [item_id for item_id in item_ids if item_id in row_of]
        rows = [row_of[item_id] for item_id in known]
        if not rows:
            return [Reason([]) for _ in item_ids]
        worded = _worded(shop, past, ranked, known, rows)
        reasons = {
            item_id: Reason(_parts(float(ranked.probabilities[row]), added, words), added)
            for item_id, row, added, words in zip(known, rows, ranked.contributions(rows), worded, strict=True)
        }
        return [reasons.get(item_id, Reason([])) for item_id in item_ids]

    return Candidates(ranked.on_shelf, ranked.probabilities, explain)


def _parts(probability: float, added: Mapping[str, float], words: Mapping[str, Worded]) -> list[ExplanationPart]:
    """The sources that there are `words` for, by what they add; they share the probability in proportion to it."""
    amounts = dict.fromkeys(words, 0.0)
    for name, amount in added.items():
        if CALLED.get(name) in amounts:
            amounts[CALLED[name]] += amount
    order = sorted(amounts, key=lambda source: -amounts[source])
    said = [source for source in order if amounts[source] > 0]
    whole = sum(amounts[source] for source in said)
    shares = {source: amounts[source] / whole for source in said} or dict.fromkeys(order[:1], 1.0)
    return [
        ExplanationPart(source=source, text=words[source][0], weight=probability * share, evidence=words[source][1])
        for source, share in shares.items()
    ]


def _worded(shop: Shop, past: Past, ranked: Ranked, item_ids: Sequence[str], rows: Sequence[int]) -> list[dict[str, Worded]]:
    """For each of the items what can be said of it, by source, with the events that show it."""
    own = _own(past, ranked.on_shelf[list(rows)])
    knn, ease, followed = (ranked.because(source, rows) for source in ("item_knn", "ease", "cooccurrence"))
    found = []
    for n, item_id in enumerate(item_ids):
        words = {HABIT: own[item_id]} if item_id in own else {}
        if (place := followed[n]) is not None:
            words[BASKETS] = _led(shop, past, place, "often bought with or after")
        if (place := ease[n] if knn[n] is None else knn[n]) is not None:
            words[PEOPLE] = _led(shop, past, place, "bought by people who buy")
        if shop.views.cooccurrence.baskets_of(item_id):
            words[POPULARITY] = popularity(shop, item_id, 0.0).text, []
        found.append(words)
    return found


def _own(past: Past, codes: NDArray[np.int64]) -> dict[str, Worded]:
    """What the user did with these items themselves: the habit, or else the last event."""
    last: dict[str, int] = {}
    bought: dict[str, dict[str, int]] = {}
    for place in past.among(codes).tolist():
        last[past.items[place]] = place
        if past.kinds[place] == "purchase":
            bought.setdefault(past.items[place], {})[past.visits[place]] = place
    found: dict[str, Worded] = {}
    for item_id, place in last.items():
        day = _day(past, place)
        said = {"purchase": f"you bought it on {day.day} {day:%b}", "like": "you like it", "cart_add": "you put it into the cart"}
        found[item_id] = said[past.kinds[place]], [past.events[place]]
    for item_id, visits in bought.items():
        if len(visits) > 1:
            places = sorted(visits.values())
            interval = max(float(past.days[places[-1]] - past.days[places[0]]) / (len(places) - 1), 1.0)
            newest = [past.events[place] for place in reversed(places[-EVIDENCE:])]
            found[item_id] = rhythm(interval, _day(past, places[-1])), newest
    return found


def _day(past: Past, place: int) -> datetime:
    return datetime.fromtimestamp(past.days[place] * 86_400, UTC)


def _led(shop: Shop, past: Past, place: int, how: str) -> Worded:
    return f"{how} {short(shop, past.items[place])}, which you {LEADING[past.kinds[place]]}", [past.events[place]]
