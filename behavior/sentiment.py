"""What a text in English says of its subject, by the VADER lexicon: positive, neutral, negative, or unknown.

Hutto and Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text" (ICWSM 2014).
Covered: English, emoji and emoticons among it. A text in another language or script, or without words, is unknown: the lexicon
would call it neutral, which is a claim.
"""

import re
from functools import cached_property
from typing import Literal

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from vaderSentiment.vaderSentiment import BOOSTER_DICT, NEGATE, SentimentIntensityAnalyzer

from behavior.opinions import DISLIKED, LIKED

Sentiment = Literal["positive", "neutral", "negative", "unknown"]

POSITIVE, NEGATIVE = 0.05, -0.05
"""Bounds of the compound score, as its authors give them."""
KNOWN_WORDS = 0.2
"""Least share of English words from which on a text is taken for English."""
LONGEST = 400
"""Characters that are scored at once: the rules of VADER compare every word with every other."""
FACES = 5
"""Emoji of a sentence that count: VADER makes several words of each."""
READ = 20_000
"""Characters of a text that are read; what comes after changes no mean."""

_SENTENCE = re.compile(r"[^.!?。！？؟\n]+[.!?。！？؟]*")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def by_stars(stars: float) -> Sentiment:
    """What a buyer's own stars say, of 0 to 5: up to 2 negative, 3 neutral, from 4 on positive; halves go with the middle."""
    return "negative" if stars <= DISLIKED else "positive" if stars >= LIKED else "neutral"


def sentences(text: str) -> list[str]:
    """The sentences of the first 20,000 characters of a text, each of at most 400 characters; longer ones are cut at a space."""
    found = (match.group().strip() for match in _SENTENCE.finditer(text[:READ]))
    return [piece for sentence in found for piece in _pieces(sentence) if piece]


class Lexicon:
    """VADER with its lexicon read once. Texts of any length, language and script are safe."""

    @cached_property
    def _vader(self) -> SentimentIntensityAnalyzer:
        return SentimentIntensityAnalyzer()

    @cached_property
    def _english(self) -> frozenset[str]:
        return frozenset({*ENGLISH_STOP_WORDS, *NEGATE, *BOOSTER_DICT, *self._vader.lexicon})

    def score(self, text: str) -> float | None:
        """The mean compound score of the sentences that say something, in [-1, 1]; 0 if none does, None where it is unknown."""
        english = self._is_english(text)
        if not english and not self._has_face(text):
            return None
        said = [score for sentence in sentences(text) if (score := self._compound(sentence))]
        return sum(said) / len(said) if said else 0.0 if english else None

    def sentiment(self, text: str) -> Sentiment:
        """The sentiment of a text as a whole."""
        score = self.score(text)
        if score is None:
            return "unknown"
        return "positive" if score >= POSITIVE else "negative" if score <= NEGATIVE else "neutral"

    def feels(self, word: str) -> bool:
        """Whether a word in small letters is one of feeling."""
        return word in self._vader.lexicon

    def _compound(self, sentence: str) -> float:
        faces = [at for at, character in enumerate(sentence) if character in self._vader.emojis]
        more = set(faces[FACES:])
        few = "".join(character for at, character in enumerate(sentence) if at not in more)
        return float(self._vader.polarity_scores(few)["compound"])

    def _is_english(self, text: str) -> bool:
        """Whether a fifth of the words are those of VADER or English stop words."""
        words = [word.lower().replace("’", "'") for word in _WORD.findall(text[:READ])]
        known = sum(word in self._english for word in words)
        return bool(known) and known >= KNOWN_WORDS * len(words)

    def _has_face(self, text: str) -> bool:
        """Whether there is an emoji or an emoticon."""
        read = text[:READ]
        if any(character in self._vader.emojis for character in read):
            return True
        return any(token in self._vader.lexicon and not _WORD.search(token) for token in read.split())


def _pieces(sentence: str) -> list[str]:
    pieces = []
    while len(sentence) > LONGEST:
        cut = sentence.rfind(" ", 0, LONGEST)
        cut = cut if cut > 0 else LONGEST
        pieces.append(sentence[:cut])
        sentence = sentence[cut:].lstrip()
    return [*pieces, sentence]
