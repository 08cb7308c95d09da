"""The cart: what it holds and costs, what it lacks, what the trip seems to be for, what goes with it, what is due."""

from collections.abc import Collection, Mapping

import polars as pl

from behavior.expressions import visit
from behavior.opinions import disliked
from retrieval import habits
from retrieval.carts.baskets import with_topic
from retrieval.carts.missing import Missing, missing_topics, own_baskets
from retrieval.carts.rules import Rule
from tools.bundles import best_sellers, bundle_of, holding, with_price
from tools.reasons import rhythm
from tools.results import BasketRule, Bundle, CartAnalysis, CartGap, CartLine, CartMission, DueHabit, OwnHabit
from tools.shop import Shop

MISSING = 5
MISSIONS = 2
TYPICAL = 5
BUNDLES = 3
TAKEN = 0.05
"""Of the baskets with what a bundle shares with the cart, at least so many hold the whole bundle."""
DUE = 5
ON_TIME, GIVEN_UP = 0.8, 3.0
"""Usual intervals since the last time from and until which a habit is due."""
HABIT_BASKETS = 3


def cart_of(shop: Shop, user_id: str) -> dict[str, float]:
    """What lies in a user's cart, as quantity by item id: added and not yet removed or bought. Raises UnknownUser."""
    cart: dict[str, float] = {}
    moves = shop.timeline(user_id).filter(
        pl.col("type").is_in(["cart_add", "cart_remove", "purchase"]), pl.col("item_id").is_not_null()
    )
    for kind, item_id, quantity in moves.select("type", "item_id", "quantity").iter_rows():
        if kind == "cart_add":
            cart[item_id] = cart.get(item_id, 0.0) + quantity
        elif item_id in cart:
            cart[item_id] = 0.0 if kind == "purchase" else cart[item_id] - quantity
            if cart[item_id] <= 0:
                del cart[item_id]
    return cart


def analyze_cart(shop: Shop, items: Mapping[str, float], user_id: str | None = None) -> CartAnalysis:
    """Price a cart, given as quantity by item id, and name up to five items that baskets like it hold and it does not.

    With `user_id`, the user's own baskets count as well, what the user dislikes is never named, and habits that are due are
    listed. Items that the catalog does not have are listed in `unknown` and otherwise ignored; several items of one topic
    count once. An empty cart misses nothing that is not a habit. Raises UnknownUser.
    """
    known = {item_id: quantity for item_id, quantity in items.items() if item_id in shop.catalog.items}
    cart = {topic: item_id for item_id in known if (topic := shop.catalog.topic_of(item_id))}
    timeline = None if user_id is None else with_topic(shop.timeline(user_id), shop.catalog)
    sold = _choice(shop, timeline, [] if timeline is None else disliked(timeline, shop.catalog))
    lines = [
        CartLine(item_id=item.item_id, title=item.title, price=item.price, quantity=quantity)
        for item_id, quantity in known.items()
        if (item := shop.catalog.items[item_id])
    ]
    missing = _missing(shop, cart, timeline, sold)
    return CartAnalysis(
        lines=lines,
        total=round(sum((line.price or 0.0) * line.quantity for line in lines), 2),
        missing=[shop.card(sold[gap.topic], gap.score, _reason(gap)) for gap in missing],
        unknown=[item_id for item_id in items if item_id not in known],
        gaps=[_gap(gap, sold[gap.topic]) for gap in missing],
        missions=_missions(shop, cart),
        bundles=_bundles(shop, cart, sold),
        due=[] if timeline is None else _due(shop, timeline, cart, sold),
    )


def _choice(shop: Shop, timeline: pl.DataFrame | None, said_no_to: Collection[str]) -> dict[str, str]:
    """The item to show for each topic that may be named: the one the user bought most often, else the best seller."""
    unwanted = {item_id for about in said_no_to for item_id in (about, *shop.catalog.items_of(about))}
    sold = best_sellers(shop, without=unwanted)
    if timeline is not None:
        bought = timeline.filter(pl.col("type") == "purchase", ~pl.col("item_id").is_in(list(unwanted))).drop_nulls("topic")
        often = bought.group_by("topic", "item_id").len().sort("len", "item_id", descending=[False, True])
        sold |= dict(often.select("topic", "item_id").iter_rows())
    return sold


