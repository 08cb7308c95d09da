"""Protects bundles as merchants ask for them: enough baskets, items that are sold, prices and discounts that the data has.
Run: pytest tests/tools/test_bundles.py"""

from typing import get_args

import pytest

from behavior import Event
from tests import tiny
from tools import Shop, ToolError, UnknownTopic, recommend_bundles
from tools.bundles import Order


def test_bundles_have_thirty_baskets_and_the_best_sellers_of_their_topics(read_shop: Shop) -> None:
    found = recommend_bundles(read_shop)
    assert found.topic is None
    assert found.bundles
    for bundle in found.bundles:
        assert bundle.baskets >= 30
        assert bundle.lift > 1
        assert [card.topic for card in bundle.items] == bundle.topics
        assert bundle.price == pytest.approx(sum(card.price or 0 for card in bundle.items))


def test_pairs_and_triples_can_be_asked_for(read_shop: Shop) -> None:
    assert {len(bundle.topics) for bundle in recommend_bundles(read_shop, size=2).bundles} == {2}
    triples = recommend_bundles(read_shop, size=3).bundles
    assert {frozenset(bundle.topics) for bundle in triples} >= {frozenset({"Milk", "Bread", "Coffee"})}


@pytest.mark.parametrize(("words", "narrow"), [("Diapers", {"Diapers"}), ("Dairy", {"Milk", "Plant milk", "Yogurt"})])
def test_a_topic_narrows_them_be_it_narrow_or_broad(read_shop: Shop, words: str, narrow: set[str]) -> None:
    found = recommend_bundles(read_shop, words)
    assert found.topic == words
    assert found.bundles
    assert all(narrow & set(bundle.topics) for bundle in found.bundles)


@pytest.mark.parametrize("order", get_args(Order))
def test_they_come_in_the_order_asked_for(read_shop: Shop, order: Order) -> None:
    bundles = recommend_bundles(read_shop, order=order).bundles
    keys = {
        "lift": [-bundle.lift for bundle in bundles],
        "support": [-bundle.support for bundle in bundles],
        "price": [bundle.price or 0 for bundle in bundles],
    }[order]
    assert keys == sorted(keys)


def test_every_filter_holds(read_shop: Shop) -> None:
    assert all((bundle.price or 99) <= 16.7 for bundle in recommend_bundles(read_shop, max_price=16.7).bundles)
    assert recommend_bundles(read_shop, max_price=16.69).bundles != recommend_bundles(read_shop, max_price=16.7).bundles
    assert all(bundle.support >= 0.3 for bundle in recommend_bundles(read_shop, min_support=0.3).bundles)
    of_brand = recommend_bundles(read_shop, brand="soft").bundles
    assert of_brand
    assert all(card.brand == "Soft" for bundle in of_brand for card in bundle.items)
    assert recommend_bundles(read_shop, max_price=0.01).bundles == []


def test_what_the_shop_lacks_is_named(read_shop: Shop) -> None:
    with pytest.raises(ToolError, match=r"no brand 'Acme'.*Alm"):
        recommend_bundles(read_shop, brand="Acme")
    with pytest.raises(UnknownTopic, match="telescope"):
        recommend_bundles(read_shop, "telescope")


def test_a_saving_is_what_buyers_were_given_off_on_average(shop: Shop) -> None:
    assert {bundle.saving for bundle in recommend_bundles(shop).bundles} == {None}
    deals = [
        Event(
            event_id=f"deal-{n}", user_id="dora", type="purchase", item_id="wipes", ts=tiny.END, quantity=2, price=7.4,
            session_id=f"deal-{n}", attributes={"discount": 1.0},
        )
        for n in range(100)
    ]  # fmt: skip
    shop.record(deals)
    again = Shop.open(shop.settings)
    (bundle,) = [b for b in recommend_bundles(again, "Wipes").bundles if set(b.topics) == {"Diapers", "Wipes"}]
    again.close()
    assert (bundle.saving, bundle.price) == (0.5, 16.7)
