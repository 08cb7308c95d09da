"""What the tools about audiences return, as typed values: who is in one, what its words may mean, why somebody matches or not."""

from datetime import datetime

from pydantic import BaseModel

from behavior.schema import EventType, Interest
from tools.clauses import Clause


class AudienceMember(BaseModel):
    """`pseudonym` is what a merchant sees; it is stable for a user in one shop."""

    user_id: str
    pseudonym: str
    strength: float


class Audience(BaseModel):
    """`size` counts all members in whole tens, `members` are the strongest first, at most 50. Small audiences hide their members.

    `histogram` counts the members by strength in tenths, each count in whole tens.
    """

    topic: str
    min_strength: float
    size: int
    population: int
    members: list[AudienceMember]
    notes: list[str] = []
    histogram: list[int] = []


class TopicScore(BaseModel):
    """A topic and how near it is to the words, in (0, 1]."""

    topic: str
    score: float


class TopicChoice(BaseModel):
    """What a phrase was taken to mean: `topic` is None where no topic is near enough. `alternatives` are the next nearest."""

    words: str
    negated: bool
    topic: str | None
    score: float
    alternatives: list[TopicScore]


class AudienceDraft(BaseModel):
    """Clauses made from words, and why these."""

    clause: Clause
    choices: list[TopicChoice]


class ClauseMember(BaseModel):
    """`user_id` is None unless whoever asks may see users; `strength` is None where no clause asks for an interest."""

    pseudonym: str
    strength: float | None
    user_id: str | None = None


class ClauseAudience(BaseModel):
    """The audience of a tree of clauses, told back `in_words`; otherwise as `Audience`."""

    in_words: str
    size: int
    population: int
    histogram: list[int]
    members: list[ClauseMember]
    notes: list[str] = []


class Evidence(BaseModel):
    """An event of the log that shows something. `title` is the item's, None for an event without one."""

    event_id: str
    type: EventType
    ts: datetime
    item_id: str | None
    title: str | None


class WhatIf(BaseModel):
    """What would turn a clause around, computed: the clause's value would be `value`, and `passes` says whether that does it."""

    text: str
    value: float
    passes: bool


class Proof(BaseModel):
    """One clause of an audience for one user. `path` is its place in the tree.

    `wanted` is False under a `not`. `value` is the strength, the percentile, the count, or 1 and 0 for a segment; None when
    there is nothing to value. `threshold` is the bound that it meets or misses, `margin` how far it is on the right side of
    it, negative when it does not pass. `evidence` are the newest events behind the value, `what_if` is given for what the
    nearest miss would take.
    """

    path: str
    in_words: str
    wanted: bool
    passes: bool
    value: float | None
    threshold: float
    margin: float
    evidence: list[Evidence] = []
    what_if: WhatIf | None = None


class ClauseMatch(BaseModel):
    """Whether a user satisfies a tree of clauses, with a proof of each clause.

    `nearest_miss` are the paths of the fewest clauses that would have to turn around, the nearest of them; empty for a match.
    """

    pseudonym: str
    in_words: str
    matches: bool
    proofs: list[Proof]
    nearest_miss: list[str]
    user_id: str | None = None


class Match(BaseModel):
    """Whether and why a user is in the audience of a topic."""

    user_id: str
    pseudonym: str
    topic: str
    threshold: float
    matches: bool
    interest: Interest | None
    notes: list[str] = []
    proofs: list[Proof] = []
