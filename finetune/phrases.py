"""Phrase files: what people type, one pattern a line, and the tool call or reply that answers it.

`PATTERN => name={slot}; name=literal` for a tool, `PATTERN => REPLY` in `plain.txt`, `TOOL: PATTERN => ...` in `after.txt` for
a line that goes on from a call of the same tool, of whose arguments `name=same` holds on and `name=off` is taken away. `[a|b|]`
picks an alternative, `{slot}` is filled. A text argument is a span of the line, so that the LLM learns to copy what was said.
"""

import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.line_model import SAME
from agent.numbers import NUMBERS
from agent.prompts import TOOLS, Role
from agent.toolbox import wanted_by
from finetune.noise import Noise
from finetune.slots import Slot, Slots

FOLDER = Path(__file__).parent / "phrases"
PLAIN = "plain"
AFTER = "after"

OFF = "off"
"""The value of an argument that a line takes away from the call before."""
TRUTHS = {"true": True, "false": False}

_INNERMOST = re.compile(r"\[([^\[\]]*)\]")
_A_PERIOD = re.compile(r"\b(last|past|previous) an? (?=week|fortnight|month|quarter|year)")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Pattern:
    """One line of a phrase file. `tool` is None where the answer is `reply`."""

    role: Role
    tool: str | None
    text: str
    arguments: tuple[tuple[str, str], ...] = ()
    reply: str = ""


@dataclass(frozen=True)
class Line:
    """What a person typed and what answers it: a call of `tool` with `arguments`, or `reply`. `dropped` are arguments of the call
    before that it takes away."""

    role: Role
    text: str
    tool: str | None
    arguments: dict[str, Any]
    reply: str = ""
    dropped: tuple[str, ...] = ()


def read_patterns(role: Role, folder: Path = FOLDER) -> list[Pattern]:
    """All patterns of a role, in the order of its tools. Raises ValueError naming the file and line that cannot be read."""
    return [
        _pattern(role, name, line, where)
        for name in (*TOOLS[role], PLAIN)
        for line, where in _lines(folder / role / f"{name}.txt")
    ]


def read_follow_ups(role: Role, folder: Path = FOLDER) -> list[Pattern]:
    """The patterns that go on from a call of their tool. Raises ValueError naming the file and line that cannot be read."""
    patterns = []
    for line, where in _lines(folder / role / f"{AFTER}.txt"):
        tool, colon, rest = line.partition(": ")
        if not colon or tool not in TOOLS[role]:
            raise ValueError(f"{where}: {line!r} is not `TOOL: PATTERN => ...` with a tool of a {role}")
        patterns.append(_pattern(role, tool, rest, where))
    return patterns


def fill(pattern: Pattern, slots: Slots, noise: Noise, rng: random.Random, before: dict[str, Any] | None = None) -> Line | None:
    """One way to say a pattern, or None when the alternative chosen does not hold an argument's words.

    `before` are the arguments of the call that the line goes on from; None as well when they lack what stays the same or goes.
    """
    text, arguments = _alternative(pattern.text, rng), dict(pattern.arguments)
    filled: dict[str, Slot] = {}
    for name in dict.fromkeys(_SLOT.findall(text)):
        slot = slots.draw(name, rng)
        filled[name] = noise.slot(slot, rng)
    literals = [value for value in arguments.values() if not _SLOT.search(value)]
    text = noise.words(text, keep=literals, rng=rng)
    text = _A_PERIOD.sub(r"\1 ", _SLOT.sub(lambda match: filled[match[1]].surface, text))
    text, change = noise.shape(text, rng)
    values: dict[str, Any] = {}
    for name, value in arguments.items():
        if value in (SAME, OFF):
            if not before or name not in before:
                return None
            if value == SAME:
                values[name] = before[name]
            continue
        parsed = _value(name, value, filled)
        if name == "items":
            values[name] = [change(item.strip()) for item in str(parsed).split(",")]
            continue
        if isinstance(parsed, str) and name != "price_sensitivity":
            parsed = change(parsed)
            if parsed not in text:
                return None
        values[name] = parsed
    dropped = tuple(name for name, value in pattern.arguments if value == OFF)
    return Line(pattern.role, text, pattern.tool, values, _alternative(pattern.reply, rng), dropped)


def _lines(path: Path) -> list[tuple[str, str]]:
    """The lines of a phrase file, each with the words that say where it stands."""
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    return [(line, f"{path.name} line {number}") for number, line in lines if line.strip() and not line.startswith("#")]


def _pattern(role: Role, name: str, line: str, where: str) -> Pattern:
    text, arrow, rest = line.partition("=>")
    if not arrow or not text.strip():
        raise ValueError(f"{where}: {line!r} is not `PATTERN => ...`")
    if name == PLAIN:
        return Pattern(role, None, text.strip(), reply=rest.strip())
    arguments = []
    for part in filter(None, (part.strip() for part in rest.split(";"))):
        key, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{where}: {part!r} is not `name=value`")
        arguments.append((key.strip(), value.strip()))
    return Pattern(role, name, text.strip(), tuple(arguments))


def _alternative(text: str, rng: random.Random) -> str:
    while (match := _INNERMOST.search(text)) is not None:
        text = text[: match.start()] + rng.choice(match[1].split("|")) + text[match.end() :]
    return re.sub(r"\s{2,}", " ", re.sub(r"\s+([,.!?])(?!\d)", r"\1", text)).strip()


def _value(name: str, value: str, filled: dict[str, Slot]) -> Any:
    """The typed value of an argument; a slot that the chosen alternative lacks leaves a mark that no line holds."""
    whole = _SLOT.fullmatch(value)
    if whole:
        return filled[whole[1]].value if whole[1] in filled else "\0"
    if name in NUMBERS:
        return float(value) if "." in value else int(value)
    if value in TRUTHS:
        return TRUTHS[value]
    return _SLOT.sub(lambda match: filled[match[1]].surface if match[1] in filled else "\0", value)


def checked(patterns: list[Pattern]) -> list[Pattern]:
    """The patterns, arguments in the tool's own order. Raises ValueError for an argument that the tool does not have."""
    ordered = []
    for pattern in patterns:
        names = list(wanted_by(pattern.tool)) if pattern.tool else []
        given = dict(pattern.arguments)
        if unknown := set(given) - set(names):
            raise ValueError(f"{pattern.tool} has no argument {sorted(unknown)}: {pattern.text!r}")
        arguments = tuple((name, given[name]) for name in names if name in given)
        ordered.append(Pattern(pattern.role, pattern.tool, pattern.text, arguments, pattern.reply))
    return ordered
