"""Protects what the shop says of reviews: counts, aspects and quotes that the log supports, and reviews that serve one person.
Run: pytest tests/tools/test_reviews.py"""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from behavior import Event
from tests import tiny
from tests.conftest import tiny_shop
from tools import Shop, UnknownTopic, UnknownUser, read_reviews, recommend
from tools.sentiment import MIN_EACH, TextSentiment

WORDS = [
    ("ben", "coffee", 5, "The aroma is wonderful. I love the dark roast."),
    ("carl", "coffee", 4, "Great aroma, but the lid is terrible and broke."),
    ("cat", "coffee", 2, "The aroma is nice. The lid leaks, it is awful!"),
    ("u1", "coffee", 3, "The lid is bad."),
    ("u2", "tea", 5, "Lovely with oat milk."),
    ("u3", "tea", None, "I hate it, it is horrible."),
    ("u4", "tea", None, "茶很香 🍵"),
    ("u5", "tea", 5, None),
]


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with closing(tiny_shop(tmp_path_factory.mktemp("reviewed") / "home")) as shop:
        shop.record(review(f"r{n}", user, item, stars, text, len(WORDS) - n) for n, (user, item, stars, text) in enumerate(WORDS))
        yield shop


def review(event_id: str, user_id: str, item_id: str, rating: float | None, text: str | None, days_ago: int = 0) -> Event:
    ts = tiny.END - timedelta(days=days_ago)
    return Event(event_id=event_id, user_id=user_id, type="review", item_id=item_id, ts=ts, rating=rating, text=text)


def test_a_topic_is_summed_up_with_evidence(reviewed: Shop) -> None:
    found = read_reviews(reviewed, "Coffee")
    assert (found.about, found.item_id, found.reviews, found.mean_stars) == ("Coffee", None, 4, 3.5)
    assert found.sentiments == {"negative": 1, "neutral": 1, "positive": 2}
    assert [(quote.event_id, quote.sentiment) for quote in found.quotes] == [
        ("r3", "neutral"),
        ("r2", "negative"),
        ("r1", "positive"),
        ("r0", "positive"),
    ]
    aspects = {aspect.name: aspect for aspect in found.aspects}
    assert set(aspects) == {"aroma", "lid"}
    lid = aspects["lid"]
    assert (lid.reviews, lid.positive, lid.negative, lid.share_positive) == (3, 0, 3, 0.0)
    assert (lid.evidence, lid.quote) == (["r3", "r2", "r1"], "The lid is bad.")
    assert aspects["aroma"].evidence == ["r2", "r1", "r0"]


def test_an_item_is_asked_for_by_its_id(reviewed: Shop) -> None:
    found = read_reviews(reviewed, "tea")  # a topic's name comes first
    assert (found.about, found.item_id) == ("Tea", None)
    reviewed.record([review("dog", "u6", "dogtreat", 1, "My dog hates it")])
    found = read_reviews(reviewed, "dogtreat")
    assert (found.about, found.item_id, [quote.event_id for quote in found.quotes]) == ("Dog treats", "dogtreat", ["dog"])


def test_without_stars_the_text_speaks_and_other_languages_are_left_as_they_are(reviewed: Shop) -> None:
    found = read_reviews(reviewed, "Tea")
    assert found.sentiments == {"negative": 1, "positive": 2, "unknown": 1}
    assert [(quote.text, quote.sentiment) for quote in found.quotes][:2] == [
        ("茶很香 🍵", "unknown"),
        ("I hate it, it is horrible.", "negative"),
    ]
    assert (found.reviews, found.mean_stars, len(found.quotes)) == (4, 5.0, 3)


def test_a_person_is_shown_what_speaks_of_what_the_person_cares_about(reviewed: Shop) -> None:
    useful = read_reviews(reviewed, "Coffee", "u1").useful  # whose own review is about the lid
    assert [(one.quote.event_id, one.because) for one in useful] == [("r1", ["lid"]), ("r2", ["lid"])]  # the shorter first
    useful = read_reviews(reviewed, "Tea", "tea-lover").useful  # who buys oat milk
    assert [(one.quote.event_id, one.because) for one in useful] == [("r4", ["milk"])]
    assert read_reviews(reviewed, "Milk", "u1").useful == []


def test_what_is_unknown_is_refused_naming_it(reviewed: Shop) -> None:
    with pytest.raises(UnknownTopic, match="telescopes"):
        read_reviews(reviewed, "telescopes")
    with pytest.raises(UnknownUser, match="nobody"):
        read_reviews(reviewed, "Coffee", "nobody")


@pytest.mark.parametrize(
    "text", ["very good aroma. " * 5_880, "好" * 100_000, "‏منتج رائع 😍 " * 1_000, "", " ", "👩‍👩‍👧" * 3_000]
)
def test_texts_of_any_kind_and_length_are_taken(shop: Shop, text: str) -> None:
    shop.record([review("odd", "dora", "coffee", None, text)])
    found = read_reviews(shop, "Coffee", "dora")
    assert found.reviews == sum(found.sentiments.values()) == 1
    assert [quote.text[:50] for quote in found.quotes] == ([text[:50]] if text.strip() else [])
    assert all(len(quote.text) <= 2_002 for quote in found.quotes)


def test_reviews_are_kept_over_a_restart_and_follow_erasure(shop: Shop) -> None:
    shop.record([review("a", "dora", "coffee", 5, "Fine aroma"), review("b", "ben", "coffee", 1, "Flat aroma")])
    with closing(Shop.open(shop.settings)) as again:
        assert [quote.event_id for quote in read_reviews(again, "Coffee").quotes] == ["b", "a"]
        again.erase("ben")
        assert [quote.event_id for quote in read_reviews(again, "Coffee").quotes] == ["a"]
        assert again.views.reviews.mentions["event_id"].unique().to_list() == ["a"]


def test_what_somebody_gave_two_stars_is_not_recommended_to_them(shop: Shop) -> None:
    best = recommend(shop, "dora").cards[0].item_id
    shop.record([review("bad", "dora", best, 2, "No.")])
    assert best not in {card.item_id for card in recommend(shop, "dora", k=50).cards}


def test_a_classifier_learns_from_enough_rated_reviews_and_is_kept(tmp_path: Path) -> None:
    learned = {"positive": "My hair shines since then", "neutral": "It is what it is", "negative": "It broke and I sent it back"}
    texts = [f"{text}, {n} of them" for n in range(MIN_EACH) for text in learned.values()]
    sentiments = [name for _ in range(MIN_EACH) for name in learned]
    assert TextSentiment.fit(texts[:-1], sentiments[:-1]).weights is None  # type: ignore[arg-type]
    model = TextSentiment.fit(texts, sentiments)  # type: ignore[arg-type]
    model.save(tmp_path)
    asked = ["It broke, so I sent it back", "My hair shines", "这个洗发水很好闻"]
    assert TextSentiment.load(tmp_path).of(asked) == ["negative", "positive", "unknown"]
