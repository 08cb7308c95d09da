"""The arguments that the LLM wrote, held against what was said: words of the user, numbers of the line, items on the bus.

Nothing that the LLM made up gets into a tool. What the user did not say is dropped where the argument is optional and refused
where it is needed. Booleans and the three bands of price sensitivity are judgements and stay as the LLM wrote them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler

from agent.bus import REF, Bus
from agent.numbers import Kind, numbers_in
from agent.pointing import content_words, find_item, likeness, place, position, shown_item
from tools import Shop, ToolError
from tools.audience import BANDS, pseudonym, resolve

NEAR_SPAN = 80.0
NEAR_WORD = 0.85
_WORD = re.compile(r"[^\W_]+(?:['’&.-][^\W_]+)*")
_FUNCTION = (
    "a an the and or but not no any some all of for to in on at by with without from about as than i me my we our us you your he "
    "she it its they them this that these those is are was be been am do does did have has had can could would should will shall "
    "may might must want wants need needs like love hate got get give show find tell see look looking buy bought have please hey "
    "recommend suggest suggestion suggestions idea ideas product products item items hi what which who why how when where there "
    "here something anything nothing stuff thing things one ones under over below "
    "more less most least only just also too very really so if then now today don't i'm i'd let's what's"
)
_FUNCTION_WORDS = frozenset(_FUNCTION.split())


@dataclass(frozen=True)
class Said:
    """What a call is held against: the user's lines, the newest first; refs of the last reply; refs of the latest turn."""

    lines: Sequence[str]
    named: Sequence[str] = ()
    recent: Sequence[str] = ()


def ground(arguments: dict[str, Any], wanted: dict[str, bool], said: Said, bus: Bus, shop: Shop) -> dict[str, Any]:
    """The arguments that a tool gets, in the order of `wanted`, which says of each name whether the tool needs it.

    Items become item ids, users pseudonyms; the rest stays in the user's own words and numbers. Raises ToolError.
    """
    grounded = {}
    for name, needed in wanted.items():
        written = arguments.get(name)
        value = None if written in (None, "", []) else _one(name, written, said, bus, shop)
        if value is not None:
            grounded[name] = value
        elif needed and written in (None, "", []):
            raise ToolError(f"{name} is missing, the user must say it")
        elif needed:
            raise ToolError(f"the user did not say {name} {str(written)[:60]!r}, ask for it")
    return grounded


def _one(name: str, value: Any, said: Said, bus: Bus, shop: Shop) -> Any:
    match name:
        case "max_price":
            return _number(value, said, ("money", "plain"))
        case "k":
            count = _number(value, said, ("plain",))
            return int(count) if count else None
        case "min_strength":
            return _number(value, said, ("share", "plain"))
        case "days":
            days = _number(value, said, ("days",))
            return int(days) if days else None
        case "only_new" | "likes":
            return _truth(value)
        case "price_sensitivity":
            return str(value).lower() if str(value).lower() in BANDS else None
        case "item":
            return _item(str(value), said, bus, shop)
        case "items":
            return _items(value, said, bus, shop)
        case "user":
            return _user(str(value), said, bus, shop)
        case "topic" | "about":
            return _topic(str(value), said, bus, shop)
    span = spoken(str(value), said.lines, shop)
    return span if span and not set(span.lower().split()) <= _FUNCTION_WORDS else None


def spoken(value: str, lines: Sequence[str], shop: Shop) -> str | None:
    """The words of the newest line that `value` is or was meant to be, else None.

    A correction of the user's spelling stays where it makes a word that the catalog's topics know.
    """
    for line in lines:
        if exact := _exactly(value, line):
            return exact
        if near := _nearest(value, line):
            return value if _knows(shop, value) and not _knows(shop, near) else near
    return None


