"""Protects the numeric profile: batch equals single, habits rank first, evidence exists.

Run: pytest tests/behavior/test_interest.py
"""

from datetime import timedelta

import polars as pl
import pytest

from behavior import (
    Catalog,
    Event,
    EventStore,
    build_interest,
    build_profile,
    event_frame,
    strength,
    topic_features,
    trait_values,
)
from tests import tiny


def test_one_user_alone_gives_the_rows_of_the_batch(store: EventStore, catalog: Catalog) -> None:
    batch = topic_features(store.scan(), catalog, tiny.END)
    for user in store.users():
        assert topic_features(store.timeline_frame(user), catalog, tiny.END).equals(batch.filter(pl.col("user_id") == user))


def test_features_count_baskets_not_rows(store: EventStore, catalog: Catalog) -> None:
    row = topic_features(store.timeline_frame("dora"), catalog, tiny.END).row(by_predicate=pl.col("topic") == "Dog", named=True)
    assert row["baskets"] == 25  # each of them holds two items of the topic
    assert row["mean_interval_days"] == pytest.approx(7)
    assert row["spend"] == pytest.approx(25 * (9.90 + 3.50))


def test_habits_rank_first_and_their_evidence_is_in_the_log(store: EventStore, catalog: Catalog) -> None:
    profile = build_profile("dora", store.timeline_frame("dora"), catalog, tiny.END)
    assert {interest.topic for interest in profile.interests} == {"Dog food", "Dog treats", "Milk", "Bread"}
    for interest in profile.interests:
        assert interest.horizon == "habit"
        events = store.events(interest.evidence)
        assert len(events) == len(interest.evidence) > 0
        assert {catalog.topic_of(event.item_id or "") for event in events} == {interest.topic}


def test_one_interest_is_that_of_the_profile_and_may_be_broad(store: EventStore, catalog: Catalog) -> None:
    timeline = store.timeline_frame("dora")
    for interest in build_profile("dora", timeline, catalog, tiny.END).interests:
        assert build_interest(interest.topic, timeline, catalog, tiny.END) == interest
    broad = build_interest("Dog", timeline, catalog, tiny.END)
    assert broad is not None
    assert broad.stats.count == 25
    assert build_interest("Tea", timeline, catalog, tiny.END) is None


def test_a_habit_given_up_fades(store: EventStore, catalog: Catalog) -> None:
    later = tiny.END + timedelta(days=90)
    timeline = store.timeline_frame("dora")
    now, then = (build_profile("dora", timeline, catalog, as_of).interests[0] for as_of in (tiny.END, later))
    assert then.strength < now.strength
    assert then.horizon == "fading"


def test_a_stated_dislike_takes_effect_and_a_later_like_takes_it_back(store: EventStore, catalog: Catalog) -> None:
    for n, (word, polarity) in enumerate([("dislike", "avoids"), ("like", "likes")]):
        ts = tiny.END + timedelta(minutes=n)
        store.append(
            event_frame([Event(event_id=f"said-{n}", user_id="dora", type=word, ts=ts, attributes={"topic": "Dog food"})])
        )
        profile = build_profile("dora", store.timeline_frame("dora"), catalog, ts)
        interest = next(i for i in profile.interests if i.topic == "Dog food")
        assert (interest.polarity, interest.origin) == (polarity, "stated")
        assert (interest.strength < 0.05) == (polarity == "avoids")
        assert interest.evidence[0] == f"said-{n}"


def test_strength_is_a_probability_that_falls_with_age(catalog: Catalog) -> None:
    def at(days: int) -> float:
        bought = Event(event_id="e", user_id="u", type="purchase", item_id="tea", ts=tiny.END - timedelta(days=days), price=1.0)
        start = Event(event_id="s", user_id="u", type="view", item_id="milk", ts=tiny.END - timedelta(days=365))
        rows = topic_features(event_frame([start, bought]), catalog, tiny.END).filter(pl.col("topic") == "Tea")
        return float(strength(rows)[0])

    ages = [at(days) for days in (1, 30, 120, 300)]
    assert ages == sorted(ages, reverse=True)
    assert all(0 < value < 1 for value in ages)


def test_an_empty_history_gives_an_empty_profile(store: EventStore, catalog: Catalog) -> None:
    profile = build_profile("nobody", store.timeline_frame("nobody"), catalog, tiny.END)
    assert (profile.interests, profile.traits, profile.version) == ([], [], 0)


def test_traits_stand_in_the_population(store: EventStore, catalog: Catalog) -> None:
    population = trait_values(store.scan(), catalog)
    profile = build_profile("carl", store.timeline_frame("carl"), catalog, tiny.END, population)
    rhythm = next(trait for trait in profile.traits if trait.name == "shopping rhythm")
    assert rhythm.value == "a basket every 5.0 days"
    assert rhythm.percentile == pytest.approx(50 / len(store.users()), abs=0.1)
    deals = next(trait for trait in profile.traits if trait.name == "promotion affinity")
    assert (deals.value, deals.percentile) == ("0% of purchases discounted", 50)  # as everybody: ties once counted as 100


def test_looking_around_makes_no_new_version(store: EventStore, catalog: Catalog) -> None:
    """Each impression once made the written part pending again."""
    seen = [
        Event(event_id=f"seen-{kind}", user_id="carl", type=kind, item_id="tea", ts=tiny.END)
        for kind in ("impression", "view", "click", "search")
    ]
    before = build_profile("carl", store.timeline_frame("carl"), catalog, tiny.END).version
    store.append(event_frame(seen))
    assert build_profile("carl", store.timeline_frame("carl"), catalog, tiny.END).version == before > 0


def test_topics_are_found_by_words(catalog: Catalog) -> None:
    assert catalog.find_topics("dog foods", 1)[0][0] == "Dog food"
    assert catalog.find_topics("  !! ") == []
    assert all(score < 60 for _, score in catalog.find_topics("telescope"))
