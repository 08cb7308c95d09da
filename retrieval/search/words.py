"""What words a text says: folded, stemmed, spelt as the catalog spells them, with the phrases that they form.

English only: the stemmer and the list of words that ask for nothing are.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bm25s.stopwords import STOPWORDS_EN_PLUS
from rapidfuzz import process
from rapidfuzz.distance import OSA
from Stemmer import Stemmer

_ASKING = """
    im ill id ive want wants need needs needed looking look find show give get buy buying please something anything some any
    stuff thing things good best nice great cheap cheaper cheapest affordable new favorite favourite kind kinds type types sort
    lot lots bit us let make making got recommend suggest recommendation idea ideas option options item items product products
    brand brands store shop etc
    today tonight tomorrow monday tuesday wednesday thursday friday saturday sunday weekend
"""
_EMPTY = frozenset([*(word.replace("'", "") for word in STOPWORDS_EN_PLUS), *_ASKING.split()])
"""Words that ask, and name nothing."""
_COUNT = ["one", "two", "three", "four", "five", "six"]
_GENERIC = frozenset(["food", "foods", "supplies", "snack", "snacks", "drink", "drinks", "fresh", "pack", *_COUNT])
"""Words that too many topics share to tell them apart alone; in a phrase ("dog food") they count."""

SPELL_FROM = 4
"""Shorter words are too near to one another to be mended."""


def most_edits(word: str) -> int:
    """How many letters of a word may be wrong, from `SPELL_FROM` letters on."""
    return 1 if len(word) < 7 else 2


@dataclass(frozen=True)
class Said:
    """A query in the catalog's words: `stems` are those that must be found, `tokens` these and the phrases they form."""

    text: str
    stems: tuple[str, ...]
    tokens: tuple[str, ...]
    whole: tuple[str, ...]


def split(text: str) -> list[str]:
    """The words of a text in lower case, without accents and apostrophes."""
    folded = unicodedata.normalize("NFKD", text.casefold().replace("'", "").replace("’", ""))
    return re.findall(r"[^\W_]+", "".join(c for c in folded if not unicodedata.combining(c)))


def stemmed(words: Sequence[str]) -> list[str]:
    """Snowball's English stems; a new stemmer each time, as it must not be shared by threads."""
    return list(Stemmer("english").stemWords(list(words)))


def content(text: str) -> list[str]:
    """The words of a text that say what is meant; all of them where none does."""
    words = split(text)
    return [word for word in words if word not in _EMPTY] or words


def phrase_tokens(stems: Sequence[str]) -> list[str]:
    """The stems of a phrase, each two that stand together, and the phrase as a whole."""
    return [*stems, *(f"{one} {two}" for one, two in pairwise(stems)), whole_token(stems)]


def whole_token(stems: Sequence[str]) -> str:
    return f"={' '.join(stems)}"


class Vocabulary:
    """The words that a catalog's topics use. `phrases` gives each phrase the weight (popularity) of what it names.

    Words of `english` are spelt rightly, whether the catalog has them or not: sunday is no sundae.
    """

    def __init__(self, phrases: Mapping[str, float], english: Collection[str] = ()) -> None:
        self._english = english
        self._weight: dict[str, float] = {}
        self._joined: dict[str, tuple[str, str]] = {}
        for phrase, weight in phrases.items():
            words = content(phrase)
            for word in words:
                self._weight[word] = max(weight, self._weight.get(word, 0.0))
            for one, two in pairwise(words):
                self._joined.setdefault(one + two, (one, two))
        self._spelt = [word for word in self._weight if len(word) >= SPELL_FROM]
        self._stems = frozenset(stemmed(list(self._weight)))

    def read(self, text: str) -> Said:
        """A query in these words, with its spelling mended; without stems when it asks for nothing."""
        words = [known for word in self._joined_up(content(text)) for known in self._known(word)]
        stems = stemmed(words)
        asked = [(word, stem) for word, stem in zip(words, stems, strict=True) if word not in _EMPTY]
        telling = [stem for word, stem in asked if word not in _GENERIC] or [stem for _, stem in asked]
        phrases = phrase_tokens(stems)[len(stems) :] if stems else []
        return Said(" ".join(words), tuple(dict.fromkeys(telling)), tuple(dict.fromkeys([*telling, *phrases])), tuple(stems))

    def _joined_up(self, words: list[str]) -> Iterable[str]:
        """ "tooth paste" as "toothpaste", where the catalog writes it so."""
        at = 0
        while at < len(words):
            pair = "".join(words[at : at + 2])
            joined = at + 1 < len(words) and pair in self._weight and pair not in self._joined
            yield pair if joined else words[at]
            at += 2 if joined else 1

    def _known(self, word: str) -> tuple[str, ...]:
        """The word as the catalog spells it: itself, its two halves, or the nearest in letters that begins alike; else itself."""
        if word in self._weight or stemmed([word])[0] in self._stems:
            return (word,)
        if word in self._joined:
            return self._joined[word]
        if len(word) < SPELL_FROM or not word.isalpha() or word in self._english:
            return (word,)
        found = process.extract(word, self._spelt, scorer=OSA.distance, score_cutoff=most_edits(word), limit=20)
        likely = [hit for hit in found if hit[0][0] == word[0]]  # a first letter is seldom mistyped, and bedding is no wedding
        best = min(likely, key=lambda hit: (hit[1], -self._weight[hit[0]], hit[0]), default=None)
        return (word,) if best is None else (best[0],)
