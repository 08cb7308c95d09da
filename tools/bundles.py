"""Pairs of topics that sell together."""

from tools.results import Bundle, Bundles
from tools.shop import Shop

MIN_BASKETS = 30
SHOWN = 20


def recommend_bundles(shop: Shop, topic: str | None = None) -> Bundles:
    """Pairs of narrow topics by lift, none in fewer than 30 baskets; with `topic`, pairs that hold it. Raises UnknownTopic."""
    name = None if topic is None else shop.topic(topic)
    found: dict[tuple[str, str], Bundle] = {}
    anchors = shop.catalog.items_of(name) if name else shop.cooccurrence.item_ids
    best = sorted(anchors, key=lambda i: (-shop.cooccurrence.baskets_of(i), i))[:200]
    for item_id in best:
        for near in shop.cooccurrence.similar_items([item_id], k=20):
            pair = (shop.catalog.topic_of(item_id) or "", shop.catalog.topic_of(near.item_id) or "")
            if near.baskets < MIN_BASKETS or pair[0] == pair[1]:
                continue
            key = (min(pair), max(pair))
            if key not in found or near.lift > found[key].lift:
                found[key] = Bundle(
                    topics=list(pair),
                    baskets=near.baskets,
                    support=near.baskets / shop.cooccurrence.n_baskets,
                    confidence=near.baskets / shop.cooccurrence.baskets_of(item_id),
                    lift=near.lift,
                )
    ranked = sorted(found.values(), key=lambda bundle: (-bundle.lift, bundle.topics))
    return Bundles(topic=name, bundles=ranked[:SHOWN])
