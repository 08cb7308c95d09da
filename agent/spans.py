"""Which of the user's own words the LLM meant by what it wrote, spelling aside."""

import re
from collections.abc import Sequence

from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler

from tools import Shop

NEAR_SPAN = 80.0
NEAR_WORD = 0.85
_WORD = re.compile(r"[^\W_]+(?:['’&.-][^\W_]+)*")
_FUNCTION = (
    "a an the and or but not no any some all of for to in on at by with without from about as than i me my we our us you your he "
    "she it its they them this that these those is are was be been am do does did have has had can could would should will shall "
    "may might must want wants need needs like love hate got get give show find tell see look looking buy bought have please hey "
    "recommend suggest suggestion suggestions idea ideas product products item items hi what which who why how when where there "
    "here something anything nothing stuff thing things one ones under over below pls plz thanks thx cheers ta "
    "more less most least only just also too very really so if then now today don't i'm i'd let's what's"
)
FUNCTION_WORDS = frozenset(_FUNCTION.split())


def spoken(value: str, lines: Sequence[str], shop: Shop) -> str | None:
    """The words of the newest line that `value` is or was meant to be, else None.

    A correction of the user's spelling stays where it makes a word that the catalog's topics know.
    """
    for line in lines:
        if exact := exactly(value, line):
            return exact
        if near := _nearest(value, line):
            return value if _knows(shop, value) and not _knows(shop, near) else near
    return None


def exactly(value: str, line: str) -> str | None:
    """The words of a line that are `value`, upper and lower case aside."""
    found = re.search(rf"(?<!\w){re.escape(value.strip())}(?!\w)", line, re.IGNORECASE)
    return found[0] if found else None


def _nearest(value: str, line: str) -> str | None:
    wanted = value.lower().split()
    words = list(_WORD.finditer(line))
    windows = [
        line[words[at].start() : words[at + size - 1].end()]
        for size in range(max(1, len(wanted) - 1), len(wanted) + 2)
        for at in range(len(words) - size + 1)
    ]
    best = max(windows, key=lambda window: fuzz.ratio(window.lower(), value.lower()), default="")
    if fuzz.ratio(best.lower(), value.lower()) >= NEAR_SPAN:
        return best
    lower = [word[0].lower() for word in words]
    same = [at for at, word in enumerate(lower) if word in wanted and word not in FUNCTION_WORDS]
    if same:
        end = same[0]
        while end + 1 in same:
            end += 1
        return line[words[same[0]].start() : words[end].end()]
    near = {
        at: max(JaroWinkler.similarity(word, own) for own in wanted)
        for at, word in enumerate(lower)
        if word not in FUNCTION_WORDS and len(word) > 2
    }
    at = max(near, key=lambda at: near[at], default=0)
    if not near or near[at] < NEAR_WORD:
        return None
    start = end = at
    while start - 1 in near and line[words[start - 1].end() : words[start].start()].isspace():
        start -= 1
    while end + 1 in near and line[words[end].end() : words[end + 1].start()].isspace():
        end += 1
    return line[words[start].start() : words[end].end()]


def _knows(shop: Shop, text: str) -> bool:
    known = {word for topic in shop.catalog.topics() for word in _WORD.findall(topic.name.lower())}
    return all(word in known for word in _WORD.findall(text.lower()))
