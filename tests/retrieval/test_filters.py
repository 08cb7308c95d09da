"""Protects the filters before ranking, the word on what left nothing, and the diversity of what is chosen.
Run: pytest tests/retrieval/test_filters.py"""

import numpy as np
import pytest

from behavior import Catalog
from behavior.schema import Item
from retrieval import Filter, Shelf, diverse, narrow
from tests import tiny

MORE = [
    Item(item_id="free tea", title="Tea, no price", path=("Food", "Coffee and tea", "Tea"), brand="Bona"),
    Item(item_id="sold out", title="Tea", path=("Food", "Coffee and tea", "Tea"), price=1, attributes={"available": False}),
    Item(item_id="fee", title="Fee", path=("Food", "Fees", "Fee"), price=1, attributes={"listed": False}),
]
IDS = [item.item_id for item in (*tiny.ITEMS, *MORE)]


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return Shelf(Catalog([*tiny.ITEMS, *MORE]), [*IDS, "unknown"])


def passed(shelf: Shelf, one: Filter) -> set[str]:
    return {item_id for item_id, passes in zip(shelf.item_ids, one.passes, strict=True) if passes}


def test_prices_are_inclusive_and_an_unknown_price_passes_no_bound(shelf: Shelf) -> None:
    assert passed(shelf, shelf.price(6.90, 9.90)) == {"catfood", "dogfood"}
    assert passed(shelf, shelf.price(None, 1.10)) == {"puree", "sold out", "fee"}
    assert passed(shelf, shelf.price(9.91, None)) == {"diapers"}
    assert shelf.price(1, 2.5).words == "at least $1.00 and at most $2.50"


def test_topics_take_what_lies_under_them_and_brands_are_read_in_any_case(shelf: Shelf) -> None:
    assert passed(shelf, shelf.topic("Dog")) == {"dogfood", "dogtreat"}
    assert passed(shelf, shelf.brand(" wuff ")) == {"dogfood", "dogtreat"}
    assert passed(shelf, shelf.topic("telescopes")) == passed(shelf, shelf.brand("")) == set()


def test_what_is_unlisted_unknown_or_not_available_is_not_on_the_shelf(shelf: Shelf) -> None:
    assert set(shelf.item_ids) - passed(shelf, shelf.available()) == {"sold out", "fee", "unknown"}


def test_items_topics_and_brands_can_be_left_out(shelf: Shelf) -> None:
    one = shelf.without("without those", ["milk", "no such item"], ["Pets", "Cat", "Soft", "no such topic"])
    left_out = set(shelf.item_ids) - passed(shelf, one)
    assert left_out == {"milk", "catfood", "diapers", "wipes", "puree"}


def test_the_filter_that_left_nothing_is_named(shelf: Shelf) -> None:
    everything = np.ones(len(shelf.item_ids), bool)
    dear, dog, tea = shelf.price(9, None), shelf.topic("Dog"), shelf.topic("Tea")
    assert narrow(everything, [dear, dog])[1] is None
    assert narrow(everything, [dear, dog, tea, shelf.available()])[1] == "of Tea"
    left, words = narrow(~everything, [dear])
    assert (left.any(), words) == (False, None)
    assert everything.all()


SCORES, GROUPS = [1.0, 0.9, 0.8, 0.3, 0.1], ["a", "a", "a", "b", None]


@pytest.mark.parametrize(
    ("diversity", "expected"),
    [(0.0, [0, 1, 2, 3, 4]), (0.5, [0, 1, 3, 2, 4]), (0.9, [0, 3, 4, 1, 2]), (1.0, [0, 3, 4])],
)
def test_each_further_item_of_a_group_counts_less(diversity: float, expected: list[int]) -> None:
    assert diverse(SCORES, GROUPS, 5, diversity) == expected
    assert diverse(SCORES, GROUPS, 2, diversity) == expected[:2]


def test_of_equal_scores_the_earlier_place_wins() -> None:
    assert diverse([1.0, 1.0, 1.0], ["a", "b", "a"], 3, 0.0) == [0, 1, 2]
    assert diverse([], [], 3, 1.0) == []
