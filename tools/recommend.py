"""Recommendations: what a user is likely to buy next, or what the words ask for; each with its reason."""

from collections.abc import Collection

import numpy as np

from retrieval import Filter, diverse, narrow
from tools.candidates import candidates, fits
from tools.errors import ToolError, UnknownItem
from tools.past import Past
from tools.reasons import Reason, popularity
from tools.results import Card, Explanation, Recommendations, SimilarItems
from tools.shop import Shop

MAX_K = 50
NOT_YET = "that you have not bought before"


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
    in `exclude` are left out, `only_new` leaves out what was bought before. What a user said to dislike never appears, nor a
    narrowest topic that the user's reviews are against.
    `diversity` in [0, 1] is how much an item loses for each one of its topic before it, all at 1; left out, it is 1 or, with a
    query, 0.5. An empty result says in `notes` which filter left nothing.
    Raises UnknownUser, UnknownTopic, and ToolError for bounds on the price that nothing can meet.
    """
    if min_price is not None and max_price is not None and min_price > max_price:
        raise ToolError(f"min_price {min_price!r} is above max_price {max_price!r}")
    past = shop.past(user_id)
    topics = shop.topics.search(query) if query else []
    if query and not topics:
        return Recommendations(query=query, max_price=max_price, cards=[], notes=[f'nothing in the shop fits "{query[:60]}"'])
    chosen = _price(shop, min_price, max_price)
    chosen += [shop.shelf.topic(shop.topic(topic))] if topic else []
    chosen += [shop.shelf.brand(brand)] if brand else []
    chosen += [shop.shelf.without("without those excluded", exclude)] if exclude else []
    chosen += [shop.shelf.without(NOT_YET, codes=past.bought)] if only_new else []
    filters = [*chosen, _liked(shop, past)]
    allowed, _ = narrow(np.ones(len(shop.shelf.item_ids), bool), filters)
    found = candidates(shop, user_id, past, topics, allowed)
    passing = allowed[found.codes]
    codes, scores = found.codes[passing], found.scores[passing]
    order = np.lexsort((codes, -scores))
    if diversity is None:
        diversity = 0.5 if query else 1.0
    places = diverse(
        scores[order].tolist(), [shop.shelf.topic_of[code] for code in codes[order]], max(1, min(k, MAX_K)), diversity
    )
    best = order[places]
    item_ids = [shop.shelf.item_ids[code] for code in codes[best]]
    reasons = found.explain(item_ids) if item_ids else []
    cards = [_card(shop, *about) for about in zip(item_ids, scores[best].tolist(), reasons, strict=True)]
    notes = [] if cards else _why_nothing(shop, topics, filters, chosen, query)
    return Recommendations(query=query, max_price=max_price, cards=cards, notes=notes)


def similar_items(shop: Shop, user_id: str, item_id: str, k: int = 5) -> SimilarItems:
    """Items of the same topic first, then those bought in the same baskets. Raises UnknownUser, UnknownItem."""
    anchor = shop.card(item_id)
    liked = _liked(shop, shop.past(user_id)).passes

    def allowed(other: str) -> bool:
        return bool(liked[shop.shelf.code_of[other]])

    together = shop.views.cooccurrence
    same = [i for i in shop.catalog.items_of(anchor.topic) if i != item_id and allowed(i) and together.baskets_of(i)]
    same.sort(key=lambda i: (-together.baskets_of(i), i))
    cards = [shop.card(i, 1.0, f"also {anchor.topic}, in {together.baskets_of(i)} baskets") for i in same[:k]]
    for near in together.similar_items([item_id], k=5 * k):
        if len(cards) < k and allowed(near.item_id) and shop.catalog.topic_of(near.item_id) != anchor.topic:
            cards.append(shop.card(near.item_id, near.cosine, f"in {near.baskets} baskets with it"))
    return SimilarItems(anchor=anchor, cards=cards)


def explain_recommendation(shop: Shop, user_id: str, item_id: str) -> Explanation:
    """What speaks for an item for this user: shares that sum to 1, none when nothing does. Raises UnknownUser, UnknownItem."""
    if shop.catalog.item(item_id) is None:
        raise UnknownItem(item_id)
    everything = np.ones(len(shop.shelf.item_ids), bool)
    (reason,) = candidates(shop, user_id, shop.past(user_id), [], everything, also=[item_id]).explain([item_id])
    if not reason.parts and shop.views.cooccurrence.baskets_of(item_id):
        reason = Reason([popularity(shop, item_id, 1.0)])
    score = sum(part.weight for part in reason.parts)
    parts = [part.model_copy(update={"weight": part.weight / score}) for part in reason.parts]
    return Explanation(
        card=_card(shop, item_id, score, reason),
        parts=sorted(parts, key=lambda part: -part.weight),
        contributions=dict(reason.contributions),
    )


def _price(shop: Shop, low: float | None, high: float | None) -> list[Filter]:
    return [] if low is None and high is None else [shop.shelf.price(low, high)]


def _liked(shop: Shop, past: Past) -> Filter:
    """What is on the shelf and not disliked, by item, topic or brand."""
    kept = shop.shelf.without("without what you dislike", past.disliked, past.disliked)
    return Filter(kept.words, kept.passes & shop.shelf.available().passes)


def _card(shop: Shop, item_id: str, score: float, reason: Reason) -> Card:
    evidence = [event_id for part in reason.parts for event_id in part.evidence]
    return shop.card(item_id, score, reason.parts[0].text if reason.parts else "", evidence)


def _why_nothing(
    shop: Shop, topics: list[tuple[str, float]], filters: list[Filter], chosen: list[Filter], query: str | None
) -> list[str]:
    """All that was asked for, and the filter that left nothing of what came before it where more than one was chosen."""
    words = [f'for "{query[:60]}"'] if query else []
    notes = [f"nothing is left {', '.join([*words, *(one.words for one in filters)])}"]
    sold = shop.in_baskets > 0
    _, culprit = narrow(sold & (fits(shop, topics) > 0) if topics else sold, filters)
    return [*notes, f'"{culprit}" left nothing'] if culprit and len(chosen) > 1 else notes
