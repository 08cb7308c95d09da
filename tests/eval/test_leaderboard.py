"""Protects the leaderboard: one row a run, no row lost, and every chief figure is one that an eval has.
Run: pytest tests/eval/test_leaderboard.py"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from eval.leaderboard import CHIEF, append, chief, read
from eval.suite import EVALS, ON_DATA
from tests.eval.made_up import ENDED

AT = datetime(2025, 6, 30, 12, 5, tzinfo=UTC)


def test_a_run_is_one_dated_row_with_what_it_has(tmp_path: Path) -> None:
    file = tmp_path / "leaderboard.csv"
    append(ENDED, AT, file)
    append(ENDED[:2], AT.replace(day=1, month=7), file)
    (first, second), columns = read(file)
    assert columns == ["date", "commit", "model", "adapter", "machine", "failed", *CHIEF]
    assert (first["date"], first["commit"], first["model"], first["adapter"]) == ("2025-06-30 12:05", "abc1234", "smol", "a1b2")
    assert (first["failed"], second["failed"], second["date"]) == ("basket", "", "2025-07-01 12:05")
    figures = {column: value for column, value in first.items() if column in CHIEF and value}
    assert figures == {"right tool and arguments": "0.895", "pass^4": "0.8", "search NDCG@10": "0.6667"}


def test_older_rows_and_their_columns_stay(tmp_path: Path) -> None:
    file = tmp_path / "leaderboard.csv"
    file.write_text("date,charm\n2024-01-01 00:00,0.5\n")
    append(ENDED, AT, file)
    rows, columns = read(file)
    assert columns[:2] == ["date", "charm"]
    assert [(row["date"], row["charm"], row["commit"]) for row in rows] == [
        ("2024-01-01 00:00", "0.5", ""),
        ("2025-06-30 12:05", "", "abc1234"),
    ]


def test_nothing_is_noted_of_a_run_without_a_report(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to note"):
        append(ENDED[2:], AT, tmp_path / "leaderboard.csv")
    assert not list(tmp_path.iterdir())


def test_the_chief_figures_are_of_evals_that_are_run() -> None:
    assert {name for name, _, _ in CHIEF.values()} == EVALS.keys() | ON_DATA.keys()
    assert chief(ENDED)["pass^4"] == 0.8
