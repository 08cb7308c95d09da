"""The data contract: events, items, interests. Validated once, where data enters."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator

EventType = Literal[
    "impression",
    "view",
    "search",
    "click",
    "cart_add",
    "cart_remove",
    "purchase",
    "return",
    "review",
    "like",
    "dislike",
    "coupon_redeem",
]
Polarity = Literal["likes", "avoids"]
Origin = Literal["inferred", "stated"]
Horizon = Literal["habit", "rising", "fading", "new", "seasonal", "one_off"]
SummaryStatus = Literal["ready", "pending", "unavailable"]

Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(max_length=100_000)]


class Event(BaseModel):
    """One thing that one user did. `price` is what was paid for all of `quantity`, in the shop's currency.

    `attributes["topic"]` names the topic of a stated preference (`like` or `dislike` without an item),
    `attributes["campaign"]` the campaign of an impression or a redemption.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: Id
    user_id: Id
    platform: Id = "shop"
    type: EventType
    item_id: Id | None = None
    ts: AwareDatetime
    quantity: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] = 1.0
    price: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None
    query: Text | None = None
    text: Text | None = None
    rating: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)] | None = None
    session_id: Id | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)

    @field_validator("ts")
    @classmethod
    def _utc(cls, ts: datetime) -> datetime:
        return ts.astimezone(UTC)


class Item(BaseModel):
    """Something the shop offers: a product, content or a service. `path` is its taxonomy, root first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    item_id: Id
    title: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    path: tuple[str, ...] = ()
    brand: str | None = None
    price: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    description: Text | None = None
    image: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)


class TopicStats(BaseModel):
    """What a user did on a topic. `count` is of purchase sessions (baskets); `interval_days` is their mean gap."""

    count: int
    last: datetime | None
    interval_days: float | None
    spend: float


class Interest(BaseModel):
    """One topic a user likes or avoids, with the events that say so.

    `strength` is the probability, in [0, 1], of a purchase on the topic in the next 28 days.
    `reason` is computed text; `drivers` are what raised or lowered a learned strength most, the weightiest first; `evidence`
    are ids of events in the log, newest first, the reviews that decided before all others.
    """

    topic: str
    path: tuple[str, ...]
    polarity: Polarity
    origin: Origin
    strength: float = Field(ge=0, le=1)
    horizon: Horizon
    reason: str
    drivers: list[str] = []
    evidence: list[str]
    stats: TopicStats


class Trait(BaseModel):
    """A habit across topics. `percentile` is the share of all users below, ties counted half, in [0, 100]."""

    name: Literal["price sensitivity", "brand loyalty", "promotion affinity", "shopping rhythm", "household stage"]
    value: str
    percentile: float | None = Field(None, ge=0, le=100)
    evidence: list[str] = []


class InterestProfile(BaseModel):
    """What the shop believes about a user. The numbers are always there; `summary` follows when the LLM wrote it."""

    user_id: str
    as_of: datetime
    summary: str = ""
    summary_status: SummaryStatus = "unavailable"
    interests: list[Interest]
    traits: list[Trait]
    model: str = Field("recency-weighted", description="the estimate behind the strengths: learned, or recency-weighted")
    version: int = Field(0, description="number of the user's events that it was made from, views and searches aside")
