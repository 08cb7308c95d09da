"""Tool calls: on lines as people type them, does the agent call the right tool with the right arguments?

Covered: the calls that answer the last line of a session. Not covered: what the tools returned and what the reply said.
Spans are compared by words, so a call that passes the whole line as its query counts as right: `one_tool`, the baseline
that does so with one tool a role, shows what that is worth. `router` chooses the tool without the LLM and gives no argument,
`llm` is the agent without the router. With sampled passes pass^k is the share of the lines that are
right in each of k passes (Yao et al. 2024, tau-bench, section 4).
"""

import asyncio
import hashlib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self
from uuid import uuid4

import polars as pl
from pydantic import BaseModel, ValidationError, model_validator
from rapidfuzz import fuzz
from rich.console import Console
from rich.table import Table

from agent.chat import Chat, Done, ToolCall
from agent.line_model import REPLY
from agent.prompts import TOOLS, Role
from agent.router import Opinion, Router
from eval.report import Report, printed

LINES = Path(__file__).parent / "lines" / "tool_calls.jsonl"
STRANGERS = LINES.with_name("strangers.jsonl")
"""Lines in the same form by another writer, all open: they helped to set the router's bars, and what was missed of them to choose
what further phrases are about."""
REFERENCES = LINES.with_name("references.jsonl")
"""Sessions of two lines by a fourth writer, all open, the second referring to the first. A first line may name what a grocer does
not have, and then nothing is shown to point at."""
NEWCOMERS = LINES.with_name("newcomers.jsonl")
"""Lines by a third writer, all closed: nobody who writes phrases or code has looked into them."""
WALK_INS = LINES.with_name("walk_ins.jsonl")
"""Lines by a fifth and a sixth writer, all open."""
LATECOMERS = LINES.with_name("latecomers.jsonl")
"""Lines by a seventh writer, made after all phrases, all closed likewise."""
FILES = (LINES, STRANGERS, REFERENCES, NEWCOMERS, WALK_INS, LATECOMERS)
"""All of them. Nothing is trained on their wording."""
SAME = 85.0
"""From this token_set_ratio on, two spans say the same."""
TEMPERATURE = 0.7
"""Of the sampled passes."""
SAMPLED = "agent, sampled"
UNASKED = ("max_price", "only_new", "min_strength", "days", "price_sensitivity")
"""Filters that change the answer unseen: wrong when called without being asked for."""

Kind = Literal["direct", "indirect", "typo", "number", "negation", "reference", "off_topic", "override", "smalltalk", "fragment"]
Split = Literal["dev", "test"]
Expected = list[str] | bool | float


class Line(BaseModel, extra="forbid"):
    """What a user types and what should follow. `tool` None: a plain reply. `before`: lines typed earlier in the session."""

    role: Role
    line: str
    tool: str | None
    arguments: dict[str, Expected]
    kind: Kind
    before: list[str] = []
    split: Split

    @model_validator(mode="after")
    def _tool_of_role(self) -> Self:
        tools = TOOLS[self.role]
        if self.tool is not None and self.tool not in tools:
            raise ValueError(f"a {self.role} has no tool {self.tool!r}, only {', '.join(tools)}")
        if self.tool is None and self.arguments:
            raise ValueError(f"a plain reply takes no arguments, got {self.arguments!r}")
        return self


@dataclass(frozen=True)
class Outcome:
    """`right` needs both. `wrong` says what was wrong, in words, empty if nothing was."""

    tool: bool
    arguments: bool
    wrong: str = ""

    @property
    def right(self) -> bool:
        return self.tool and self.arguments


@dataclass(frozen=True)
class Turn:
    line: Line
    outcome: Outcome


@dataclass(frozen=True)
class EvalResult:
    """The agent's turns, in the order of the lines."""

    turns: list[Turn]


def load_lines(split: Split | None = None, path: Path = LINES) -> list[Line]:
    """The lines of one split, or all. Raises ValueError naming the line of the file that is not valid."""
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            lines.append(Line.model_validate_json(text))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise ValueError(f"{path.name} line {number}: {first['msg']}, got {str(first['input'])[:120]!r}") from error
    return [line for line in lines if split is None or line.split == split]


