"""The event log, the catalog's rows and users' attributes, in SQLite (WAL) or any database that SQLAlchemy speaks to."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from behavior.arrow_scan import scan_sqlite
from behavior.schema import Event, EventType, Item

EVENT_SCHEMA: dict[str, pl.DataType] = {
    "event_id": pl.String(),
    "user_id": pl.String(),
    "platform": pl.String(),
    "type": pl.String(),
    "item_id": pl.String(),
    "ts": pl.Datetime("us", "UTC"),
    "quantity": pl.Float64(),
    "price": pl.Float64(),
    "query": pl.String(),
    "text": pl.String(),
    "rating": pl.Float64(),
    "session_id": pl.String(),
    "attributes": pl.String(),
}
"""Columns of an event frame. `attributes` is a JSON object as text; every other column is as in `Event`."""

_COLUMNS = {pl.String(): sa.Text, pl.Float64(): sa.Float, pl.Datetime("us", "UTC"): sa.BigInteger}
_TYPED = {pl.String(): "''", pl.Float64(): "0.0", pl.Datetime("us", "UTC"): "0"}
"""A value of each type, for readers that take a column's type from its first row."""
SCAN_ROWS = 100_000
MANY_ROWS = 200_000
"""From so many events on, starting a second process is worth its half second."""
ATTRIBUTE_SCHEMA = {"user_id": pl.String(), "attribute": pl.String(), "value": pl.String()}
"""Columns of what is known of users apart from their events: a row per user and attribute."""
_REQUIRED = {"event_id", "user_id", "platform", "type", "ts", "quantity", "attributes"}

_metadata = sa.MetaData()
_events = sa.Table(
    "events",
    _metadata,
    *(
        sa.Column(name, _COLUMNS[kind], primary_key=name == "event_id", nullable=name not in _REQUIRED)
        for name, kind in EVENT_SCHEMA.items()
    ),
    sa.Index("events_of_user", "user_id", "ts"),
)
_items = sa.Table("items", _metadata, sa.Column("item_id", sa.Text, primary_key=True), sa.Column("item", sa.Text, nullable=False))
_users = sa.Table(
    "users", _metadata, sa.Column("user_id", sa.Text, primary_key=True), sa.Column("attributes", sa.Text, nullable=False)
)
_meta = sa.Table("meta", _metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False))
_quarantine = sa.Table(
    "quarantine",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("row", sa.Text, nullable=False),
)


class StoreError(RuntimeError):
    """The database cannot do what was asked (full disk, locked, unreachable); nothing of the batch was stored."""


@dataclass(frozen=True)
class Appended:
    stored: int
    duplicate: int


