"""The router: which tool a line asks for and with which arguments, where its words and its meaning leave little doubt.

A small classifier (`agent.line_model`), fitted on the phrases that the embedded LLM is trained on (`finetune.routing`). Where it
is sure, the LLM is held to its opinion; where it is not, and where a line goes on from the one before, the LLM chooses. The two
err on different lines.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file

from agent.line_model import GOES_ON, JUDGED, REPLY, SPANS, LineModel, Reading, Span
from agent.prompts import Role
from agent.toolbox import ARGUMENTS, wanted_by
from agent.weights import ADAPTERS, BASE

FILE = ADAPTERS / BASE / "router.safetensors"
SURE, SURE_LATER = 0.7, 0.9
"""Least probability of a choice, for the first line of a session and for later ones, of which the LLM knows more."""
THERE, WORDS, JUDGEMENT = 0.8, 0.7, 0.8
"""Least probability that an argument is said or left out, that it is certain words, that it has a value."""


@dataclass(frozen=True)
class Opinion:
    """What the router is sure of: the tool, or REPLY; how a line speaks of the arguments that any tool might take."""

    tool: str | None = None
    spans: Mapping[str, Span] = field(default_factory=dict)
    judged: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, reading: Reading, later: bool = False) -> "Opinion":
        """The opinion that a reading allows; `later` unless the line is the first of its session."""
        choice = reading.choice
        if choice == GOES_ON:
            return cls()
        likeliest = {name: max(values.items(), key=lambda item: item[1]) for name, values in reading.judged.items()}
        judged = {name: value for name, (value, sure) in likeliest.items() if sure >= JUDGEMENT}
        return cls(choice if reading.choices[choice] >= (SURE_LATER if later else SURE) else None, reading.spans, judged)

    def opening(self) -> str | None:
        """A regular expression of all that the LLM may write, or None where it is free: a call of the tool, its first argument
        there or left out, or a text that is no call."""
        if self.tool is None:
            return None
        if self.tool == REPLY:
            return r"[^<][^\x00]*"
        begin = r"\{"
        (first, needed), *others = wanted_by(self.tool).items()
        span = self.spans.get(SPANS.get(first, ""))
        if span and not needed:
            if 1 - span.none >= THERE:
                begin = rf'\{{"{first}": '
            elif span.none >= THERE:
                begin = rf'\{{("({"|".join(name for name, _ in others)})": |\}})' if others else r"\{\}"
        return rf'<tool_call>\{{"name": "{self.tool}", "arguments": {begin}[^\x00]*'

    def corrected(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The LLM's arguments with those that were judged, the words that are certain, and the likeliest where the LLM gave none;
        what is not asked for is left out."""
        wanted = wanted_by(tool) if tool in ARGUMENTS else {}
        known = {name: self.judged[name] for name in JUDGED if name in wanted and name in self.judged}
        for name in wanted:
            span = self.spans.get(SPANS.get(name, ""))
            if span and span.words and (span.chance >= WORDS or name not in arguments):
                known[name] = list(span.words) if name == "items" else span.words[0]
        if not known:
            return arguments
        merged = {name: value for name, value in (arguments | known).items() if value is not None}
        return {name: merged[name] for name in (*wanted, *merged) if name in merged}


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
        if differing := model.trained().keys() ^ trained.keys():
            raise ValueError(f"{file.name} is of another line model, they differ in {min(differing)}")
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

    def opinion(self, role: Role, line: str, later: bool = False) -> Opinion:
        """What a line leaves little doubt about; `later` unless it is the first of its session."""
        return Opinion.of(self.read(role, line), later)