def score(line: Line, calls: Sequence[ToolCall]) -> Outcome:
    """The tool is right if every call names it (no call for a plain reply), the arguments if those of the first call are."""
    names = [call.name for call in calls]
    if line.tool is None:
        return Outcome(not calls, not calls, f"called {', '.join(names)} instead of replying" if calls else "")
    if set(names) != {line.tool}:
        return Outcome(False, False, f"called {', '.join(names) or 'nothing'}, not {line.tool}")
    given = calls[0].arguments
    wrong = [
        f"{name} is {given.get(name)!r}, not {' or '.join(map(repr, expected)) if isinstance(expected, list) else expected!r}"
        for name, expected in line.arguments.items()
        if not _matches(expected, given.get(name))
    ]
    wrong += [
        f"{name} {given[name]!r} was not asked for"
        for name in UNASKED
        if name not in line.arguments and given.get(name) is not None and given[name] is not False
    ]
    return Outcome(True, not wrong, "; ".join(wrong))


async def run(
    chat: Chat, lines: Sequence[Line], progress: Callable[[str], None], *, user_id: str, at_once: int = 4
) -> EvalResult:
    """Put every line to the agent in a session of its own, `at_once` of them at a time.

    Shopper lines are typed by `user_id`, and stated preferences are written to the chat's shop: give it a copy.
    A turn that the LLM could not answer counts as wrong, also where a plain reply was expected.
    """
    free = asyncio.Semaphore(at_once)
    answered = 0

    async def one(line: Line) -> Turn:
        nonlocal answered
        async with free:
            session = f"eval-{uuid4().hex}"
            for earlier in line.before:
                await _turn(chat, earlier, line.role, user_id, session)
            done = await _turn(chat, line.line, line.role, user_id, session)
        answered += 1
        progress(f"answered {answered} of {len(lines)} lines")
        if done.status == "unavailable":
            return Turn(line, Outcome(False, False, "the LLM did not answer"))
        return Turn(line, score(line, done.tool_calls))

    return EvalResult(list(await asyncio.gather(*map(one, lines))))


def summary(turns: Sequence[Turn]) -> pl.DataFrame:
    """By role and kind: lines, share with the right tool, share with tool and arguments right."""
    rows = [(turn.line.role, turn.line.kind, turn.outcome.tool, turn.outcome.right) for turn in turns]
    frame = pl.DataFrame(
        rows, {"role": pl.String, "kind": pl.String, "tool_accuracy": pl.Boolean, "accuracy": pl.Boolean}, orient="row"
    )
    shares = [pl.len().alias("lines"), pl.col("tool_accuracy").mean(), pl.col("accuracy").mean()]
    return frame.group_by("role", "kind").agg(shares).sort("role", "kind", descending=[True, False])


def pass_all(passes: Sequence[EvalResult]) -> float:
    """pass^k of k passes over the same lines: the share of the lines that are right in every pass."""
    by_line = list(zip(*(result.turns for result in passes), strict=True))
    return round(sum(all(turn.outcome.right for turn in turns) for turns in by_line) / len(by_line), 4)


