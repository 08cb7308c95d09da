"""The arguments that the LLM wrote, held against what was said: words of the user, numbers of the line, items on the bus.

Nothing that the LLM made up gets into a tool. What the user did not say is dropped where the argument is optional and refused
where it is needed; a bound that the newest line says and the LLM left out is put in. Booleans are judgements and stay as they
were written, but that nobody dislikes what they say they are ("I'm vegetarian, no meat please"); so does a band of price
sensitivity where the user spoke of prices at all.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from agent.bus import REF, Bus
from agent.numbers import (
    NUMBERS,
    Kind,
    asks_for_cheaper,
    bound_in,
    count_in,
    fraction_in,
    numbers_in,
    only_of_price,
    speaks_of_limit,
    speaks_of_price,
    without_numbers,
)
from agent.pointing import ALL_OF_THEM, PLACED, content_words, find_item, likeness, place, position, shown_item
from agent.spans import FUNCTION_WORDS, exactly, spoken
from agent.spelling import as_meant
from tools import Shop, ToolError, UnknownUser
from tools.audience import BANDS, resolve
from tools.results import Card

WORDS = frozenset(["query", "topic", "about", "brand", "segment", "name"])
"""Arguments that are the user's own words."""
FILTERS = ("max_price", "only_new", "k", "min_strength", "price_sensitivity", "segment", "days")
CARRIED = ("query", "topic", *FILTERS)
"""Arguments that hold on where a line goes on from a call, what it is about and what narrows it."""
_CROWD_WORDS = "buyers crowd customers drinkers eaters fans folk folks households lovers members ones people shoppers users"
_CROWD = frozenset(_CROWD_WORDS.split())
_PERSON = frozenset(["user", "shopper", "customer", "household", "person", "buyer", "member", "her", "him", "them"])


class Ungrounded(ToolError):
    """A call that is not made, and why. `grounded` are those of its arguments that were said: they hold on for the next line."""

    def __init__(self, why: str, grounded: dict[str, Any]) -> None:
        super().__init__(why)
        self.grounded = grounded


@dataclass(frozen=True)
class Said:
    """What a call is held against: the user's lines, the newest first; refs of the last reply; refs of the latest turn; the
    grounded arguments of the last call before this turn, be it one that failed, which hold on where a line goes on (the items of
    a cart in the user's words)."""

    lines: Sequence[str]
    named: Sequence[str] = ()
    recent: Sequence[str] = ()
    before: Mapping[str, Any] = field(default_factory=dict)

    @property
    def asked(self) -> str | None:
        """The topic or query of the last call."""
        return asked_in(self.before)


def asked_in(arguments: Mapping[str, Any]) -> str | None:
    """The topic or query of a call."""
    words: str | None = arguments.get("topic", arguments.get("query"))
    return words


def ground(arguments: dict[str, Any], wanted: dict[str, bool], said: Said, bus: Bus, shop: Shop) -> dict[str, Any]:
    """The arguments that a tool gets, in the order of `wanted`, which says of each name whether the tool needs it.

    Items become item ids, users pseudonyms; the rest stays in the user's own words and numbers. Raises Ungrounded.
    """
    grounded, faults = dict[str, Any](), list[ToolError]()
    for name, needed in wanted.items():
        written = arguments.get(name)
        try:
            if name in CARRIED and written is not None and written == said.before.get(name):
                value = _left_out(name, said.lines[0]) or written  # "under 5" after a call with 10, which the LLM wrote again
            elif written in (None, "", []):
                value = _left_out(name, said.lines[0])
            else:
                value = _one(name, written, said, bus, shop)
        except ToolError as error:
            faults.append(error)
            continue
        if name == "query" and only_of_price(set(without_numbers(str(value or ""))) - FUNCTION_WORDS):
            value = said.before.get("query")
        if name == "max_price" and value is None and grounded.get("query") in (None, said.before.get("query")):
            value = _under_shown(said.lines[0], bus)
        if value is None and name == "topic" and "user" in wanted:
            value = said.asked
        if value is not None:
            grounded[name] = value
        elif needed and written in (None, "", []):
            faults.append(ToolError(f"{name} is missing, the user must say it"))
        elif needed:
            faults.append(ToolError(f"the user did not say {name} {str(written)[:60]!r}, ask for it"))
    if faults:
        raise Ungrounded(str(faults[0]), grounded) from faults[0]
    if grounded.get("likes") is False and _is_that(said.lines[0], str(grounded["topic"])):
        grounded["likes"] = True
    if "k" in grounded and grounded["k"] == grounded.get("max_price") and _times(grounded["k"], said.lines[0]) < 2:
        del grounded["k"]  # "20 tops" is a price
    return grounded