def _exactly(value: str, line: str) -> str | None:
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
    same = [at for at, word in enumerate(lower) if word in wanted and word not in _FUNCTION_WORDS]
    if same:
        end = same[0]
        while end + 1 in same:
            end += 1
        return line[words[same[0]].start() : words[end].end()]
    near = {
        at: max(JaroWinkler.similarity(word, own) for own in wanted)
        for at, word in enumerate(lower)
        if word not in _FUNCTION_WORDS and len(word) > 2
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


def _number(value: Any, said: Said, kinds: tuple[Kind, ...]) -> float | None:
    """The number if the user said it, else the only one of the first of the kinds that the newest line holds, else None."""
    written = [float(value)] if isinstance(value, int | float) else [number.value for number in numbers_in(str(value))]
    for line in said.lines:
        numbers = numbers_in(line)
        for kind in kinds:
            values = [number.value for number in numbers if number.kind == kind]
            if kinds[0] == "share":
                values = [v / 100 if v > 1 else v for v in values if v <= 100]
            if match := next((v for v in values if v in written or (kinds[0] == "share" and 100 * v in written)), None):
                return match
            if values and line is said.lines[0]:
                return values[0] if len(values) == 1 else None
    return None


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())


def _item(value: str, said: Said, bus: Bus, shop: Shop) -> str | None:
    ref, shown = value.strip().lower(), [bus.items[ref] for ref in bus.shown]
    if card := bus.items.get(ref):
        return card.item_id
    if known := next((card for card in bus.items.values() if card.title.lower() == ref), None):
        return known.item_id
    words = None if REF.fullmatch(ref) else spoken(value, said.lines, shop)
    if words is None:
        card = place(said.lines[0], shown)
        return card.item_id if card else None
    return find_item(words, bus, list(said.named), shop)


def _items(value: Any, said: Said, bus: Bus, shop: Shop) -> list[str] | None:
    """Item ids; what the user said but the shop does not have stays in the user's words."""
    written = value if isinstance(value, list) else re.split(r",|;|\band\b", str(value))
    found = []
    for words in (str(part).strip() for part in written):
        if not words:
            continue
        try:
            item = _item(words, said, bus, shop)
        except ToolError:
            item = words
        if item and item not in found:
            found.append(item)
    return found or None


def _topic(value: str, said: Said, bus: Bus, shop: Shop) -> str | None:
    ref = value.strip().lower()
    if ref in bus.topics or ref in bus.items:
        return bus.topics.get(ref) or bus.items[ref].topic
    known = [*bus.topics.values(), *(card.topic for card in bus.items.values())]
    name = next((topic for topic in known if topic.lower() == ref), None)
    if name and not _exactly(value, said.lines[0]):
        return name
    words = spoken(value, said.lines, shop)
    if words is None or content_words(words):
        card = _shown_by_words(words, bus) if words else None
        return card or words
    topics = [bus.topics[ref] for ref in said.recent if ref in bus.topics]
    if not bus.shown and topics:
        return topics[0]
    card_shown = shown_item(words, bus, list(said.named))
    return card_shown.topic if card_shown else None


def _shown_by_words(words: str, bus: Bus) -> str | None:
    """The topic of a shown item that "the second milk" or "the cheese one" means; words alone are a topic themselves."""
    if not re.search(r"\b(one|first|second|third|fourth|fifth|last|cheaper|cheapest)\b", words.lower()):
        return None
    shown = [bus.items[ref] for ref in bus.shown]
    card = place(words, shown) or max(shown, key=lambda card: likeness(content_words(words), card), default=None)
    return card.topic if card and likeness(content_words(words), card) > 0 else None


def _user(value: str, said: Said, bus: Bus, shop: Shop) -> str | None:
    ref = value.strip().lower()
    if ref in bus.users:
        return bus.users[ref].pseudonym
    if known := next((user for user in bus.users.values() if user.pseudonym == ref), None):
        return known.pseudonym
    words = spoken(value, said.lines, shop)
    shown = [bus.users[ref] for ref in said.recent if ref in bus.users]
    if words and shown and not set(content_words(words)) - {"user", "shopper", "customer", "household", "her", "him", "them"}:
        return shown[position(words, len(shown)) or 0].pseudonym
    if words and not content_words(words.replace("user", "")):
        raise ToolError(f"no user was shown yet that {words[:60]!r} could mean, name one")
    return pseudonym(resolve(shop, words.split()[-1])) if words else None
