"""Protects the digest: every line true and short, every candidate under a ref, what was stated never left out.

Run: pytest tests/agent/test_digest.py
"""

from datetime import timedelta

import polars as pl
import pytest

from agent.digest import CANDIDATES, Digest, make_digest
from behavior import Catalog, Event, EventStore, InterestProfile, build_profile, event_frame, trait_values
from tests import tiny


def written(store: EventStore, catalog: Catalog, user: str, days_later: int = 0) -> tuple[InterestProfile, Digest]:
    timeline = store.timeline_frame(user)
    as_of = tiny.END + timedelta(days=days_later)
    profile = build_profile(user, timeline, catalog, as_of, trait_values(store.scan(), catalog), 60)
    return profile, make_digest(profile, timeline, catalog)


def test_a_digest_says_the_facts_of_candidates_traits_and_sessions(store: EventStore, catalog: Catalog) -> None:
    _, digest = written(store, catalog, "dora")
    lines = digest.text().splitlines()
    assert lines[0] == "today 30 Jun 2025"
    assert "i2 Dog food: 25 times, every 7 days, last 30 Jun, $248, habit" in lines
    assert any(line.startswith("t4 shopping rhythm: a basket every 7.0 days, longer gaps than ") for line in lines)
    assert "s2 23 Jun: 4 products, $17, i1 i2 i3 i4" in lines
    assert [digest.interests[f"i{n}"].topic for n in (1, 2, 3, 4)] == ["Bread", "Dog food", "Dog treats", "Milk"]


def test_refs_follow_the_profile(store: EventStore, catalog: Catalog) -> None:
    profile, digest = written(store, catalog, "ben")
    topics = [interest.topic for interest in digest.interests.values()]
    assert topics == [interest.topic for interest in profile.interests if interest.topic in topics]


def test_nothing_after_the_date_of_the_profile_is_told(store: EventStore, catalog: Catalog) -> None:
    as_of = tiny.END - timedelta(days=10)
    timeline = store.timeline_frame("dora")
    profile = build_profile("dora", timeline, catalog, as_of)
    past = timeline.filter(pl.col("ts") <= as_of)
    assert make_digest(profile, timeline, catalog).text() == make_digest(profile, past, catalog).text()


def test_what_was_stated_new_and_fading_is_among_few_candidates() -> None:
    catalog = Catalog(
        tiny.ITEMS[0].model_copy(update={"item_id": f"x{n}", "path": ("Food", "Shelf", f"Thing {n}")}) for n in range(30)
    )
    days = {f"x{n}": range(1, 170, 7) for n in range(27)} | {"x27": range(100, 170, 7), "x28": [2]}
    bought = [
        Event(event_id=f"{item}-{n}", user_id="u", type="purchase", item_id=item, ts=tiny.END - timedelta(days=day), price=1.0)
        for item, when in days.items()
        for n, day in enumerate(when)
    ]
    said = Event(event_id="said", user_id="u", type="dislike", ts=tiny.END, attributes={"topic": "Thing 29"})
    timeline = event_frame([*bought, said])
    profile = build_profile("u", timeline, catalog, tiny.END, limit=60)
    topics = [interest.topic for interest in make_digest(profile, timeline, catalog).interests.values()]
    assert len(topics) == CANDIDATES
    assert {"Thing 27", "Thing 28", "Thing 29"} <= set(topics)
    assert profile.interests[0].topic == topics[0]


def test_a_stated_dislike_is_told_as_one(store: EventStore, catalog: Catalog) -> None:
    said = Event(event_id="said", user_id="dora", type="dislike", ts=tiny.END, attributes={"topic": "Dog treats"})
    store.append(event_frame([said]))
    _, digest = written(store, catalog, "dora")
    assert "i4 Dog treats: said to avoid it, 25 times, every 7 days, last 30 Jun, $88" in digest.text().splitlines()


def test_what_reviews_are_against_is_not_told_as_a_wish(catalog: Catalog) -> None:
    """The LLM learned to write "they said they avoid it" of an avoided topic."""
    more = Catalog([*tiny.ITEMS, tiny.ITEMS[6].model_copy(update={"item_id": "tea 2"})])
    bad = [Event(event_id=item, user_id="u", type="review", item_id=item, ts=tiny.END, rating=1) for item in ("tea", "tea 2")]
    bought = Event(event_id="p", user_id="u", type="purchase", item_id="milk", ts=tiny.END, price=1.2, session_id="s")
    timeline = event_frame([*bad, bought])
    profile = build_profile("u", timeline, more, tiny.END)
    assert {interest.topic: interest.polarity for interest in profile.interests} == {"Milk": "likes", "Tea": "avoids"}
    assert "Tea" not in make_digest(profile, timeline, more).text()


def test_the_part_about_one_candidate_has_its_line_alone(store: EventStore, catalog: Catalog) -> None:
    _, digest = written(store, catalog, "carl")
    assert [line.ref for line in digest.about("i1").lines] == ["i1"]
    with pytest.raises(KeyError):
        digest.about("i99")


def test_an_empty_history_gives_an_empty_digest(store: EventStore, catalog: Catalog) -> None:
    _, digest = written(store, catalog, "nobody")
    assert (digest.text(), digest.interests) == ("today 30 Jun 2025", {})