def unsaid(arguments: dict[str, Any], said: Said, bus: Bus, shop: Shop) -> set[str]:
    """Which of the arguments are words that nobody said, spelling aside, and no ref of the bus."""
    found = set()
    for name in WORDS & arguments.keys():
        with suppress(ToolError):
            if arguments[name] and _one(name, arguments[name], said, bus, shop) is None:
                found.add(name)
    item = str(arguments.get("item", "")).strip().lower()
    return found | ({"item"} if REF.fullmatch(item) and item not in bus.items else set())


def _left_out(name: str, line: str) -> Any:
    """What a line says of an argument that was not written: a number with a word that tells what it is."""
    return _heard(partial(_bound, name), line) if name in NUMBERS else None


def _under_shown(line: str, bus: Bus) -> float | None:
    """A cent less than the first of the list costs, where the line asks for something cheaper."""
    prices = [price for ref in bus.shown if (price := bus.items[ref].price) is not None]
    return round(prices[0] - 0.01, 2) if prices and prices[0] > 0.01 and asks_for_cheaper(line) else None


def _heard(read: Callable[[str], Any], line: str) -> Any:
    """What is read in a line, else in it with its misspelt words as they are meant."""
    return read(line) or read(as_meant(line))


def _bound(name: str, line: str) -> float | None:
    match name:
        case "max_price":
            return bound_in(line, "money")
        case "min_strength":
            return bound_in(line, "share") or fraction_in(line)
        case "days":
            days = bound_in(line, "days")
            return int(days) if days else None
        case "k":
            return count_in(line)
    return None


def _one(name: str, value: Any, said: Said, bus: Bus, shop: Shop) -> Any:
    match name:
        case "max_price":
            return _number(value, said, ("money", "plain") if _heard(speaks_of_limit, said.lines[0]) else ("money",))
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
            band = str(value).lower()
            return band if band in BANDS and any(_heard(speaks_of_price, line) for line in said.lines) else None
        case "item":
            return _item(str(value), said, bus, shop)
        case "items":
            return _items(value, said, bus, shop)
        case "user":
            return _user(str(value), said, bus, shop)
        case "topic" | "about":
            meant = _meant(str(value), said, bus, shop)
            if isinstance(meant, Card):
                return meant.item_id if name == "about" else meant.topic
            return meant
        case "campaign":
            return _campaign(str(value), said)
        case "segment" if _CROWD.issuperset(content_words(str(value))):
            return None  # "wine lovers" are whom an audience is made of
    span = spoken(str(value), said.lines, shop)
    return span if span and any(word not in FUNCTION_WORDS for word in without_numbers(span)) else None


def _number(value: Any, said: Said, kinds: tuple[Kind, ...]) -> float | None:
    """The number if the user said it, else the only one of the first of the kinds that the newest line holds, else None."""
    written = [float(value)] if isinstance(value, int | float) else [number.value for number in numbers_in(str(value))]
    for line in said.lines:
        numbers = numbers_in(line)
        for kind in kinds:
            values = [number.value for number in numbers if number.kind == kind and number.value]
            if kinds[0] == "share":
                values = [v / 100 if v > 1 else v for v in values if v <= 100]
            if match := next((v for v in values if v in written or (kinds[0] == "share" and 100 * v in written)), None):
                return match
            if values and line is said.lines[0]:
                return values[0] if len(values) == 1 else None
    return None


