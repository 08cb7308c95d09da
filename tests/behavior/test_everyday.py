"""Protects the everyday words: every line of the demo shop's file is about a topic that it has, and the words reach the catalog.
Run: pytest tests/behavior/test_everyday.py"""

import pytest

from behavior import Catalog, EventStore
from behavior.importers import completejourney
from behavior.importers.everyday import add_everyday_words, parse
from behavior.schema import Item


def test_words_and_occasions_are_told_apart() -> None:
    also_called, good_for = parse("# a comment\n\nTea: chai, brew\nbreakfast, brunch = Tea; Food > Bread\nTea: brew, infusion\n")
    assert also_called == {("tea",): ("chai", "brew", "infusion")}
    assert good_for == {("tea",): ("breakfast", "brunch"), ("food", "bread"): ("breakfast", "brunch")}


def test_a_line_of_neither_form_is_quoted() -> None:
    with pytest.raises(ValueError, match="'Tea chai'"):
        parse("Tea chai")


def test_a_topic_that_no_item_has_is_named() -> None:
    with pytest.raises(ValueError, match="soft drinks"):
        add_everyday_words([Item(item_id="1", title="Tea", path=("Food", "Teas"))])


def test_the_words_of_the_demo_shop_reach_its_topics_through_the_store(store: EventStore) -> None:
    store.save_items(completejourney.items())
    catalog = Catalog(store.load_items())
    drinks, paper, bananas = (catalog.topic(name) for name in ("Soft drinks", "Toilet paper", "Bananas"))
    assert drinks is not None
    assert paper is not None
    assert bananas is not None
    assert "soda" in drinks.also_called
    assert "tailgate" in drinks.good_for
    assert "tp" in paper.also_called
    assert bananas.also_called == ("banana",)
    assert sum(bool(topic.also_called) for topic in catalog.topics()) > 250


def test_words_on_one_item_of_a_topic_are_enough() -> None:
    items = [
        Item(item_id="1", title="Green tea", path=("Food", "Drinks", "Tea")),
        Item(item_id="2", title="Black tea", path=("Food", "Drinks", "Tea"), attributes={"also_called": {"Tea": ["chai"]}}),
    ]
    (tea,) = (topic for topic in Catalog(items).topics() if topic.is_leaf)
    assert tea.also_called == ("chai",)
    assert Catalog(items[:1]).topics()[-1].also_called == ()
