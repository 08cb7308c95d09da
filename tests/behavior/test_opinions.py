"""Protects what reviews say of a user's tastes: by stars, the latest word on an item, on every level of its path; and what a
profile makes of that: fair to who goes on buying, never against what was said, with evidence.
Run: pytest tests/behavior/test_opinions.py"""

from datetime import timedelta
from typing import Literal

import polars as pl
import pytest

from behavior import Catalog, Event, Interest, build_interest, build_profile, event_frame
from behavior.interest import AVOIDED
from behavior.opinions import disliked, opinions, topic_opinions
from tests import tiny


def review(event_id: str, item_id: str, rating: float | None, days_ago: int = 0, user_id: str = "ana") -> Event:
    ts = tiny.END - timedelta(days=days_ago)
    return Event(
        event_id=event_id, user_id=user_id, type="review", item_id=item_id, ts=ts, rating=rating, text=f"so is {item_id}"
    )


def bought(event_id: str, item_id: str, days_ago: int) -> Event:
    ts = tiny.END - timedelta(days=days_ago)
    return Event(event_id=event_id, user_id="ana", type="purchase", item_id=item_id, ts=ts, price=2.0)


def said(event_id: str, word: Literal["like", "dislike"], topic: str, days_ago: int) -> Event:
    ts = tiny.END - timedelta(days=days_ago)
    return Event(event_id=event_id, user_id="ana", type=word, ts=ts, attributes={"topic": topic})


def drinks(catalog: Catalog, *log: Event) -> Interest:
    """What ana's profile says of coffee and tea, a topic of two items, beside milk that she buys."""
    timeline = event_frame([*log, bought("m", "milk", 40)])
    interest = build_interest("Coffee and tea", timeline, catalog, tiny.END)
    assert interest
    return interest


def test_stars_are_averaged_over_items_on_each_level(catalog: Catalog) -> None:
    log = [review("a", "tea", 5, 2), review("b", "coffee", 2, 1), review("c", "milk", None), review("d", "tea", 1, user_id="ben")]
    rows = topic_opinions(event_frame(log), catalog).select("user_id", "topic", "stars", "reviews", "review_evidence").rows()
    assert rows == [
        ("ana", "Coffee", 2.0, 1, ["b"]),
        ("ana", "Coffee and tea", 3.5, 2, ["b", "a"]),
        ("ana", "Tea", 5.0, 1, ["a"]),
        ("ben", "Coffee and tea", 1.0, 1, ["d"]),
        ("ben", "Tea", 1.0, 1, ["d"]),
    ]


@pytest.mark.parametrize(
    ("stars", "opinion"),
    [((1, 2), -1), ((1, None), None), ((1, 5), None), ((2, 3), None), ((4, 4), 1), ((3, 5), 1), ((3, 4), None)],
)
def test_two_items_make_an_opinion(catalog: Catalog, stars: tuple[float, float | None], opinion: int | None) -> None:
    log = [review("a", "tea", stars[0]), review("b", "coffee", stars[1])]
    found = dict(topic_opinions(event_frame(log), catalog).select("topic", "opinion").iter_rows())
    assert (found["Coffee and tea"], found["Tea"]) == (opinion, None)


def test_one_review_copied_to_many_items_is_one(catalog: Catalog) -> None:
    """Of 27 users of Amazon All Beauty with bad stars alone, 26 had one review that stands under each variant of a product."""
    log = [review(item, item, 1).model_copy(update={"text": "broke at once"}) for item in ("tea", "coffee")]
    found = topic_opinions(event_frame(log), catalog).select("topic", "reviews", "opinion").rows()
    assert ("Coffee and tea", 1, None) in found


def test_a_topic_reviewed_badly_is_avoided_and_the_reviews_are_the_evidence(catalog: Catalog) -> None:
    log = [bought("p", "tea", 30), bought("q", "coffee", 20), review("a", "tea", 2, 9), review("b", "coffee", 1, 5)]
    interest = drinks(catalog, *log)
    assert (interest.polarity, interest.origin, interest.drivers) == ("avoids", "inferred", [])
    assert interest.reason == "2 reviews, 1.5 stars on average, bought 2 times, last on 10 Jun"
    assert interest.evidence == ["b", "a", "q", "p"]
    assert interest.strength <= AVOIDED < drinks(catalog, *log[:2]).strength


def test_who_goes_on_buying_is_not_against_a_topic(catalog: Catalog) -> None:
    bad = [review("a", "tea", 1, 9), review("b", "coffee", 1, 5)]
    assert drinks(catalog, *bad).polarity == "avoids"
    since = drinks(catalog, *bad, bought("p", "tea", 4))
    assert (since.polarity, since.reason) == ("likes", "bought once, last on 26 Jun")
    often = drinks(catalog, *bad, *(bought(f"p{days}", "tea", days) for days in (30, 40, 50)))
    assert often.polarity == "likes"
    assert often.strength > AVOIDED


def test_a_topic_reviewed_well_is_liked_for_it(catalog: Catalog) -> None:
    log = [bought("p", "tea", 30), bought("q", "tea", 20)]
    praise = [review("a", "tea", 4, 9), review("b", "coffee", 5, 5)]
    plain, praised = drinks(catalog, *log), drinks(catalog, *log, *praise)
    assert (praised.polarity, praised.reason) == ("likes", f"2 reviews, 4.5 stars on average, {plain.reason}")
    assert praised.evidence == ["b", "a", "q", "p"]
    assert praised.strength == plain.strength