def _times(value: float, line: str) -> int:
    return sum(number.value == value for number in numbers_in(line))


def _is_that(line: str, words: str) -> bool:
    """Whether a line says that the speakers are what some words of it say."""
    are = rf"(?<!think )(?<!believe )(?<!say )\b(?:i['’]?m|i am|we['’]?re|we are) (?:an? )?{re.escape(words)}\b"
    return bool(re.search(rf"{are}(?![ -](?:free|intolerant|allergic|averse|haters?))", line, re.IGNORECASE))


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())


def _item(value: str, said: Said, bus: Bus, shop: Shop) -> str | None:
    ref, shown = value.strip().lower(), [bus.items[ref] for ref in bus.shown]
    if ref in bus.items:
        pointed = None if exactly(ref, said.lines[0]) else place(said.lines[0], shown)
        return (pointed or bus.items[ref]).item_id
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


def _meant(value: str, said: Said, bus: Bus, shop: Shop) -> str | Card | None:
    """A topic in its own or the user's words, or the shown item that the words point at; a user is none."""
    ref = value.strip().lower()
    if ref in bus.users:
        return None
    if ref in bus.topics or ref in bus.items:
        return bus.topics.get(ref) or bus.items[ref]
    known = [*bus.topics.values(), *(card.topic for card in bus.items.values())]
    name = next((topic for topic in known if topic.lower() == ref), None)
    if name and not exactly(value, said.lines[0]):
        return name
    words = spoken(value, said.lines, shop)
    if words is None or content_words(words):
        return (_shown_by_words(words, bus) if words else None) or words
    topics = [bus.topics[ref] for ref in said.recent if ref in bus.topics]
    by_place, of_all = re.search(PLACED, words.lower()), re.search(ALL_OF_THEM, words.lower())
    if not by_place and (before := said.asked or next(iter(topics), None)) and (of_all or not bus.shown):
        return before
    return shown_item(words, bus, list(said.named))


def _shown_by_words(words: str, bus: Bus) -> Card | None:
    """The shown item that "the second milk" or "the cheese one" means; words alone are a topic themselves."""
    if not re.search(rf"\bone\b|{PLACED}", words.lower()):
        return None
    shown = [bus.items[ref] for ref in bus.shown]
    card = place(words, shown) or max(shown, key=lambda card: likeness(content_words(words), card), default=None)
    return card if card and likeness(content_words(words), card) > 0 else None


def _campaign(value: str, said: Said) -> str | None:
    """The campaign as said, in digits ("campaign twenty two" is 22), or the only number of the newest line."""
    exact = exactly(value, said.lines[0])
    in_line, in_words = (
        [n.value for n in numbers_in(text) if n.kind == "plain"] for text in (said.lines[0], exact or said.lines[0])
    )
    meant = in_line if in_words and len(in_line) == 1 else in_words  # "twenty" of "campaign twenty two" is 22 as well
    if len(meant) == 1:
        return f"{meant[0]:g}"
    return exact or next((words for line in said.lines[1:] if (words := exactly(value, line))), None)


def _user(value: str, said: Said, bus: Bus, shop: Shop) -> str | None:
    """A pseudonym: of the user that the line names, else of the one of the list that it points at."""
    line, ref = said.lines[0], value.strip().lower()
    names = bus.user_names()
    shown = [name for one, name in names.items() if one in said.recent] or list(names.values())
    known = names.get(ref) or (ref if ref in names.values() else None)
    if known and exactly(value, line):
        return known
    words = spoken(value, said.lines, shop)
    named = words is not None and bool(set(content_words(words)) - _PERSON)
    try:
        if words and named:
            return shop.pseudonym(resolve(shop, words.split()[-1]))
    except UnknownUser:
        if not shown or position(line, len(shown)) is None:
            raise
    if not shown and words:
        raise ToolError(f"no user was shown yet that {words[:60]!r} could mean, name one")
    at = position(line, len(shown)) if shown else None
    if at is not None or words:
        return shown[at or 0]
    return known
