"""What the tools about segments, brands and campaigns return, as typed values."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel


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
