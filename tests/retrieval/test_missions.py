"""Protects missions: topics of one kind of trip are found together, named by what they are good for, and said only with reason.
Run: pytest tests/retrieval/test_missions.py"""

from itertools import combinations
from pathlib import Path

import pytest

from retrieval.carts.missions import Missions
from retrieval.carts.pairs import Pairs
from tests.retrieval.test_rules import frame

BABY, TACOS, CLEANING = (
    ["diapers", "wipes", "puree", "formula"],
    ["shells", "salsa", "beans", "sour cream"],
    ["bleach", "sponges", "glass cleaner", "mop"],
)
OCCASIONS = {
    **dict.fromkeys(BABY, ("new baby", "baby")),
    **dict.fromkeys(TACOS[:3], ("taco night", "dinner")),
    **dict.fromkeys((*CLEANING[:1], *BABY[:1]), ("moving house",)),
}
# Three of four topics of a kind with milk, some baskets that mix the kinds, and many with neither.
PURE = [[*three, "milk"] for kind in (BABY, TACOS, CLEANING) for three in combinations(kind, 3) for _ in range(10)]
MIXED = [list(three) for three in zip(BABY, TACOS, CLEANING, strict=True) for _ in range(6)]
BASKETS = frame([*PURE, *MIXED, *([["milk", "bread"]] * 2000)])


@pytest.fixture(scope="module")
def missions() -> Missions:
    return Missions.fit(Pairs.fit(BASKETS), OCCASIONS, seed=7, n=3)


def test_each_kind_of_trip_is_one_mission(missions: Missions) -> None:
    assert {frozenset(mission.topics) for mission in missions.missions} == {frozenset(kind) for kind in (BABY, TACOS, CLEANING)}


def test_a_mission_is_named_by_what_most_of_it_is_good_for_or_by_its_topics(missions: Missions) -> None:
    names = {frozenset(mission.topics): mission.name for mission in missions.missions}
    assert names[frozenset(BABY)] == "baby"
    assert names[frozenset(TACOS)] == "dinner"
    assert set(names[frozenset(CLEANING)].split(" and ")) < set(CLEANING)


def test_a_cart_has_the_mission_that_it_supports(missions: Missions) -> None:
    (match,) = missions.of(["shells", "salsa", "milk"])
    assert (match.mission.name, set(match.topics)) == ("dinner", {"shells", "salsa"})
    assert match.share == pytest.approx(2 / 3)
    assert match.tail < 0.01


@pytest.mark.parametrize("cart", [[], ["milk"], ["shells"], ["shells", "bleach", "diapers"], ["spaceship", "rocket"]])
def test_a_cart_that_supports_none_has_none(missions: Missions, cart: list[str]) -> None:
    assert missions.of(cart) == []


def test_what_was_saved_is_loaded_and_a_seed_gives_the_same(missions: Missions, tmp_path: Path) -> None:
    missions.save(tmp_path)
    assert Missions.load(tmp_path).missions == missions.missions
    assert Missions.fit(Pairs.fit(BASKETS), OCCASIONS, seed=7, n=3).missions == missions.missions


def test_too_few_topics_make_no_mission() -> None:
    assert Missions.fit(Pairs.fit(frame([["milk", "bread"]] * 9)), {}, seed=7).missions == []
    assert Missions.fit(Pairs.fit(frame([])), {}, seed=7).missions == []
