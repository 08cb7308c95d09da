"""One shop: its log, catalog and fitted models, built once from the settings and passed to every tool."""

import hashlib
import json
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np
import polars as pl

from behavior import (
    MODEL_ONLY,
    Catalog,
    Event,
    EventStore,
    InterestModel,
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
from retrieval import Cooccurrence, Shelf, TopicIndex, open_chroma
from retrieval.baskets import Baskets
from retrieval.segmentation import Segmentation
from retrieval.user_space import habits_of
from tools.alike import Alike
from tools.errors import ToolError, UnknownItem, UnknownTopic, UnknownUser
from tools.likely import Likely
from tools.past import Past
from tools.people import People, activity_of
from tools.results import Card
from tools.review_index import ReviewIndex
from tools.segment_names import load_names, save_names

CLOCK = "clock"
"""Name in the store of how the shop tells the time: "live", or "log" for a replayed log that goes on from its last event."""

SECRET = "pseudonym secret"
"""Name in the store of the key to the users' pseudonyms."""

VIEWS = 11
"""Version of what is fitted and kept; views of another one are fitted anew."""

CLOCK_SKEW = timedelta(minutes=5)

WARM_USERS = 64
"""Timelines kept in memory."""

SURE = 0.4
"""Score of `TopicIndex.search` from which on words that name no topic are taken for the topic found."""


class Shop:
    """Use `open`. `features` has one row per (user, topic) with its `strength`, `traits` one per user, `people` is
    what audiences are made from, `reviews` what buyers wrote; all follow new events. `baskets` is what was learned from
    all baskets, `segmentation` the groups of users, `interest_model` what gives the strengths of the narrowest topics, None
    where the log is too short to learn from. `likely` ranks what is bought next; a shop too small to learn it has `alike`, who
    buys alike, instead, and each is None where the other is. `in_baskets` has the baskets of each item of the `shelf`.
    `segment_names` has what `name_segments` kept, by segment id."""

    def __init__(self, settings: Settings, progress: Callable[[str], None]) -> None:
        self.settings = settings
        self.store = EventStore(settings.store_url)
        self.catalog = Catalog(self.store.load_items())
        self.shelf = Shelf(self.catalog, sorted(self.catalog.items))
        self._timeline = lru_cache(WARM_USERS)(lambda user_id, _events: self.store.timeline_frame(user_id))
        self._past = lru_cache(WARM_USERS)(lambda user_id, events: Past.of(self._timeline(user_id, events)))
        self._opened, self._replays = monotonic(), self.store.get(CLOCK) == "log"
        self._writing = Lock()  # requests come in threads, and a refresh that overtakes another would lose its users
        secret = self.store.get(SECRET)
        if secret is None:
            secret = secrets.token_hex(16)
            self.store.set(SECRET, secret)
        self._secret = bytes.fromhex(secret)
        self._log_end = self.store.last_ts() or datetime.now(UTC)
        self._views = settings.home / "models" / "views"
        self._load_or_fit(progress)
        self.in_baskets = np.array([self.cooccurrence.baskets_of(item_id) for item_id in self.shelf.item_ids], np.int64)
        baskets = self.features.group_by("topic").agg(pl.col("baskets").sum())
        self.topics = TopicIndex(
            open_chroma(settings.home / "chroma", settings.chroma_url), self.catalog, dict(baskets.iter_rows())
        )
        self.topics.update(progress)

    @classmethod
    def open(cls, settings: Settings, progress: Callable[[str], None] = lambda _: None) -> "Shop":
        """Open the shop of the settings; what is fitted from the log is loaded, or made anew when the log is another one.

        Raises StoreError when the database cannot be used, ValueError when no Chroma server answers at the URL set.
        """
        return cls(settings, progress)

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

    def profile(self, user_id: str, limit: int = 24) -> InterestProfile:
        """The numeric profile as of now. Raises UnknownUser."""
        return build_profile(
            user_id, self.timeline(user_id), self.catalog, self.now(), self.traits, limit, model=self.interest_model
        )

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
        """The topic that `words` name, be it broad ("cheese") or narrow, or else come nearest to.

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
        return found[0][0]

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
            self.segment_names.update(names)
            save_names(self.segment_names, self._views)

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
                self.segmentation.save(fresh)  # alone, so that the groups keep their ids
                (fresh / "fitted.json").write_text(json.dumps({"version": VIEWS}))
        return erased

    def close(self) -> None:
        self.store.close()

    def _load_or_fit(self, progress: Callable[[str], None]) -> None:
        folder = self._views
        known = folder / "fitted.json"
        fitted = json.loads(known.read_text()) if known.exists() else {}
        self.segment_names = load_names(folder) if fitted.get("version") == VIEWS else {}
        if (fitted.get("version"), fitted.get("catalog")) == (VIEWS, self._catalog_hash()) and 0 <= self.store.count() - fitted[
            "events"
        ] <= 0.05 * fitted["events"]:
            progress("loading the fitted models")
            self.cooccurrence = Cooccurrence.load(folder)
            self.baskets = Baskets.load(folder)
            self.likely = Likely.load(folder, self.shelf)
            self.alike = None if self.likely else Alike.load(folder, self.shelf)
            self.interest_model = InterestModel.load(folder)
            self.features = pl.read_parquet(folder / "features.parquet")
            self.traits = pl.read_parquet(folder / "traits.parquet")
            self.people = People.of(self.features, self.traits, pl.read_parquet(folder / "activity.parquet"))
            self.reviews = ReviewIndex.load(folder)
            self.segmentation = Segmentation.load(folder)
            since = self.store.scan(since=datetime.fromisoformat(fitted["until"]))
            if len(since) > fitted["events_at_end"]:
                self._refresh(set(since["user_id"].unique()))
            return
        progress("reading the log")
        log = self.store.scan()
        progress("learning which interests last")
        self.interest_model = InterestModel.fit(log, self.catalog, self._log_end, progress)
        how = "by the learned model" if self.interest_model else "by recency, the log being too short to learn from"
        progress(f"computing each user's interests, {how}")
        self.features = self._with_strength(topic_features(log, self.catalog, self.now()))
        self.traits = trait_values(log, self.catalog)
        self.people = People.of(self.features, self.traits, activity_of(log, self.catalog))
        progress("counting what is bought together")
        listed = [item_id for item_id in log["item_id"].drop_nulls().unique() if self.catalog.levels(item_id)]
        bought = log.filter(pl.col("type") == "purchase", pl.col("item_id").is_in(listed))
        self.cooccurrence = Cooccurrence.fit(bought)
        self.baskets = Baskets.fit(bought, self.catalog)
        progress("learning what is bought next")
        self.likely = Likely.fit(bought, self.shelf)
        self.alike = None if self.likely else Alike.fit(bought, self.shelf)
        progress("reading what reviews say")
        self.reviews = ReviewIndex.of(log)
        progress("grouping the users")
        previous = Segmentation.load(folder) if fitted.get("version") == VIEWS else None
        self.segmentation = Segmentation.fit(habits_of(log, self.traits, self.now()), self.features, previous)
        self._save(events_at_end=len(log.filter(pl.col("ts") >= self._log_end)))

    def _save(self, events_at_end: int) -> None:
        with self._swapped() as fresh:
            self.cooccurrence.save(fresh)
            self.baskets.save(fresh)
            if self.alike:
                self.alike.save(fresh)
            if self.likely:
                self.likely.save(fresh)
            if self.interest_model:
                self.interest_model.save(fresh)
            self.segmentation.save(fresh)
            self.features.write_parquet(fresh / "features.parquet")
            self.traits.write_parquet(fresh / "traits.parquet")
            self.people.activity.write_parquet(fresh / "activity.parquet")
            self.reviews.save(fresh)
            save_names(self.segment_names, fresh)
            made_of = {"version": VIEWS, "catalog": self._catalog_hash(), "events": self.store.count()}
            state = {**made_of, "until": self._log_end.isoformat(), "events_at_end": events_at_end}
            (fresh / "fitted.json").write_text(json.dumps(state))

    @contextmanager
    def _swapped(self) -> Iterator[Path]:
        """A folder to write views in, which then takes the place of the saved ones; a stop in between leaves the old or none."""
        fresh = self._views.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        yield fresh
        shutil.rmtree(self._views, ignore_errors=True)
        fresh.rename(self._views)

    def _catalog_hash(self) -> str:
        rows = sorted((item_id, self.catalog.levels(item_id)) for item_id in self.catalog.items)
        return hashlib.blake2b(repr(rows).encode(), digest_size=8).hexdigest()

    def _refresh(self, users: set[str]) -> None:
        """Compute the views of these users again from their timelines."""
        if not users:
            return
        log = pl.concat([self.store.timeline_frame(user) for user in sorted(users)])
        others = ~pl.col("user_id").is_in(list(users))
        fresh = self._with_strength(topic_features(log, self.catalog, self.now()))
        self.features = pl.concat([self.features.filter(others), fresh.select(self.features.columns)])
        self.traits = pl.concat([self.traits.filter(others), trait_values(log, self.catalog).select(self.traits.columns)])
        self.people = self.people.renewed(users, fresh, self.traits, activity_of(log, self.catalog))
        self.reviews = self.reviews.renewed(users, log)
        self.segmentation = self.segmentation.renewed(users, habits_of(log, self.traits, self.now()), fresh)

    def _with_strength(self, features: pl.DataFrame) -> pl.DataFrame:
        return features.with_columns(strength=strength(features, self.interest_model)).drop(MODEL_ONLY)
