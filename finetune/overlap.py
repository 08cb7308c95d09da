"""Keeps the wording of tests out of training: a line is reserved that repeats a test line or five of its words in a row.

Decontamination by n-grams as for GPT-3 (Brown et al. 2020, appendix C), with 5 words where that takes 13: a chat line has
seven words in the middle. Words are compared in lower case, without punctuation.
"""

import re
from collections.abc import Iterable

GRAM = 5


def words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[a-z0-9']+", text.lower()))


class Reserved:
    """The wording of `lines`, which training may not repeat."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        said = [words(line) for line in lines]
        self._whole = set(said)
        self._grams = {gram for line in said for gram in _grams(line)}

    def holds(self, line: str) -> bool:
        """Whether `line` is one of them but for case and punctuation, or shares five words in a row with one."""
        said = words(line)
        return said in self._whole or not self._grams.isdisjoint(_grams(said))


def _grams(said: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [said[at : at + GRAM] for at in range(len(said) - GRAM + 1)]
