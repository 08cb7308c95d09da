"""One shop: its log, catalog and fitted models, built once from the settings and passed to every tool."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

import polars as pl

from behavior import (
    Catalog,
    Event,
    EventStore,
    InterestProfile,
    Rejection,
    Settings,
    build_profile,
    check_event,
    event_frame,
    strength,
    topic_features,
    trait_values,
)
from retrieval import Cooccurrence, TopicIndex
from tools.errors import UnknownItem, UnknownTopic, UnknownUser
from tools.results import Card

CLOCK = "clock"
"""Name in the store of how the shop tells the time: "live", or "log" for a replayed log that goes on from its last event."""

CLOCK_SKEW = timedelta(minutes=5)


class Shop:
    """Use `open`. `features` has one row per (user, topic) with its `strength`, `traits` one per user; both follow new events."""

    def __init__(self, settings: Settings, progress: Callable[[str], None]) -> None:
        self.settings = settings
        self.store = EventStore(settings.store_url)
        self.catalog = Catalog(self.store.load_items())
        self._opened = monotonic()
        self._writing = Lock()  # requests come in threads, and a refresh that overtakes another would lose its users
        self._log_end = self.store.last_ts() or datetime.now(UTC)
        self._load_or_fit(settings.home / "models" / "views", progress)
        self.topics = TopicIndex(settings.home / "chroma", self.catalog)
        self.topics.update(progress)

    @classmethod
    def open(cls, settings: Settings, progress: Callable[[str], None] = lambda _: None) -> "Shop":
        """Open the shop of the settings; what is fitted from the log is loaded, or made anew when the log is another one.

        Raises StoreError when the database cannot be used.
        """
        return cls(settings, progress)

    def now(self) -> datetime:
        """The shop's time: UTC, or for a replayed log its last event's time plus the time since the shop was opened."""
        if self.store.get(CLOCK) == "log":
            return datetime.fromtimestamp(self._log_end.timestamp() + monotonic() - self._opened, UTC)
        return datetime.now(UTC)

    def check(self, raw: dict[str, Any]) -> Event | Rejection:
        """One event from outside, or why it is none. An event ahead of the shop's clock is refused: it would count only later."""
        event = check_event(raw)
        if isinstance(event, Event) and event.ts > self.now() + CLOCK_SKEW:
            return Rejection(f"ts: {event.ts.isoformat()!r} is ahead of the shop's clock, {self.now():%Y-%m-%dT%H:%M:%SZ}")
        return event

    def record(self, events: Iterable[Event]) -> list[bool]:
        """Store events and let them take effect at once; says of each whether it was new."""
        stored, changed = [], set()
        with self._writing:
            for event in events:
                stored.append(self.store.append(event_frame([event])).stored == 1)
                changed |= {event.user_id} if stored[-1] else set()
            self._refresh(changed)
        return stored

    def timeline(self, user_id: str) -> pl.DataFrame:
        """All events of a user, oldest first. Raises UnknownUser."""
        frame = self.store.timeline_frame(user_id)
        if frame.is_empty():
            raise UnknownUser(user_id)
        return frame

    def profile(self, user_id: str, limit: int = 24) -> InterestProfile:
        """The numeric profile as of now. Raises UnknownUser."""
        return build_profile(user_id, self.timeline(user_id), self.catalog, self.now(), self.traits, limit)

    def card(self, item_id: str, score: float = 0.0, reason: str = "", evidence: list[str] | None = None) -> Card:
        """An item as shown to people. Raises UnknownItem."""
        item = self.catalog.item(item_id)
        if item is None:
            raise UnknownItem(item_id)
        topic = self.catalog.topic_of(item_id) or ""
        return Card(
            item_id=item_id,
            title=item.title,
            topic=topic,
            brand=item.brand,
            price=item.price,
            score=score,
            reason=reason,
            evidence=evidence or [],
        )

    def topic(self, words: str) -> str:
        """The topic that `words` name or come nearest to. Raises UnknownTopic with the nearest names."""
        if named := self.catalog.topic(words):
            return named.name
        found = self.topics.search(words, 3)
        if not found or found[0][1] < 0.5:
            raise UnknownTopic(words, [name for name, _ in self.catalog.find_topics(words, 3)])
        return found[0][0]

    def erase(self, user_id: str) -> int:
        """Delete a user from the log and every view; returns the number of events deleted. Raises UnknownUser."""
        with self._writing:
            erased = self.store.erase_user(user_id)
            if not erased:
                raise UnknownUser(user_id)
            self._refresh({user_id})
        return erased

    def close(self) -> None:
        self.store.close()

    def _load_or_fit(self, folder: Path, progress: Callable[[str], None]) -> None:
        known = folder / "fitted.json"
        fitted = json.loads(known.read_text()) if known.exists() else {}
        if (
            fitted.get("catalog") == self._catalog_hash()
            and 0 <= self.store.count() - fitted["events"] <= 0.05 * fitted["events"]
        ):
            progress("loading the fitted models")
            self.cooccurrence = Cooccurrence.load(folder)
            self.features = pl.read_parquet(folder / "features.parquet")
            self.traits = pl.read_parquet(folder / "traits.parquet")
            self._refresh(set(self.store.scan(since=datetime.fromisoformat(fitted["until"]))["user_id"].unique()))
            return
        progress("reading the log")
        log = self.store.scan()
        progress("computing each user's interests")
        self.features = _with_strength(topic_features(log, self.catalog, self.now()))
        self.traits = trait_values(log, self.catalog)
        progress("counting what is bought together")
        listed = [item_id for item_id in log["item_id"].drop_nulls().unique() if self.catalog.levels(item_id)]
        bought = log.filter(pl.col("type") == "purchase", pl.col("item_id").is_in(listed))
        self.cooccurrence = Cooccurrence.fit(bought)
        self._save(folder)

    def _save(self, folder: Path) -> None:
        """Write beside, then swap: a stop in between leaves the old views or none."""
        fresh = folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        self.cooccurrence.save(fresh)
        self.features.write_parquet(fresh / "features.parquet")
        self.traits.write_parquet(fresh / "traits.parquet")
        state = {"catalog": self._catalog_hash(), "events": self.store.count(), "until": self._log_end.isoformat()}
        (fresh / "fitted.json").write_text(json.dumps(state))
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)

    def _catalog_hash(self) -> str:
        rows = sorted((item_id, self.catalog.levels(item_id)) for item_id in self.catalog.items)
        return hashlib.blake2b(repr(rows).encode(), digest_size=8).hexdigest()

    def _refresh(self, users: set[str]) -> None:
        """Compute the views of these users again from their timelines."""
        if not users:
            return
        log = pl.concat([self.store.timeline_frame(user) for user in sorted(users)])
        others = ~pl.col("user_id").is_in(list(users))
        fresh = _with_strength(topic_features(log, self.catalog, self.now()))
        self.features = pl.concat([self.features.filter(others), fresh.select(self.features.columns)])
        self.traits = pl.concat([self.traits.filter(others), trait_values(log, self.catalog).select(self.traits.columns)])


def _with_strength(features: pl.DataFrame) -> pl.DataFrame:
    return features.with_columns(strength=strength(features))
