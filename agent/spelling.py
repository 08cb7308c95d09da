"""Misspelt words as they are meant, for a reader that knows words by their letters: "reveiws" is "reviews"."""

import re
from functools import lru_cache
from importlib.resources import files

from symspellpy import SymSpell, Verbosity

from retrieval.search.words import SPELL_FROM, most_edits

FREQUENT = 500_000
"""How often a word must have been counted to be what is meant."""


@lru_cache(4096)
def mended(word: str) -> str:
    """The English word that a misspelt one means, or itself: the nearest by edits that begins alike, the most frequent such.

    Left alone are words with a capital, which are names as a rule, and those not of letters alone.
    """
    if len(word) < SPELL_FROM or not (word.isascii() and word.isalpha() and word.islower()):
        return word
    known = english()
    if not {word, word.rstrip("s")}.isdisjoint(known.words):
        return word
    near = known.lookup(word, Verbosity.ALL, most_edits(word))  # sorted by edits, then by frequency
    return next((found.term for found in near if found.term[0] == word[0] and found.count >= FREQUENT), word)


def as_meant(text: str) -> str:
    """A text with each misspelt word as it is meant, in lower case."""
    return re.sub(r"[^\W\d_]+", lambda word: mended(word[0]), text.lower())


@lru_cache(1)
def english() -> SymSpell:
    """82,765 words with how often books hold them (SCOWL and Google Books Ngrams), from symspellpy's files in 3 seconds."""
    known = SymSpell()
    known.load_dictionary(str(files("symspellpy") / "frequency_dictionary_en_82_765.txt"), term_index=0, count_index=1)
    return known
