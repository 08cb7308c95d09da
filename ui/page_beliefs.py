"""What the shop believes about a user, as HTML: a bar for each interest that opens its evidence and can be corrected."""

from html import escape

from behavior import Interest, InterestProfile, Trait
from tools import Shop
from ui.page_html import button, evidence, nobody, sentence

BARS = 7
STATUS = {
    "ready": "Written by the language model, each sentence checked against the log.",
    "pending": "The summary is being written. The numbers below are already up to date.",
    "unavailable": "There is no written summary at the moment. The numbers below are computed and up to date.",
}
HORIZONS = {"habit": "habit", "rising": "rising", "fading": "fading", "new": "new", "seasonal": "seasonal", "one_off": "once"}


def beliefs(shop: Shop, profile: InterestProfile) -> str:
    """The profile's panel. The strongest few bars are shown, with all that the user stated; the others unfold."""
    known = {e.event_id: e for e in shop.store.events(list({i for interest in profile.interests for i in interest.evidence}))}
    rows = [
        (interest, _bar(interest, evidence(shop, [known[i] for i in interest.evidence if i in known])))
        for interest in profile.interests
    ]
    first = [row for n, (interest, row) in enumerate(rows) if n < BARS or interest.origin == "stated"]
    others = [row for n, (interest, row) in enumerate(rows) if not (n < BARS or interest.origin == "stated")]
    bars = f'<ul class="ink-bars">{"".join(first)}</ul>' if rows else nobody("Nothing yet. What you do here will show up.")
    if others:
        bars += (
            f'<details class="ink-others" data-key="others"><summary>{len(others)} weaker interests</summary>'
            f'<ul class="ink-bars">{"".join(others)}</ul></details>'
        )
    summary = f'<p class="ink-summary">{escape(profile.summary)}</p>' if profile.summary else ""
    status = f'<p class="ink-status" data-status="{profile.summary_status}">{STATUS[profile.summary_status]}</p>'
    scale = '<p class="ink-scale">How likely you are to buy in the next 28 days. Open a line to see why, and to correct it.</p>'
    head = "<h2>What the shop believes about you</h2>"
    return f"{head}{summary}{status}{scale if rows else ''}{bars}{_traits(profile.traits)}"


def _bar(interest: Interest, proof: str) -> str:
    topic, avoids = interest.topic, interest.polarity == "avoids"
    stated = interest.origin == "stated"
    kind = "avoids" if avoids else "stated" if stated else "inferred"
    tags = f' <span class="ink-tag">{HORIZONS[interest.horizon]}</span>' if not avoids else ""
    tags += ' <span class="ink-tag ink-said">you said so</span>' if stated else ""
    value = "avoided" if avoids else percent(interest.strength)
    drivers = f" What weighed most: {escape(', '.join(interest.drivers))}." if interest.drivers else ""
    correct = (
        button("likes", topic, "I like this", f"I like {topic}", pressed=stated and not avoids)
        + button("avoids", topic, "Not for me", f"{topic} is not for me", pressed=stated and avoids)
    )  # fmt: skip
    return (
        f'<li class="ink-interest" data-topic="{escape(topic)}" data-kind="{kind}"><details data-key="{escape(topic)}"><summary>'
        f'<span class="ink-topic">{escape(topic)}{tags}</span><span class="ink-value">{value}</span>'
        f'<span class="ink-bar"><i style="width:{interest.strength:.1%}"></i></span></summary>'
        f'<div class="ink-proof"><p>{escape(sentence(interest.reason))}.{drivers}</p>'
        f'<div class="ink-buttons">{correct}</div>{proof}</div></details></li>'
    )


def percent(share: float) -> str:
    """Whole percents that never claim certainty."""
    return "&lt;1%" if share < 0.005 else "&gt;99%" if share >= 0.995 else f"{share:.0%}"


def _traits(traits: list[Trait]) -> str:
    rows = "".join(
        f"<dt>{escape(sentence(trait.name))}</dt><dd>{escape(trait.value)}{_standing(trait.percentile)}</dd>" for trait in traits
    )
    return f'<h3>Habits, and their percentile among shoppers</h3><dl class="ink-traits">{rows}</dl>' if rows else ""


def _standing(percentile: float | None) -> str:
    return "" if percentile is None else f"<small>percentile {percentile:.0f}</small>"