@pytest.mark.parametrize("word", ["like", "dislike"])
@pytest.mark.parametrize("stars", [1, 5])
@pytest.mark.parametrize("days_ago", [1, 60])
def test_what_was_said_wins_over_stars(catalog: Catalog, word: Literal["like", "dislike"], stars: float, days_ago: int) -> None:
    stated = said("s", word, "Coffee and tea", days_ago)
    interest = drinks(catalog, stated, review("a", "tea", stars, 9), review("b", "coffee", stars, 5))
    assert (interest.polarity, interest.origin) == ("likes" if word == "like" else "avoids", "stated")
    assert interest.strength == drinks(catalog, stated).strength
    assert interest.reason.startswith(f"said to {word if word == 'like' else 'avoid'} it")


def test_stars_alone_are_said_and_text_alone_is_nothing(catalog: Catalog) -> None:
    one = drinks(catalog, review("a", "tea", 1, 9))
    assert (one.polarity, one.reason, one.evidence) == ("likes", "1 review, 1 star", ["a"])
    assert drinks(catalog, review("a", "tea", None, 9)).reason == "never bought"


def test_all_evidence_is_of_the_user_and_the_topic(catalog: Catalog) -> None:
    log = [review(f"{user}-{item}", item, 1, user_id=user) for user in ("ana", "ben") for item in catalog.items]
    events = {event.event_id: event for event in log}
    frame = event_frame(log)
    for user in ("ana", "ben"):
        timeline = frame.filter(pl.col("user_id") == user)
        topics = dict.fromkeys(level for item_id in catalog.items for level in catalog.levels(item_id))
        own = [i for topic in topics if (i := build_interest(topic, timeline, catalog, tiny.END))]
        assert {interest.topic for interest in own if interest.polarity == "avoids"} >= {"Dairy", "Dog"}
        for interest in own:
            cited = [events[event_id] for event_id in interest.evidence]
            assert {event.user_id for event in cited} == {user}
            assert all(interest.topic in catalog.levels(event.item_id or "") for event in cited)


def test_what_is_avoided_is_shown_however_many_interests_are_stronger(catalog: Catalog) -> None:
    log = [review("a", "milk", 1), review("b", "milk 2", 1), *(bought(item, item, 9) for item in ("tea", "coffee", "chips"))]
    more = Catalog([*tiny.ITEMS, tiny.ITEMS[0].model_copy(update={"item_id": "milk 2"})])
    found = build_profile("ana", event_frame(log), more, tiny.END, limit=2).interests
    assert [interest.polarity for interest in found] == ["likes", "likes", "avoids"]


def test_the_latest_word_on_an_item_counts(catalog: Catalog) -> None:
    log = [
        *(review("old", "tea", 1, 9), review("new", "tea", 4)),
        *(review("good", "milk", 5, 9), review("worse", "milk", 2)),
        *(review("bad", "oat", 1, 9), review("fair", "oat", 3)),
        *(review("low", "bread", 1, 9), review("no stars", "bread", None)),
        Event(event_id="word", user_id="ana", type="dislike", ts=tiny.END, attributes={"topic": "Dog"}),
        review("nice", "coffee", 5, 9),
        Event(event_id="after all", user_id="ana", type="dislike", item_id="coffee", ts=tiny.END),
    ]
    words = {"tea": "like", "milk": "dislike", "bread": "dislike", "Dog": "dislike", "coffee": "dislike"}
    assert opinions(event_frame(log)) == words
    on_topics = topic_opinions(event_frame(log), catalog)
    assert dict(on_topics.select("topic", "stars").iter_rows())["Tea"] == 4


def test_a_dislike_of_a_broad_topic_holds_below_it_until_something_there_is_liked(catalog: Catalog) -> None:
    log = [bought("t", "tea", 9), bought("c", "coffee", 8), bought("m", "milk", 7), said("l", "like", "Coffee", 6)]

    def believed(*words: Event) -> dict[str, tuple[str, str, str]]:
        profile = build_profile("ana", event_frame([*log, *words]), catalog, tiny.END)
        return {i.topic: (i.polarity, i.reason.partition(" on ")[0], i.evidence[0]) for i in profile.interests}

    against = said("s", "dislike", "Coffee and tea", 3)
    out = ("avoids", "said to avoid Coffee and tea", "s")
    found = believed(against)
    assert (found["Coffee"], found["Tea"]) == (out, out)
    assert found["Coffee and tea"] == ("avoids", "said to avoid it", "s")
    assert found["Milk"][0] == "likes"
    assert disliked(event_frame([*log, against]), catalog) == ["Coffee and tea"]

    again = said("a", "like", "Tea", 2)
    found = believed(against, again)
    assert (found["Coffee"], found["Tea"]) == (out, ("likes", "said to like it", "a"))
    assert disliked(event_frame([*log, against, again]), catalog) == ["Coffee"]

    whole = said("w", "like", "Coffee and tea", 1)
    assert {found[0] for found in believed(against, whole).values()} == {"likes"}
    assert disliked(event_frame([*log, against, whole]), catalog) == []


def test_a_log_without_reviews_has_no_opinions(catalog: Catalog) -> None:
    log = event_frame(tiny.events())
    assert topic_opinions(log, catalog).is_empty()
    assert opinions(log) == {}
