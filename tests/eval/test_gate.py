"""Protects the gate: an adapter that lost what the shipped one could do must not pass, and one that did not must.
Run: pytest tests/eval/test_gate.py"""

import io
import json

import pytest
from rich.console import Console

from eval.gate import Measured, fall, households, show, verdict
from finetune.split import held_out
from tools import Shop


def scores(right: int, of: int = 100) -> list[float]:
    return [1.0] * right + [0.0] * (of - right)


def measured(right: list[float], supported: list[float]) -> Measured:
    return Measured("smollm2-135m", "0123456789ab", right, right, supported)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (scores(90), scores(86)),  # four of a hundred, none gained: .06 by chance, but more than the floor
        ([*scores(90, 90), *scores(0, 910)], [*scores(80, 90), *scores(0, 910)]),  # one in a hundred, ten to none
        ([1.0, 0.9, 0.8], [1.0, 0.8, 0.8]),
    ],
)
def test_a_fall_is_seen_by_the_pairs_or_by_the_mean(before: list[float], after: list[float]) -> None:
    assert (found := fall(before, after))
    assert "0 gained" in found
    assert fall(after, before) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (scores(90), scores(90)),
        (scores(90), scores(87)),  # three of a hundred: within the floor, .13 by chance
        (scores(50), list(reversed(scores(50)))),  # all lines changed, as many either way
        (scores(0), scores(100)),
    ],
)
def test_chance_and_gains_are_no_fall(before: list[float], after: list[float]) -> None:
    assert fall(before, after) is None


def test_scores_of_other_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="2 and 3 scores"):
        fall([1.0, 1.0], [1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="0 and 0 scores"):
        fall([], [])


def test_either_ability_alone_decides() -> None:
    good = measured(scores(90), [0.98] * 24)
    assert verdict(good, good) is None
    assert verdict(good, measured(scores(80), [1.0] * 24)) == (
        "the candidate is worse than the shipped adapter: "
        "tool calls fell from 90.0% to 80.0% (10 cases lost, 0 gained, by chance 0.00098)"
    )
    worse = verdict(good, measured(scores(95), [0.5] * 24))
    assert worse
    assert "supported claims fell from 98.0% to 50.0%" in worse
    assert "tool calls" not in worse


def test_households_are_those_that_training_never_sees(shop: Shop) -> None:
    drawn = households(shop, 50, seed=1)
    assert drawn
    assert all(held_out(user) for user in drawn)
    assert households(shop, 1, seed=1) == households(shop, 1, seed=1)


def test_the_verdict_stands_before_the_json_line() -> None:
    screen = io.StringIO()
    rows = {"candidate": measured(scores(80), [1.0]), "shipped": measured(scores(90), [0.5])}
    show(rows, "it is worse", [], 1, 7, Console(file=screen, width=100))
    *_, said, line = screen.getvalue().splitlines()
    assert said == "it is worse"
    report = json.loads(line)
    assert (report["eval"], report["model"], report["seed"]) == ("gate", "smollm2-135m", 7)
    assert report["results"]["shipped"] == {"tool_accuracy": 0.9, "accuracy": 0.9, "supported_claims": 0.5}
