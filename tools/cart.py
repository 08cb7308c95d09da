"""The cart: what it holds, what it costs, and what baskets like it also hold."""

from collections.abc import Mapping

import polars as pl

from tools.results import CartAnalysis, CartLine
from tools.shop import Shop

MISSING = 5


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


def analyze_cart(shop: Shop, items: Mapping[str, float]) -> CartAnalysis:
    """Price a cart, given as quantity by item id, and name up to five items that baskets like it hold and it does not.

    Items that the catalog does not have are listed in `unknown` and otherwise ignored.
    """
    known = {item_id: quantity for item_id, quantity in items.items() if item_id in shop.catalog.items}
    lines = [
        CartLine(item_id=item.item_id, title=item.title, price=item.price, quantity=quantity)
        for item_id, quantity in known.items()
        if (item := shop.catalog.items[item_id])
    ]
    topics = {shop.catalog.topic_of(item_id) for item_id in known}
    missing = []
    for near in shop.cooccurrence.similar_items(list(known), k=100):
        topic = shop.catalog.topic_of(near.item_id)
        if near.lift > 1 and topic not in topics:
            topics.add(topic)
            because = shop.catalog.topic_of(near.because)
            missing.append(
                shop.card(near.item_id, near.cosine, f"in {near.baskets} baskets with {because}, {near.lift:.1f} times chance")
            )
    total = round(sum((line.price or 0.0) * line.quantity for line in lines), 2)
    return CartAnalysis(lines=lines, total=total, missing=missing[:MISSING], unknown=[i for i in items if i not in known])
