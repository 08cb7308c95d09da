"""Protects numbers as people write them, and which of them a tool gets. Run: pytest tests/agent/test_numbers.py"""

from typing import Any

import pytest

from agent.bus import Bus
from agent.grounding import Said, ground
from agent.numbers import number_of, numbers_in
from tests.agent.grounding import grounded
from tools import Shop


@pytest.mark.parametrize(
    ("line", "name", "written", "value"),
    [
        ("oat milk under $4.50", "max_price", 4.5, 4.5),
        ("oat milk under five bucks", "max_price", 5, 5),
        ("oat milk under five bucks", "max_price", "five", 5),
        ("oat milk under five bucks", "max_price", 50, 5),
        ("three ideas under twenty five dollars", "max_price", 3, 25),
        ("between 2 and 4", "max_price", 7, None),
        ("half a dozen quick breakfasts", "max_price", 6, None),
        ("oat milk", "max_price", 5, None),
        ("dinner for one tonight", "max_price", 1, None),
        ("nothing above 99 cents", "max_price", 0.99, 0.99),
        ("give me five ideas", "k", 5, 5),
        ("a couple of ideas", "k", 2, 2),
        ("half a dozen snacks", "k", 6, 6),
        ("half a dozen snacks", "k", 12, 6),
        ("5 snacks under $10", "k", 10, 5),
        ("some ideas", "k", 3, None),
        ("the second one", "k", 2, None),
        ("at least sixty percent", "min_strength", 0.6, 0.6),
        ("at least 60%", "min_strength", 60, 0.6),
        ("above 0.75 please", "min_strength", 0.7, 0.75),
        ("strong ones", "min_strength", 0.8, None),
        ("bought in the last two weeks", "days", 14, 14),
        ("bought in the last two weeks", "days", 2, 14),
        ("in the past month", "days", 30, 30),
        ("within half a year", "days", 180, 180),
        ("in 2016 people", "days", 30, None),
        ("oat milk undr 20", "max_price", 20, 20),
        ("do you have 7up zero?", "max_price", 7, None),
    ],
)
def test_a_number_is_in_the_line_or_the_only_one_of_its_kind(
    read_shop: Shop, line: str, name: str, written: Any, value: float | None
) -> None:
    assert grounded(read_shop, line, name, written) == value


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("p3 of shopper-12ab34cd on the 2nd", []),
        ("1,200 users and 12.5%", [(1200, "plain"), (0.125, "share")]),
        ("one hundred twenty, a fortnight, one week", [(120, "plain"), (14, "days"), (7, "days")]),
        ("5$ or 99 per cent", [(5, "money"), (0.99, "share")]),
        ("a cup, another one", []),
        (
            "three quarters, two thirds, nine in ten, 8 out of 10, point seven",
            [(n, "share") for n in (0.75, 0.67, 0.9, 0.8, 0.7)],
        ),
        ("the last three quarters", [(270, "days")]),
        ("under a tenner, a fiver at most, £4 or 3€", [(10, "money"), (5, "money"), (4, "money"), (3, "money")]),
        ("under four fifty", [(4.5, "money")]),
        ("under four fifty products", [(4, "plain"), (50, "plain")]),
        ("4 bucks 50, two and a half dollars", [(4.5, "money"), (2.5, "money")]),
        ("8 dollars 20 items", [(8, "money"), (20, "plain")]),
        ("the 3for2 days, 4 for 3, 2for1", [(4, "plain"), (3, "plain")]),
        ("just name one olive oil", [(1, "plain")]),
        ("99p, 85 pct, 7/10 and 70/100", [(0.99, "money"), (0.85, "share"), (0.7, "share"), (0.7, "share")]),
        ("7up, a 500ml bottle, 2ply, 1.5l", []),
        ("30days, 5bucks, 10plz", [(30, "days"), (5, "money"), (10, "plain")]),
        ("6 wks, 90d, 3 mos", [(42, "days"), (90, "days"), (90, "days")]),
        ("4.5 stars, five-star, one star, the one star ones", [(4.5, "stars"), (5, "stars"), (1, "stars"), (1, "stars")]),
        ("you're a star, an all-star, stars out of 5", [(5, "plain")]),
    ],
)
def test_numbers_are_read_with_their_kind(text: str, numbers: list[tuple[float, str]]) -> None:
    assert [(number.value, number.kind) for number in numbers_in(text)] == numbers


@pytest.mark.parametrize(
    ("argument", "text", "value"),
    [
        ("k", "half a dozen", 6),
        ("k", "a few", None),
        ("k", "3 or 4", None),
        ("max_price", "a tenner", 10),
        ("max_price", "8", 8),
        ("max_price", "60%", None),
        ("min_strength", "7", 0.7),
        ("min_strength", "70", 0.7),
        ("min_strength", "0.7", 0.7),
        ("min_strength", "700", None),
        ("days", "month", 30),
        ("days", "last two weeks", 14),
        ("days", "14", None),
    ],
)
def test_words_are_a_number_to_an_argument(argument: str, text: str, value: float | None) -> None:
    assert number_of(argument, text) == value


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("I've got ten dollars left for lunch", "max_price", 10),
        ("nothing over $5", "max_price", 5),
        ("something over $5", "max_price", None),
        ("I spent 20 dollars on it", "max_price", None),
        ("between 2 dollars and 4 dollars", "max_price", None),
        ("loo roll, under 5", "max_price", 5),
        ("something under 5 minutes", "max_price", None),
        ("two toys, max fifteen quid", "max_price", 15),
        ("one olive oil, 9.99 tops", "max_price", 9.99),
        ("strength 0.25", "max_price", None),
        ("pasta people, three quarters or better", "min_strength", 0.75),
        ("people who want 20% off", "min_strength", None),
        ("bought in the past fortnight", "days", 14),
        ("vegan cheese, 14 days, the keen ones", "days", 14),
        ("toys, 60 day window", "days", 60),
        ("the launch is in two weeks", "days", None),
        ("give me two ideas for lunch", "k", 2),
        ("4 dinner ideas under twelve dollars", "k", 4),
        ("lunch for two", "k", None),
        ("sorry, ten of them, please", "k", 10),
        ("and 4 is plenty", "k", 4),
        ("two of them are too dear", "k", None),
        ("loosen it till 0.3", "min_strength", 0.3),
        ("fans of 7up", "min_strength", None),
        ("undr five dolars", "max_price", 5),
    ],
)
def test_a_bound_that_was_said_counts_also_when_the_llm_left_it_out(
    read_shop: Shop, line: str, name: str, value: float | None
) -> None:
    assert ground({}, {name: False}, Said([line]), Bus(), read_shop) == ({} if value is None else {name: value})


@pytest.mark.parametrize(("line", "k"), [("cheaper pls, 20 tops", None), ("20 cheap pens, 20 tops", 20)])
def test_a_number_that_is_a_price_is_no_count_as_well(read_shop: Shop, line: str, k: int | None) -> None:
    found = ground({"max_price": 20, "k": 20}, {"max_price": False, "k": False}, Said([line]), Bus(), read_shop)
    assert (found["max_price"], found.get("k")) == (20, k)
