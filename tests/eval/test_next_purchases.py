"""Protects `inkling eval recommendation --demo`: what is bought again and what is new are scored apart, by what came before.
Run: pytest tests/eval/test_next_purchases.py"""

import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from behavior import Event, EventStore, event_frame
from eval.next_purchases import run

START = datetime(2025, 1, 6, 9, tzinfo=UTC)
WEEKS = 24


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    """Thirty shoppers buy milk each week, and one week after the other the next of forty treats, each from another on."""
    store = EventStore(f"sqlite:///{tmp_path / 'log.db'}")
    events = []
    for user in range(30):
        for week in range(WEEKS):
            for item in ("milk", f"treat {(user + week) % 40:02}"):
                ts = START + timedelta(days=7 * week, minutes=user)
                events.append(
                    Event(event_id=f"{user} {week} {item}", user_id=f"u{user}", type="purchase", item_id=item, ts=ts, price=1.0)
                )
    store.append(event_frame(events))
    return store


def test_what_comes_again_and_what_is_new(store: EventStore) -> None:
    last, before = date(2025, 5, 26), date(2025, 4, 28)
    printed = io.StringIO()
    report = run(store, Console(file=printed, width=250), lambda _: None, test_from=last, learn_from=before)
    assert json.loads(printed.getvalue().splitlines()[-1])["results"] == report.results
    rows = report.results
    assert {"popularity", "personal_frequency", "als", "ease", "fusion"} <= rows.keys()
    # four weeks: milk, and four treats of which none was bought before
    assert rows["personal_frequency"]["recall@10"] == pytest.approx(1 / 5)
    assert rows["personal_frequency"]["new_recall@10"] == 0
    assert rows["cooccurrence"]["new_ndcg@10"] > rows["popularity"]["new_ndcg@10"]
    assert rows["fusion"]["new_recall@10"] > rows["popularity"]["new_recall@10"]
    assert rows["fusion"]["ndcg@10 over the best source"] == pytest.approx(
        rows["fusion"]["ndcg@10"] / max(row["ndcg@10"] for name, row in rows.items() if name != "fusion") - 1, abs=1e-3
    )


def test_days_without_purchases_are_refused(store: EventStore) -> None:
    with pytest.raises(ValueError, match="2030-01-01"):
        run(store, Console(file=io.StringIO()), lambda _: None, learn_from=date(2030, 1, 1))
