"""One visit to the page: who is here, what lies on the shelf, and what a click does."""

from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from agent.chat import Cards, ChatEvent, Done, ToolCall, ToolStep
from tools import Shop, ToolError, cart_of, disliked, recommend, set_preference
from tools.results import Card
from ui.page_events import note, note_search

SHELF = 6
TITLES = {
    "recommend": "Found for you",
    "similar_items": "In the same vein",
    "analyze_cart": "Missing from your cart",
    "explain_recommendation": "The item in question",
}
"""Headings of the shelf by the tool that filled it."""


@dataclass
class Visit:
    """`call` filled the shelf with `cards`, None when nobody asked; `asked` is the latest call of the turn that goes on.

    `messages` are the chat as Gradio shows it, `seen` the items whose cards were noted as shown, `opened` the card that
    shows more, and which more.
    """

    user_id: str
    session_id: str = field(default_factory=lambda: f"page-{uuid4().hex[:12]}")
    messages: list[dict[str, Any]] = field(default_factory=list)
    asked: ToolCall | None = None
    call: ToolCall | None = None
    cards: list[Card] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    opened: tuple[str, Literal["open", "why"]] | None = None


def enter(shop: Shop, user_id: str) -> Visit:
    """A visit of a known user, with a first shelf. Raises UnknownUser."""
    visit = Visit(user_id.strip())
    restock(shop, visit)
    return visit


def act(shop: Shop, visit: Visit, action: str, about: str) -> None:
    """Do what a button says and bring the shelf up to date. `about` is an item id, or a topic for a correction.

    Raises ToolError for what the shop does not have or the page does not offer.
    """
    user, session = visit.user_id, visit.session_id
    match action:
        case "open" | "why":
            closing = visit.opened == (about, action)
            visit.opened = None if closing else (about, "why" if action == "why" else "open")
            if action == "open" and not closing:
                note(shop, user, session, "view", [about])
            return
        case "add":
            note(shop, user, session, "cart_add", [about])
        case "remove":
            note(shop, user, session, "cart_remove", [about], cart_of(shop, user).get(about, 1.0))
        case "like" | "dislike":
            note(shop, user, session, "like" if action == "like" else "dislike", [about])
        case "likes" | "avoids":
            set_preference(shop, user, about, action == "likes")
        case _:
            raise ToolError(f"the page has no action {action[:50]!r}")
    restock(shop, visit)


def restock(shop: Shop, visit: Visit) -> None:
    """Bring the shelf up to date: what was recommended is asked again, other lists lose what the user said no to."""
    if visit.call is None:
        cards = recommend(shop, visit.user_id, k=SHELF).cards
    elif visit.call.name == "recommend":
        cards = recommend(shop, visit.user_id, **visit.call.arguments).cards
    else:
        cards = visit.cards
    unwanted = set(disliked(shop.timeline(visit.user_id), shop.catalog))
    visit.cards = [
        card for card in cards if not unwanted.intersection((card.item_id, card.brand, *shop.catalog.levels(card.item_id)))
    ]
    if not visit.cards and visit.call:
        visit.call = None
        restock(shop, visit)


def heard(shop: Shop, visit: Visit, event: ChatEvent) -> bool:
    """Let a chat event take effect on the shelf and in the log; whether it changed the shelf."""
    match event:
        case ToolStep(ok=True):
            visit.asked = event.call
        case Cards():
            visit.call, visit.cards, visit.opened = visit.asked, event.cards, None
            return True
        case Done():
            for call in event.tool_calls:
                if call.name == "recommend" and (query := call.arguments.get("query")):
                    note_search(shop, visit.user_id, visit.session_id, query)
            if any(call.name == "set_preference" for call in event.tool_calls):
                restock(shop, visit)
            visit.asked = None
            return True
    return False


def shelf_title(visit: Visit) -> str:
    if visit.call is None:
        return "Picked for you"
    query = visit.call.arguments.get("query")
    return f"Found for “{query}”" if query else TITLES.get(visit.call.name, "Picked for you")


def show_cards(shop: Shop, visit: Visit, cards: list[Card]) -> None:
    """Note the cards that this visit sees for the first time."""
    fresh = [card.item_id for card in cards if card.item_id not in visit.seen]
    note(shop, visit.user_id, visit.session_id, "impression", fresh)
    visit.seen.update(fresh)
