"""Protects the event log: nothing lost, nothing twice, the same back. Run: pytest tests/behavior/test_store.py"""

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from behavior import Event, EventStore, StoreError, event_frame
from tests import tiny


def test_appending_the_same_events_again_stores_none(store: EventStore) -> None:
    again = store.append(event_frame(tiny.events()))
    assert (again.stored, again.duplicate) == (0, len(tiny.events()))
    assert store.count() == len(tiny.events())


def test_timeline_gives_back_the_events_as_they_were(store: EventStore) -> None:
    rich = Event(
        event_id="x 1",
        user_id="müßig 用户",
        type="review",
        ts=tiny.END,
        rating=4.5,
        text="很好 👍 'quoted'",
        query="a",
        attributes={"topic": "Milk", "n": [1, 2]},
    )
    store.append(event_frame([rich]))
    assert store.timeline("müßig 用户") == [rich]
    assert store.timeline("dora") == [event for event in tiny.events() if event.user_id == "dora"]


def test_scan_equals_the_timelines(store: EventStore) -> None:
    whole = store.scan().sort("user_id", "ts", "event_id")
    assert whole.equals(pl.concat(store.timeline_frame(user) for user in store.users()))


def test_scan_keeps_nulls_apart_from_values(store: EventStore) -> None:
    store.append(event_frame([Event(event_id="s", user_id="zed", type="search", ts=tiny.END, query="oat milk")]))
    row = store.scan().row(by_predicate=pl.col("event_id") == "s", named=True)
    assert (row["query"], row["price"], row["item_id"]) == ("oat milk", None, None)


def test_a_long_log_is_read_apart_with_the_same_rows_and_stays_open_for_writing(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append(event_frame([Event(event_id="s", user_id="ben", type="search", ts=tiny.END, query="çay", quantity=2)]))
    through_the_driver = store.scan().sort("event_id")
    monkeypatch.setattr("behavior.store.MANY_ROWS", 1)
    apart = store.scan().sort("event_id")
    assert apart.schema == through_the_driver.schema
    assert apart.equals(through_the_driver)
    assert store.append(event_frame([Event(event_id="t", user_id="ben", type="view", ts=tiny.END, item_id="milk")])).stored == 1


def test_a_log_that_cannot_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EventStore(f"sqlite:///{tmp_path / 'log.db'}")
    monkeypatch.setattr("behavior.store.MANY_ROWS", 0)
    (tmp_path / "log.db").unlink()
    with pytest.raises(StoreError, match=r"log\.db.*could not be scanned"):
        store.scan()


def test_scan_by_time_is_half_open(store: EventStore) -> None:
    day = tiny.END - timedelta(days=7)
    assert set(store.scan(since=day, until=tiny.END)["ts"].unique()) >= {day}
    assert store.scan(until=day)["ts"].max() < day


def test_erasing_a_user_leaves_the_others(store: EventStore) -> None:
    before = store.count()
    erased = store.erase_user("dora")
    assert erased == sum(event.user_id == "dora" for event in tiny.events())
    assert not store.has_user("dora")
    assert store.count() == before - erased


def test_erasing_a_user_takes_the_quarantined_rows_along(store: EventStore) -> None:
    rows = [{"user_id": "dora", "price": -1}, {"user_id": "dora-2", "text": '"user_id": "dora"'}]
    store.quarantine("till", [("price is outside", json.dumps(row)) for row in rows])
    store.erase_user("dora")
    assert [json.loads(row) for _, _, row in store.quarantined()] == rows[1:]


def test_what_is_known_of_users_is_kept_replaced_and_erased(store: EventStore) -> None:
    assert store.user_attributes().is_empty()
    store.save_users({"dora": {"age": "45-54", "home": "Owner"}, "ben": {"kids": "çok 👶"}, "carl": {}})
    store.save_users({"dora": {"age": "55-64"}})
    assert set(store.user_attributes().rows()) == {("dora", "age", "55-64"), ("ben", "kids", "çok 👶")}
    store.erase_user("dora")
    assert store.user_attributes().rows() == [("ben", "kids", "çok 👶")]


def test_a_store_made_before_users_were_described_gets_their_table(store: EventStore, tmp_path: Path) -> None:
    with store._begin() as connection:
        connection.exec_driver_sql("DROP TABLE users")
    again = EventStore(f"sqlite:///{tmp_path / 'tiny.db'}")
    again.save_users({"dora": {"age": "45-54"}})
    assert again.user_attributes().rows() == [("dora", "age", "45-54")]
    again.close()


def test_a_full_disk_is_one_readable_error_and_loses_nothing(store: EventStore) -> None:
    with store._begin() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={connection.exec_driver_sql('PRAGMA page_count').scalar()}")
        connection.commit()
    many = [tiny.events()[0].model_copy(update={"event_id": f"new-{n}", "text": "x" * 100_000}) for n in range(20)]
    before = store.count()
    with pytest.raises(StoreError, match="full"):
        store.append(event_frame(many))
    assert store.count() == before


def test_an_unreachable_database_is_one_readable_error(tmp_path: Path) -> None:
    (tmp_path / "file.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match="not a database"):
        EventStore(f"sqlite:///{tmp_path / 'file.db'}")
