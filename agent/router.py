"""The router: which tool a line asks for and with which arguments, where its words and its meaning leave little doubt.

A small classifier (`agent.line_model`), fitted on the phrases that the embedded LLM is trained on (`finetune.routing`). The LLM
chooses among what it leaves open: one tool where it is sure, else the few that are likely. The two err on different lines.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file

from agent.grounding import FILTERS, asked_in
from agent.line_model import GOES_ON, JUDGED, REPLY, SPANS, LineModel, Reading, Span
from agent.numbers import numbers_in
from agent.prompts import Role
from agent.toolbox import ARGUMENTS, wanted_by
from agent.weights import ADAPTERS, BASE

FILE = ADAPTERS / BASE / "router.safetensors"
SURE, SURE_REPLY, POSSIBLE = 0.8, 0.94, 0.95
"""From this probability on the likeliest choice stands alone, and a plain reply after a call; else those stand that have this
much of it together. What reacts to an answer ("no, I can't stand it") looks like small talk to who reads that line alone."""
GOING_ON = 0.2
"""From this probability on a line may go on from the one before, and leave out what that one said."""
THERE, WORDS, JUDGEMENT = 0.8, 0.7, 0.8
"""Least probability that an argument is said or left out, that it is certain words, that it has a value."""


@dataclass(frozen=True)
class Opinion:
    """What the router leaves open: the choices, the likeliest first, all of them where there are none; how the line speaks of
    the arguments that any tool might take; and the tool that it goes on from, where it may leave out what was said to that."""

    choices: tuple[str, ...] = ()
    spans: Mapping[str, Span] = field(default_factory=dict)
    judged: Mapping[str, Any] = field(default_factory=dict)
    goes_on: str | None = None

    @classmethod
    def of(cls, reading: Reading, last: str | None = None) -> "Opinion":
        """The opinion that a reading allows. A line that goes on asks again for `last`, the tool that was called before it; where
        there is none, no line does."""
        chances = {choice: chance for choice, chance in reading.choices.items() if choice != GOES_ON}
        going = reading.choices.get(GOES_ON, 0.0) if last in chances else 0.0
        if last in chances:
            chances[last] += going
        likeliest = {name: max(values.items(), key=lambda item: item[1]) for name, values in reading.judged.items()}
        judged = {name: value for name, (value, sure) in likeliest.items() if sure >= JUDGEMENT}
        spans = reading.spans
        if going >= GOING_ON:
            judged = {name: value for name, value in judged.items() if value is not None}
            spans = {tag: span for tag, span in spans.items() if span.words}
        sure = SURE_REPLY if last in chances else SURE
        return cls(_possible(chances, sure), spans, judged, last if going >= GOING_ON else None)

    def opening(self) -> str | None:
        """A regular expression of all that the LLM may write, or None where it is free: a call of one of the tools, its first
        argument there or left out, or a text that is no call."""
        return f"({'|'.join(map(self._opening, self.choices))})" if self.choices else None

    def _opening(self, choice: str) -> str:
        if choice == REPLY:
            return r"[^<][^\x00]*"
        begin = r"\{"
        (first, needed), *others = wanted_by(choice).items()
        span = self.spans.get(SPANS.get(first, ""))
        if span and not needed:
            if 1 - span.none >= THERE:
                begin = rf'\{{"{first}": '
            elif span.none >= THERE:
                begin = rf'\{{("({"|".join(name for name, _ in others)})": |\}})' if others else r"\{\}"
        return rf'<tool_call>\{{"name": "{choice}", "arguments": {begin}[^\x00]*'

    def corrected(
        self,
        tool: str,
        arguments: dict[str, Any],
        unsaid: Collection[str] = (),
        before: Mapping[str, Any] = MappingProxyType({}),
    ) -> dict[str, Any]:
        """The LLM's arguments with those that were judged, the words that are certain, and the likeliest where the LLM gave none,
        those of `unsaid`, which nobody said, or a user as the topic; what is not asked for is left out.

        A line that goes on and says nothing of what it is about narrows the call `before`, whose arguments hold on. Who matches
        is asked of the audience at hand, unless the line names another topic.
        """
        wanted = wanted_by(tool) if tool in ARGUMENTS else {}
        known = {name: self.judged[name] for name in JUDGED if name in wanted and name in self.judged}
        free = {name for name in wanted if name not in arguments or name in unsaid}
        if "user" in wanted and arguments.get("topic") == arguments.get("user"):
            free.add("topic")
        for name in wanted:
            span = self.spans.get(SPANS.get(name, ""))
            if span and span.words and (span.chance >= WORDS or name in free):
                known[name] = _value(name, span.words)
        if self.choices and "user" in wanted and "topic" in before:
            topic = known.get("topic", arguments.get("topic"))
            if topic == arguments.get("user") or not self._names(topic):
                known["topic"] = before["topic"]
        if self.goes_on and not self._names_a_subject():
            known |= self._carried(tool, free - known.keys(), before)
        if not known:
            return arguments
        merged = {name: value for name, value in (arguments | known).items() if value is not None}
        return {name: merged[name] for name in (*wanted, *merged) if name in merged}

    def _names_a_subject(self) -> bool:
        subject = self.spans.get("subject")
        return bool(subject and subject.words and subject.none < 0.5)

    def _names(self, written: object) -> bool:
        """Whether the likeliest words of the line's subject have one in common with what the LLM wrote."""
        subject = self.spans.get("subject")
        likely = {word for words in (subject.words if subject else ()) for word in words.lower().split()}
        return not likely.isdisjoint(str(written).lower().split())

    def _carried(self, tool: str, free: Collection[str], before: Mapping[str, Any]) -> dict[str, Any]:
        """What holds on of the arguments `before`: the subject, whatever the LLM wrote, and for the same tool the filters among
        those that are `free`."""
        subject = {"recommend": "query", "build_audience": "topic", "explain_match": "topic"}.get(tool)
        asked = asked_in(before)
        carried = {subject: asked} if subject and asked else {}
        if tool == self.goes_on:
            carried |= {name: before[name] for name in FILTERS if name in free and name in before}
        return carried


