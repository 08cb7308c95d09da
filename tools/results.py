"""What the tools return: plain typed values that the API serialises, the agent renders and the guard checks.

Those of the merchant's tools are in `tools.audience_results` and `tools.insight_results`."""

from datetime import datetime

from pydantic import BaseModel

from behavior.sentiment import Sentiment


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


class BasketRule(BaseModel):
    """Of the baskets with all of `antecedent` a share of `confidence` hold `consequent`, `lift` times as many as by chance.

    `baskets` hold them all, a share of `support` of the baskets with two topics or more.
    """

    antecedent: list[str]
    consequent: str
    baskets: int
    support: float
    confidence: float
    lift: float


class OwnHabit(BaseModel):
    """A user's own baskets with a topic: `baskets` of `of_baskets`."""

    topic: str
    baskets: int
    of_baskets: int


class CartGap(BaseModel):
    """Why a topic is missing: the rule that says most for it, the user's own habit, or both. `item_id` is shown for it."""

    topic: str
    item_id: str
    score: float
    rule: BasketRule | None
    habit: OwnHabit | None


class CartMission(BaseModel):
    """What a trip seems to be for. `topics` are typical of it, `in_cart` those that say so, a `share` of the cart's topics;
    `by_chance` is the probability that as many lie in a cart of this size by chance."""

    name: str
    topics: list[str]
    in_cart: list[str]
    share: float
    by_chance: float


class DueHabit(BaseModel):
    """A topic that a user buys about every `interval_days` and that is due: `due` intervals since the last time."""

    topic: str
    card: Card
    baskets: int
    interval_days: float
    last_ts: datetime
    due: float


class Bundle(BaseModel):
    """Topics that sell together, the last led to by the others. `items` are the best sellers of the topics.

    `price` is the sum of what is usually paid for one of each. `saving` is what buyers of the items are given off on average,
    as the log has it; None where it has no discount. It is no offer on the bundle.
    """

    topics: list[str]
    baskets: int
    support: float
    confidence: float
    lift: float
    items: list[Card] = []
    price: float | None = None
    saving: float | None = None


class CartAnalysis(BaseModel):
    """`missing` is what baskets like this one also hold; `unknown` are item ids that the catalog does not have.

    `gaps` say why, one for each card of `missing`. `missions` is empty unless the cart supports one. `bundles` hold something
    of the cart and something more. `due` are habits of the user, where one is known, that are not in the cart.
    """

    lines: list[CartLine]
    total: float
    missing: list[Card]
    unknown: list[str] = []
    gaps: list[CartGap] = []
    missions: list[CartMission] = []
    bundles: list[Bundle] = []
    due: list[DueHabit] = []


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
    """`contributions` are what each source of the learned ranking, and what is known of the user and the item, add to its score
    (Shapley values, from what is expected of any candidate): they sum to it. Empty where the item was not ranked so.
    """

    card: Card
    parts: list[ExplanationPart]
    contributions: dict[str, float] = {}


class Quote(BaseModel):
    """A review in its own words, of a long one the first 2,000 characters. `sentiment` is by its stars, or else by its text."""

    event_id: str
    item_id: str | None
    title: str | None
    rating: float | None
    text: str
    sentiment: Sentiment = "unknown"


class Aspect(BaseModel):
    """What `reviews` reviews mention, in sentences that are positive or negative on average (the others are neither).

    `share_positive` is of those two. `evidence` are the newest event ids, `quote` is the sentence of the first of them.
    """

    name: str
    reviews: int
    positive: int
    negative: int
    share_positive: float | None
    evidence: list[str]
    quote: str


class UsefulReview(BaseModel):
    """`because` are the words in it that the reader cares about, what counts most first."""

    quote: Quote
    because: list[str]


class Reviews(BaseModel):
    """What buyers say of a topic, or of `item_id` alone. `quotes` are the newest, `useful` those that serve one user most."""

    about: str
    quotes: list[Quote]
    item_id: str | None = None
    reviews: int = 0
    sentiments: dict[Sentiment, int] = {}
    mean_stars: float | None = None
    aspects: list[Aspect] = []
    useful: list[UsefulReview] = []


class Bundles(BaseModel):
    topic: str | None
    bundles: list[Bundle]
