"""The router: which tool a line asks for and with which arguments, where its words and its meaning leave little doubt.

Small classifiers (`agent.line_model`), fitted on the phrases that the embedded LLM is trained on (`finetune.routing`). The LLM
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
from torch import Tensor
from torch.nn import ModuleList

from agent.grounding import FILTERS, asked_in
from agent.line_model import ALL, GOES_ON, REPLY, SAME, SPANS, LineModel, Reading, Span, read
from agent.numbers import NUMBERS, number_of
from agent.pointing import content_words
from agent.prompts import Role
from agent.spelling import english
from agent.toolbox import ARGUMENTS, wanted_by
from agent.weights import ADAPTERS, BASE

FILE = ADAPTERS / BASE / "router.safetensors"
SURE, SURE_REPLY, SURE_AGAIN, POSSIBLE = 0.8, 0.94, 0.65, 0.95
"""From this probability on the likeliest choice stands alone; after a call a plain reply, and the same tool again. Else those
stand that have this much of it together. What reacts to an answer ("no, I can't stand it") looks like small talk to who reads
that line alone; that a line goes on from the one before, the embedded LLM sees worse than the router."""
GOING_ON = 0.2
"""From this probability on a line may go on from the one before, and leave out what that one said."""
THERE, WORDS, JUDGEMENT = 0.8, 0.7, 0.6
"""Least probability that an argument is said or left out, that it is certain words, that it has a value."""
NUMBERED = {SPANS[name] for name in NUMBERS}
NO_NUMBER = 0.9
"""From this probability on a number that the LLM wrote is another one of the line."""


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
        likeliest = {name: max(values.items(), key=lambda item: item[1]) for name, values in reading.judged.items()}
        judged = {name: value for name, (value, sure) in likeliest.items() if sure >= JUDGEMENT}
        if last not in chances:
            return cls(_possible(chances, {}), reading.spans, judged)
        going = reading.choices.get(GOES_ON, 0.0)
        chances[last] += going
        possible = _possible(chances, {REPLY: SURE_REPLY, last: SURE_AGAIN})
        if going < GOING_ON and not (possible == (last,) and _narrows(reading.spans, judged)):
            return cls(possible, reading.spans, judged)
        judged = {name: value for name, value in judged.items() if value is not None}
        said = {tag: span for tag, span in reading.spans.items() if span.words or tag in NUMBERED}
        return cls(possible, said, judged, last)

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

        A line that goes on and says nothing of what it is about narrows the call `before`, whose arguments hold on but for
        a filter that it takes away. Who matches is asked of the audience at hand, unless the line names another topic.
        """
        wanted = wanted_by(tool) if tool in ARGUMENTS else {}
        dropped = self._dropped() if tool == self.goes_on else ()
        before = {name: value for name, value in before.items() if name not in dropped}
        judged = self.judged.items()
        known = {name: value for name, value in judged if name in wanted and name not in dropped and value != SAME}
        arguments = {
            name: value for name, value in arguments.items() if name not in dropped and not self._is_another_number(name)
        }
        free = {name for name in wanted if arguments.get(name) in (None, "", False) or name in unsaid}
        if "user" in wanted and arguments.get("topic") == arguments.get("user"):
            free.add("topic")
        for name in wanted:
            span = self.spans.get(SPANS.get(name, ""))
            if span and span.words and (span.chance >= WORDS or name in free):
                known[name] = _value(name, span.words)
        if self.choices and "user" in wanted and "topic" in before:
            topic, user = ({**arguments, **known}.get(name) for name in ("topic", "user"))
            if topic == user or not self._names(topic) or not content_words(str(topic)):
                known["topic"] = before["topic"]
        if self.goes_on:
            known |= self._carried(tool, free - known.keys(), before)
        merged = {name: value for name, value in (arguments | known).items() if value is not None}
        return {name: merged[name] for name in (*wanted, *merged) if name in merged}

    def _is_another_number(self, name: str) -> bool:
        span = self.spans.get(SPANS[name]) if name in NUMBERS else None
        return span is not None and not span.words and span.none >= NO_NUMBER

    def _names_a_subject(self) -> bool:
        subject = self.spans.get("subject")
        return bool(subject and subject.words and subject.none < 0.5)

    def _names(self, written: object) -> bool:
        """Whether the likeliest words of the line's subject have one in common with what the LLM wrote."""
        subject = self.spans.get("subject")
        likely = {word for words in (subject.words if subject else ()) for word in words.lower().split()}
        return not likely.isdisjoint(str(written).lower().split())

    def _carried(self, tool: str, free: Collection[str], before: Mapping[str, Any]) -> dict[str, Any]:
        """What holds on of the arguments `before`: the subject, whatever the LLM wrote, unless the line names one; for the same
        tool what it says is the same, and the filters among those that are `free`, with another subject if it says so."""
        subject = {"recommend": "query", "build_audience": "topic", "explain_match": "topic", "recommend_bundles": "topic"}.get(
            tool
        )
        asked, another = asked_in(before), self._names_a_subject()
        carried = {subject: asked} if subject and asked and not another else {}
        if tool == self.goes_on:
            carried |= {name: before[name] for name, value in self.judged.items() if value == SAME and name in before}
            if not another or self.judged.get("keeps"):
                carried |= {name: before[name] for name in FILTERS if name in free and name in before}
        return carried

    def _dropped(self) -> tuple[str, ...]:
        """The filters of the call before that the line takes away."""
        drops = self.judged.get("drops")
        return FILTERS if drops == ALL else (drops,) if drops else ()


