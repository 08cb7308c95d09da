"""What would turn a clause around for a user: the strength, the count or the percentile computed again with that change."""

from datetime import datetime, timedelta

import polars as pl

from behavior import Catalog, Event, event_frame, strength, topic_features
from behavior.store import EVENT_SCHEMA
from tools.clauses import BehaviourClause, InterestClause, TraitClause
from tools.people import TRAITS
from tools.results import WhatIf

WITHIN = timedelta(days=28)
MOST_BASKETS = 12
SILENCE = timedelta(days=28)
LONGEST_SILENCE = 13

UNITS = {
    "price sensitivity": "{:.0%} off on average",
    "promotion affinity": "{:.0%} of purchases discounted",
    "brand loyalty": "{:.0%} of purchases from one brand",
    "shopping rhythm": "a basket every {:.1f} days",
}
"""How the raw value of a trait is read."""


def stronger(
    clause: InterestClause, value: float | None, timeline: pl.DataFrame, catalog: Catalog, now: datetime
) -> WhatIf | None:
    """The fewest more baskets with the topic, spread over the next 28 days, that reach the strength then; else the most tried.

    For a user who said to avoid the topic, what saying to like it would do. None for a brand, which has no strength of its own.
    `timeline` is the user's whole one.
    """
    items, by = catalog.items_of(clause.topic), now + WITHIN
    base = _needed(timeline, clause.topic, catalog)
    said = base.filter(pl.col("type").is_in(["like", "dislike"])).sort("ts")["type"]
    if len(said) and said[-1] == "dislike":
        like = Event(event_id="like", user_id="u", type="like", ts=now, attributes={"topic": clause.topic})
        reached = _strengths({0: pl.concat([base, event_frame([like])])}, clause.topic, catalog, now)[0]
        text = f"saying to like {clause.topic} would make it {reached:.0%}"
        return WhatIf(text=text, value=reached, passes=reached >= clause.at_least)
    more = {
        n: pl.concat([base, event_frame(_basket(items[0], f"{n}-{k}", now + WITHIN * k / n) for k in range(1, n + 1))])
        for n in range(1, MOST_BASKETS + 1)
        if items
    }
    found = _strengths(more, clause.topic, catalog, by)
    if not found:
        return None
    n = next((n for n in sorted(found) if found[n] >= clause.at_least), max(found))
    text = f"{n} more {'basket' if n == 1 else 'baskets'} with {clause.topic} by {_day(by)}"
    return WhatIf(
        text=f"{text} would lift the strength from {value or 0:.0%} to about {found[n]:.0%}",
        value=found[n],
        passes=found[n] >= clause.at_least,
    )


def weaker(clause: InterestClause, value: float | None, timeline: pl.DataFrame, catalog: Catalog, now: datetime) -> WhatIf | None:
    """After how many times 28 days without an event, at most 13, the strength lies under the bound."""
    base = _needed(timeline, clause.topic, catalog)
    later = {n: base.with_columns(pl.col("ts") - n * SILENCE) for n in range(1, LONGEST_SILENCE + 1)}
    found = _strengths(later, clause.topic, catalog, now)
    if not found:
        return None
    n = next((n for n in sorted(found) if found[n] < clause.at_least), max(found))
    text = f"without another by {_day(now + n * SILENCE)}"
    return WhatIf(
        text=f"{text} the strength falls from {value or 0:.0%} to about {found[n]:.0%}",
        value=found[n],
        passes=found[n] >= clause.at_least,
    )


def other_count(clause: BehaviourClause, visits: list[datetime], passes: bool, now: datetime) -> WhatIf:
    """How many events are missing today, or when enough of the counted ones have left the window.

    `visits` has the time of each event that the clause counts (of each basket for purchases), the newest first.
    """
    what = f"{clause.event} of {clause.topic or 'anything'}"
    if not passes:
        missing = clause.times - len(visits)
        return WhatIf(text=f"{missing} more {what} today would make {clause.times}", value=clause.times, passes=True)
    leaving = visits[clause.times - 1].date()
    left = sum(ts.date() > leaving for ts in visits)
    free = leaving + timedelta(days=clause.days + 1)
    return WhatIf(text=f"without another {what} there are {left} from {free.day} {free:%b %Y} on", value=left, passes=False)


def other_trait(
    clause: TraitClause, value: float | None, passes: bool, percentiles: pl.DataFrame, traits: pl.DataFrame, user_id: str
) -> WhatIf | None:
    """The nearest value that some user has on the other side of the band; None when there is none or the user's is unknown."""
    own = traits.filter(pl.col("user_id") == user_id)[TRAITS[clause.name]]
    if value is None or own.is_empty():
        return None
    known = percentiles.select(pl.col("user_id").cast(pl.String), percentile=clause.name).join(traits, on="user_id")
    inside = pl.col("percentile").is_between(clause.low, clause.high, closed="both" if clause.high == 100 else "left")
    other = known.filter(inside != passes).sort((pl.col("percentile") - value).abs(), "percentile").head(1)
    if other.is_empty():
        return None
    unit, at = UNITS[clause.name], other["percentile"][0]
    now, then = unit.format(own[0]), unit.format(other[TRAITS[clause.name]][0])
    return WhatIf(text=f"{then} instead of {now} would be the {at:.0f}th percentile", value=at, passes=not passes)


def _needed(timeline: pl.DataFrame, topic: str, catalog: Catalog) -> pl.DataFrame:
    """The events that the strength on a topic depends on: those on it, and the user's first."""
    on_topic = pl.col("item_id").is_in(catalog.items_of(topic)) | (pl.col("attributes").str.json_path_match("$.topic") == topic)
    first = timeline.sort("ts").head(1)
    others = timeline.filter(on_topic.fill_null(value=False), ~pl.col("event_id").is_in(first["event_id"].implode()))
    return pl.concat([first, others]).select(*EVENT_SCHEMA)


def _strengths(timelines: dict[int, pl.DataFrame], topic: str, catalog: Catalog, as_of: datetime) -> dict[int, float]:
    """The strength on a topic at the end of each timeline, all in one go: each stands for a user of its own."""
    if not timelines:
        return {}
    users = [events.with_columns(user_id=pl.lit(str(number))) for number, events in timelines.items()]
    features = topic_features(pl.concat(users), catalog, as_of)
    rows = features.with_columns(strength=strength(features)).filter(pl.col("topic") == topic)
    return {int(user): value for user, value in rows.select("user_id", "strength").iter_rows()}


def _basket(item_id: str, name: str, ts: datetime) -> Event:
    return Event(event_id=f"if-{name}", user_id="u", type="purchase", item_id=item_id, ts=ts, price=0.0, session_id=f"if-{name}")


def _day(ts: datetime) -> str:
    return f"{ts.day} {ts:%b %Y}"
