"""Recommendations: what is due again, what goes with it, what the words ask for; each with its reason and evidence."""

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from retrieval import habits
from tools.errors import UnknownItem
from tools.results import Card, Explanation, ExplanationPart, Recommendations, SimilarItems
from tools.shop import Shop

SEEDS = 30
SEEDING = {"purchase": "bought", "cart_add": "put into the cart", "like": "like"}
"""Types of event that lead on to other items, in words."""
MAX_K = 50


@dataclass
class _Candidate:
    """Shares of the score by source, each with its reason in words and its evidence."""

    parts: list[ExplanationPart] = field(default_factory=list)

    @property
    def score(self) -> float:
        return sum(part.weight for part in self.parts)


def recommend(
    shop: Shop, user_id: str, query: str | None = None, max_price: float | None = None, only_new: bool = False, k: int = 5
) -> Recommendations:
    """The `k` items (at most 50) that fit the user best, one per topic unless a query narrows it down.

    `query` is free text, `max_price` an inclusive bound in the shop's currency, `only_new` leaves out what was bought before.
    Disliked items and topics never appear. An empty result says why in `notes`. Raises UnknownUser.
    """
    timeline = shop.timeline(user_id)
    topics = shop.topics.search(query) if query else []
    if query and not topics:
        return Recommendations(query=query, max_price=max_price, cards=[], notes=[f'nothing in the shop fits "{query[:60]}"'])
    candidates = _candidates(shop, timeline, topics)
    allowed = _filters(shop, timeline, max_price, only_new)
    ranked = sorted((item_id for item_id in candidates if allowed(item_id)), key=lambda i: (-candidates[i].score, i))
    chosen: list[str] = []
    per_topic: dict[str | None, int] = {}
    for item_id in ranked:
        topic = shop.catalog.topic_of(item_id)
        if per_topic.get(topic, 0) < (2 if query else 1):
            per_topic[topic] = per_topic.get(topic, 0) + 1
            chosen.append(item_id)
    cards = [_card(shop, item_id, candidates[item_id]) for item_id in chosen[: max(1, min(k, MAX_K))]]
    notes = [] if cards else [f"nothing is left {_filter_words(query, max_price, only_new)}"]
    return Recommendations(query=query, max_price=max_price, cards=cards, notes=notes)


def similar_items(shop: Shop, user_id: str, item_id: str, k: int = 5) -> SimilarItems:
    """Items of the same topic first, then those bought in the same baskets. Raises UnknownUser, UnknownItem."""
    anchor = shop.card(item_id)
    allowed = _filters(shop, shop.timeline(user_id), None, False)
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
    candidate = _candidates(shop, timeline, []).get(item_id, _Candidate())
    if not candidate.parts and (baskets := shop.cooccurrence.baskets_of(item_id)):
        candidate.parts.append(ExplanationPart(source="popularity", text=f"in {baskets} baskets of this shop", weight=1.0))
    parts = [part.model_copy(update={"weight": part.weight / candidate.score}) for part in candidate.parts]
    return Explanation(card=_card(shop, item_id, candidate), parts=sorted(parts, key=lambda part: -part.weight))


def opinions(timeline: pl.DataFrame) -> dict[str, str]:
    """A user's latest word, like or dislike, on each item (by id) and topic (by name), from the timeline, oldest first."""
    about = pl.coalesce("item_id", pl.col("attributes").str.json_path_match("$.topic")).alias("about")
    said = timeline.filter(pl.col("type").is_in(["like", "dislike"])).select(about, "type")
    return dict(said.drop_nulls().iter_rows())


def _candidates(shop: Shop, timeline: pl.DataFrame, topics: list[tuple[str, float]]) -> dict[str, _Candidate]:
    found: dict[str, _Candidate] = {}

    def add(item_id: str, part: ExplanationPart) -> None:
        if part.weight > 0 and shop.catalog.levels(item_id):
            found.setdefault(item_id, _Candidate()).parts.append(part)

    own = habits(timeline, shop.now())
    for habit in own:
        often = f"you buy it about every {round(habit.interval_days)} days, last on {habit.last_ts.day} {habit.last_ts:%b}"
        add(habit.item_id, ExplanationPart(source="repeat purchase", text=often, weight=habit.score, evidence=habit.evidence))
    seeds = _recent_items(timeline)
    for near in shop.cooccurrence.similar_items(list(seeds), [1 / (n + 2) for n in range(len(seeds))], k=200):
        event_id, kind = seeds[near.because]
        text = f"in {near.baskets} baskets with {_short(shop, near.because)}, which you {SEEDING[kind]}"
        add(
            near.item_id,
            ExplanationPart(source="bought together", text=text, weight=0.25 * min(near.cosine, 1.0), evidence=[event_id]),
        )
    if not found and not topics:
        for item_id in shop.cooccurrence.item_ids:
            baskets = shop.cooccurrence.baskets_of(item_id)
            add(
                item_id,
                ExplanationPart(
                    source="popularity", text=f"in {baskets} baskets of this shop", weight=baskets / shop.cooccurrence.n_baskets
                ),
            )
    if topics:
        fitting: dict[str, _Candidate] = {}
        for topic, score in topics:
            for item_id in shop.catalog.items_of(topic):
                baskets = shop.cooccurrence.baskets_of(item_id)
                if baskets or item_id in found:
                    part = ExplanationPart(
                        source="your words",
                        text=f"fits your words, in {baskets} baskets",
                        weight=score + baskets / shop.cooccurrence.n_baskets,
                    )
                    fitting.setdefault(item_id, _Candidate(list(found[item_id].parts) if item_id in found else [])).parts.append(
                        part
                    )
        return fitting
    return found


def _recent_items(timeline: pl.DataFrame) -> dict[str, tuple[str, str]]:
    """The newest items a user bought, carted or liked, newest first, each with the id and type of the event that says so."""
    wanted = timeline.filter(pl.col("type").is_in(list(SEEDING)), pl.col("item_id").is_not_null())
    newest = wanted.sort("ts", "event_id", descending=True).unique("item_id", keep="first", maintain_order=True).head(SEEDS)
    return {item_id: (event_id, kind) for item_id, event_id, kind in newest.select("item_id", "event_id", "type").iter_rows()}


def _filters(shop: Shop, timeline: pl.DataFrame, max_price: float | None, only_new: bool) -> Callable[[str], bool]:
    disliked = {name for name, word in opinions(timeline).items() if word == "dislike"}
    bought = set(timeline.filter(pl.col("type") == "purchase")["item_id"].drop_nulls()) if only_new else set()

    def allowed(item_id: str) -> bool:
        item = shop.catalog.items[item_id]
        if item_id in bought or disliked.intersection((item_id, item.brand, *shop.catalog.levels(item_id))):
            return False
        return max_price is None or (item.price is not None and item.price <= max_price)

    return allowed


def _card(shop: Shop, item_id: str, candidate: _Candidate) -> Card:
    best = max(candidate.parts, key=lambda part: (part.source == "repeat purchase", part.weight), default=None)
    evidence = [event_id for part in candidate.parts for event_id in part.evidence]
    return shop.card(item_id, candidate.score, best.text if best else "", evidence)


def _short(shop: Shop, item_id: str) -> str:
    return shop.catalog.topic_of(item_id) or shop.catalog.items[item_id].title


def _filter_words(query: str | None, max_price: float | None, only_new: bool) -> str:
    words = [
        f'for "{query[:60]}"' if query else "",
        f"at most ${max_price:.2f}" if max_price is not None else "",
        "that you have not bought before" if only_new else "",
        "without what you dislike",
    ]
    return ", ".join(word for word in words if word)
