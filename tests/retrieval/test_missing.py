"""Protects what a basket is said to lack: the strongest rule and the person's habits decide, and what is there is never named.
Run: pytest tests/retrieval/test_missing.py"""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from retrieval.carts.missing import Own, Weights, missing_topics, own_baskets
from retrieval.carts.pairs import Pairs
from retrieval.carts.rules import Rules
from tests.retrieval.test_rules import frame

NOW = datetime(2025, 6, 30, tzinfo=UTC)
# Tea goes with honey half of the time, toast with butter always; salt lies in every second basket of all.
BASKETS = frame(
    [["tea", "honey", "salt"], ["tea", "lemon"]] * 20 + [["toast", "butter", "salt"], ["toast", "butter", "eggs"]] * 20
)
PAIRS, RULES = Pairs.fit(BASKETS), Rules.fit(BASKETS, 0.2, 0.1)


def test_the_rule_with_most_to_add_comes_first_and_is_shown() -> None:
    first, second = missing_topics(["tea"], PAIRS, RULES, {}, k=2)
    assert {first.topic, second.topic} == {"honey", "lemon"}
    assert first.rule
    assert (first.rule.antecedent, first.rule.baskets, first.rule.antecedent_baskets, first.own) == (("tea",), 20, 40, None)
    assert first.rule.lift == pytest.approx(2.0)


def test_what_is_no_likelier_than_by_chance_is_not_missing() -> None:
    assert "salt" not in {gap.topic for gap in missing_topics(["tea"], PAIRS, RULES, {}, k=10)}


def test_two_topics_say_more_than_either() -> None:
    eggs = next(gap for gap in missing_topics(["toast", "butter"], PAIRS, RULES, {}, k=10) if gap.topic == "eggs")
    assert eggs.rule
    assert set(eggs.rule.antecedent) <= {"toast", "butter"}
    assert not {"toast", "butter"} & {gap.topic for gap in missing_topics(["toast", "butter"], PAIRS, RULES, {}, k=10)}


def test_a_habit_outweighs_a_rule_and_speaks_alone() -> None:
    own = {"eggs": Own(baskets=9, n_baskets=10, share=0.8, alike=0.0)}
    gap = missing_topics(["tea"], PAIRS, RULES, own, k=1)[0]
    assert (gap.topic, gap.rule, gap.own) == ("eggs", None, own["eggs"])
    assert [gap.topic for gap in missing_topics([], PAIRS, RULES, own, k=5)] == ["eggs"]
    assert missing_topics(["tea"], PAIRS, RULES, own, k=1, weights=Weights(0, 1, 0))[0].topic != "eggs"


def test_only_what_is_allowed_is_named_and_unknown_carts_lack_nothing() -> None:
    assert [gap.topic for gap in missing_topics(["tea"], PAIRS, RULES, {}, k=5, allowed=["lemon", "butter"])] == ["lemon"]
    assert missing_topics([], PAIRS, RULES, {}, k=5) == missing_topics(["spaceship"], PAIRS, RULES, {}, k=5) == []


def test_a_shop_without_baskets_lacks_nothing() -> None:
    none = frame([])
    assert missing_topics(["tea"], Pairs.fit(none), Rules.fit(none), {}, k=5) == []


def test_own_baskets_count_by_age_and_by_likeness_to_the_cart() -> None:
    """One basket 120 days old counts half: of 1 + .5 baskets and one of doubt, 1 held milk, and so did all with bread."""
    rows: list[tuple[str, datetime, list[str | None]]] = [
        ("new", NOW - timedelta(seconds=1), ["milk", "bread", None]),
        ("old", NOW - timedelta(days=120), ["eggs"]),
        ("to come", NOW + timedelta(days=1), ["caviar"]),
    ]
    bought = pl.DataFrame(
        [(visit, ts, topic) for visit, ts, topics in rows for topic in topics], schema=["session_id", "ts", "topic"], orient="row"
    )
    own = own_baskets(bought, ["bread", "jam"], NOW)
    assert set(own) == {"milk", "bread", "eggs"}
    milk = own["milk"]
    assert (milk.baskets, milk.n_baskets) == (1, 2)
    assert (milk.share, milk.alike) == pytest.approx((1 / 2.5, 0.5 / 1.5), abs=1e-5)
    assert own["eggs"].alike == 0
    assert own_baskets(bought.head(0), ["bread"], NOW) == {}
