"""Pairs and triples of topics that sell together, with the items, the price and the usual discount that they come at."""

from collections.abc import Collection, Mapping
from typing import Literal

import polars as pl

from tools.results import Bundle, Bundles, Card
from tools.shop import Shop

SHOWN = 20

Order = Literal["lift", "support", "price"]


def recommend_bundles(
    shop: Shop,
    topic: str | None = None,
    *,
    size: Literal[2, 3] | None = None,
    min_support: float = 0.0,
    max_price: float | None = None,
    brand: str | None = None,
    order: Order = "lift",
) -> Bundles:
    """At most 20 bundles of narrow topics, the greatest lift or support or the lowest price first; none in fewer than 30 baskets.

    With `topic`, those that hold it or a topic under it. `max_price` bounds what one of each item costs, inclusive; `brand` has
    all items be of it. Under `max_price` or the order by price, bundles with an item that has no price are left out.
    Raises UnknownTopic, and ToolError naming the brands there are.
    """
    name = None if topic is None else shop.topic(topic)
    items = best_sellers(shop, None if brand is None else set(shop.catalog.items_of(shop.brand(brand))))
    found = shop.views.baskets.bundles.filter(pl.col("support") >= min_support)
    if name is not None:
        under = {leaf for item_id in shop.catalog.items_of(name) if (leaf := shop.catalog.topic_of(item_id))}
        found = holding(found, under)
    if size is not None:
        found = found.filter(pl.col("topics").list.len() == size)
    ranked = with_price(shop, found, items)
    if max_price is not None:
        ranked = ranked.filter(pl.col("price") <= max_price + 0.005)
    if order == "price":
        ranked = ranked.drop_nulls("price").sort("price", maintain_order=True)
    elif order == "support":
        ranked = ranked.sort("support", descending=True, maintain_order=True)
    return Bundles(topic=name, bundles=[bundle_of(shop, row, items) for row in ranked.head(SHOWN).iter_rows(named=True)])


def best_sellers(shop: Shop, among: Collection[str] | None = None, without: Collection[str] = ()) -> dict[str, str]:
    """The item bought in most baskets by topic, of all items or of some ids."""
    offers = shop.views.baskets.offers.filter(~pl.col("item_id").is_in(list(without)))
    if among is not None:
        offers = offers.filter(pl.col("item_id").is_in(list(among)))
    return dict(offers.unique("topic", keep="first", maintain_order=True).select("topic", "item_id").iter_rows())


def holding(bundles: pl.DataFrame, topics: Collection[str]) -> pl.DataFrame:
    """The bundles that hold any of these topics."""
    return bundles.filter(pl.col("topics").list.eval(pl.element().is_in(list(topics))).list.any())


def with_price(shop: Shop, bundles: pl.DataFrame, items: Mapping[str, str]) -> pl.DataFrame:
    """The bundles that have an item for each topic, with a column `price`: null where an item has none."""
    known = pl.col("topics").list.eval(pl.element().is_in(list(items))).list.all()
    prices = {topic: item.price for topic, item_id in items.items() if (item := shop.catalog.item(item_id))}
    priced = pl.element().replace_strict(prices, default=None, return_dtype=pl.Float64)
    each = pl.col("topics").list.eval(priced)
    whole = pl.when(each.list.eval(pl.element().is_not_null()).list.all()).then(each.list.sum())
    return bundles.filter(known).with_columns(price=whole.round(2))


def bundle_of(shop: Shop, row: Mapping[str, object], items: Mapping[str, str]) -> Bundle:
    """A row of bundles with price, the items shown as cards."""
    bundle = Bundle.model_validate(row)
    ids = [items[topic] for topic in bundle.topics]
    offers = shop.views.baskets.offers.filter(pl.col("item_id").is_in(ids), pl.col("saving") > 0)
    saving = round(float(offers["saving"].sum()), 2)
    cards: list[Card] = [shop.card(item_id) for item_id in ids]
    return bundle.model_copy(update={"items": cards, "saving": saving or None})
