"""Recommendations: what is due again, what goes with it, what people alike buy, what the words ask for; each with its reason."""

from collections.abc import Collection

import numpy as np
import polars as pl
from numpy.typing import NDArray

from behavior.opinions import opinions
from retrieval import Filter, diverse, narrow
from tools.candidates import HABIT, Candidate, candidates, explain_alike
from tools.errors import ToolError, UnknownItem
from tools.results import Card, Explanation, ExplanationPart, Recommendations, SimilarItems
from tools.shop import Shop

MAX_K = 50


def recommend(
    shop: Shop,
    user_id: str,
    query: str | None = None,
    max_price: float | None = None,
    only_new: bool = False,
    k: int = 5,
    *,
    min_price: float | None = None,
    topic: str | None = None,
    brand: str | None = None,
    exclude: Collection[str] = (),
    diversity: float | None = None,
) -> Recommendations:
    """The `k` items (at most 50) that fit the user best.

    `query` is free text. Prices are inclusive bounds in the shop's currency, `topic` and `brand` narrow it down, items with an id
    in `exclude` are left out, `only_new` leaves out what was bought before. Disliked items and topics never appear.
    `diversity` in [0, 1] is how much an item loses for each one of its topic before it, all at 1; left out, it is 1 or, with a
    query, 0.5. An empty result says in `notes` which filter left nothing.
    Raises UnknownUser, UnknownTopic, and ToolError for bounds on the price that nothing can meet.
    """
    if min_price is not None and max_price is not None and min_price > max_price:
        raise ToolError(f"min_price {min_price!r} is above max_price {max_price!r}")
    timeline = shop.timeline(user_id)
    topics = shop.topics.search(query) if query else []
    if query and not topics:
        return Recommendations(query=query, max_price=max_price, cards=[], notes=[f'nothing in the shop fits "{query[:60]}"'])
    chosen = _price(shop, min_price, max_price)
    chosen += [shop.shelf.topic(shop.topic(topic))] if topic else []
    chosen += [shop.shelf.brand(brand)] if brand else []
    chosen += [shop.shelf.without("without those excluded", exclude)] if exclude else []
    chosen += [_new(shop, timeline)] if only_new else []
    filters = [*chosen, _liked(shop, timeline)]
    allowed, _ = narrow(np.ones(len(shop.shelf.item_ids), bool), filters)
    found = candidates(shop, timeline, topics, allowed)
    codes = np.array([shop.shelf.code_of[item_id] for item_id in found], np.int64)
    passing = (item_id for item_id, passes in zip(found, allowed[codes], strict=True) if passes)
    ranked = sorted(passing, key=lambda item_id: (-found[item_id].score, item_id))
    if diversity is None:
        diversity = 0.5 if query else 1.0
    places = diverse(
        [found[item_id].score for item_id in ranked],
        [shop.catalog.topic_of(item_id) for item_id in ranked],
        max(1, min(k, MAX_K)),
        diversity,
    )
    best = [ranked[place] for place in places]
    explain_alike(shop, timeline, best, found)
    notes = [] if best else _why_nothing(shop, codes, filters, chosen, query)
    return Recommendations(query=query, max_price=max_price, cards=[_card(shop, i, found[i]) for i in best], notes=notes)


def similar_items(shop: Shop, user_id: str, item_id: str, k: int = 5) -> SimilarItems:
    """Items of the same topic first, then those bought in the same baskets. Raises UnknownUser, UnknownItem."""
    anchor = shop.card(item_id)
    liked = _liked(shop, shop.timeline(user_id)).passes

    def allowed(other: str) -> bool:
        return bool(liked[shop.shelf.code_of[other]])

    same = [i for i in shop.catalog.items_of(anchor.topic) if i != item_id and allowed(i) and shop.cooccurrence.baskets_of(i)]
    same.sort(key=lambda i: (-shop.cooccurrence.baskets_of(i), i))
    cards = [shop.card(i, 1.0, f"also {anchor.topic}, in {shop.cooccurrence.baskets_of(i)} baskets") for i in same[:k]]
    for near in shop.cooccurrence.similar_items([item_id], k=5 * k):
        if len(cards) < k and allowed(near.item_id) and shop.catalog.topic_of(near.item_id) != anchor.topic:
            cards.append(shop.card(near.item_id, near.cosine, f"in {near.baskets} baskets with it"))
    return SimilarItems(anchor=anchor, cards=cards)


def explain_recommendation(shop: Shop, user_id: str, item_id: str) -> Explanation:
    """What speaks for an item for this user: shares that sum to 1, none when nothing does. Raises UnknownUser, UnknownItem."""
    if shop.catalog.item(item_id) is None:
        raise UnknownItem(item_id)
    timeline = shop.timeline(user_id)
    found = candidates(shop, timeline, [], np.ones(len(shop.shelf.item_ids), bool))
    candidate = found.setdefault(item_id, Candidate())
    explain_alike(shop, timeline, [item_id], found)
    if not candidate.parts and (baskets := shop.cooccurrence.baskets_of(item_id)):
        candidate.parts.append(ExplanationPart(source="popularity", text=f"in {baskets} baskets of this shop", weight=1.0))
    parts = [part.model_copy(update={"weight": part.weight / candidate.score}) for part in candidate.parts]
    return Explanation(card=_card(shop, item_id, candidate), parts=sorted(parts, key=lambda part: -part.weight))


def _price(shop: Shop, low: float | None, high: float | None) -> list[Filter]:
    return [] if low is None and high is None else [shop.shelf.price(low, high)]


def _new(shop: Shop, timeline: pl.DataFrame) -> Filter:
    bought = timeline.filter(pl.col("type") == "purchase")["item_id"].drop_nulls().unique()
    return shop.shelf.without("that you have not bought before", bought)


def _liked(shop: Shop, timeline: pl.DataFrame) -> Filter:
    """What is on the shelf and not disliked, by item, topic or brand."""
    disliked = [name for name, word in opinions(timeline).items() if word == "dislike"]
    kept = shop.shelf.without("without what you dislike", disliked, disliked)
    return Filter(kept.words, kept.passes & shop.shelf.available().passes)


def _card(shop: Shop, item_id: str, candidate: Candidate) -> Card:
    best = max(candidate.parts, key=lambda part: (part.source == HABIT, part.weight), default=None)
    evidence = [event_id for part in candidate.parts for event_id in part.evidence]
    return shop.card(item_id, candidate.score, best.text if best else "", evidence)


def _why_nothing(
    shop: Shop, codes: NDArray[np.int64], filters: list[Filter], chosen: list[Filter], query: str | None
) -> list[str]:
    """All that was asked for, and the filter that left nothing of what came before it where more than one was chosen."""
    words = [f'for "{query[:60]}"'] if query else []
    notes = [f"nothing is left {', '.join([*words, *(one.words for one in filters)])}"]
    mask = np.zeros(len(shop.shelf.item_ids), bool)
    mask[codes] = True
    _, culprit = narrow(mask, filters)
    return [*notes, f'"{culprit}" left nothing'] if culprit and len(chosen) > 1 else notes
