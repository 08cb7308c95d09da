"""What would turn a clause around for a user: the strength, the count or the percentile computed again with that change."""

from datetime import datetime, timedelta

import polars as pl

from behavior import Catalog, Event, InterestModel, event_frame, strength, topic_features
from behavior.expressions import visit
from behavior.store import EVENT_SCHEMA
from tools.audience_results import WhatIf
from tools.clauses import BehaviourClause, InterestClause, TraitClause
from tools.people import TRAITS

BASKETS = (1, 2, 4, 8)
"""How many of the latest baskets are changed, one after the other, until the strength is on the other side of its bound."""

UNITS = {
    "price sensitivity": "{:.0%} off on average",
    "promotion affinity": "{:.0%} of purchases discounted",
    "brand loyalty": "{:.0%} of purchases from one brand",
    "shopping rhythm": "a basket every {:.1f} days",
}
"""How the raw value of a trait is read."""


def other_strength(
    clause: InterestClause,
    value: float | None,
    passes: bool,
    timeline: pl.DataFrame,
    catalog: Catalog,
    now: datetime,
    model: InterestModel | None,
) -> WhatIf | None:
    """The strength had the topic been in one, two, four or eight more of the latest baskets, or in as many fewer.

    The first of these that turns the clause around, else the last. For a user who said to avoid the topic, what saying to
    like it would do. None for a brand, which has no strength of its own. `timeline` is the user's whole one.
    """
    topic = clause.topic
    own = pl.col("item_id").is_in(catalog.items_of(topic)) | (pl.col("attributes").str.json_path_match("$.topic") == topic)
    timeline = timeline.select(*EVENT_SCHEMA).sort("ts", "event_id").with_columns(own=own.fill_null(value=False))
    said = timeline.filter("own", pl.col("type").is_in(["like", "dislike"]), pl.col("item_id").is_null())["type"]
    if not passes and len(said) and said[-1] == "dislike":
        like = Event(event_id="if-like", user_id="u", type="like", ts=now, attributes={"topic": topic})
        reached = _strengths({1: _with(timeline, [like])}, topic, catalog, now, model).get(1, 0.0)
        return WhatIf(
            text=f"saying to like {topic} would make it about {reached:.0%}", value=reached, passes=reached >= clause.at_least
        )
    changed = _without(timeline) if passes else _with_more(timeline, topic, catalog, now)
    if not changed:
        return None
    found = _strengths(changed, topic, catalog, now, model)
    found = {n: found.get(n, 0.0) for n in changed}
    n = next((n for n, reached in found.items() if (reached >= clause.at_least) != passes), max(found))
    baskets = f"{'one' if n == 1 else n} {'fewer' if passes else 'more'} of the latest baskets"
    return WhatIf(
        text=f"{topic} in {baskets} would make the strength about {found[n]:.0%} instead of {value or 0:.0%}",
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


def _with_more(timeline: pl.DataFrame, topic: str, catalog: Catalog, now: datetime) -> dict[int, pl.DataFrame]:
    """By number, the timeline with the topic in so many more of the latest baskets, or in one today if there are none."""
    items = [item for item in catalog.items_of(topic)[:1] if topic in catalog.levels(item)]
    if not items:
        return {}
    visits = _visits(timeline).filter(~pl.col("own")).sort("ts", descending=True)
    latest = [(ts, session) for ts, session in visits.select("ts", "visit").head(max(BASKETS)).iter_rows()] or [(now, "if-today")]
    more = [
        Event(event_id=f"if-{n}", user_id="u", type="purchase", item_id=items[0], ts=ts, price=0.0, session_id=session)
        for n, (ts, session) in enumerate(latest)
    ]
    return {n: _with(timeline, more[:n]) for n in BASKETS if n <= len(more)}


def _without(timeline: pl.DataFrame) -> dict[int, pl.DataFrame]:
    """By number, the timeline without the topic in so many of the latest baskets that have it."""
    visits = _visits(timeline).filter("own").sort("ts", descending=True)["visit"]
    gone = {n: pl.col("own") & (pl.col("type") == "purchase") & visit().is_in(visits.head(n).implode()) for n in BASKETS}
    return {n: timeline.filter(~drop) for n, drop in gone.items() if n <= len(visits)}


def _visits(timeline: pl.DataFrame) -> pl.DataFrame:
    """visit, ts and whether the topic is in it (`own`) of each basket."""
    bought = timeline.filter(pl.col("type") == "purchase")
    return bought.group_by(visit=visit()).agg(pl.col("ts").max(), pl.col("own").any())


def _with(timeline: pl.DataFrame, events: list[Event]) -> pl.DataFrame:
    return pl.concat([timeline, event_frame(events).with_columns(own=pl.lit(True))])


def _strengths(
    timelines: dict[int, pl.DataFrame], topic: str, catalog: Catalog, as_of: datetime, model: InterestModel | None
) -> dict[int, float]:
    """The strength on a topic at the end of each timeline, all in one go: each stands for a user of its own.

    The learned model looks at all that a user does; without it, and for a broad topic, only the events on the topic and the
    user's first one count.
    """
    found = catalog.topic(topic)
    first = pl.col("ts") == pl.col("ts").min()
    needed = pl.lit(True) if model and found and found.is_leaf else pl.col("own") | first
    users = [events.filter(needed).with_columns(user_id=pl.lit(str(number))) for number, events in timelines.items()]
    features = topic_features(pl.concat(users).drop("own"), catalog, as_of)
    rows = features.with_columns(strength=strength(features, model)).filter(pl.col("topic") == topic)
    return {int(user): value for user, value in rows.select("user_id", "strength").iter_rows()}
