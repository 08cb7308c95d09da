"""Protects campaign reports: who was reached and redeemed, groups of ten and more only, and a fair word on cause.
Run: pytest tests/tools/test_campaign.py"""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.tools import crowd
from tools import Shop, ToolError, campaign_report

START = 100
EVEN = range(0, crowd.EACH, 2)
REACHED = [f"{kind}-{who}" for kind in ("weekly", "monthly") for who in EVEN]
REDEEMERS = [*(f"weekly-{who}" for who in EVEN[:12]), *(f"monthly-{who}" for who in EVEN[:10])]


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Half of each kind is reached on day 100, and each weekly user among them then buys cake for ten dollars."""
    more = [
        *crowd.mailing("7", REACHED, START),
        *crowd.redemptions("7", REDEEMERS, START + 10),
        *(crowd.purchase(f"weekly-{who}", "cake", START + 10, 10.0) for who in EVEN),
        *crowd.mailing("early", REACHED, 20),
        *crowd.mailing("late", REACHED, crowd.DAYS - 5),
        *crowd.redemptions("late", REDEEMERS[:3], crowd.DAYS - 1),
        *crowd.mailing("small", REACHED[:4], START),
        *crowd.mailing("few", REACHED, START),
        *crowd.redemptions("few", REDEEMERS[:14], START + 10),
        *crowd.mailing("all", [f"{kind}-{who}" for kind in ("weekly", "monthly") for who in range(crowd.EACH)], START),
    ]
    with closing(crowd.open_crowd(tmp_path_factory.mktemp("crowd"), more)) as shop:
        yield shop


@pytest.mark.parametrize("name", ["7", "campaign 7", " #7"])
def test_who_was_reached_and_who_redeemed_are_counted(crowded: Shop, name: str) -> None:
    report = campaign_report(crowded, name)
    assert (report.campaign, report.reached, report.redeemers, report.redemptions) == ("7", 30, 22, 22)
    assert report.redemption_rate == pytest.approx(22 / 30)
    assert report.start
    assert report.start.date() == crowd.day(START).date()


def test_groups_add_up_and_have_ten_redeemers_each(crowded: Shop) -> None:
    report = campaign_report(crowded, "7")
    for groups in (report.segments, report.strength):
        assert len(groups) == 2
        assert (sum(group.reached for group in groups), sum(group.redeemers for group in groups)) == (30, 22)
        assert all(group.redeemers >= 10 for group in groups)
    weak, strong = report.strength
    assert (weak.name.split(" to ")[0], strong.name.split(" to ")[1]) == ("1", "10")


def test_users_reached_are_held_against_their_like(crowded: Shop) -> None:
    """The fifteen weekly ones spent ten dollars more, the fifteen monthly ones the same."""
    report = campaign_report(crowded, "7")
    effect = report.effect
    assert effect
    assert (effect.matched, effect.days) == (30, 28)
    assert effect.difference == pytest.approx(5, abs=0.2)
    assert effect.difference == pytest.approx(effect.reached_spend - effect.others_spend)
    assert effect.low < effect.difference < effect.high
    assert all(abs(balance.after) < 0.1 for balance in effect.balance)
    assert any("no proof of cause" in note for note in report.notes)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("early", "the log does not reach 84 days before the start"),
        ("late", "6 of 28 days have passed"),
        ("all", "fewer than 10 users not reached were like those reached"),
    ],
)
def test_what_cannot_be_compared_says_why(crowded: Shop, name: str, note: str) -> None:
    report = campaign_report(crowded, name)
    assert report.effect is None
    assert any(note in line for line in report.notes)


def test_few_users_are_not_described(crowded: Shop) -> None:
    late = campaign_report(crowded, "late")
    assert (late.reached, late.redeemers, late.redemptions, late.segments, late.strength) == (30, 0, 0, [], [])
    assert "fewer than 10 users redeemed: not described" in late.notes
    small = campaign_report(crowded, "small")
    assert (small.reached, small.redeemers, small.notes) == (0, 0, ["fewer than 10 users were reached: not described"])


def test_a_last_group_of_few_redeemers_is_told_with_the_one_before(crowded: Shop) -> None:
    """It once ended in an IndexError when just two groups were left."""
    report = campaign_report(crowded, "few")
    assert (report.redeemers, report.segments, report.strength) == (14, [], [])


def test_an_unknown_campaign_is_refused_with_those_there_are(crowded: Shop) -> None:
    with pytest.raises(ToolError, match="no campaign '99', there are 7, all, few, late, early, small"):
        campaign_report(crowded, "99")