def _narrows(spans: Mapping[str, Span], judged: Mapping[str, Any]) -> bool:
    """Whether a line says filters, or takes one away, and not what they are for."""
    said = {tag for tag, span in spans.items() if span.words}
    filters = {SPANS[name] for name in FILTERS if name in SPANS}
    return "subject" not in said and (not filters.isdisjoint(said) or any(judged.get(name) for name in (*FILTERS, "drops")))


def _possible(chances: Mapping[str, float], bars: Mapping[str, float]) -> tuple[str, ...]:
    """The likeliest choice if it is sure, by the bar for it or else `SURE`; else the fewest that are likely enough together."""
    whole, ranked = sum(chances.values()), sorted(chances, key=lambda choice: -chances[choice])
    if chances[ranked[0]] >= bars.get(ranked[0], SURE) * whole:
        return (ranked[0],)
    reached = list(accumulate(chances[choice] for choice in ranked))
    return tuple(ranked[: 1 + sum(so_far < POSSIBLE * whole for so_far in reached)])


def _value(name: str, words: Sequence[str]) -> Any:
    """An argument from its words; None for what should be a number and is none."""
    if name == "items":
        return list(words)
    return number_of(name, words[0]) if name in NUMBERS else words[0]


class Router:
    """Fitted line models and what they make of a line together. `phrases` is the fingerprint of the phrases that they were fitted
    on."""

    def __init__(self, models: Sequence[LineModel], phrases: str) -> None:
        self._models, self.phrases = [model.eval() for model in models], phrases

    @classmethod
    def load(cls, file: Path = FILE) -> "Router":
        """Raises OSError where there is none, ValueError where it is of another line model."""
        with safe_open(file, "pt") as saved:
            phrases = saved.metadata()["phrases"]
            tensors = {name: saved.get_tensor(name).float() for name in saved.keys()}  # noqa: SIM118
        english()  # read now, not while somebody waits for the first line
        models = [LineModel() for _ in {name.partition(".")[0] for name in tensors} or {"0"}]
        fitted, said = ({(name, part.shape) for name, part in parts.items()} for parts in (_trained(models), tensors))
        if differing := fitted ^ said:
            raise ValueError(f"{file.name} is of another line model, they differ in {min(differing)[0]}")
        ModuleList(models).load_state_dict(tensors, strict=False)
        return cls(models, phrases)

    def save(self, file: Path) -> None:
        """What training changed, in half precision: 14 MB a model."""
        file.parent.mkdir(parents=True, exist_ok=True)
        halves = {name: tensor.half().contiguous() for name, tensor in _trained(self._models).items()}
        save_file(halves, file, {"phrases": self.phrases})

    def read(self, role: Role, line: str) -> Reading:
        """All that the router makes of a line, however unsure."""
        return read(self._models, role, line)

    def opinion(self, role: Role, line: str, last: str | None = None) -> Opinion:
        """What a line leaves open; `last` is the tool that was called before it."""
        return Opinion.of(self.read(role, line), last)


def _trained(models: Sequence[LineModel]) -> dict[str, Tensor]:
    """What training changes of all models, named as in a ModuleList of them."""
    return {f"{n}.{name}": tensor for n, model in enumerate(models) for name, tensor in model.trained().items()}
