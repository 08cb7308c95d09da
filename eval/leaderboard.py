"""The leaderboard: one dated row for each run of all evals, with the chief figure or two of each."""

import csv
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from eval.suite import Ended

FILE = Path(__file__).parent / "leaderboard.csv"

CHIEF: dict[str, tuple[str, str, str]] = {
    "profile NDCG@10": ("profile", "numeric", "ndcg@10"),
    "calibration error": ("profile", "numeric", "ece"),
    "written NDCG@10": ("profile", "llm", "ndcg@10"),
    "claims supported raw": ("profile", "llm", "supported_raw"),
    "right tool and arguments": ("tool-calls", "agent", "accuracy"),
    "pass^4": ("tool-calls", "agent, sampled", "pass^4"),
    "invented items": ("grounding", "agent", "invented_items"),
    "invented numbers": ("grounding", "agent", "invented_numbers"),
    "leaks": ("grounding", "agent", "leaks"),
    "first token ms": ("serving", "chat", "first_token_p50_ms"),
    "turn ms": ("serving", "chat", "p50_ms"),
    "seconds per profile": ("serving", "profile@1", "seconds_per_profile"),
    "profiles per minute": ("serving", "profile@16", "profiles_per_minute"),
    "overhead": ("serving", "profile@16", "overhead"),
    "search NDCG@10": ("search", "hybrid", "ndcg@10_test"),
    "next purchases NDCG@10": ("recommendation", "fusion", "ndcg@10"),
    "Beauty NDCG@10": ("recommendation-beauty", "fusion", "ndcg@10"),
    "basket hit@10": ("basket", "blend", "hit@10"),
    "buyers lift@10%": ("audience", "buyers: strength", "lift@10%"),
    "redeemers AUC": ("audience", "redeemers: model", "auc"),
    "Beauty category hit@1": ("next-topic", "learned", "top category hit@1"),
    "reviews macro-F1": ("reviews", "classifier and lexicon", "macro_f1"),
    "recommend ms": ("speed", "one user", "p50_ms"),
}
"""By column: the eval, the row and the metric."""


def chief(ended: Sequence[Ended]) -> dict[str, float]:
    """The chief figures that these evals have."""
    reports = {one.name: one.report.results for one in ended if one.report}
    found = {column: reports.get(name, {}).get(row, {}).get(metric) for column, (name, row, metric) in CHIEF.items()}
    return {column: value for column, value in found.items() if value is not None}


def append(ended: Sequence[Ended], at: datetime, file: Path) -> None:
    """Add a row to the end of the file, which is made if there is none; a figure that a run did not have is empty.

    A column that the file lacks is added to all its rows, and none is ever dropped. Raises ValueError if no eval has a report.
    """
    reports = [one.report for one in ended if one.report]
    if not reports:
        raise ValueError("no eval has a report: there is nothing to note")
    made_by = next((report for report in reports if report.adapter), reports[0])
    row = {
        "date": f"{at:%Y-%m-%d %H:%M}",
        "commit": made_by.commit,
        "model": made_by.model,
        "adapter": made_by.adapter or "",
        "machine": made_by.machine,
        "failed": " ".join(one.name for one in ended if not one.report),
        **{column: f"{value:.4g}" for column, value in chief(ended).items()},
    }
    rows, columns = read(file)
    fresh = file.with_suffix(".new")
    with fresh.open("w", encoding="utf-8", newline="") as out:
        head = ["date", "commit", "model", "adapter", "machine", "failed", *CHIEF]
        writer = csv.DictWriter(out, list(dict.fromkeys([*columns, *head])), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*rows, row])
    os.replace(fresh, file)


def read(file: Path) -> tuple[list[dict[str, str]], list[str]]:
    """The rows, oldest first, and the names of the columns; none if there is no file yet."""
    if not file.exists():
        return [], []
    with file.open(encoding="utf-8", newline="") as text:
        reader = csv.DictReader(text)
        return list(reader), list(reader.fieldnames or [])
