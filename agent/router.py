"""The router: which tool a line asks for and with which arguments, where its words and its meaning leave little doubt.

Small classifiers (`agent.line_model`), fitted on the phrases that the embedded LLM is trained on (`finetune.routing`). Where they
are not sure, what the LLM would choose is weighed in: the two err on different lines.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import ModuleList

from agent.grounding import FILTERS, asked_in
from agent.line_model import ALL, GOES_ON, REPLY, SAME, SPANS, LineModel, Logits, Reading, Span, reading_of
from agent.numbers import NUMBERS, number_of
from agent.opening import Opening
from agent.pointing import content_words
from agent.prompts import Role
from agent.spelling import english
from agent.toolbox import ARGUMENTS, wanted_by
from agent.weights import ADAPTERS, BASE
from retrieval.search.vectors import recorded
from retrieval.threads import one_torch_thread

FILE = ADAPTERS / BASE / "router.safetensors"
SURE, SURE_REPLY, SURE_AGAIN = 0.9, 0.94, 0.65
"""From this probability on the likeliest choice stands; after a call a plain reply, and the same tool again. What reacts to an
answer ("no, I can't stand it") looks like small talk to who reads that line alone; that a line goes on from the one before, the
embedded LLM sees worse than the router."""
WEIGHT, LEAST = 0.4, 1e-5
"""Of the LLM's odds beside the router's, and the least that they are taken for."""
GOING_ON = 0.05
"""From this probability on a line may go on from the one before, and leave out what that one said."""
THERE, WORDS, JUDGEMENT = 0.8, 0.7, 0.6
"""Least probability that an argument is said or left out, that it is certain words, that it has a value."""
IN_LINE = (*NUMBERS, "segment")
"""Arguments that a line says itself or leaves out: what the LLM makes of other words of it goes."""
NOT_SAID = 0.9
"""From this probability on a number that the LLM wrote is another one of the line, and a segment none: "stricter, 60%"."""


@dataclass(frozen=True)
class Opinion:
    """The likeliest choice, None where any is as good, and whether it is sure; how the line speaks of the arguments that any tool
    might take; and the tool that it goes on from, where it may leave out what was said to that."""

    choice: str | None = None
    spans: Mapping[str, Span] = field(default_factory=dict)
    judged: Mapping[str, Any] = field(default_factory=dict)
    goes_on: str | None = None
    sure: bool = True

    @classmethod
    def of(cls, reading: Reading, last: str | None = None, odds: Mapping[str, float] | None = None) -> "Opinion":
        """The opinion that a reading allows, with the LLM's `odds` weighed in where they are known. A line that goes on asks
        again for `last`, the tool that was called before it; where there is none, no line does."""
        chances = {choice: chance for choice, chance in reading.choices.items() if choice != GOES_ON}
        likeliest = {name: max(values.items(), key=lambda item: item[1]) for name, values in reading.judged.items()}
        judged = {name: value for name, (value, sure) in likeliest.items() if sure >= JUDGEMENT}
        if last not in chances:
            choice, sure = _likeliest(chances, {}, odds)
            return cls(choice, reading.spans, judged, sure=sure)
        going = reading.choices.get(GOES_ON, 0.0)
        chances[last] += going
        choice, sure = _likeliest(chances, {REPLY: SURE_REPLY, last: SURE_AGAIN}, odds)
        if going < GOING_ON and not (choice == last and _narrows(reading.spans, judged)):
            return cls(choice, reading.spans, judged, sure=sure)
        judged = {name: value for name, value in judged.items() if value is not None}
        left_out = {SPANS[name] for name in IN_LINE if name in NUMBERS or choice == "build_audience"}
        said = {tag: span for tag, span in reading.spans.items() if span.words or tag in left_out}
        return cls(choice, said, judged, last, sure)

    def opening(self) -> Opening:
        """How the answer begins: empty where the LLM is free, a text that is no call, or a call of the tool up to what is open
        of its first argument: that it is there or left out, and its words where `corrected` would put them in any way."""
        if self.choice is None:
            return Opening()
        if self.choice == REPLY:
            return Opening(rest=r"[^<][^\x00]*")
        (first, needed), *others = wanted_by(self.choice).items()
        span, begun = self.spans.get(SPANS.get(first, "")), f' {{"{first}":'
        if span and len(span.words) == 1 and span.chance >= WORDS and first != "items":
            return Opening.of_call(self.choice, f"{begun} {json.dumps(span.words[0], ensure_ascii=False)[:-1]}")
        if span and not needed and 1 - span.none >= THERE:
            return Opening.of_call(self.choice, begun)
        if span and not needed and span.none >= THERE:
            another, none = "|".join(name for name, _ in others), r"\{\}\}"
            return Opening.of_call(self.choice, rest=rf' (\{{"({another})":[^\x00]*|{none})' if others else f" {none}")
        return Opening.of_call(self.choice)

    def corrected(
        self,
        tool: str,
        arguments: dict[str, Any],
        unsaid: Collection[str] = (),
        before: Mapping[str, Any] = MappingProxyType({}),
    ) -> dict[str, Any]:
        """The LLM's arguments with those that were judged, the words that are certain, and the likeliest where the LLM gave none,
        those of `unsaid`, which nobody said, or a user as the topic; what is not asked for is left out. Of several that the line
        says the LLM chooses one ("not campaign 6, I mean 16"); a number that is certain as one argument is no other as well.

        A line that goes on and says nothing of what it is about narrows the call `before`, whose arguments hold on but for
        a filter that it takes away. Who matches is asked of the audience at hand, unless the line names another topic.
        """
        wanted = wanted_by(tool) if tool in ARGUMENTS else {}
        dropped = self._dropped() if tool == self.goes_on else ()
        before = {name: value for name, value in before.items() if name not in dropped}
        judged = self.judged.items()
        known = {name: value for name, value in judged if name in wanted and name not in dropped and value != SAME}
        arguments = {
            name: value for name, value in arguments.items() if name not in dropped and not self._is_not_said(name, NOT_SAID)
        }
        free = {name for name in wanted if arguments.get(name) in (None, "", False) or name in unsaid}
        if "user" in wanted and arguments.get("topic") == arguments.get("user"):
            free.add("topic")
        for name in wanted:
            span = self.spans.get(SPANS.get(name, ""))
            if span and span.words and arguments.get(name) not in span.words and (span.chance >= WORDS or name in free):
                known[name] = _value(name, span.words)
        if self.choice and "user" in wanted and "topic" in before:
            topic, user = ({**arguments, **known}.get(name) for name in ("topic", "user"))
            if topic == user or not self._names(topic) or not content_words(str(topic)):
                known["topic"] = before["topic"]
        if self.goes_on:
            known |= self._carried(tool, free - known.keys(), before)
        taken = [known[name] for name in NUMBERS if name in known]
        arguments = {name: value for name, value in arguments.items() if not (self._is_not_said(name, 0.5) and value in taken)}
        merged = {name: value for name, value in (arguments | known).items() if value is not None}
        return {name: merged[name] for name in (*wanted, *merged) if name in merged}

    def _is_not_said(self, name: str, bar: float) -> bool:
        """Whether the line says no number, or no segment, that is this argument, with at least the probability `bar`."""
        span = self.spans.get(SPANS[name]) if name in IN_LINE else None
        return span is not None and not span.words and span.none >= bar

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
        tool what it says is the same, the items of a cart, and the filters, where they are `free`, with another subject filters
        alone, if it says so."""
        subject = {"recommend": "query", "build_audience": "topic", "explain_match": "topic", "recommend_bundles": "topic"}.get(
            tool
        )
        asked, another = asked_in(before), self._names_a_subject()
        carried = {subject: asked} if subject and asked and not another else {}
        if tool == self.goes_on:
            if "items" in free and "items" in before and not another:
                carried["items"] = before["items"]
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