def _possible(chances: Mapping[str, float], sure_reply: float) -> tuple[str, ...]:
    """The likeliest choice if it is sure, else the fewest that are likely enough together."""
    whole, ranked = sum(chances.values()), sorted(chances, key=lambda choice: -chances[choice])
    if chances[ranked[0]] >= (sure_reply if ranked[0] == REPLY else SURE) * whole:
        return (ranked[0],)
    reached = list(accumulate(chances[choice] for choice in ranked))
    return tuple(ranked[: 1 + sum(so_far < POSSIBLE * whole for so_far in reached)])


def _value(name: str, words: Sequence[str]) -> Any:
    """An argument from its words; None for a count that is no number."""
    match name:
        case "items":
            return list(words)
        case "k":
            return next((int(number.value) for number in numbers_in(words[0])), None)
    return words[0]


class Router:
    """A fitted line model and its opinions. `phrases` is the fingerprint of the phrases that it was fitted on."""

    def __init__(self, model: LineModel, phrases: str) -> None:
        self._model, self.phrases = model, phrases

    @classmethod
    def load(cls, file: Path = FILE) -> "Router":
        """Raises OSError where there is none, ValueError where it is of another line model."""
        model = LineModel()
        with safe_open(file, "pt") as saved:
            phrases = saved.metadata()["phrases"]
            trained = {name: saved.get_tensor(name).float() for name in saved.keys()}  # noqa: SIM118
        own, other = ({(name, tensor.shape) for name, tensor in parts.items()} for parts in (model.trained(), trained))
        if differing := own ^ other:
            raise ValueError(f"{file.name} is of another line model, they differ in {min(differing)[0]}")
        model.load_state_dict(trained, strict=False)
        return cls(model, phrases)

    def save(self, file: Path) -> None:
        """What training changed, in half precision: 14 MB."""
        file.parent.mkdir(parents=True, exist_ok=True)
        halves = {name: tensor.half().contiguous() for name, tensor in self._model.trained().items()}
        save_file(halves, file, {"phrases": self.phrases})

    def read(self, role: Role, line: str) -> Reading:
        """All that the router makes of a line, however unsure."""
        return self._model.read(role, line)

    def opinion(self, role: Role, line: str, last: str | None = None) -> Opinion:
        """What a line leaves open; `last` is the tool that was called before it."""
        return Opinion.of(self.read(role, line), last)
