"""What the tools return: plain typed values that the API serialises, the agent renders and the guard checks."""

from datetime import datetime

from pydantic import BaseModel

from behavior.schema import Interest


class Card(BaseModel):
    """An item worth showing, why, and the events (or words) that say so."""

    item_id: str
    title: str
    topic: str
    brand: str | None = None
    price: float | None = None
    score: float = 0.0
    reason: str = ""
    evidence: list[str] = []


class Recommendations(BaseModel):
    """`notes` say what a reader must know: a filter that left nothing, a query that found nothing."""

    query: str | None = None
    max_price: float | None = None
    cards: list[Card]
    notes: list[str] = []


class SimilarItems(BaseModel):
    anchor: Card
    cards: list[Card]


class CartLine(BaseModel):
    item_id: str
    title: str
    price: float | None = None
    quantity: float = 1.0


class CartAnalysis(BaseModel):
    """`missing` is what baskets like this one also hold; `unknown` are item ids that the catalog does not have."""

    lines: list[CartLine]
    total: float
    missing: list[Card]
    unknown: list[str] = []


class PreferenceChange(BaseModel):
    """`before` and `after` are strengths of the topic, in [0, 1]."""

    topic: str
    likes: bool
    before: float
    after: float
    event_id: str


class ExplanationPart(BaseModel):
    """One source's share of a recommendation; the `weight`s of an explanation sum to 1."""

    source: str
    text: str
    weight: float
    evidence: list[str] = []


class Explanation(BaseModel):
    card: Card
    parts: list[ExplanationPart]


class Quote(BaseModel):
    event_id: str
    item_id: str | None
    title: str | None
    rating: float | None
    text: str


class Reviews(BaseModel):
    about: str
    quotes: list[Quote]


class AudienceMember(BaseModel):
    """`pseudonym` is what a merchant sees; it is stable for a user in one shop."""

    user_id: str
    pseudonym: str
    strength: float


class Audience(BaseModel):
    """`size` counts all members, `members` are the strongest first, at most 50. Small audiences hide their members."""

    topic: str
    min_strength: float
    size: int
    population: int
    members: list[AudienceMember]
    notes: list[str] = []


class Match(BaseModel):
    """Whether and why a user is in the audience of a topic."""

    user_id: str
    pseudonym: str
    topic: str
    threshold: float
    matches: bool
    interest: Interest | None
    notes: list[str] = []


class Segment(BaseModel):
    segment_id: str
    name: str
    size: int
    share: float
    topics: list[str]


class Segments(BaseModel):
    segments: list[Segment]


class BrandInsight(BaseModel):
    brand: str
    buyers: int
    population: int
    spend: float
    share_of_spend: float
    topics: list[str]


class CampaignReport(BaseModel):
    campaign: str
    reached: int
    redeemers: int
    redemptions: int
    redemption_rate: float
    start: datetime | None
    notes: list[str] = []


class Bundle(BaseModel):
    topics: list[str]
    baskets: int
    support: float
    confidence: float
    lift: float


class Bundles(BaseModel):
    topic: str | None
    bundles: list[Bundle]
