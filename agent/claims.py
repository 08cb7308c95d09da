"""The profile guard: what the LLM wrote of a user, against the digest it was written from.

Covered: topics (every catalog topic, every word that only topics are made of, every capitalised word), numbers with their unit
(money, percent, days, times, and number words), dates, a change ("rising", "no longer") of the topics named, and that what the
user avoids is called so.
Not covered: who did what to whom inside a sentence that names several topics, and nouns that the catalog does not know.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agent.digest import Digest, Line, stem

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ONES = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBERS = {
    **{word: n for n, word in enumerate(_ONES.split(), 1)},
    **{word: 10 * n for n, word in enumerate(_TENS.split(), 2)},
}
_FIXED = {
    "once": "1 times",
    "twice": "2 times",
    "thrice": "3 times",
    "daily": "1 days",
    "weekly": "1 weeks",
    "monthly": "1 months",
}
_UNIT = r"(?P<unit>%|percent|days?|weeks?|months?|fortnights?|times?|baskets?|purchases?|trips?|visits?|dollars?|bucks)"
_SCALE = {"week": (7, 1), "fortnight": (14, 1), "month": (30, 3)}
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*\b\.?"
_MENTION = re.compile(
    r"(?P<iso>\d{4}-\d\d-\d\d)"
    rf"|\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_MONTH}"
    rf"|\b{_MONTH.replace('month', 'month2')} (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b"
    rf"|(?P<money>\$ ?)?(?P<number>\d[\d,]*(?:\.\d+)?)(?: ?-?{_UNIT}(?![a-z]))?"
)
_MONTH_ALONE = re.compile(
    r"\b(january|february|march|april|june|july|august|september|october|november|december|in may|since may)\b"
)
_RELATIVE = re.compile(
    r"\b(yesterday|today|tomorrow|tonight|(?:last|this|next) (?:week|month|year|weekend)|\w+ ago"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)days?)\b"
)
_PERSONAL = re.compile(
    r"\b(pregnan\w*|married|single mother|divorced|vegan|vegetarian|diabet\w*|religio\w*|muslim|jewish|ill|sick)\b"
)
_TRENDS = {
    "rising": re.compile(r"\b(rising|more often|growing|picking up|picked up|gaining|climbing|on the rise)\b"),
    "fading": re.compile(
        r"\b(fading|fades|faded|less often|cooling|no longer|stopped|overdue|gone quiet|slipping|dropped off|winding down)\b"
    ),
    "new": re.compile(r"\b(new|newly|newcomer|first tried|for the first time)\b"),
    "avoid": re.compile(r"\b(avoids?|avoided|dislikes?|disliked|steers? clear|not wanted|unwanted|does not want)\b"),
}
_TRIP = re.compile(r"\b(baskets?|trips?|visits?|shops?|products)\b")
_WORDS = """
about active added age aid all almost also and are area around back bargain basket baskets best better between big both brand
brands break budget but buy buyer by care case center convenience cost daily days deal deals every fast favorite find first for
fresh from full fully good goods great green half has have heavy high home hour house household in item items large last late
lately latest less life light list live long low main make many max medium more most must need needs new night no none not now
off often old on once one ones only open or order other others out over own pack part parts past pattern people per plus popular
price prices product products quick ready recent red regular rest rising run sales same seasonal seen select service set sets
shop shopper shopping short show side since single size small some special spend spending standard stands steady still stock
stop store style such super supply take test than that the then there these thing this times to top total trip twice two under
unit up use used usual value variety very visit watch week weeks when while who with year years you young
"""
_PLAIN = frozenset(_WORDS.split())
"""Words of the catalog's topics that say nothing of a topic by themselves."""


@dataclass(frozen=True)
class Mention:
    """A number or date in a text, as a range that the truth must lie in; a date is month * 100 + day."""

    kind: str
    low: float
    high: float
    words: str


def check_claim(text: str, digest: Digest) -> str | None:
    """None if every topic, number and date in `text` is in the digest, else why not.

    A number must come from a line on a topic that the sentence names (or on the one topic of the digest), from a trait, from a
    session if the sentence speaks of a trip, or be today's date.
    """
    if ref := re.search(r"\b[its]\d+\b", text):
        return f"writes the ref {ref[0]!r}"
    named, rest = _take_topics(text, digest)
    if foreign := _foreign(rest, text, digest):
        return f"{foreign!r} is not in the digest"
    if wrong := _unsupported(rest, _lines(named, rest, digest), digest.today):
        return wrong
    about = [line for line in digest.lines if line.ref in digest.interests and (not named or line.topics[0] in named)]
    for trend, words in _TRENDS.items():
        if (said := words.search(rest)) and not any(trend in line.text for line in about):
            return f"{said[0]!r} is not what the digest says"
    avoided = [line.topics[0] for line in about if named and "said to avoid" in line.text]
    if avoided and not _TRENDS["avoid"].search(rest):
        return f"does not say that {avoided[0]!r} is avoided"
    return None


def facts_for(text: str, digest: Digest) -> list[Line]:
    """The lines of the digest that a sentence may draw its numbers from."""
    return _lines(*_take_topics(text, digest), digest)


def mentions(text: str) -> Iterator[Mention]:
    """The numbers and dates in a lower-case text, number words included."""
    for match in _MENTION.finditer(_digits(text)):
        yield _mention(match)


