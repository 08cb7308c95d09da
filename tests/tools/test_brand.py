"""Protects what is said of a brand: every figure follows from the log, and groups of few users are not described.
Run: pytest tests/tools/test_brand.py"""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.tools import crowd
from tools import Shop, ToolError, brand_insight

MILK_OF_ALM = sum(20 * (1 + who / 1000) for who in range(crowd.EACH))
MILK_OF_BONA = crowd.EACH * (2 + 6) * 2.0
CAKE = sum(6 * (20 + who / 100) for who in range(crowd.EACH))


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with closing(crowd.open_crowd(tmp_path_factory.mktemp("crowd"), [])) as shop:
        yield shop


def test_buyers_spend_and_shares_are_those_of_the_log(crowded: Shop) -> None:
    alm = brand_insight(crowded, " ALM ")
    assert (alm.brand, alm.buyers, alm.population, alm.topics) == ("Alm", 30, 60, ["Milk"])
    assert alm.spend == pytest.approx(MILK_OF_ALM, abs=0.01)
    assert alm.share_of_spend == pytest.approx(MILK_OF_ALM / (MILK_OF_ALM + MILK_OF_BONA + CAKE + 1))
    assert alm.share_of_topics == pytest.approx(MILK_OF_ALM / (MILK_OF_ALM + MILK_OF_BONA))
    (milk,) = alm.topic_shares
    assert milk.share == pytest.approx(alm.share_of_topics)
    assert milk.at_average == pytest.approx(milk.spend, abs=0.01)


def test_loyalty_is_the_share_of_what_buyers_spend_in_its_topics(crowded: Shop) -> None:
    alm, bona = brand_insight(crowded, "Alm"), brand_insight(crowded, "Bona")
    own = [20 * (1 + who / 1000) for who in range(crowd.EACH)]
    assert alm.loyalty == pytest.approx(sum(spend / (spend + 4) for spend in own) / crowd.EACH)
    assert (alm.sole_buyers, alm.repeat_buyers) == (0, 1)
    assert bona.sole_buyers == 0.5  # the monthly users, who buy nothing of Alm


def test_changes_of_brand_are_counted_in_order(crowded: Shop) -> None:
    """Twice each weekly user takes Bona's milk once and then goes back."""
    alm, bona = brand_insight(crowded, "Alm"), brand_insight(crowded, "Bona")
    for switches in (alm.switches_from, alm.switches_to, bona.switches_from, bona.switches_to):
        assert [(switch.switches, switch.users) for switch in switches] == [(60, 30)]
    assert (alm.switches_to[0].brand, bona.switches_to[0].brand) == ("Bona", "Alm")


def test_changes_follow_new_events_and_a_visit_with_both_brands_is_none(crowded: Shop) -> None:
    visit = [crowd.purchase("weekly-0", item, 148, 1.0) for item in ("alm", "bona")]
    crowded.record([*visit, crowd.purchase("weekly-0", "bona", 149, 2.0)])
    assert brand_insight(crowded, "Alm").switches_from[0].switches == 61
    crowded.erase("weekly-0")
    assert brand_insight(crowded, "Alm").switches_from[0].switches == 58
    crowded.record([event for event in crowd.events() if event.user_id == "weekly-0"])
    assert brand_insight(crowded, "Alm").switches_from[0].switches == 60


def test_a_price_is_compared_topic_by_topic(crowded: Shop) -> None:
    paid = MILK_OF_ALM / (20 * crowd.EACH)
    assert brand_insight(crowded, "Alm").price_index == pytest.approx(paid / 2)
    bona = brand_insight(crowded, "Bona")
    assert bona.price_index == pytest.approx(2 / paid)  # nobody else sells cake
    assert [share.price_index for share in bona.topic_shares if share.topic == "Cake"] == [None]


def test_segments_are_over_and_under_represented(crowded: Shop) -> None:
    bona = brand_insight(crowded, "Bona")
    assert bona.segments[0].share == 1
    assert bona.segments[0].index == pytest.approx(1 / bona.share_of_topics)
    assert bona.segments[-1].index < 1
    assert all(segment.buyers >= 10 for segment in bona.segments)


def test_suggestions_are_computed_facts(crowded: Shop) -> None:
    bona = brand_insight(crowded, "Bona")
    assert [suggestion.kind for suggestion in bona.suggestions] == ["grow", "address", "price"]
    grow = bona.suggestions[0]
    assert grow.facts["more"] == pytest.approx(bona.share_of_topics * (MILK_OF_ALM + MILK_OF_BONA) - MILK_OF_BONA, abs=0.02)
    assert f"${grow.facts['more']:,.0f} more" in grow.text
    assert "Milk" in grow.text


def test_an_unknown_brand_is_refused_with_those_there_are(crowded: Shop) -> None:
    with pytest.raises(ToolError, match="no brand 'Acme', the shop has Alm, Bona, Tiny"):
        brand_insight(crowded, "Acme")


def test_a_brand_of_few_buyers_is_not_described(crowded: Shop) -> None:
    with pytest.raises(ToolError, match="fewer than 10 users bought 'Tiny': not described"):
        brand_insight(crowded, "tiny")
