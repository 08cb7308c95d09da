"""Protects the analysis of a cart: what is missing and why, what is due, and the carts that are no carts.
Run: pytest tests/tools/test_cart.py"""

from datetime import timedelta

import pytest

from behavior import Event, event_frame
from tests import tiny
from tools import Shop, UnknownUser, analyze_cart, set_preference


def test_what_is_missing_comes_with_the_rule_that_says_so(read_shop: Shop) -> None:
    cart = analyze_cart(read_shop, {"dogfood": 1})
    first = cart.gaps[0]
    assert first.rule
    assert (first.topic, first.item_id, first.rule.antecedent, first.habit) == ("Dog treats", "dogtreat", ["Dog food"], None)
    assert (first.rule.baskets, first.rule.confidence) == (25, 1.0)
    assert first.rule.lift == pytest.approx(1 / first.rule.support)
    assert cart.missing[0].reason == f"in 25 baskets with Dog food, {first.rule.lift:.1f} times chance"
    assert [card.item_id for card in cart.missing] == [gap.item_id for gap in cart.gaps]


def test_a_user_s_own_baskets_count(read_shop: Shop) -> None:
    gaps = {gap.topic: gap for gap in analyze_cart(read_shop, {"bread": 1}, "dora").gaps}
    assert {"Dog food", "Dog treats", "Milk"} <= gaps.keys()
    for topic in ("Dog food", "Dog treats", "Milk"):
        habit = gaps[topic].habit
        assert habit
        assert (habit.baskets, habit.of_baskets) == (25, 25)
    assert "Dog food" not in {gap.topic for gap in analyze_cart(read_shop, {"coffee": 1}).gaps}


def test_habits_that_are_due_are_listed_with_their_evidence(shop: Shop) -> None:
    assert analyze_cart(shop, {}, "dora").due == []
    later = Event(event_id="later", user_id="carl", type="view", item_id="tea", ts=tiny.END + timedelta(days=7))
    shop.store.append(event_frame([later]))
    again = Shop.open(shop.settings)
    due = {habit.topic: habit for habit in analyze_cart(again, {"milk": 1}, "dora").due}
    again.close()
    assert due.keys() == {"Dog food", "Dog treats", "Bread"}
    assert due["Bread"].due == pytest.approx(1, abs=0.01)
    assert due["Bread"].card.item_id == "bread"
    assert {event.item_id for event in shop.store.events(due["Bread"].card.evidence)} == {"bread"}


def test_what_is_disliked_is_never_named(shop: Shop) -> None:
    set_preference(shop, "dora", "Dog", likes=False)
    cart = analyze_cart(shop, {"bread": 1, "milk": 1}, "dora")
    named = {gap.topic for gap in cart.gaps} | {topic for bundle in cart.bundles for topic in bundle.topics}
    assert not named & {"Dog food", "Dog treats"}
    assert not {habit.topic for habit in cart.due} & {"Dog food", "Dog treats"}


def test_bundles_hold_something_of_the_cart_and_something_more(read_shop: Shop) -> None:
    bundles = analyze_cart(read_shop, {"diapers": 1}).bundles
    assert bundles
    for bundle in bundles:
        assert "Diapers" in bundle.topics
        assert len(bundle.topics) > 1
        assert bundle.price == pytest.approx(sum(card.price or 0 for card in bundle.items))
        assert bundle.saving is None


def test_several_items_of_one_topic_count_once(read_shop: Shop) -> None:
    once, doubled = analyze_cart(read_shop, {"milk": 1}), analyze_cart(read_shop, {"milk": 3})
    assert once.gaps == doubled.gaps
    assert doubled.total == 3.6


def test_an_empty_cart_misses_only_habits(read_shop: Shop) -> None:
    empty = analyze_cart(read_shop, {})
    assert (empty.missing, empty.missions, empty.bundles, empty.due, empty.total) == ([], [], [], [], 0.0)
    assert {gap.topic for gap in analyze_cart(read_shop, {}, "tea-lover").gaps} == {"Tea", "Plant milk", "Bagels"}


def test_unknown_items_are_listed_and_an_unknown_user_is_refused(read_shop: Shop) -> None:
    cart = analyze_cart(read_shop, {"?": 1, "milk": 1, "🥛": 2})
    assert (cart.unknown, [line.item_id for line in cart.lines]) == (["?", "🥛"], ["milk"])
    with pytest.raises(UnknownUser, match="nobody"):
        analyze_cart(read_shop, {"milk": 1}, "nobody")


def test_a_cart_of_a_thousand_items_is_a_cart(read_shop: Shop) -> None:
    cart = analyze_cart(read_shop, {**{item.item_id: 1.0 for item in tiny.ITEMS}, **{f"x{n}": 1.0 for n in range(990)}})
    assert (len(cart.lines), len(cart.unknown), cart.missing, cart.bundles) == (len(tiny.ITEMS), 990, [], [])