def _likeliest(chances: Mapping[str, float], bars: Mapping[str, float], odds: Mapping[str, float] | None) -> tuple[str, bool]:
    """The likeliest choice, and whether it is sure by the bar for it or else `SURE`; with `odds` it always is.

    The two are pooled as a weighted product (logarithmic opinion pool: Genest and Zidek 1986, Statistical Science 1). What
    looks like small talk after a call is the LLM's to judge, which has the answer before it in sight.
    """
    likeliest = max(chances, key=chances.__getitem__)
    if odds is None:
        return likeliest, chances[likeliest] >= bars.get(likeliest, SURE) * sum(chances.values())
    if likeliest == REPLY and REPLY in bars:
        return max(chances, key=lambda choice: odds.get(choice, 0.0)), True
    pooled = {choice: chance * max(odds.get(choice, 0.0), LEAST) ** WEIGHT for choice, chance in chances.items()}
    return max(pooled, key=pooled.__getitem__), True


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
        ids = torch.tensor([models[0].tokens("any line").ids])
        self._recorded = [recorded(model, ids, torch.ones_like(ids)) for model in self._models]
        self._threads = ThreadPoolExecutor(len(models), "router")

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
        """All that the router makes of a line, its spelling mended, however unsure. The models read it side by side."""
        tokens = self._models[0].tokens(line, mend=True)
        ids = torch.tensor([tokens.ids])

        def logits(model: Callable[[Tensor, Tensor], Logits]) -> Logits:
            with one_torch_thread():
                return model(ids, torch.ones_like(ids))

        return reading_of(role, line, tokens, list(self._threads.map(logits, self._recorded)))


def _trained(models: Sequence[LineModel]) -> dict[str, Tensor]:
    """What training changes of all models, named as in a ModuleList of them."""
    return {f"{n}.{name}": tensor for n, model in enumerate(models) for name, tensor in model.trained().items()}
