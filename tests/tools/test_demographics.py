"""Protects what is said of who a segment's users are: only what is clear, and never of fewer than ten.
Run: pytest tests/tools/test_demographics.py"""

import polars as pl

from behavior.store import ATTRIBUTE_SCHEMA
from tools.demographics import telling_demographics

EACH = 100


def told(*known: tuple[int, str, dict[str, int]], outside: int = 0) -> dict[str, list[tuple[str, str]]]:
    """What is told of segments s1 and s2 of `EACH` users and of `outside` users in none.

    `known` says of a segment (0 for none), by attribute, how many users have which band, from its first user on.
    """
    segments = {0: outside, 1: EACH, 2: EACH}
    members = pl.DataFrame(
        [(f"{segment}-{who}", f"s{segment}" if segment else None) for segment, size in segments.items() for who in range(size)],
        schema={"user_id": pl.String, "segment_id": pl.String},
        orient="row",
    )
    rows = []
    for segment, attribute, bands in known:
        values = [band for band, count in bands.items() for _ in range(count)]
        rows += [(f"{segment}-{who}", attribute, value) for who, value in enumerate(values)]
    found = telling_demographics(members, pl.DataFrame(rows, schema=ATTRIBUTE_SCHEMA, orient="row"))
    return {segment: [(one.attribute, one.value) for one in several] for segment, several in found.items()}


def test_a_value_is_told_where_it_is_more_frequent_than_among_everyone_known() -> None:
    members = pl.DataFrame({"user_id": [f"u{who}" for who in range(90)], "segment_id": ["s1"] * 30 + ["s2"] * 30 + [None] * 30})
    ages = ["old"] * 20 + ["young"] * 10 + ["young"] * 60
    known = pl.DataFrame({"user_id": members["user_id"], "attribute": "age", "value": ages})
    stranger = pl.DataFrame({"user_id": ["never bought"], "attribute": ["age"], "value": ["old"]})
    found = telling_demographics(members, pl.concat([known, stranger]))
    (old,) = found["s1"]
    assert (old.attribute, old.value, old.known) == ("age", "old", 30)
    assert (old.share, old.overall) == (20 / 30, 20 / 90)
    assert [one.value for one in found["s2"]] == ["young"]


def test_nothing_is_told_of_fewer_than_ten() -> None:
    everyone_else = (2, "age", {"young": 100})
    assert "s1" not in told((1, "age", {"old": 9}), everyone_else)
    assert "s1" not in told((1, "age", {"old": 9, "young": 20}), everyone_else)
    assert told((1, "age", {"old": 10}), everyone_else)["s1"] == [("age", "old")]


def test_a_small_or_a_chance_difference_is_not_told() -> None:
    assert told((1, "home", {"owner": 55, "renter": 45}), (2, "home", {"owner": 45, "renter": 55})) == {}
    assert told((1, "home", {"owner": 13, "renter": 7}), (2, "home", {"owner": 8, "renter": 12})) == {}
    assert told((1, "home", {"owner": 80, "renter": 20}), (2, "home", {"owner": 20, "renter": 80})) == {
        "s1": [("home", "owner")],
        "s2": [("home", "renter")],
    }


def test_the_three_clearest_are_told_the_clearest_first() -> None:
    shares = {"age": 70, "income": 100, "kids": 80, "home": 90}
    here = [(1, name, {"yes": share, "no": 100 - share}) for name, share in shares.items()]
    there = [(2, name, {"yes": 20, "no": 80}) for name in shares]
    assert told(*here, *there)["s1"] == [("income", "yes"), ("home", "yes"), ("kids", "yes")]


def test_users_in_no_segment_count_among_everyone_but_are_not_described() -> None:
    everyone = [(segment, "age", {"old": 50, "young": 50}) for segment in (1, 2)]
    assert told(*everyone) == {}
    lowered = told(*everyone, (0, "age", {"young": 300}), outside=300)
    assert lowered == {"s1": [("age", "old")], "s2": [("age", "old")]}


def test_where_nothing_is_known_nothing_is_told() -> None:
    assert told() == {}
