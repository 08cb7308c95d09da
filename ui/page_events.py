"""What happens on the page, as events in the shop's log: checked like any event from outside, and in effect at once."""

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from behavior import Event
from behavior.schema import EventType
from tools import Shop, ToolError, UnknownItem


def note(shop: Shop, user_id: str, session_id: str, kind: EventType, item_ids: Iterable[str], quantity: float = 1.0) -> None:
    """Something done with items: a card shown (impression), opened (view), added, removed, liked, dismissed (dislike).

    Raises UnknownItem, and ToolError when the shop refuses an event; then none of them was written.
    """
    rows = []
    for item_id in item_ids:
        if shop.catalog.item(item_id) is None:
            raise UnknownItem(item_id)
        rows.append({"type": kind, "item_id": item_id, "quantity": quantity})
    _record(shop, user_id, session_id, rows)


def note_search(shop: Shop, user_id: str, session_id: str, query: str) -> None:
    """A line of the chat that made the shop look for something."""
    _record(shop, user_id, session_id, [{"type": "search", "query": query}])


def _record(shop: Shop, user_id: str, session_id: str, rows: list[dict[str, Any]]) -> None:
    events = []
    for row in rows:
        known = {"event_id": f"page-{uuid4().hex}", "user_id": user_id, "session_id": session_id, "ts": shop.now()}
        checked = shop.check(known | row)
        if not isinstance(checked, Event):
            raise ToolError(f"the shop refuses this: {checked.reason}")
        events.append(checked)
    shop.record(events)
