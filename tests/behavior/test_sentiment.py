"""Protects the lexicon's word on a text: plain cases, and texts that it must not pretend to read.
Run: pytest tests/behavior/test_sentiment.py"""

import pytest

from behavior.sentiment import Lexicon, Sentiment, by_stars, sentences


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I love this, it is wonderful.", "positive"),
        ("I hate it. It is terrible and made me sick.", "negative"),
        ("It is a bottle of 200 ml.", "neutral"),
        ("It is not good", "negative"),
        ("😍", "positive"),
        ("😠😠", "negative"),
        (":)", "positive"),
        ("这个洗发水很好闻", "unknown"),
        ("很香 🍵", "unknown"),
        ("很香 😍", "positive"),
        ("منتج رائع جدا", "unknown"),
        ("‏مخيب للآمال", "unknown"),
        ("Das Shampoo riecht gut und macht meine Haare sehr weich", "unknown"),
        ("", "unknown"),
        (" \n ", "unknown"),
        ("12345 !!!", "unknown"),
        ("\x00\ud83d", "unknown"),
    ],
)
def test_texts_of_any_kind(lexicon: Lexicon, text: str, expected: Sentiment) -> None:
    assert lexicon.sentiment(text) == expected


@pytest.mark.parametrize(
    "text", ["good but bad " * 8_000, "a" * 100_000, "很好" * 50_000, "!" * 100_000, "😍" * 25_000, "but " * 25_000]
)
def test_a_text_of_100_kb_is_read_in_bounds(lexicon: Lexicon, text: str) -> None:
    pieces = sentences(text)
    assert all(0 < len(piece) <= 400 for piece in pieces)
    assert sum(map(len, pieces)) <= 20_000
    assert lexicon.sentiment(text) in ("positive", "neutral", "negative", "unknown")


def test_sentences_of_several_scripts_are_told_apart() -> None:
    assert sentences("Good! 很香。 هل هو جيد؟ Fine") == ["Good!", "很香。", "هل هو جيد؟", "Fine"]


def test_stars_speak_for_themselves() -> None:
    assert [by_stars(stars) for stars in (0, 1, 2, 2.5, 3, 3.5, 4, 5)] == [
        *(["negative"] * 3),
        *(["neutral"] * 3),
        *(["positive"] * 2),
    ]
