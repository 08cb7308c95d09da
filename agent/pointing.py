"""What "the second one", "it" or "the cheese one" points at: an item shown in this session, or else one of the catalog."""

import re

from rapidfuzz import fuzz

from agent.bus import REF, Bus
from tools import Shop, ToolError
from tools.results import Card

_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth"
_CARDINALS = "one two three four five six seven eight nine ten"
_POINTING = (
    "it this that these those one ones the a an other you your me i my we us he she they just showed shown show suggested "
    "recommended mentioned said before from in at on of to with for list pick suggestion choice option item number no product "
    "thing stuff more most less least like and or is was were please again same which what middle"
)
_PLACES = {
    **{word: n for n, word in enumerate(_ORDINALS.split())},
    **{f"{n + 1}{end}": n for n, end in enumerate(["st", "nd", "rd", *["th"] * 7])},
    "last": -1,
    "top": 0,
    "bottom": -1,
}
_COUNTS = {
    **{word: n for n, word in enumerate(_CARDINALS.split(), 1)},
    **{str(n): n for n in range(1, 51)},
}
_NUMBERED = re.compile(r"(?:\b(?:number|no|option|item|choice|pick|suggestion|product)\b\.?|#)\s*(?:number\s+|no\.?\s+|#)?(\w+)")
_CHEAP, _DEAR = ("cheaper", "cheapest"), ("pricier", "priciest", "dearest", "expensive", "costliest")
_POINTER = frozenset([*_POINTING.split(), *_PLACES, *_COUNTS, *_CHEAP, *_DEAR])
PLACED = rf"\b(?:{'|'.join([*_ORDINALS.split(), 'last', *_CHEAP, *_DEAR])})\b"
"""Words that point at one of a list and are no part of a name, as "top" may be."""
ALL_OF_THEM = r"\b(?:they|them|those|these|stuff)\b(?! ones?\b)"
"""Words that point at what a list is about rather than at one of it."""
RESEMBLES = 0.6
NEAREST_TOPICS, MOST_BOUGHT = 3, 50


def content_words(text: str) -> list[str]:
    """The words of a text that name something, in lower case, rather than point at it."""
    return [word for word in re.findall(r"[^\W_]+", text.lower()) if word not in _POINTER]


def place(text: str, shown: list[Card]) -> Card | None:
    """The card of a list that a text points at by place, number or price, or None if it does so in none of these ways.

    Words that resemble some of the cards narrow the list first: "the second milk". Raises ToolError for a place beyond the list.
    """
    words = re.findall(r"[^\W_]+", text.lower())
    naming = content_words(text)
    cards = [card for card in shown if naming and likeness(naming, card) >= RESEMBLES] or shown
    if any(word in _CHEAP for word in words) or "less expensive" in text.lower():
        return min(cards, key=lambda card: card.price if card.price is not None else float("inf"), default=None)
    if any(word in _DEAR for word in words):
        return max(cards, key=lambda card: card.price if card.price is not None else 0.0, default=None)
    if "middle" in words and cards:
        return cards[len(cards) // 2]
    at = position(text, len(cards))
    return None if at is None else cards[at]


def position(text: str, size: int) -> int | None:
    """The index in a list of `size` that "the second one", "number 2" or "last" means, or None if the text says no place.

    Raises ToolError for a place beyond the list.
    """
    words = re.findall(r"[^\W_]+", text.lower())
    numbered = _NUMBERED.search(text.lower())
    number = _COUNTS.get(numbered[1]) if numbered else _COUNTS.get(words[0]) if len(words) == 1 else None
    places = [_PLACES[word] for word in words if word in _PLACES]
    if number is not None:
        at = number - 1
    elif places:
        at = places[0] if places[-1] != -1 or len(places) == 1 else -1 - places[0]
    else:
        return None
    if not -size <= at < size:
        raise ToolError(f"{text[:60]!r} is not on the list, it holds {size}")
    return at


def likeness(naming: list[str], card: Card) -> float:
    """The share of the words that a card's title, topic or brand says, spelling and plural aside."""
    said = re.findall(r"[^\W_]+", f"{card.title} {card.topic} {card.brand or ''}".lower())
    return sum(any(fuzz.ratio(word, own) >= 80 for own in said) for word in naming) / len(naming) if naming else 0.0


def shown_item(text: str, bus: Bus, named: list[str]) -> Card | None:
    """The card of this session that a text points at or names, or None. `named` are the refs of the last reply.

    Raises ToolError for a ref or place that does not exist, and for a mere "it" when nothing was shown.
    """
    text = text.strip()
    if REF.fullmatch(text.lower()):
        if card := bus.items.get(text.lower()):
            return card
        raise ToolError(f"no item {text!r} was shown, there are {', '.join(bus.shown) or 'none'}")
    shown = [bus.items[ref] for ref in bus.shown]
    if card := place(text, shown):
        return card
    naming = content_words(text)
    if not naming:
        first = [ref for ref in (*named, *bus.shown) if ref in bus.items]
        if first:
            return bus.items[first[0]]
        raise ToolError(f"nothing was shown yet that {text[:60]!r} could mean, name a product")
    cards = [*shown, *bus.items.values()]
    best = max(cards, key=lambda card: likeness(naming, card), default=None)
    return best if best and likeness(naming, best) >= RESEMBLES else None


def find_item(text: str, bus: Bus, named: list[str], shop: Shop) -> str:
    """The id of the item that a text means: shown in this session, else by id or title, else a much bought one
    of the nearest topics, that which says most of the words.

    Raises ToolError when nothing is near.
    """
    if card := shown_item(text, bus, named):
        return card.item_id
    if shop.catalog.item(text):
        return text
    wanted = " ".join(content_words(text))
    for item_id, item in shop.catalog.items.items():
        if item.title.lower() == text.lower():
            return item_id
    best: tuple[float, str] | None = None
    for topic, _ in shop.topics.search(wanted, NEAREST_TOPICS):
        baskets = {item_id: shop.views.cooccurrence.baskets_of(item_id) for item_id in shop.catalog.items_of(topic)}
        for item_id in sorted(baskets, key=lambda item_id: (-baskets[item_id], item_id))[:MOST_BOUGHT]:
            said = likeness(wanted.split(), shop.card(item_id)) + (baskets[item_id] > 0)
            if best is None or said > best[0]:
                best = said, item_id
    if best is None:
        raise ToolError(f"nothing in the shop is called {text[:60]!r}")
    return best[1]
