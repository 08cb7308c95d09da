"""The reply of a turn: released sentence by sentence once checked, or put together from the tool's result if nothing is left."""

import re
from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

from agent.bus import REF, Bus
from agent.guard import Facts, check_reply
from agent.prompts import Role
from agent.toolbox import results_in, turn_of

MAX_LINE = 4_000
TOO_LONG = f"That is too long for me: I read up to {MAX_LINE:,} characters at a time. Please say it shorter."
EMPTY = "Please tell me what you are looking for."
OFFER: dict[Role, str] = {
    "shopper": "I can suggest products, look at your cart, or show what the shop believes about you. What would you like?",
    "merchant": "I can build audiences, explain matches, and report on segments, brands, campaigns and bundles.",
}
_END = re.compile(r"(?<=[.!?])[\"”')]*\s+|\n+")


class Release:
    """Holds what the LLM writes until a sentence is whole, and lets it go if the guard passes it. The text keeps its refs."""

    def __init__(self, bus: Bus, facts: Facts) -> None:
        self.kept: list[str] = []
        self.dropped = 0
        self._bus, self._facts, self._held = bus, facts, ""

    def feed(self, text: str) -> list[str]:
        """The sentences that more text completes and the guard passes."""
        self._held += text
        passed = []
        while end := _END.search(self._held):
            passed += self._check(self._held[: end.end()])
            self._held = self._held[end.end() :]
        return passed

    def end(self, cut_off: bool) -> list[str]:
        """The rest, as a sentence; when the LLM was cut off it is none and is dropped."""
        rest, self._held = self._held, ""
        if cut_off and rest.strip():
            self.dropped += 1
            return []
        return self._check(rest)

    def _check(self, piece: str) -> list[str]:
        sentence = piece.strip()
        if not re.search(r"\w", sentence):
            return []
        if sentence in self.kept or check_reply(sentence, self._bus, self._facts):
            self.dropped += 1
            return []
        self.kept.append(sentence)
        return [sentence]


def facts_of(messages: Sequence[AnyMessage]) -> Facts:
    """What the reply of the newest turn may rest on: the user's line, the tool results, the price asked for."""
    said, found = list[str](), list[str]()
    for message in turn_of(messages):
        if isinstance(message, ToolMessage) and message.artifact and message.artifact["ok"]:
            found.append(message.text)
            if "max_price" in message.artifact["arguments"]:
                found.append(f"${message.artifact['arguments']['max_price']:.2f}")
        elif not isinstance(message, AIMessage):
            said.append(message.text)
    return Facts("\n".join(found), "\n".join(said))


def addition(release: Release, messages: Sequence[AnyMessage], bus: Bus, role: Role) -> str | None:
    """What to add to the sentences that passed: a composed reply if none did, or if those that named the result did not."""
    answered = any(isinstance(message, ToolMessage) for message in turn_of(messages))
    if not release.kept or (release.dropped and answered and not REF.search(" ".join(release.kept))):
        return composed(messages, bus, role)
    return None


def composed(messages: Sequence[AnyMessage], bus: Bus, role: Role) -> str:
    """A reply without the LLM: the refs that the turn's last tool result shows, its first line (of a match also why), or what the
    role can ask for."""
    results = results_in(turn_of(messages))
    if not results:
        return OFFER[role]
    text, artifact = results[-1].text, results[-1].artifact
    if not artifact["ok"]:
        return f"I could not do that: {text.removeprefix('error: ')}."
    shown = {card["item_id"] for card in artifact["cards"]}
    refs = [ref for ref in bus.shown if bus.items[ref].item_id in shown][:5]
    if refs:
        return f"Here is what I found: {listed(refs)}."
    told = text.splitlines()[: 2 if artifact["name"] == "explain_match" else 1]
    return " ".join(_sentence(line) for line in told)


def _sentence(line: str) -> str:
    line = line.rstrip(".:")
    return f"{line}." if REF.match(line) else f"{line[:1].upper()}{line[1:]}."


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence: `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def spelled(text: str, bus: Bus) -> str:
    """`text` as people read it: refs as names, and no name twice where a ref stands beside it."""
    for ref in {match[0] for match in REF.finditer(text)}:
        if name := bus.name(ref):
            text = re.sub(rf"\b{ref} \(?{re.escape(name)}\)?(?!\w)", ref, text)
    return bus.spell_out(text)
