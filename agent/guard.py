"""The guard of replies: a sentence is shown only if all that it names and counts was returned in this turn.

Covered: refs, numbers (each with its kind, beside the ref that it belongs to, and where the fact says what it counts, with that
word), stars, quoted words (whole quotations alone), capitalised names, markup.
A capitalised word that begins a sentence is taken for a name if a verb follows and the turn had a tool result.
A name that only the user said may be denied or asked about, not asserted; a person by number ("household 12") is not even
denied then; a name out of a quoted review may only be quoted.
Not covered: a product in small letters that no ref stands for, comparisons, and claims without a name or number.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from agent.bus import REF, Bus
from agent.numbers import Kind, Number, numbers_in, numbers_with_words
from agent.spans import FUNCTION_WORDS

_CLAUSE = re.compile(r"[,;:]\s|\s(?:and|or|but|while)\s")
_MARKUP = re.compile(r"[<>{}\[\]|`]|https?://|www\.|\berror:|tool_call|\w+@\w+")
_QUOTE = re.compile(r"[\"“”]")
_QUOTED = re.compile(r"[\"“]([^\"”\n]+)[\"”]")
_CAPITALISED = re.compile(r"(?<![.!?:]\s)(?<=\s)[^\W\d_a-z][\w'’&-]*")
_SUBJECT = re.compile(r"([A-Z][\w'’&-]*) (?:is|are|was|were|costs?|has|have|tastes?|comes?)\b")
_PERSON = re.compile(r"\b(?:household|user|customer|shopper|member|buyer)[ -]#?\w*\d\w*", re.IGNORECASE)
_DENIES = re.compile(r"\b(?:no|not|nothing|none|never|cannot|sorry|without|unknown|[a-z]+n['’]t)\b", re.IGNORECASE)
_COUNTED: dict[str, tuple[tuple[Kind, ...], re.Pattern[str]]] = {
    "reached": (("plain",), re.compile(r"reach(?:ed|es)?")),
    "redeemed": (("plain",), re.compile(r"redeem.*|redemptions?")),
    "coupons": (("plain",), re.compile(r"coupons?")),
    "rate": (("share",), re.compile(r"rate")),
    "spend": (("money", "share"), re.compile(r"spen[dt]|spends|spending")),
    "baskets": (("plain",), re.compile(r"baskets?")),
    "lift": (("plain",), re.compile(r"lift")),
    "bound": (("share",), re.compile(r"need.*|requir.*|least|above|more|minimum|threshold")),
    "before": (("share",), re.compile(r"was|were|before|from")),
    "positive": (("plain",), re.compile(r"positive")),
    "negative": (("plain",), re.compile(r"negative")),
}
"""What numbers of facts count, of which kind these are, and the words beside a number that say so."""
_WHOLE = "whole"
"""What a number right behind "of" is: the 90 of "12 of 90"."""
_OWN_NAMES = {"i", "i'm", "i'll", "i've", "i'd", "inkling", "ok", "english"}
_SUBJECTS = (
    "i you he she it we they this that these those there here who what which how where then both all each none one neither "
    "either everything something nothing nobody buyers people users shoppers reviews prices"
)


@dataclass(frozen=True)
class Facts:
    """What a reply may rest on, a fact a line: `found` is what tools returned in this turn, `said` the user's line and why a
    call was refused, which repeats it."""

    found: str
    said: str = ""


def check_reply(sentence: str, bus: Bus, facts: Facts) -> str | None:
    """None if the sentence may be shown, else why not."""
    for ref in _refs(sentence):
        if ref not in bus.turn:
            return f"names {ref!r}, which no tool returned in this turn"
    if found := _MARKUP.search(sentence):
        return f"holds {found[0]!r}, which is no sentence"
    if len(_QUOTE.findall(sentence)) % 2:
        return "quotes without an end, so what is quoted cannot be told"
    everything = f"{facts.said}\n{facts.found}"
    lower = _plain(everything)
    for quote in _QUOTED.findall(sentence):
        if _plain(quote) not in lower:
            return f"quotes {quote!r}, which nobody said"
    subject = _SUBJECT.match(sentence)
    begins = [subject[1]] if subject and bus.turn and subject[1].lower() not in _SUBJECTS.split() else []
    asserts = not (_DENIES.search(sentence) or sentence.endswith("?"))
    returned = _plain(_QUOTED.sub(" ", facts.found))
    for person in _PERSON.findall(sentence):
        if _plain(person) not in returned:
            return f"names {person!r}, whom no tool returned in this turn"
    named = returned if asserts else _plain(_QUOTED.sub(" ", everything))
    unquoted = _QUOTED.sub(" ", sentence)
    for name in [*begins, *_CAPITALISED.findall(unquoted)]:
        word = name.lower().replace("’", "'").removesuffix("'s")
        if word not in _OWN_NAMES and not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", named):
            return f"names {name!r}, which is not in the facts of this turn"
    if stars := [number for number in numbers_in(unquoted) if number.kind == "stars"]:
        given = numbers_in(named)
        for number in stars:
            if number not in given:
                return f"says {_words(number)}, which nobody gave"
    return _unfounded_number(sentence, bus, everything)


def _unfounded_number(sentence: str, bus: Bus, facts: str) -> str | None:
    countable = {float(len(_refs(sentence))), float(len(bus.shown)), 1.0}
    said = re.findall(r"[a-z]+", sentence.lower())
    for clause in _CLAUSE.split(sentence):
        about = _refs(clause) or _refs(sentence)
        fitting = [fact for refs, numbers in _known(facts) if not refs or not about or refs & about for fact in numbers]
        for number, what in _counted(clause, said):
            counting = [counted for fact, counted in fitting if fact == number]
            if not counting and not (number.kind == "plain" and number.value in countable):
                return f"says {_words(number)}, which is not in the facts of this turn"
            if counting and _WHOLE not in what and all(counted and counted.isdisjoint(what) for counted in counting):
                return f"says {_words(number)} of something else than the facts of this turn"
    return None


@lru_cache(maxsize=256)
def _known(facts: str) -> list[tuple[set[str], list[tuple[Number, frozenset[str]]]]]:
    """The refs and numbers of each line of facts: they are the same for all sentences of a turn, each checked twice."""
    return [(_refs(line), _counted(line)) for line in facts.splitlines()]


def _counted(text: str, around: Sequence[str] = ()) -> list[tuple[Number, frozenset[str]]]:
    """The numbers of a text, each with what it counts by the words up to the next one, or else from the one before it; where
    these say nothing at all, as in "at 19%", by the words `around`."""
    found = []
    for clause in _CLAUSE.split(text):
        for number, before, after in numbers_with_words(clause):
            whole = frozenset([_WHOLE] if before[-1:] == ["of"] else [])
            bare = around if FUNCTION_WORDS.issuperset(word for word in before + after if word.isalpha()) else ()
            what = next(filter(None, (_counts(words, number.kind) for words in (after, before, bare))), frozenset())
            found.append((number, whole or what))
    return found


def _counts(words: Iterable[str], kind: Kind) -> frozenset[str]:
    return frozenset(
        what for word in words for what, (kinds, pattern) in _COUNTED.items() if kind in kinds and pattern.fullmatch(word)
    )


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _refs(text: str) -> set[str]:
    return {match[0] for match in REF.finditer(text)}


def _words(number: Number) -> str:
    match number.kind:
        case "money":
            return f"${number.value:.2f}"
        case "share":
            return f"{number.value:.0%}"
        case "days":
            return f"{number.value:g} days"
        case "stars":
            return f"{number.value:g} stars"
    return f"{number.value:g}"