class EventStore:
    """The append-only log of events; beside it the catalog's items, users' attributes, the quarantine and a few named values."""

    def __init__(self, url: str) -> None:
        parsed = sa.make_url(url)
        self._file = Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        self._engine = sa.create_engine(url, hide_parameters=True)
        if self._file:
            sa.event.listen(self._engine, "connect", _tune_sqlite)
        with self._begin() as connection:
            _metadata.create_all(connection)
        insert = sqlite.insert(_events) if self._file else postgresql.insert(_events)
        self._insert = insert.on_conflict_do_nothing(index_elements=["event_id"])

    def append(self, frame: pl.DataFrame) -> Appended:
        """Add the events of a frame with the columns of `EVENT_SCHEMA`, in one transaction; known event ids are left as they are.

        Raises StoreError when the database refuses; then nothing of the frame was stored.
        """
        rows = frame.select(*EVENT_SCHEMA).with_columns(pl.col("ts").dt.timestamp("us"))
        if rows.is_empty():
            return Appended(0, 0)
        with self._begin() as connection:
            if self._file:  # tuples straight to the driver: three times faster than rows as dicts
                statement = f"INSERT OR IGNORE INTO events VALUES ({', '.join('?' * len(EVENT_SCHEMA))})"
                stored = connection.exec_driver_sql(statement, rows.rows()).rowcount
            else:
                stored = connection.execute(self._insert, rows.to_dicts()).rowcount
        return Appended(stored, len(rows) - stored)

    def timeline_frame(self, user_id: str, since: datetime | None = None) -> pl.DataFrame:
        """A user's events, oldest first, with the columns of `EVENT_SCHEMA`; empty for an unknown user."""
        query = sa.select(_events).where(_events.c.user_id == user_id).order_by(_events.c.ts, _events.c.event_id)
        return self._frame(query if since is None else query.where(_events.c.ts >= _microseconds(since)))

    def timeline(self, user_id: str, since: datetime | None = None) -> list[Event]:
        """A user's events, oldest first."""
        return to_events(self.timeline_frame(user_id, since))

    def events(self, event_ids: Sequence[str]) -> list[Event]:
        """The events with these ids, in the order asked; unknown ids are left out."""
        found = {e.event_id: e for e in to_events(self._frame(sa.select(_events).where(_events.c.event_id.in_(event_ids))))}
        return [found[event_id] for event_id in event_ids if event_id in found]

    def scan(self, since: datetime | None = None, until: datetime | None = None, types: Sequence[EventType] = ()) -> pl.DataFrame:
        """The whole log, or the events of these types with since <= ts < until, unordered, with the columns of `EVENT_SCHEMA`."""
        low = "" if since is None else f" AND ts >= {_microseconds(since)}"
        high = "" if until is None else f" AND ts < {_microseconds(until)}"
        wanted = f" AND type IN ({', '.join(repr(str(name)) for name in types)})" if types else ""
        query = f"SELECT {', '.join(EVENT_SCHEMA)} FROM events WHERE 1 = 1{low}{high}{wanted}"
        if self._file and since is None and self.count() >= MANY_ROWS:
            return self._scan_apart(self._file, query)
        with self._begin() as connection:
            cursor = connection.exec_driver_sql(query).cursor
            chunks = [_to_frame(rows) for rows in iter(lambda: cursor.fetchmany(SCAN_ROWS), [])]
        return pl.concat(chunks) if chunks else pl.DataFrame(schema=EVENT_SCHEMA)

    def users(self) -> list[str]:
        """All user ids, sorted."""
        with self._begin() as connection:
            return list(connection.scalars(sa.select(_events.c.user_id).distinct().order_by(_events.c.user_id)))

    def has_user(self, user_id: str) -> bool:
        return self._scalar(sa.select(_events.c.event_id).where(_events.c.user_id == user_id).limit(1)) is not None

    def count(self, user_id: str | None = None) -> int:
        """How many events there are, of one user or in all."""
        query = sa.select(sa.func.count()).select_from(_events)
        return int(self._scalar(query if user_id is None else query.where(_events.c.user_id == user_id)))

    def last_ts(self) -> datetime | None:
        """Time of the newest event, None for an empty log."""
        last = self._scalar(sa.select(sa.func.max(_events.c.ts)))
        return None if last is None else datetime.fromtimestamp(last / 1e6, UTC)

    def erase_user(self, user_id: str) -> int:
        """Delete all events of a user for good and return how many they were; attributes and quarantined rows go too."""
        with self._begin() as connection:
            own = _quarantine.c.row.contains(f'"user_id": {json.dumps(user_id)}', autoescape=True)
            connection.execute(sa.delete(_quarantine).where(own))
            connection.execute(sa.delete(_users).where(_users.c.user_id == user_id))
            return connection.execute(sa.delete(_events).where(_events.c.user_id == user_id)).rowcount

    def save_items(self, items: Iterable[Item]) -> None:
        """Add items to the catalog; those with a known id are replaced."""
        rows = [{"item_id": item.item_id, "item": item.model_dump_json()} for item in items]
        if not rows:
            return
        with self._begin() as connection:
            connection.execute(_upsert(_items, "item_id", "item", bool(self._file)), rows)

    def load_items(self) -> list[Item]:
        """All items of the catalog. They were validated when saved."""
        with self._begin() as connection:
            rows = [json.loads(row) for row in connection.scalars(sa.select(_items.c.item))]
        return [Item.model_construct(**{**row, "path": tuple(row["path"])}) for row in rows]

    def save_users(self, users: Mapping[str, Mapping[str, str]]) -> None:
        """Keep what is known of users apart from their events, as attribute: band by user id; known users' are replaced whole."""
        rows = [{"user_id": user_id, "attributes": json.dumps(dict(known))} for user_id, known in users.items()]
        if rows:
            with self._begin() as connection:
                connection.execute(_upsert(_users, "user_id", "attributes", bool(self._file)), rows)

    def user_attributes(self) -> pl.DataFrame:
        """What is known of users apart from their events, unordered, with the columns of `ATTRIBUTE_SCHEMA`."""
        with self._begin() as connection:
            rows = connection.execute(sa.select(_users.c.user_id, _users.c.attributes)).fetchall()
        pairs = [(user_id, *pair) for user_id, known in rows for pair in json.loads(known).items()]
        return pl.DataFrame(pairs, schema=ATTRIBUTE_SCHEMA, orient="row")

    def quarantine(self, source: str, rows: Iterable[tuple[str, str]]) -> None:
        """Keep rejected rows as (reason, row as JSON)."""
        kept = [{"source": source, "reason": reason, "row": row} for reason, row in rows]
        if kept:
            with self._begin() as connection:
                connection.execute(sa.insert(_quarantine), kept)

    def quarantined(self) -> list[tuple[str, str, str]]:
        """All rejected rows as (source, reason, row as JSON)."""
        with self._begin() as connection:
            return [
                tuple(row) for row in connection.execute(sa.select(_quarantine.c.source, _quarantine.c.reason, _quarantine.c.row))
            ]

    def get(self, key: str) -> str | None:
        """A named value, or None."""
        value: str | None = self._scalar(sa.select(_meta.c.value).where(_meta.c.key == key))
        return value

    def set(self, key: str, value: str) -> None:
        with self._begin() as connection:
            connection.execute(_upsert(_meta, "key", "value", bool(self._file)), {"key": key, "value": value})

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise StoreError(f"the event store at {self._engine.url.render_as_string()!r} failed: {error.orig}") from error

    def _scan_apart(self, file: Path, query: str) -> pl.DataFrame:
        first = ", ".join(f"{_TYPED[kind]} AS {name}" for name, kind in EVENT_SCHEMA.items())
        try:
            rows = scan_sqlite(file, f"SELECT {first} UNION ALL {query}")
        except RuntimeError as error:
            raise StoreError(f"the event store at {str(file)!r} could not be scanned: {error}") from error
        return _with_time(rows[1:])

    def _scalar(self, query: sa.Executable) -> Any:
        with self._begin() as connection:
            return connection.scalar(query)

    def _frame(self, query: sa.Executable) -> pl.DataFrame:
        with self._begin() as connection:
            return _to_frame(connection.execute(query).fetchall())


def to_events(frame: pl.DataFrame) -> list[Event]:
    """The rows of an event frame as events. They were validated when stored, so they are not validated again."""
    return [Event.model_construct(**{**row, "attributes": json.loads(row["attributes"])}) for row in frame.iter_rows(named=True)]


def _to_frame(rows: Sequence[Any]) -> pl.DataFrame:
    """Rows of the events table, whose times are microseconds since 1970 in UTC, as an event frame."""
    columns = zip(*rows, strict=True) if rows else ([] for _ in EVENT_SCHEMA)
    raw = {**EVENT_SCHEMA, "ts": pl.Int64()}
    frame = pl.DataFrame([pl.Series(name, values, raw[name]) for name, values in zip(raw, columns, strict=True)])
    return _with_time(frame)


def _with_time(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("ts").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))


def _upsert(table: sa.Table, key: str, value: str, is_sqlite: bool) -> sqlite.Insert | postgresql.Insert:
    insert = sqlite.insert(table) if is_sqlite else postgresql.insert(table)
    return insert.on_conflict_do_update(index_elements=[key], set_={value: insert.excluded[value]})


def _microseconds(ts: datetime) -> int:
    return round(ts.timestamp() * 1e6)


def _tune_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000", "cache_size=-200000", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
