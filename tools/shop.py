"""One shop: its log, catalog and fitted models, built once from the settings and passed to every tool."""

import hashlib
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from behavior import (
    Catalog,
    Event,
    EventStore,
    Interest,
    InterestProfile,
    Rejection,
    Settings,
    build_interest,
    build_profile,
    check_event,
    event_frame,
)
from retrieval import Shelf, TopicIndex, open_chroma
from retrieval.groups.segmentation import Segmentation
from tools.errors import ToolError, UnknownItem, UnknownTopic, UnknownUser
from tools.past import Past
from tools.results import Card
from tools.segment_names import load_names, save_names
from tools.views import Views, read_state, write_state

CLOCK = "clock"
"""Name in the store of how the shop tells the time: "live", or "log" for a replayed log that goes on from its last event."""

SECRET = "pseudonym secret"
"""Name in the store of the key to the users' pseudonyms."""

GROWTH = 0.05
"""By how much of itself the log may have grown before a shop that is opened fits its views anew."""

CLOCK_SKEW = timedelta(minutes=5)

WARM_USERS = 64
"""Timelines kept in memory."""

SURE = 0.4
"""Score of `TopicIndex.search` from which on words that name no topic are taken for the topic found."""


class Shop:
    """Use `open`. `views` are what was fitted from the log, and follow new events: each change puts a new one in their place.
    `in_baskets` has the baskets of each item of the `shelf`."""

    def __init__(self, settings: Settings, progress: Callable[[str], None], growth: float) -> None:
        self.settings = settings
        self.store = EventStore(settings.store_url)
        self.catalog = Catalog(self.store.load_items())
        self.shelf = Shelf(self.catalog, sorted(self.catalog.items))
        self._timeline = lru_cache(WARM_USERS)(lambda user_id, _events: self.store.timeline_frame(user_id))
        self._past = lru_cache(WARM_USERS)(
            lambda user_id, events: Past.of(self._timeline(user_id, events), self.catalog, self.shelf)
        )
        self._opened, self._replays = monotonic(), self.store.get(CLOCK) == "log"
        self._profiling = Lock()
        self._writing = Lock()  # requests come in threads, and a refresh that overtakes another would lose its users
        secret = self.store.get(SECRET)
        if secret is None:
            secret = secrets.token_hex(16)
            self.store.set(SECRET, secret)
        self._secret = bytes.fromhex(secret)
        self._log_end = self.store.last_ts() or datetime.now(UTC)
        self._kept = settings.home / "models" / "views"
        self.views = self._loaded(growth, progress) or self._fitted(progress)
        self.in_baskets = np.array([self.views.cooccurrence.baskets_of(item_id) for item_id in self.shelf.item_ids], np.int64)
        baskets = self.views.features.group_by("topic").agg(pl.col("baskets").sum())
        self.topics = TopicIndex(
            open_chroma(settings.home / "chroma", settings.chroma_url), self.catalog, dict(baskets.iter_rows())
        )
        self.topics.update(progress)

    @classmethod
    def open(cls, settings: Settings, progress: Callable[[str], None] = lambda _: None, growth: float = GROWTH) -> "Shop":
        """Open the shop of the settings; what is fitted from the log is loaded, or made anew when the log is another one, or
        has grown by more than the share `growth`. From then on BLAS has one thread in this process: answers are small and many
        at once, and after one that they shared OpenBLAS's threads keep a core busy for up to .1 s.

        Raises StoreError when the database cannot be used, ValueError when no Chroma server answers at the URL set.
        """
        shop = cls(settings, progress, growth)
        threadpool_limits(1, "blas")
        return shop

    def now(self) -> datetime:
        """The shop's time: UTC, or for a replayed log its last event's time plus the time since the shop was opened."""
        if self._replays:
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
        return self._timeline(user_id, self._events_of(user_id))

    def past(self, user_id: str) -> Past:
        """What recommendations read of the timeline. Raises UnknownUser."""
        return self._past(user_id, self._events_of(user_id))

    def _events_of(self, user_id: str) -> int:
        events = self.store.count(user_id)  # the log only grows, so a timeline of as many events is the same
        if not events:
            raise UnknownUser(user_id)
        return events

    def profile(self, user_id: str, limit: int = 24, with_drivers: bool = True) -> InterestProfile:
        """The numeric profile as of now. Raises UnknownUser.

        One at a time: threads that ask at once share the interpreter, and would all wait for the last.
        """
        timeline, views = self.timeline(user_id), self.views
        with self._profiling:
            return build_profile(
                user_id,
                timeline,
                self.catalog,
                self.now(),
                views.traits,
                limit,
                model=views.interest_model,
                with_drivers=with_drivers,
            )

    def interest(self, user_id: str, topic: str, with_drivers: bool = True) -> Interest | None:
        """The interest in one topic of the catalog as of now, be it broad; None if the user never acted on it. Raises
        UnknownUser."""
        timeline, model = self.timeline(user_id), self.views.interest_model
        with self._profiling:
            return build_interest(topic, timeline, self.catalog, self.now(), model, with_drivers)

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
        """The topic that `words` name, be it broad ("cheese") or narrow, or else come nearest to, then the broadest whose name
        says them ("dog" means Dog foods rather than Dog treats).

        The name as the catalog writes it always means that topic. Raises UnknownTopic with the nearest names.
        """
        exact = self.catalog.topic(words)
        if exact and exact.name == words.strip():
            return exact.name
        if named := self.topics.named(words):
            return named
        found = self.topics.search(words, 3)
        if not found or found[0][1] < SURE:
            raise UnknownTopic(words, [name for name, _ in found] or [name for name, _ in self.catalog.find_topics(words, 3)])
        return self.topics.widest(found[0][0], words)

    def brand(self, words: str) -> str:
        """The brand of this name, case aside. Raises ToolError naming the brands there are."""
        brands = sorted({item.brand for item in self.catalog.items.values() if item.brand})
        name = next((known for known in brands if known.lower() == words.strip().lower()), None)
        if name is None:
            raise ToolError(f"no brand {words[:100]!r}, the shop has {', '.join(brands[:20])}")
        return name

    def pseudonym(self, user_id: str) -> str:
        """What a merchant sees instead of a user id: a hash under the shop's own secret, so that ids cannot be tried out."""
        return f"shopper-{hashlib.blake2b(user_id.encode(), key=self._secret, digest_size=4).hexdigest()}"

    def name_segments(self, names: Mapping[str, str]) -> None:
        """Keep names chosen for segments, by segment id, with the saved views: an erasure drops them there with the others."""
        with self._writing:
            self.views = replace(self.views, segment_names={**self.views.segment_names, **names})
            save_names(self.views.segment_names, self._kept)

    def erase(self, user_id: str) -> int:
        """Delete a user from the log and every view; returns the number of events deleted. Raises UnknownUser.

        What was learned from all users together is fitted without this one when the shop is next opened.
        """
        with self._writing:
            erased = self.store.erase_user(user_id)
            self._timeline.cache_clear()
            self._past.cache_clear()
            if not erased:
                raise UnknownUser(user_id)
            self._refresh({user_id})
            with self._swapped() as fresh:
                self.views.segmentation.save(fresh)  # alone, so that the groups keep their ids
                write_state(fresh, {})
        return erased

    def close(self) -> None:
        self.store.close()

    def _loaded(self, growth: float, progress: Callable[[str], None]) -> Views | None:
        """The kept views, with what users did since; None when they are of another log or catalog, or none."""
        state = read_state(self._kept)
        if not state or state["catalog"] != self._catalog_hash():
            return None
        if not 0 <= self.store.count() - state["events"] <= growth * state["events"]:
            return None
        progress("loading the fitted models")
        views = Views.load(self._kept, self.shelf)
        since = self.store.scan(since=datetime.fromisoformat(state["until"]))
        return self._renewed(views, set(since["user_id"].unique())) if len(since) > state["events_at_end"] else views

    def _fitted(self, progress: Callable[[str], None]) -> Views:
        """Views of the log as it is, which are kept. One that a user was erased from meanwhile is read and fitted again."""
        earlier = read_state(self._kept)
        groups = None if earlier is None else Segmentation.load(self._kept)
        names = {} if earlier is None else load_names(self._kept)
        while True:
            progress("reading the log")
            log = self.store.scan()
            views = Views.fit(log, self.catalog, self.shelf, self.now(), progress, groups, names)
            if set(log["user_id"].unique()) <= set(self.store.users()):
                break
        last = log["ts"].max()
        until = last if isinstance(last, datetime) else self._log_end
        state = {"catalog": self._catalog_hash(), "events": len(log), "until": until.isoformat()}
        with self._swapped() as fresh:
            views.save(fresh, {**state, "events_at_end": len(log.filter(pl.col("ts") >= until))})
        return views

    @contextmanager
    def _swapped(self) -> Iterator[Path]:
        """A folder to write views in, which then takes the place of the kept ones; a stop in between leaves the old or none."""
        fresh = self._kept.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        yield fresh
        shutil.rmtree(self._kept, ignore_errors=True)
        fresh.rename(self._kept)

    def _catalog_hash(self) -> str:
        rows = sorted((item_id, self.catalog.levels(item_id)) for item_id in self.catalog.items)
        return hashlib.blake2b(repr(rows).encode(), digest_size=8).hexdigest()

    def _refresh(self, users: set[str]) -> None:
        """Compute the views of these users again from their timelines."""
        if users:
            self.views = self._renewed(self.views, users)

    def _renewed(self, views: Views, users: set[str]) -> Views:
        log = pl.concat([self.store.timeline_frame(user) for user in sorted(users)])
        return views.renewed(users, log, self.catalog, self.now())
