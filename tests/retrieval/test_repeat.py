"""Protects repeat purchase: what is due ranks above what was just bought. Run: pytest tests/retrieval/test_repeat.py"""

from datetime import timedelta

import pytest

from behavior import EventStore
from retrieval import habits
from tests import tiny


def test_a_habit_has_its_interval_and_real_evidence(store: EventStore) -> None:
    found = habits(store.timeline_frame("dora"), tiny.END)
    assert {habit.item_id for habit in found} == {"dogfood", "dogtreat", "milk", "bread"}
    for habit in found:
        assert habit.interval_days == pytest.approx(7)
        assert {event.item_id for event in store.events(habit.evidence)} == {habit.item_id}


def test_due_again_scores_above_just_bought_and_long_given_up(store: EventStore) -> None:
    timeline = store.timeline_frame("dora")
    scores = {days: habits(timeline, tiny.END + timedelta(days=days))[0].score for days in (0, 7, 60)}
    assert scores[7] > scores[0]
    assert scores[7] > scores[60]


def test_nothing_bought_twice_is_no_habit(store: EventStore) -> None:
    assert habits(store.timeline_frame("nobody"), tiny.END) == []
