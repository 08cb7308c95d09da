"""What the merchant's tools return: audiences with proof, segments, brands and campaigns, as typed values."""

from datetime import datetime
from typing import Literal

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


class SegmentDifference(BaseModel):
    """A habit in which a segment's users lie apart from everyone else.

    `effect` is Cohen's d, of logarithms where the habit is a number of days, baskets or dollars. `inside` and `outside` are
    medians of the habit as it is.
    """

    habit: str
    text: str
    effect: float
    inside: float
    outside: float


class TypicalTopic(BaseModel):
    """A topic that takes a `share` of a segment's purchases, `lift` times that of everyone's; `users` of the segment buy it."""

    topic: str
    share: float
    lift: float
    users: int


class Demographic(BaseModel):
    """A value of an attribute (such as age: 45-54) that is clearly more frequent in a segment than among all users.

    `share` is that of the `known` users of the segment whose attribute is known, `overall` that of all users whose is.
    """

    attribute: str
    value: str
    share: float
    overall: float
    known: int


class Segment(BaseModel):
    """`topics` are the names of `typical`. `demographics` is empty where too little is known. (`x`, `y`) is the segment's middle
    on the map of `segment_map`."""

    segment_id: str
    name: str
    size: int
    share: float
    topics: list[str]
    differences: list[SegmentDifference] = []
    typical: list[TypicalTopic] = []
    demographics: list[Demographic] = []
    x: float = 0.0
    y: float = 0.0


class SegmentTrial(BaseModel):
    """A way to group the users that was tried. `stability` is the adjusted Rand index between it and the same on samples of the
    users, `silhouette` lies in [-1, 1], `smallest` is the size of its smallest group, `outside` the share of users in none."""

    method: str
    groups: int
    stability: float
    silhouette: float
    smallest: int
    outside: float
    chosen: bool


class Segments(BaseModel):
    """`trials` are how the grouping was chosen. `notes` say what a reader must know of it."""

    segments: list[Segment]
    trials: list[SegmentTrial] = []
    notes: list[str] = []


class SegmentPoint(BaseModel):
    """A user on the map; `segment_id` is None for one in no segment."""

    segment_id: str | None
    x: float
    y: float


class SegmentMembership(BaseModel):
    """The segment of a user and the reasons, the strongest first: what speaks for it against the next likely one."""

    segment_id: str | None
    name: str | None
    reasons: list[str]


class TopicShare(BaseModel):
    """A brand in one topic: its `spend`, its `share` of what is spent there and `at_average`, the spend it would have with its
    share of all its topics. `price_index` is the paid price of a unit over that of the other brands, None where there is none."""

    topic: str
    spend: float
    share: float
    at_average: float
    price_index: float | None


class BrandSwitch(BaseModel):
    """Of the purchases by which users changed brand on a topic, those to or from `brand`, by how many `users`."""

    brand: str
    switches: int
    users: int


class BrandSegment(BaseModel):
    """`share` is the brand's part of what the segment spends in the brand's topics, `index` that over the same of all users."""

    segment_id: str
    name: str
    buyers: int
    share: float
    index: float


class Suggestion(BaseModel):
    """Something to do about a brand, and the computed facts that say so."""

    kind: Literal["grow", "win back", "address", "price"]
    text: str
    facts: dict[str, float]


class BrandInsight(BaseModel):
    """How a brand does. Shares are of what was spent, in [0, 1].

    `share_of_topics` is of all spent in the topics that it sells in, `topic_shares` has the largest of them. `loyalty` is the
    mean share of the brand in its buyers' spend there (their share of requirements), `sole_buyers` the share of its buyers who
    bought no other brand there, `repeat_buyers` of those who came back for it. `price_index` compares the price of a unit with
    other brands, topic by topic.
    """

    brand: str
    buyers: int
    population: int
    spend: float
    share_of_spend: float
    topics: list[str]
    share_of_topics: float = 0.0
    topic_shares: list[TopicShare] = []
    loyalty: float = 0.0
    sole_buyers: float = 0.0
    repeat_buyers: float = 0.0
    switches_from: list[BrandSwitch] = []
    switches_to: list[BrandSwitch] = []
    price_index: float | None = None
    segments: list[BrandSegment] = []
    suggestions: list[Suggestion] = []


class CampaignGroup(BaseModel):
    """Some of the users reached: a segment, or those within a range of deciles (10 the strongest)."""

    name: str
    reached: int
    redeemers: int
    rate: float


class Balance(BaseModel):
    """How far the users reached lie from the others before the start, in standard deviations, before and after the matching."""

    habit: str
    before: float
    after: float


class CampaignEffect(BaseModel):
    """What users reached spent in the `days` from the start, against users not reached who were like them before.

    `difference` is per user, with a 95% interval `low` to `high`; it is no proof that the campaign caused it.
    """

    matched: int
    days: int
    reached_spend: float
    others_spend: float
    difference: float
    low: float
    high: float
    balance: list[Balance]


class CampaignReport(BaseModel):
    """`start` is the day of the first impression. `segments` and `strength` divide the users reached, the strength being
    what was known on that day; groups of too few redeemers are told as one. `effect` is None where nobody can be compared."""

    campaign: str
    reached: int
    redeemers: int
    redemptions: int
    redemption_rate: float
    start: datetime | None
    notes: list[str] = []
    segments: list[CampaignGroup] = []
    strength: list[CampaignGroup] = []
    effect: CampaignEffect | None = None
