"""Tool results as the LLM reads them: one fact a line, refs first, short. The training data uses the same function."""

import re
from datetime import datetime
from functools import singledispatch
from textwrap import shorten

from agent.bus import Bus
from behavior.interest import reviews, stars
from behavior.schema import Interest, InterestProfile
from tools.audience_results import Audience, Match
from tools.insight_results import BrandInsight, CampaignReport, Segments
from tools.results import (
    Bundles,
    Card,
    CartAnalysis,
    Explanation,
    PreferenceChange,
    Quote,
    Recommendations,
    Reviews,
    SimilarItems,
)

LINES = 5
QUOTED = 120
"""Characters of a review that the LLM reads."""


@singledispatch
def render(result: object, bus: Bus) -> str:
    """What the LLM is told of `result`, after its items, topics and users were put on `bus`.

    Raises TypeError for a type that no tool returns.
    """
    raise TypeError(f"no rendering for {type(result).__name__!r}")


@render.register
def _(result: Recommendations, bus: Bus) -> str:
    return "\n".join([*result.notes, *_cards(result.cards, bus)]) or "found nothing"


@render.register
def _(result: SimilarItems, bus: Bus) -> str:
    lines = _cards(result.cards, bus)
    shown = list(bus.shown)
    (anchor,) = bus.put_items([result.anchor])
    bus.shown = shown
    return "\n".join([f"like {anchor}:" if lines else f"nothing is like {anchor}", *lines])


@render.register
def _(result: CartAnalysis, bus: Bus) -> str:
    head = f"{len(result.lines)} in the cart, total ${result.total:.2f}" if result.lines else "the cart is empty"
    unknown = [f"not in the shop: {item}" for item in result.unknown[:LINES]]
    missing = _cards(result.missing, bus)
    return "\n".join([head, *unknown, *(["missing:"] if missing else []), *missing])


@render.register
def _(result: InterestProfile, bus: Bus) -> str:
    return "\n".join(_interest(interest, bus) for interest in result.interests[:LINES]) or "nothing is known yet"


@render.register
def _(result: PreferenceChange, bus: Bus) -> str:
    noted = "liked" if result.likes else "disliked"
    return f"noted {bus.put_topic(result.topic)}: {noted}, was {percent(result.before)}, now {percent(result.after)}"


@render.register
def _(result: Explanation, bus: Bus) -> str:
    (ref,) = bus.put_items([result.card])
    return "\n".join([f"{ref} because:", *(f"{percent(part.weight)} {part.text}" for part in result.parts[:LINES])])


@render.register
def _(result: Reviews, bus: Bus) -> str:
    ref = bus.mention(result.item_id) or bus.put_topic(result.about)
    head = [f"{reviews(result.reviews)} of {ref}"]
    if result.mean_stars is not None:
        head.append(f"{stars(result.mean_stars)} on average")
    head += [f"{count} {sentiment}" for sentiment in ("positive", "negative") if (count := result.sentiments.get(sentiment))]
    return "\n".join([", ".join(head), *(_quoted(quote) for quote in result.quotes[:LINES])])


@render.register
def _(result: Audience, bus: Bus) -> str:
    head = f"{result.size} of {result.population} users on {bus.put_topic(result.topic)}, at least {percent(result.min_strength)}"
    members = [f"{bus.put_user(m.user_id, m.pseudonym)} {percent(m.strength)}" for m in result.members[:LINES]]
    return "\n".join([head, *result.notes, *members])


@render.register
def _(result: Match, bus: Bus) -> str:
    user, topic = bus.put_user(result.user_id, result.pseudonym), bus.put_topic(result.topic)
    head = f"{user} {'matches' if result.matches else 'does not match'} {topic}, needs {percent(result.threshold)}"
    interest = [_interest(result.interest, bus)] if result.interest else [f"{user} has no events on {topic}"]
    return "\n".join([head, *interest, *result.notes])


@render.register
def _(result: Segments, bus: Bus) -> str:
    lines = [f"{s.name}: {s.size} users, likes {', '.join(bus.put_topic(t) for t in s.topics[:3])}" for s in result.segments]
    return "\n".join(lines[:8]) or "no such segment"


@render.register
def _(result: BrandInsight, bus: Bus) -> str:
    topics = ", ".join(bus.put_topic(topic) for topic in result.topics[:3])
    return (
        f"{result.brand}: {result.buyers} of {result.population} users bought, ${result.spend:.0f} spent, "
        f"{percent(result.share_of_spend)} of spend, most in {topics or 'no topic'}"
    )


@render.register
def _(result: CampaignReport, bus: Bus) -> str:
    head = (
        f"campaign {result.campaign}: reached {result.reached}, {result.redeemers} redeemed "
        f"{result.redemptions} coupons, rate {percent(result.redemption_rate)}"
    )
    return "\n".join([head, *result.notes])


@render.register
def _(result: Bundles, bus: Bus) -> str:
    lines = [
        f"{' + '.join(bus.put_topic(topic) for topic in b.topics)}: {b.baskets} baskets, lift {b.lift:.1f}"
        for b in result.bundles[:LINES]
    ]
    return "\n".join(lines) or "found nothing"


def percent(share: float) -> str:
    """A share in [0, 1] as whole percents."""
    return f"{share:.0%}"


def day(ts: datetime) -> str:
    """A date as people write it, e.g. `3 Dec`."""
    return f"{ts.day} {ts:%b}"


def _quoted(quote: Quote) -> str:
    """A review on a line of its own, between the only quotation marks of the line: no text ends its quotation itself."""
    text = shorten(re.sub(r"[\"“”]", "'", quote.text), QUOTED, placeholder="…")
    return f'"{text}"' if quote.rating is None else f'{stars(quote.rating)} "{text}"'


def _cards(cards: list[Card], bus: Bus) -> list[str]:
    shown = cards[:LINES]
    lines = []
    for ref, card in zip(bus.put_items(shown), shown, strict=True):
        price = f" ${card.price:.2f}" if card.price is not None else ""
        lines.append(f"{ref} {card.title}{price}: {card.reason}")
    return lines


def _interest(interest: Interest, bus: Bus) -> str:
    ref = bus.put_topic(interest.topic)
    stated = ", stated" if interest.origin == "stated" else ""
    return f"{ref} {interest.topic}: {interest.polarity} {percent(interest.strength)}{stated}, {interest.reason}"
