"""Protects the tests from the training data: no test household, no test day and no test line may get in.
Run: pytest tests/finetune/test_split.py"""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from behavior import Event, EventStore, event_frame
from eval import grounding, tool_calls
from finetune.data import write
from finetune.overlap import Reserved
from finetune.split import held_out, training_dates, training_ends, training_shop
from tests import tiny
from tools import Shop

DIGEST = re.compile(r"today \d")
"""How the digest of a profile begins."""


def test_one_user_in_five_is_held_out_for_good() -> None:
    kept = [n for n in range(2000) if held_out(str(n))]
    assert 350 < len(kept) < 450
    assert kept[:3] == [0, 2, 12]  # another hash would let test households of earlier adapters into training


def test_the_test_days_are_the_last_thirty_one(tmp_path: Path) -> None:
    store = EventStore(f"sqlite:///{tmp_path / 'year.db'}")
    with pytest.raises(ValueError, match="empty"):
        training_ends(store)
    last = Event(event_id="e", user_id="u", type="view", item_id="milk", ts=datetime(2018, 1, 1, 4, 1, tzinfo=UTC))
    store.append(event_frame([last]))
    assert training_ends(store) == datetime(2017, 12, 1, tzinfo=UTC)
    dates = training_dates(store)
    assert (len(dates), dates[0], dates[-1]) == (6, datetime(2017, 6, 16, tzinfo=UTC), datetime(2017, 11, 3, tzinfo=UTC))


def test_training_sees_no_held_out_user_and_no_test_day(shop: Shop) -> None:
    end = training_ends(shop.store)
    with training_shop(shop, lambda _: None) as apart:
        log = apart.store.scan()
        assert set(log["user_id"]) == {user for user in tiny.HABITS if not held_out(user)} != set(tiny.HABITS)
        assert log["ts"].max() < end <= apart.now() + (end - log["ts"].max())
        assert set(apart.views.features["user_id"]) == set(log["user_id"])
        assert set(apart.views.people.users["user_id"].cast(str)) == set(log["user_id"])
    assert shop.store.count() == len(tiny.events())
    assert not apart.settings.home.exists()


@pytest.fixture
def typed() -> list[str]:
    """What the evals type; nobody who writes phrases reads it."""
    asked = [line.line for file in tool_calls.FILES for line in tool_calls.load_lines(path=file)]
    return [*asked, *(line.line for line in grounding.load_lines())]


def test_the_training_file_says_nothing_of_them(shop: Shop, tmp_path: Path, typed: list[str]) -> None:
    file = tmp_path / "train.jsonl"

    def written() -> list[dict[str, Any]]:
        rows = write(shop, file, lines=1500, dialogues=60, profiles=4, rewrites=2, test_lines=typed)
        lines = file.read_text().splitlines()
        assert len(lines) == rows
        return [json.loads(line) for line in lines]

    rows = written()
    assert rows == written()
    assert {row["role"] for row in rows} == {"shopper", "merchant", None}
    asked = [turn["content"] for row in rows for turn in row["messages"] if turn["role"] == "user"]
    days = {line.splitlines()[0] for line in asked if DIGEST.match(line)}
    assert days
    assert days <= {f"today {date.day} {date:%b} {date.year}" for date in training_dates(shop.store)}
    reserved = Reserved(typed)
    assert sum(reserved.holds(line) for line in asked if not DIGEST.match(line)) == 0  # a sum: no line is printed


def test_wording_is_held_by_the_line_or_five_words() -> None:
    reserved = Reserved(["Any oat milk, please?", "what would go well with my pasta tonight"])
    assert reserved.holds("any oat milk please")
    assert reserved.holds("So what would go well with... rice?")
    assert not reserved.holds("any oat milk")
    assert not reserved.holds("what would go well without rice")
    assert not Reserved().holds("milk")
