"""An audience as a tree of typed clauses: plain JSON outside, pydantic models inside, validated once at the edge."""

from collections.abc import Iterator
from reprlib import repr as shortened
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from behavior.interest import times
from behavior.schema import EventType
from tools.errors import ToolError

MAX_DEPTH = 8
MAX_CLAUSES = 64
TraitName = Literal["price sensitivity", "promotion affinity", "brand loyalty", "shopping rhythm"]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Percentile = Annotated[float, Field(ge=0, le=100)]


class BadClause(ToolError):
    """A clause that cannot be meant; the message opens with its path in the tree, `$` being the whole."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")


class _Typed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InterestClause(_Typed):
    """The strength on a topic is at least this. Nobody passes without an event on it, or who avoids it."""

    kind: Literal["interest"] = "interest"
    topic: Name
    at_least: Annotated[float, Field(ge=0, le=1)] = 0.5


class TraitClause(_Typed):
    """The percentile among all users lies in [low, high); 100 is included. A high shopping rhythm means long pauses."""

    kind: Literal["trait"] = "trait"
    name: TraitName
    low: Percentile = 0.0
    high: Percentile = 100.0

    @model_validator(mode="after")
    def _band(self) -> "TraitClause":
        if self.low >= self.high:
            raise ValueError(f"low is {self.low!r}, it lies below high, {self.high!r}")
        return self


class BehaviourClause(_Typed):
    """At least so many events on a topic (None is anything), today or on the `days` days before. Purchases count as baskets."""

    kind: Literal["behaviour"] = "behaviour"
    event: EventType
    topic: Name | None = None
    times: Annotated[int, Field(ge=1, le=10_000)] = 1
    days: Annotated[int, Field(ge=1, le=3650)]


class SegmentClause(_Typed):
    """Belongs to the segment of this name or id."""

    kind: Literal["segment"] = "segment"
    name: Name


class And(_Typed):
    kind: Literal["and"] = "and"
    clauses: Annotated[list["Clause"], Field(min_length=1)]


class Or(_Typed):
    kind: Literal["or"] = "or"
    clauses: Annotated[list["Clause"], Field(min_length=1)]


class Not(_Typed):
    kind: Literal["not"] = "not"
    clause: "Clause"


Leaf = InterestClause | TraitClause | BehaviourClause | SegmentClause
Clause = Annotated[Leaf | And | Or | Not, Field(discriminator="kind")]
for _model in (And, Or, Not):
    _model.model_rebuild()


def _bounded(raw: Any) -> Any:
    """Refuses a tree that is too deep or too large before anything recurses into it."""
    level, count, depth = [raw], 0, 0
    while level:
        count, depth = count + len(level), depth + 1
        if depth > MAX_DEPTH:
            raise ValueError(f"is nested {depth!r} deep or more, at most {MAX_DEPTH} are possible")
        if count > MAX_CLAUSES:
            raise ValueError(f"has {count!r} clauses or more, at most {MAX_CLAUSES} are possible")
        level = [child for clause in level for child in _raw_children(clause)]
    return raw


def _raw_children(raw: Any) -> list[Any]:
    match raw:
        case {"clauses": [*children]} | And(clauses=children) | Or(clauses=children):
            return children
        case {"clause": child} | Not(clause=child):
            return [child]
    return []


ClauseTree = Annotated[Clause, BeforeValidator(_bounded)]
"""A clause from outside: no deeper than `MAX_DEPTH`, no more than `MAX_CLAUSES` in all."""


def parse_clause(raw: Any) -> Clause:
    """A clause from plain data. Raises BadClause with the path and value of the first thing wrong."""
    adapter: TypeAdapter[Clause] = TypeAdapter(ClauseTree)
    try:
        return adapter.validate_python(raw)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadClause(_path(first["loc"]), f"{first['msg']}, got {_short(first['input'])!r}") from error


def leaves(clause: Clause, path: str = "$", wanted: bool = True) -> Iterator[tuple[str, Leaf, bool]]:
    """Each clause that asks something itself, with its path and whether it has to hold: under a `not` it must not."""
    match clause:
        case And() | Or():
            for at, child in enumerate(clause.clauses):
                yield from leaves(child, f"{path}.clauses[{at}]", wanted)
        case Not():
            yield from leaves(clause.clause, f"{path}.clause", not wanted)
        case _:
            yield path, clause, wanted


def in_words(clause: Clause) -> str:
    """The clause as a merchant reads it."""
    match clause:
        case InterestClause():
            return f"strength on {clause.topic} at least {clause.at_least:.0%}"
        case TraitClause():
            return f"{clause.name} from the {clause.low:.0f}th to the {clause.high:.0f}th percentile"
        case BehaviourClause():
            return f"{clause.event} of {clause.topic or 'anything'} at least {times(clause.times)} within {clause.days} days"
        case SegmentClause():
            return f"in segment {clause.name}"
        case Not():
            return f"not ({in_words(clause.clause)})"
        case And() | Or():
            return f" {clause.kind} ".join(f"({in_words(child)})" for child in clause.clauses)


def _short(value: Any) -> str:
    return value[:100] if isinstance(value, str) else shortened(value)[:100]


def _path(loc: tuple[int | str, ...]) -> str:
    """Where pydantic saw the error, without the kinds that it adds on the way."""
    kinds = {"interest", "trait", "behaviour", "segment", "and", "or", "not"}
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc if part not in kinds)
