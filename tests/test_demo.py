"""Protects what a newcomer types first, on the whole demo shop. Run: pytest tests/test_demo.py"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from behavior import Settings
from tools import Shop, demo_users, prepare, recommend

pytestmark = pytest.mark.demo


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inkling")


@pytest.fixture(scope="module")
def first_run(home: Path) -> str:
    command = [sys.executable, "-c", "from ui.cli import app; app()", "demo", "--once"]
    environment = {**os.environ, "INKLING_HOME": str(home), "COLUMNS": "200"}
    return subprocess.run(
        command, env=environment, cwd=Path(__file__).parents[1], check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture(scope="module")
def demo(home: Path, first_run: str) -> Iterator[Shop]:
    shop = prepare(Settings(home=home), lambda _: None)
    yield shop
    shop.close()


def test_the_first_run_accounts_for_every_row_and_shows_a_household(first_run: str) -> None:
    assert "1,477,998 read = 1,477,998 stored + 0 duplicate + 0 quarantined" in first_run
    assert "What the shop believes about" in first_run
    assert "bought" in first_run
    assert "you buy it about every" in first_run


def test_every_claim_of_a_demo_profile_has_its_events(demo: Shop) -> None:
    for user in demo_users(demo, 5):
        for interest in demo.profile(user).interests:
            events = demo.store.events(interest.evidence)
            assert len(events) == len(interest.evidence) > 0
            assert {event.user_id for event in events} == {user}
            assert {demo.catalog.topic_of(event.item_id or "") for event in events} == {interest.topic}


def test_nothing_unlisted_is_recommended(demo: Shop) -> None:
    for user in demo.store.users()[::500]:
        cards = recommend(demo, user, k=20).cards
        assert cards
        assert all(demo.catalog.items[card.item_id].attributes["listed"] for card in cards)


def test_the_log_adds_up_to_the_source(demo: Shop) -> None:
    log = demo.store.scan()
    assert dict(log["type"].value_counts().iter_rows()) == {"purchase": 1_469_307, "coupon_redeem": 2_102, "impression": 6_589}
    assert log.filter(pl.col("type") == "purchase")["user_id"].n_unique() == 2_469
