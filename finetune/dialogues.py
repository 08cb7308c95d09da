"""Chat dialogues for training: lines from the phrases, calls of the real tools on real users, replies that pass the guard."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any, TypeGuard

from pydantic import BaseModel

from agent.bus import Bus
from agent.grounding import Said, ground
from agent.guard import Facts
from agent.prompts import SYSTEM, Role
from agent.reply import Release
from agent.toolbox import call_tool, put, wanted_by
from finetune.error_replies import reply_to_error
from finetune.noise import Noise
from finetune.overlap import Reserved
from finetune.phrases import Line, Pattern, fill
from finetune.replies import reply
from finetune.slots import Slots
from tools import Shop, ToolError, show_profile
from tools.results import PreferenceChange

Message = dict[str, Any]
"""A chat message as the chat template takes it."""

FOLLOW_UPS = ("similar_items", "explain_recommendation", "read_reviews", "explain_match")
TRIES = 50
PLAIN = 0.35
"""Of the lines drawn, those that need no tool: whoever learned from half as many called tools on small talk."""
SLOW = ("brand_insight", "campaign_report", "list_segments", "recommend_bundles", "read_reviews")


class Dialogues:
    """Draws dialogues of one role over one shop, without a line that `reserved` holds.

    Nothing is written to the shop: a stated preference is only imagined.
    """

    def __init__(
        self,
        shop: Shop,
        role: Role,
        users: list[str],
        patterns: list[Pattern],
        follow_ups: list[Pattern],
        slots: Slots,
        rng: random.Random,
        reserved: Reserved,
    ) -> None:
        self._shop, self._role, self._users, self._slots, self._rng = shop, role, users, slots, rng
        self._noise, self._reserved = Noise(), reserved
        of = _by_tool(patterns)
        self._of = {tool: _endlessly(own, rng) for tool, own in of.items()}
        self._calls = _endlessly([pattern for pattern in patterns if pattern.tool], rng)
        self._following = _by_tool(follow_ups)
        self._pointing = [pattern for name in FOLLOW_UPS for pattern in of.get(name, []) if _points(pattern)]
        self._remembered: dict[str, BaseModel | ToolError] = {}

    def lines(self, n: int) -> Iterator[list[Message]]:
        """`n` single lines, each with its call or plain reply; one half of the calls shared evenly by the tools, the other by the
        patterns."""
        for _ in range(n):
            line = self._line(self._pattern())
            yield [{"role": "system", "content": SYSTEM[self._role]}, {"role": "user", "content": line.text}, _answer(line)]

    def dialogues(self, n: int, turns: int = 3) -> Iterator[list[Message]]:
        """`n` sessions of up to `turns` turns, with tool results and replies."""
        for _ in range(n):
            yield [{"role": "system", "content": SYSTEM[self._role]}, *self._session(self._rng.randint(1, turns))]

    def _session(self, turns: int) -> Iterator[Message]:
        bus, said, named = Bus(), list[str](), list[str]()
        user = self._rng.choice(self._users) if self._role == "shopper" else None
        recent: list[str] = []
        line: Line | None = None
        for _ in range(turns):
            line = self._next(line, bus)
            bus.begin_turn()
            said.insert(0, line.text)
            yield {"role": "user", "content": line.text}
            yield _answer(line)
            if line.tool is None:
                continue
            text, answer = self._tool(line, Said(said[:3], named, recent), bus, user)
            yield {"role": "tool", "content": text}
            yield {"role": "assistant", "content": answer}
            named = [ref for ref in bus.turn if ref in answer.replace(",", " ").replace(".", " ").split()]
            recent = bus.turn or recent

    def _tool(self, line: Line, said: Said, bus: Bus, user: str | None) -> tuple[str, str]:
        """What the tool says, and a reply to it that the guard passes."""
        assert line.tool is not None
        try:
            arguments = ground(line.arguments, wanted_by(line.tool), said, bus, self._shop)
            result = self._result(line.tool, arguments, user)
        except ToolError as error:
            text = f"error: {error}"
            return text, guarded(lambda: reply_to_error(text, self._rng), bus, Facts("", f"{line.text}\n{text}"))
        text, _ = put(result, bus)
        return text, guarded(lambda: reply(result, bus, self._rng), bus, Facts(text, line.text))

    def _result(self, tool: str, arguments: dict[str, Any], user: str | None) -> BaseModel:
        if tool == "set_preference":
            assert user is not None
            return self._imagined(user, **arguments)
        if tool not in SLOW:
            return call_tool(tool, self._shop, user, arguments)
        key = json.dumps([tool, arguments, user])
        if key not in self._remembered:
            try:
                self._remembered[key] = call_tool(tool, self._shop, user, arguments)
            except ToolError as error:
                self._remembered[key] = error
        known = self._remembered[key]
        if isinstance(known, ToolError):
            raise known
        return known

    def _imagined(self, user: str, topic: str, likes: bool) -> PreferenceChange:
        name = self._shop.topic(topic)
        interests = show_profile(self._shop, user, name).interests
        before = next((i.strength for i in interests if i.topic == name), 0.0)
        after = min(0.97, before + self._rng.uniform(0.3, 0.6)) if likes else 0.01
        return PreferenceChange(topic=name, likes=likes, before=before, after=after, event_id="imagined")

    def _pattern(self) -> Pattern:
        tools = [tool for tool in self._of if tool]
        if not tools or (None in self._of and self._rng.random() < PLAIN):
            return next(self._of[None])
        return next(self._of[self._rng.choice(tools)] if self._rng.random() < 0.5 else self._calls)

    def _next(self, before: Line | None, bus: Bus) -> Line:
        """The next line of a session: one that goes on from the call before, points at what was shown, or stands alone."""
        chance = self._rng.random()
        if before and before.tool in self._following and chance < 0.3:
            for _ in range(20):
                pattern = self._rng.choice(self._following[before.tool])
                line = fill(pattern, self._slots, self._noise, self._rng, before.arguments)
                if self._may_say(line):
                    return line
        pointing = bool(bus.shown or bus.users) and 0.3 <= chance < 0.6
        return self._line(self._rng.choice(self._pointing) if pointing else self._pattern())

    def _line(self, pattern: Pattern) -> Line:
        """A line of the pattern, or of another one where all tries repeat the wording of a test."""
        while True:
            for _ in range(TRIES):
                line = fill(pattern, self._slots, self._noise, self._rng)
                if self._may_say(line):
                    return line
            pattern = self._pattern()

    def _may_say(self, line: Line | None) -> TypeGuard[Line]:
        return line is not None and bool(line.text) and not self._reserved.holds(line.text)


def guarded(compose: Callable[[], str], bus: Bus, facts: Facts) -> str:
    """A composed reply that the guard lets through whole. Raises ValueError when twenty were not."""
    for _ in range(20):
        text = compose()
        release = Release(bus, facts)
        release.feed(text)
        release.end(False)
        if not release.dropped:
            return text
    raise ValueError(f"the guard lets no reply through, the last was {text!r} to {facts!r}")


def _by_tool(patterns: list[Pattern]) -> dict[str | None, list[Pattern]]:
    of: dict[str | None, list[Pattern]] = {}
    for pattern in patterns:
        of.setdefault(pattern.tool, []).append(pattern)
    return of


def _points(pattern: Pattern) -> bool:
    """Whether a pattern means something shown before: by a slot, or a user by words such as "the first one"."""
    user = dict(pattern.arguments).get("user", "{")
    return "{ref}" in pattern.text or "{user}" in pattern.text or not user.startswith("{")


def _endlessly(patterns: list[Pattern], rng: random.Random) -> Iterator[Pattern]:
    """All patterns in random order, then all again: none comes twice before each has come once."""
    while True:
        yield from rng.sample(patterns, len(patterns))


def _answer(line: Line) -> Message:
    if line.tool is None:
        return {"role": "assistant", "content": line.reply}
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"type": "function", "function": {"name": line.tool, "arguments": line.arguments}}],
    }
