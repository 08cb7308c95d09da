"""How people really type: slips of the finger, no capitals, no punctuation, a word too many before or after."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from agent.numbers import WORDS_OF_NUMBERS
from finetune.slots import Slot, with_surface

KEYS = {
    "a": "qs", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk", "k": "jl",
    "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb",
    "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
OPENINGS = (
    "hey,", "hi,", "hi there,", "hello,", "ok so", "ok,", "um,", "well,", "so", "hmm,", "please,", "quick question:", "also",
    "now", "alright,", "yo", "good morning,", "right,", "thanks.", "cool.", "great,", "sorry,", "listen,", "actually,", "oh and",
)  # fmt: skip
CLOSINGS = (
    "please",
    "pls",
    "thanks",
    "thx",
    "thank you",
    "if you can",
    "for me",
    "?",
    "??",
    "!",
    "...",
    ":)",
    "asap",
    "then",
    "cheers",
    "ok?",
)


TEXTING = {
    "you": "u", "are": "r", "your": "ur", "please": "plz", "what": "wat", "because": "cuz", "and": "n",
    "with": "w/", "without": "w/o", "something": "smth", "anything": "anythin", "people": "ppl", "about": "abt", "though": "tho",
    "should": "shud", "could": "cud", "would": "wud", "going": "goin", "nothing": "nuthin", "want": "wnt", "thanks": "thx",
    "give": "gimme", "don't": "dont", "what's": "whats", "i'm": "im", "be": "b", "have": "hav", "really": "rly",
}  # fmt: skip
BY_EAR = (
    ("wh", "w"), ("ck", "k"), ("ea", "e"), ("ie", "ei"), ("ei", "ie"), ("ght", "t"), ("tion", "shun"), ("ph", "f"),
    ("ing", "in"), ("ou", "u"), ("ai", "a"), ("ee", "ea"), ("oo", "u"), ("er", "ur"), ("le", "el"), ("c", "k"), ("s", "z"),
    ("y", "ie"), ("a", "e"), ("e", "i"), ("o", "u"), ("qu", "kw"), ("x", "ks"), ("mm", "m"), ("ll", "l"), ("tt", "t"),
    ("ss", "s"), ("rr", "r"), ("pp", "p"),
)  # fmt: skip
"""What is written where the right spelling is not known: sound by sound."""


@dataclass(frozen=True)
class Noise:
    """How often each kind of noise comes, as probabilities.

    `typo` is for one slip in a line, `sloppy` for a line in which every other word is misspelt, `texting` for short forms.
    """

    typo: float = 0.16
    sloppy: float = 0.1
    texting: float = 0.08
    opening: float = 0.12
    closing: float = 0.1
    lower: float = 0.45
    bare: float = 0.25
    capital: float = 0.35

    def slot(self, slot: Slot, rng: random.Random) -> Slot:
        """A filler with a slip in it now and then; the argument follows what was typed. Ids and numbers stay as they are."""
        if isinstance(slot.value, str) and slot.value == slot.surface and rng.random() < self.typo:
            return with_surface(slot, _slip(slot.surface, rng))
        return slot

    def words(self, text: str, keep: list[str], rng: random.Random) -> str:
        """The words of a pattern with slips and short forms now and then, outside of slots, numbers and `keep`."""
        kept = WORDS_OF_NUMBERS | set(" ".join(keep).lower().split())
        words = text.split(" ")
        if rng.random() < self.texting:
            words = [word if word.lower() in kept else TEXTING.get(word.lower(), word) for word in words]
        able = [n for n, word in enumerate(words) if len(word) > 3 and word.isalpha() and word.lower() not in kept]
        if rng.random() < self.sloppy:
            slipping = [n for n in able if rng.random() < 0.5]
        else:
            slipping = [rng.choice(able)] if able and rng.random() < self.typo else []
        for n in slipping:
            words[n] = _slip(words[n], rng)
        return " ".join(words)

    def shape(self, text: str, rng: random.Random) -> tuple[str, Callable[[str], str]]:
        """The line as typed, and what became of any span of it."""
        if rng.random() < self.opening:
            text = f"{rng.choice(OPENINGS)} {text}"
        if rng.random() < self.closing:
            closing = rng.choice(CLOSINGS)
            text = text.rstrip("?.!") + ("" if closing[0] in "?!." else " ") + closing
        if rng.random() < self.bare:
            text = text.rstrip("?.!") if rng.random() < 0.5 else text.replace("'", "").rstrip("?.!")
        bare = "'" not in text
        lower = rng.random() < self.lower
        text = text.lower() if lower else text
        if not lower and rng.random() < self.capital:
            text = text[:1].upper() + text[1:]

        def change(span: str) -> str:
            span = span.replace("'", "") if bare else span
            span = span.lower() if lower else span
            found = re.search(rf"(?<!\w){re.escape(span)}(?!\w)", text, re.IGNORECASE)
            return found[0] if found else span

        return text, change


def _slip(text: str, rng: random.Random) -> str:
    """`text` with one slip of the finger or of the ear, behind its first letter."""
    letters = [n for n, letter in enumerate(text) if letter.isalpha() and n > 0]
    if len(letters) < 3:
        return text
    if rng.random() < 0.35 and (heard := _by_ear(text, rng)):
        return heard
    n = rng.choice(letters)
    near = KEYS.get(text[n].lower(), text[n])
    made = rng.choice(
        [
            text[:n] + text[n + 1 :],
            text[:n] + text[n] + text[n:],
            text[:n] + rng.choice(near) + text[n + 1 :],
            text[: n - 1] + text[n] + text[n - 1] + text[n + 1 :],
        ]
    )
    return re.sub(r"\s{2,}", " ", made).strip() or text


def _by_ear(text: str, rng: random.Random) -> str | None:
    able = [(sound, heard) for sound, heard in BY_EAR if sound in text[1:]]
    if not able:
        return None
    sound, heard = rng.choice(able)
    return text[0] + text[1:].replace(sound, heard, 1)