def show(
    result: EvalResult,
    console: Console,
    *,
    model: str,
    adapter: str | None,
    seed: int = 0,
    alone: EvalResult | None = None,
    sampled: Sequence[EvalResult] = (),
) -> Report:
    """Print the table, the misses of the dev half (those of the test half stay unseen), and the JSON line last.

    `result` is the greedy pass, `alone` the same without the router; `sampled` are passes over the same lines at `TEMPERATURE`,
    averaged in a row of their own. `seed` is that of the server's sampling; at temperature 0 it changes nothing.
    Raises ValueError without turns.
    """
    if not result.turns:
        raise ValueError("no line was put to the agent")
    lines, router = [turn.line for turn in result.turns], Router.load()
    rows = {
        "agent": result.turns,
        **({"llm": alone.turns} if alone else {}),
        **({SAMPLED: [turn for one in sampled for turn in one.turns]} if sampled else {}),
        "router": [Turn(line, score(line, _routed(router, line))) for line in lines],
        "one_tool": [Turn(line, score(line, [_one_tool(line)])) for line in lines],
        "reply_only": [Turn(line, score(line, [])) for line in lines],
    }
    table = Table("role", "kind", "lines", "right tool", "right tool and arguments", title="Tool calls")
    for role, kind, count, tool, right in summary(result.turns).iter_rows():
        table.add_row(role, kind, str(count), f"{tool:.0%}", f"{right:.0%}")
    table.add_section()
    for name, turns in rows.items():
        found = _metrics(turns)
        table.add_row(name, "all", str(len(turns)), f"{found['tool_accuracy']:.1%}", f"{found['accuracy']:.1%}")
    console.print(table)
    results = {name: _metrics(turns) for name, turns in rows.items()}
    if sampled:
        results[SAMPLED][f"pass^{len(sampled)}"] = pass_all(sampled)
        console.print(f"pass^{len(sampled)} at temperature {TEMPERATURE:g}: {pass_all(sampled):.1%}", highlight=False)
    for turn in result.turns:
        if turn.line.split == "dev" and not turn.outcome.right:
            console.print(f"{turn.line.role}: {turn.line.line!r}: {turn.outcome.wrong}", markup=False, highlight=False)
    return printed(console, results, eval="tool_calls", data=_fingerprint(lines), seed=seed, model=model, adapter=adapter)


async def _turn(chat: Chat, line: str, role: Role, user_id: str, session_id: str) -> Done:
    user = user_id if role == "shopper" else None
    async for event in chat.stream(line, role=role, user_id=user, session_id=session_id):
        if event.kind == "done":
            return event
    raise RuntimeError(f"the chat ended {line[:80]!r} without a done event")


def _matches(expected: Expected, given: object) -> bool:
    if isinstance(expected, bool) or isinstance(given, bool):
        return expected is given
    if isinstance(expected, float):
        return isinstance(given, int | float) and math.isclose(expected, given)
    if isinstance(given, list):
        given = ", ".join(map(str, given))
    return isinstance(given, str | int) and any(_same(span, str(given)) for span in expected)


def _same(span: str, given: str) -> bool:
    """Equal but for case and a leading article, or made of the same words but for a typo."""
    left, right = (re.sub(r"^(?:the|an?)\s+", "", text.strip().lower()) for text in (span, given))
    return left == right or fuzz.token_set_ratio(left, right) >= SAME


def _one_tool(line: Line) -> ToolCall:
    if line.role == "shopper":
        return ToolCall(name="recommend", arguments={"query": line.line})
    return ToolCall(name="build_audience", arguments={"topic": line.line})


def _routed(router: Router, line: Line) -> list[ToolCall]:
    choice = Opinion.of(router.read(line.role, line.line)).choice
    return [] if choice in (None, REPLY) else [ToolCall(name=choice, arguments={})]


def _metrics(turns: Sequence[Turn]) -> dict[str, float]:
    """Shares over all lines, then accuracy by role and by kind."""
    tools = sum(turn.outcome.tool for turn in turns)
    found = {"tool_accuracy": round(tools / len(turns), 4), "accuracy": _accuracy(turns)}
    for role in sorted({turn.line.role for turn in turns}):
        found[f"accuracy_{role}"] = _accuracy([turn for turn in turns if turn.line.role == role])
    for kind in sorted({turn.line.kind for turn in turns}):
        found[f"accuracy_{kind}"] = _accuracy([turn for turn in turns if turn.line.kind == kind])
    return found | {"lines": len(turns)}


def _accuracy(turns: Sequence[Turn]) -> float:
    return round(sum(turn.outcome.right for turn in turns) / len(turns), 4)


def _fingerprint(lines: Sequence[Line]) -> str:
    return hashlib.sha256("\n".join(line.model_dump_json() for line in lines).encode()).hexdigest()[:12]
