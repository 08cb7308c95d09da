"""Protects what reviews say of a user's tastes: by stars, the latest word on an item, on every level of its path.
Run: pytest tests/behavior/test_opinions.py"""

from datetime import timedelta

from behavior import Catalog, Event, event_frame
from behavior.opinions import opinions, topic_opinions
from tests import tiny


def review(event_id: str, item_id: str, rating: float | None, days_ago: int = 0, user_id: str = "ana") -> Event:
    ts = tiny.END - timedelta(days=days_ago)
    return Event(event_id=event_id, user_id=user_id, type="review", item_id=item_id, ts=ts, rating=rating, text="so it is")


def test_opinions_are_means_over_items_on_each_level(catalog: Catalog) -> None:
    log = [review("a", "tea", 5, 2), review("b", "coffee", 2, 1), review("c", "milk", None), review("d", "tea", 1, user_id="ben")]
    rows = topic_opinions(event_frame(log), catalog).rows_by_key(["user_id", "topic"], named=True)
    found = {key: [(row["opinion"], row["reviews"], row["review_evidence"]) for row in value] for key, value in rows.items()}
    assert found == {
        ("ana", "Coffee"): [(-0.5, 1, ["b"])],
        ("ana", "Coffee and tea"): [(0.25, 2, ["b", "a"])],
        ("ana", "Tea"): [(1.0, 1, ["a"])],
        ("ben", "Coffee and tea"): [(-1.0, 1, ["d"])],
        ("ben", "Tea"): [(-1.0, 1, ["d"])],
    }


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
    assert dict(on_topics.select("topic", "opinion").iter_rows())["Tea"] == 0.5


def test_a_log_without_reviews_has_no_opinions(catalog: Catalog) -> None:
    log = event_frame(tiny.events())
    assert topic_opinions(log, catalog).is_empty()
    assert opinions(log) == {}