def _missing(shop: Shop, cart: Mapping[str, str], timeline: pl.DataFrame | None, sold: Mapping[str, str]) -> list[Missing]:
    own = {}
    if timeline is not None:
        own = own_baskets(timeline.filter(pl.col("type") == "purchase").with_columns(visit()), cart, shop.now())
    return missing_topics(cart, shop.views.baskets.pairs, shop.views.baskets.rules, own, MISSING, allowed=sold)


def _missions(shop: Shop, cart: Collection[str]) -> list[CartMission]:
    return [
        CartMission(
            name=match.mission.name,
            topics=list(match.mission.topics[:TYPICAL]),
            in_cart=list(match.topics),
            share=match.share,
            by_chance=match.tail,
        )
        for match in shop.views.baskets.missions.of(cart)[:MISSIONS]
    ]


def _bundles(shop: Shop, cart: Mapping[str, str], sold: Mapping[str, str]) -> list[Bundle]:
    """Bundles that hold something of the cart and something more, each topic to be added in one of them only."""
    pairs, items = shop.views.baskets.pairs, {**sold, **cart}
    baskets_of = {topic: int(pairs.baskets_of[pairs.code_of[topic]]) for topic in cart if topic in pairs.code_of}
    shared = pl.element().replace_strict(baskets_of, default=None, return_dtype=pl.Int64)
    common = holding(shop.views.baskets.bundles, baskets_of).filter(
        pl.col("baskets") >= TAKEN * pl.col("topics").list.eval(shared).list.min()
    )
    chosen: list[Bundle] = []
    added: set[str] = set()
    for row in with_price(shop, common, items).iter_rows(named=True):
        new = set(row["topics"]) - cart.keys()
        if new and not new & added:
            added |= new
            chosen.append(bundle_of(shop, row, items))
        if len(chosen) == BUNDLES:
            break
    return chosen


def _due(shop: Shop, timeline: pl.DataFrame, cart: Collection[str], sold: Mapping[str, str]) -> list[DueHabit]:
    found = []
    for habit in habits(timeline.with_columns(item_id=pl.col("topic")), shop.now(), HABIT_BASKETS):
        topic = habit.item_id
        if ON_TIME <= habit.due <= GIVEN_UP and topic in sold and topic not in cart:
            found.append(
                DueHabit(
                    topic=topic,
                    card=shop.card(sold[topic], habit.score, rhythm(habit.interval_days, habit.last_ts), habit.evidence),
                    baskets=habit.baskets,
                    interval_days=habit.interval_days,
                    last_ts=habit.last_ts,
                    due=habit.due,
                )
            )
    return found[:DUE]


def _reason(gap: Missing) -> str:
    if gap.rule:
        return f"in {gap.rule.baskets} baskets with {' and '.join(gap.rule.antecedent)}, {gap.rule.lift:.1f} times chance"
    assert gap.own
    return f"in {gap.own.baskets} of your own {gap.own.n_baskets} baskets"


def _gap(gap: Missing, item_id: str) -> CartGap:
    habit = OwnHabit(topic=gap.topic, baskets=gap.own.baskets, of_baskets=gap.own.n_baskets) if gap.own else None
    return CartGap(topic=gap.topic, item_id=item_id, score=gap.score, rule=_rule(gap.rule), habit=habit)


def _rule(rule: Rule | None) -> BasketRule | None:
    if rule is None:
        return None
    return BasketRule(
        antecedent=list(rule.antecedent),
        consequent=rule.consequent,
        baskets=rule.baskets,
        support=rule.support,
        confidence=rule.confidence,
        lift=rule.lift,
    )
