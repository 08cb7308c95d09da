"""The candidate bus: tools put items, topics and users on it, the LLM reads and writes their short refs.

Refs are `p1, p2 …` (items), `t1 …` (topics) and `u1 …` (users). Numbers never repeat within a session,
so a ref means the same thing for as long as the session lives.
"""

import re
from collections.abc import Iterable

from pydantic import BaseModel

from tools.results import Card

REF = re.compile(r"\b([ptu])(\d{1,4})\b")


class BusUser(BaseModel):
    user_id: str
    pseudonym: str


class Bus(BaseModel):
    """What a session has shown so far. Plain data, so that it is saved with the session.

    `shown` are the item refs of the latest list, in order: what "the second one" points at.
    `turn` are the refs put (again) since the turn began: all that the reply may name.
    """

    items: dict[str, Card] = {}
    topics: dict[str, str] = {}
    users: dict[str, BusUser] = {}
    shown: list[str] = []
    turn: list[str] = []

    def begin_turn(self) -> None:
        self.turn = []

    def put_items(self, cards: Iterable[Card]) -> list[str]:
        """Put a list of items on the bus; it becomes the list that ordinals point at."""
        by_id = {card.item_id: ref for ref, card in self.items.items()}
        refs = []
        for card in cards:
            ref = by_id.get(card.item_id) or f"p{len(self.items) + 1}"
            by_id[card.item_id] = ref
            self.items[ref] = card
            refs.append(ref)
        self.shown = refs
        self._mark(refs)
        return refs

    def mention(self, item_id: str | None) -> str | None:
        """The ref of an item that was shown, which the reply may name now; None for any other. The list stays what it was."""
        ref = next((ref for ref, card in self.items.items() if card.item_id == item_id), None)
        self._mark([ref] if ref else [])
        return ref

    def put_topic(self, topic: str) -> str:
        known = {name: ref for ref, name in self.topics.items()}
        ref = known.get(topic) or f"t{len(self.topics) + 1}"
        self.topics[ref] = topic
        self._mark([ref])
        return ref

    def put_user(self, user_id: str, pseudonym: str) -> str:
        known = {user.user_id: ref for ref, user in self.users.items()}
        ref = known.get(user_id) or f"u{len(self.users) + 1}"
        self.users[ref] = BusUser(user_id=user_id, pseudonym=pseudonym)
        self._mark([ref])
        return ref

    def user_names(self) -> dict[str, str]:
        """Pseudonyms of the users by ref, in the order in which they were shown."""
        return {ref: user.pseudonym for ref, user in self.users.items()}

    def name(self, ref: str) -> str | None:
        """The words a reader sees for a ref, or None if the bus does not hold it."""
        if ref in self.items:
            return self.items[ref].title
        if ref in self.users:
            return self.users[ref].pseudonym
        return self.topics.get(ref)

    def spell_out(self, text: str) -> str:
        """`text` with every known ref replaced by its name; unknown refs stay as they are."""
        return REF.sub(lambda match: self.name(match[0]) or match[0], text)

    def _mark(self, refs: Iterable[str]) -> None:
        self.turn += [ref for ref in refs if ref not in self.turn]
