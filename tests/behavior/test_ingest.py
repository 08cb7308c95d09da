"""Protects the account: read = stored + duplicate + quarantined. Run: pytest tests/behavior/test_ingest.py"""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from behavior import Event, EventStore, Rejection, check_event, ingest
from behavior.importers.table import REES46, Mapping, event_batches

SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "rees46_sample" / "2019-Oct-sample.csv"
GOOD = {"event_id": "e1", "user_id": "u", "type": "view", "ts": "2025-01-01T00:00:00Z"}


def test_every_row_is_accounted_for(tmp_path: Path) -> None:
    store = EventStore(f"sqlite:///{tmp_path / 'a.db'}")
    now = datetime(2025, 1, 1, tzinfo=UTC)
    rows = [
        ("1", "u", "view", now, 1.0),
        ("1", "u", "view", now, 1.0),
        ("2", "", "view", now, 1.0),
        ("3", "u", "teleport", now, 1.0),
        ("4", "u", "view", None, 1.0),
        ("5", "u", "purchase", now, -4.0),
        ("6", "u", "purchase", now, float("nan")),
    ]
    frame = pl.DataFrame(
        rows,
        schema={
            "event_id": pl.String,
            "user_id": pl.String,
            "type": pl.String,
            "ts": pl.Datetime("us", "UTC"),
            "price": pl.Float64,
        },
        orient="row",
    )
    account = ingest(store, [frame], "test")
    assert (account.read, account.stored, account.duplicate) == (7, 1, 1)
    assert account.read == account.stored + account.duplicate + sum(account.quarantined.values())
    reasons = [reason for _, reason, _ in store.quarantined()]
    assert "type is unknown: 'teleport'" in reasons
    assert "price is outside 0..1e9: '-4.0'" in reasons
    assert {json.loads(row)["event_id"] for *_, row in store.quarantined()} == {"2", "3", "4", "5", "6"}


@pytest.mark.parametrize(
    ("change", "quoted"),
    [
        ({"type": "teleport"}, "'teleport'"),
        ({"ts": "yesterday"}, "'yesterday'"),
        ({"ts": "2025-01-01T00:00:00"}, "timezone"),
        ({"price": -1}, "-1"),
        ({"user_id": ""}, "user_id"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_bad_event_is_refused_naming_the_value(change: dict[str, object], quoted: str) -> None:
    refused = check_event({**GOOD, **change})
    assert isinstance(refused, Rejection)
    assert quoted in refused.reason


def test_a_good_event_is_taken_in_utc() -> None:
    event = check_event({**GOOD, "ts": "2025-01-01T02:00:00+02:00"})
    assert isinstance(event, Event)
    assert event.ts == datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.skipif(not SAMPLE.exists(), reason="the REES46 sample is not beside this checkout")
def test_rees46_reads_all_rows_and_reading_twice_stores_once(tmp_path: Path) -> None:
    store = EventStore(f"sqlite:///{tmp_path / 'a.db'}")
    first = ingest(store, event_batches(SAMPLE, REES46), "rees46")
    assert (first.read, first.stored) == (1000, 1000)
    second = ingest(store, event_batches(SAMPLE, REES46), "rees46")
    assert (second.stored, second.duplicate) == (0, 1000)
    types = dict(store.scan()["type"].value_counts().iter_rows())
    assert types == {"view": 987, "purchase": 10, "cart_add": 3}


def test_a_truncated_file_names_itself_and_keeps_what_came_before(tmp_path: Path) -> None:
    good, cut = tmp_path / "good.parquet", tmp_path / "cut.parquet"
    pl.DataFrame({"id": ["1"], "who": ["u"], "when": ["2025-01-01T00:00:00Z"]}).write_parquet(good)
    cut.write_bytes(good.read_bytes()[:-20])
    store = EventStore(f"sqlite:///{tmp_path / 'a.db'}")
    mapping = Mapping(source="t", columns={"event_id": "id", "user_id": "who", "ts": "when"}, default_type="view")
    assert ingest(store, event_batches(good, mapping), "good").stored == 1
    with pytest.raises(ValueError, match=r"cut\.parquet"):
        ingest(store, event_batches(cut, mapping), "cut")
    assert store.count() == 1


def test_a_file_that_is_not_utf8_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("id,who,when\n1,Jos\xe9,2025-01-01T00:00:00Z\n".encode("latin-1"))
    mapping = Mapping(source="t", columns={"event_id": "id", "user_id": "who", "ts": "when"}, default_type="view")
    with pytest.raises(ValueError, match=r"latin\.csv"):
        list(event_batches(path, mapping))


def test_a_mapping_to_absent_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"who": "u"}\n')
    with pytest.raises(ValueError, match="when"):
        list(event_batches(path, Mapping(source="t", columns={"user_id": "who", "ts": "when"})))
