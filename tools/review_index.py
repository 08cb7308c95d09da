"""All reviews of a shop as they are asked about: each with its sentiment, and the words that its sentences are about.

Aspects are found simply: content words and pairs of them, English stems compared, that are neither stop words nor words of
feeling (those are the opinion, not what it is about). Not covered: aspects in other languages, and what a pronoun stands for.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import polars as pl
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from Stemmer import Stemmer

from behavior.sentiment import Lexicon, by_stars, sentences
from behavior.store import EVENT_SCHEMA
from tools.sentiment import TextSentiment

_TALK = """
    product products item does doing did done having thing stuff lot bit way time times day days week weeks month months year
    years ago use used uses using buy buying bought purchase purchased order ordered ordering get gets getting got gotten make
    makes made making say says said try tried trying know think thought really very just don doesn didn isn wasn won can
    couldn wouldn ve ll re im ive review reviews star stars amazon seller description one two three come comes came goes going
    went work works worked working need needs needed want wanted look looks looked feel feels felt put puts far away
    definitely actually probably maybe usually sure long new old little big able start started keep kept arrived received
    receive shipping find found right quite second leave leaves left lasts last husband wife daughter son mom friend friends
    people
"""
"""Words of reviewing, which say nothing of what is reviewed."""
_EMPTY = ENGLISH_STOP_WORDS.union(_TALK.split())
_WORD = re.compile(r"[^\W\d_]+")
_ROWS = {name: EVENT_SCHEMA[name] for name in ("event_id", "user_id", "item_id", "ts", "rating", "text")}
_MENTIONS = {"event_id": pl.String, "stem": pl.String, "words": pl.String, "sentence": pl.Int64, "score": pl.Float64}


@dataclass(frozen=True)
class ReviewIndex:
    """`rows`: event_id, user_id, item_id, ts, rating, text and `sentiment` of each review of an item: by its stars, else its
    text. `mentions`: for each sentence of a review (its number in `sentences`) the `stem` of an aspect, the `words` that say
    it and the sentence's `score` in [-1, 1], null where it is unknown. `judge` is what told the sentiment of texts."""

    rows: pl.DataFrame
    mentions: pl.DataFrame
    judge: TextSentiment

    @classmethod
    def of(cls, events: pl.DataFrame) -> "ReviewIndex":
        """From an event frame of all users."""
        reviews = _reviews(events)
        said = reviews.filter(pl.col("text").is_not_null()).sort("ts", descending=True)
        rated = said.filter(pl.col("rating").is_not_null())
        if len(rated) == len(said):  # no text needs to be judged
            judge = TextSentiment()
        else:
            judge = TextSentiment.fit(rated["text"].to_list(), [by_stars(stars) for stars in rated["rating"]])
        return cls(_with_sentiment(reviews, judge), _mentions(reviews, judge.lexicon), judge)

    def renewed(self, users: Collection[str], events: pl.DataFrame) -> "ReviewIndex":
        """The same with the reviews of `users` replaced by those of `events`. What was judged once stays as it was."""
        theirs, reviews = pl.col("user_id").is_in(list(users)), _reviews(events)
        old = self.rows.filter(theirs)
        if old.is_empty() and reviews.is_empty():
            return self
        gone = old.join(reviews, on="event_id", how="anti")["event_id"].to_list()
        new = reviews.join(old, on="event_id", how="anti")
        left = ~pl.col("event_id").is_in(gone)
        return ReviewIndex(
            pl.concat([self.rows.filter(left), _with_sentiment(new, self.judge)]),
            pl.concat([self.mentions.filter(left), _mentions(new, self.judge.lexicon)]),
            self.judge,
        )

    @classmethod
    def load(cls, folder: Path) -> "ReviewIndex":
        rows, mentions = (pl.read_parquet(folder / f"{name}.parquet") for name in ("reviews", "mentions"))
        return cls(rows, mentions, TextSentiment.load(folder))

    def save(self, folder: Path) -> None:
        self.rows.write_parquet(folder / "reviews.parquet")
        self.mentions.write_parquet(folder / "mentions.parquet")
        self.judge.save(folder)


def aspects_in(text: str, lexicon: Lexicon) -> dict[str, str]:
    """The aspects that a sentence or a topic's name mentions: by their stems the words that say so."""
    stemmer, found = Stemmer("english"), defaultdict[str, str](str)
    words = _WORD.findall(text.lower())
    for word in words:
        if _is_content(word, lexicon):
            found.setdefault(stemmer.stemWord(word), word)
    for pair in pairwise(words):
        if all(_is_content(word, lexicon) for word in pair):
            found.setdefault(" ".join(stemmer.stemWords(list(pair))), " ".join(pair))
    return dict(found)


def _is_content(word: str, lexicon: Lexicon) -> bool:
    latin = "a" <= word[0] <= "ɏ"
    return latin and len(word) > 2 and word not in _EMPTY and not lexicon.feels(word)


def _reviews(events: pl.DataFrame) -> pl.DataFrame:
    return events.filter(pl.col("type") == "review", pl.col("item_id").is_not_null()).select(*_ROWS)


def _with_sentiment(reviews: pl.DataFrame, judge: TextSentiment) -> pl.DataFrame:
    unrated = reviews.filter(pl.col("rating").is_null(), pl.col("text").is_not_null())
    judged = dict(zip(unrated["event_id"], judge.of(unrated["text"].to_list()), strict=True))
    sentiments = [
        judged.get(event_id, "unknown") if stars is None else by_stars(stars)
        for event_id, stars in reviews.select("event_id", "rating").iter_rows()
    ]
    return reviews.with_columns(sentiment=pl.Series(sentiments, dtype=pl.String))


def _mentions(reviews: pl.DataFrame, lexicon: Lexicon) -> pl.DataFrame:
    said = reviews.filter(pl.col("text").is_not_null()).select("event_id", "text")
    rows = [(event_id, *mention) for event_id, text in said.iter_rows() for mention in _mentioned(text, lexicon)]
    return pl.DataFrame(rows, schema=_MENTIONS, orient="row")


def _mentioned(text: str, lexicon: Lexicon) -> Iterator[tuple[str, str, int, float | None]]:
    for number, sentence in enumerate(sentences(text)):
        if aspects := aspects_in(sentence, lexicon):
            score = lexicon.score(sentence)
            yield from ((stem, words, number, score) for stem, words in aspects.items())
