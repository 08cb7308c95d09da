"""Protects the run of all evals: each in a process of its own, a failure named, the figures of the others kept.
Run: pytest tests/eval/test_suite.py"""

import sys
from pathlib import Path

import pytest

from eval.suite import EVALS, ON_DATA, ROOT, chosen, one, run
from tests.eval.made_up import SEARCH

STUB = """
import os, pathlib, sys
print("a table")
if sys.argv[1] == "dies":
    print("Traceback", file=sys.stderr)
    sys.exit("error: no shop here")
if sys.argv[1] == "mute":
    sys.exit()
print(pathlib.Path.cwd() if sys.argv[1] == "where" else sys.argv[2])
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Stands for `inkling eval`: what it is called decides how it ends."""
    (tmp_path / "stub.py").write_text(STUB)
    return [sys.executable, str(tmp_path / "stub.py")]


def test_one_that_fails_is_named_and_the_next_is_run(command: list[str]) -> None:
    said: list[str] = []
    line = SEARCH.model_dump_json()
    evals = {"basket": ("dies",), "speed": ("mute",), "search": ("works", line)}
    basket, speed, search = run(command, evals, said.append)
    assert said == ["basket, 1 of 3", "speed, 2 of 3", "search, 3 of 3"]
    assert (basket.name, basket.report) == ("basket", None)
    assert basket.failure == "ended with code 1: error: no shop here"
    assert (speed.report, "'a table'" in speed.failure) == (None, True)
    assert (search.report, search.failure) == (SEARCH, "")


def test_an_eval_runs_in_this_checkout(command: list[str]) -> None:
    assert str(ROOT)[:60] in one(command, "where", ("where",)).failure


def test_without_a_folder_those_on_data_are_left_out(tmp_path: Path) -> None:
    assert chosen([], None) == EVALS
    with pytest.raises(ValueError, match="'reviews' needs a folder"):
        chosen(["reviews"], None)
    with pytest.raises(ValueError, match=r"'recommendation-beauty' needs 'amazon_beauty_2014_5core', which '.*' lacks"):
        chosen([], tmp_path)


def test_those_on_data_get_its_path(tmp_path: Path) -> None:
    for _, path in ON_DATA.values():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    found = chosen([], tmp_path)
    assert list(found) == [*EVALS, *ON_DATA]
    assert found["reviews"] == ("reviews", "--llm", "--data", str(tmp_path / ON_DATA["reviews"][1]))
    assert list(chosen(["search", "reviews"], tmp_path)) == ["search", "reviews"]


def test_an_unknown_name_is_said_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no eval is called 'serch', there are profile, tool-calls, .*search"):
        chosen(["search", "serch"], None)
