"""Protects the audience eval: the right order scores best, ties are fair, and nothing from after the date is used.
Run: pytest tests/eval/test_audience.py"""

from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from behavior import Catalog, Event, event_frame
from eval.audience import buyers, lift
from eval.campaigns import known_before, redeemers
from tests import tiny

AS_OF = tiny.END - timedelta(days=28)
NEW_YEAR = datetime(2017, 1, 1, tzinfo=UTC)
FIRST, SECOND = (datetime(2017, 3, 1, tzinfo=UTC), datetime(2017, 6, 1, tzinfo=UTC))


def test_lift_counts_users_of_one_score_in_part() -> None:
    truth = np.array([True, False, False, False, True, False, False, False, False, False])
    assert lift(truth, np.arange(10, 0, -1.0)) == 5.0  # the best one of ten bought, two of ten did
    assert lift(truth, np.zeros(10)) == 1.0  # no order is no lift
    assert lift(truth, np.array([1.0, 1, 0, 0, 0, 0, 0, 0, 0, 0])) == 2.5


def test_buyers_with_plain_habits_are_ranked_right_and_chance_is_beaten(catalog: Catalog) -> None:
    results = buyers(event_frame(tiny.events()), catalog, AS_OF)
    assert results["strength"]["map"] == pytest.approx(1.0)
    assert results["strength"]["map"] > results["popularity"]["map"] > 0
    assert results["chance"]["lift@10%"] == 1.0
    with pytest.raises(ValueError, match="2035"):
        buyers(event_frame(tiny.events()), catalog, datetime(2035, 1, 1, tzinfo=UTC))


def event(user: str, kind: Literal["purchase", "impression", "coupon_redeem"], day: int, campaign: str | None = None) -> Event:
    ts = NEW_YEAR + timedelta(days=day)
    bought = {"item_id": "milk", "price": 1.2, "session_id": f"{user}-{day}"} if kind == "purchase" else {}
    attributes = {"campaign": campaign} if campaign else {}
    return Event.model_validate(
        {
            "event_id": f"{user}-{kind}-{day}-{campaign}",
            "user_id": user,
            "type": kind,
            "ts": ts,
            "attributes": attributes,
            **bought,
        }
    )


def mailings() -> list[Event]:
    """Sixty users, of whom every third shops weekly, the others monthly; the weekly ones redeem both campaigns."""
    log = []
    for n in range(60):
        user, often = f"m{n}", n % 3 == 0
        log += [event(user, "purchase", day) for day in range(n % 7, 200, 7 if often else 30)]
        for start, campaign in ((FIRST, "27"), (SECOND, "8")):
            day = (start - NEW_YEAR).days
            log.append(event(user, "impression", day, campaign))
            log += [event(user, "coupon_redeem", day + 5, campaign)] if often else []
    return log


def test_those_who_redeemed_before_are_ranked_first(catalog: Catalog) -> None:
    results = redeemers(event_frame(mailings()), catalog, ["8"])
    assert results["model"] == {"auc_8": 1.0, "auc": 1.0}
    assert results["past redemptions"]["auc_8"] == 1.0
    with pytest.raises(ValueError, match=r"\['99'\], there are \['27', '8'\]"):
        redeemers(event_frame(mailings()), catalog, ["99"])
    with pytest.raises(ValueError, match="'27' has no earlier campaign"):
        redeemers(event_frame(mailings()), catalog, ["27"])


def test_what_comes_after_the_first_day_changes_nothing(catalog: Catalog) -> None:
    def known(log: pl.DataFrame) -> pl.DataFrame:
        touched = log.with_columns(campaign=pl.col("attributes").str.json_path_match("$.campaign")).drop_nulls("campaign")
        offers = pl.DataFrame({"campaign": ["8"], "item_id": ["milk"]})
        return known_before(SECOND, "8", log, touched, offers, catalog)

    whole = event_frame(mailings())
    reached = pl.col("type") == "impression"
    assert_frame_equal(known(whole), known(whole.filter((pl.col("ts") < SECOND) | reached)))
    assert known(whole)["redeemed"].sum() == 20
    assert known(whole)["bought_items"].to_list() == [1] * 60