def _lines(named: set[str], rest: str, digest: Digest) -> list[Line]:
    """Numbers of a topic need the topic's name, unless the digest is about one alone; those of a trip need a word for it."""
    others = [line for line in digest.lines if line.ref not in digest.interests]
    if not named and len(digest.interests) > 1:
        return others
    own = [line for line in digest.lines if line.ref in digest.interests and (not named or line.topics[0] in named)]
    trip = _TRIP.search(rest)
    return own + [line for line in others if trip or (line.ref.startswith("t") and not line.text.startswith("shopping rhythm"))]


def _unsupported(rest: str, lines: list[Line], today: str) -> str | None:
    facts = [fact for text in [today, *(line.text for line in lines)] for fact in mentions(text.lower())]
    for said in mentions(rest):
        if not any(
            _same_kind(said.kind, fact.kind) and (said.low <= fact.low <= said.high or said.low <= round(fact.low) <= said.high)
            for fact in facts
        ):
            return f"{said.words!r} is not in the digest"
    months = {int(fact.low) // 100 for fact in facts if fact.kind == "date"}
    for word in _MONTH_ALONE.findall(_MENTION.sub(" ", rest)):
        if _MONTHS.index(word.split()[-1][:3]) + 1 not in months:
            return f"{word!r} is not in the digest"
    return None


def _same_kind(said: str, fact: str) -> bool:
    return said == fact or (said == "number" and fact != "date")


def _mention(match: re.Match[str]) -> Mention:
    words = match[0].strip(" .")
    if match["iso"]:
        value = float(int(words[5:7]) * 100 + int(words[8:10]))
        return Mention("date", value, value, words)
    if day := match["day"] or match["day2"]:
        value = float((_MONTHS.index(match["month"] or match["month2"]) + 1) * 100 + int(day))
        return Mention("date", value, value, words)
    value, unit = float(match["number"].replace(",", "")), (match["unit"] or "").rstrip("s")
    if match["money"] or unit in ("dollar", "buck"):
        return Mention("money", value, value, words)
    if unit in ("%", "percent"):
        return Mention("percent", value, value, words)
    if unit in _SCALE:
        days, slack = _SCALE[unit]
        return Mention("days", value * (days - slack), value * (days + slack), words)
    if unit == "day":
        return Mention("days", value, value, words)
    return Mention("times" if unit else "number", value, value, words)


def _digits(text: str) -> str:
    """Number words as digits: "twenty-three times" becomes "23 times", "a week" "1 weeks"; a bare "one" is no number."""
    for word, digits in _FIXED.items():
        text = re.sub(rf"\b{word}\b", digits, text)
    text = re.sub(r"\b(?:a|each|every|per|other) (week|month|fortnight)\b", r"1 \1s", text.replace("every other", "2"))
    text = re.sub(r"\bhalf (?:a|the) (week|month|year)\b", r"0.5 \1s", re.sub(r"\bhalf a dozen\b", "6", text))
    text = re.sub(r"\bhalf (?:of|the)\b", "50%", re.sub(r"\b(?:a )?dozen\b", "12", text))
    text = re.sub(r"\ba couple of\b", "2", text)
    tens = "|".join(word for word, n in _NUMBERS.items() if n >= 20)
    ones = "|".join(word for word, n in _NUMBERS.items() if n < 10)
    text = re.sub(rf"\b({tens})[- ]({ones})\b", lambda m: str(_NUMBERS[m[1]] + _NUMBERS[m[2]]), text)
    text = re.sub(rf"\bone (?={_UNIT.replace('?P<unit>', '?:')})", "1 ", text)
    return re.sub(rf"\b({'|'.join(word for word in _NUMBERS if word != 'one')})\b", lambda m: str(_NUMBERS[m[1]]), text)


def _take_topics(text: str, digest: Digest) -> tuple[set[str], str]:
    """The digest's topics that the text names, and the rest of the text in lower case; a broader topic is only taken out."""
    lower = " ".join(text.lower().replace("’", "'").split())
    levels = {level.lower() for interest in digest.interests.values() for level in interest.path}
    own = {interest.topic.lower(): interest.topic for interest in digest.interests.values()}
    named = set()
    for name in sorted({*own, *levels}, key=len, reverse=True):
        found = _spans(name).search(lower)
        if found:
            lower = _spans(name).sub(" , ", lower)
            named |= {own[name]} if name in own else set()
    return named, lower


def _foreign(rest: str, text: str, digest: Digest) -> str | None:
    """The first topic, topic word, capitalised word or personal trait in the text that the digest does not have."""
    for pattern in (_RELATIVE, _PERSONAL):
        if found := pattern.search(rest):
            return found[0]
    known = {stem(word) for word in re.findall(r"[a-z]+", digest.text().lower())}
    words = [str(word) for word in re.findall(r"[a-z]+", rest)]
    for word in words:
        if word not in _PLAIN and stem(word) in digest.words and stem(word) not in known:
            return word
    for size in range(min(6, len(words)), 1, -1):
        for start in range(len(words) - size + 1):
            name = " ".join(words[start : start + size])
            if name in digest.names and not _PLAIN.issuperset(name.split()):
                return name
    for match in re.finditer(r"(?<![.!?:] )(?<!^)\b[A-Z][a-z]+", text):
        if stem(match[0].lower()) not in known and match[0].lower()[:3] not in _MONTHS:
            return match[0]
    return None


def _spans(name: str) -> re.Pattern[str]:
    """A topic's name as whole words, in singular or plural."""
    return re.compile(rf"(?<![a-z0-9]){re.escape(name.rstrip('s'))}(?:s|es)?(?![a-z0-9])")
