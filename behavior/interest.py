"""The numeric interest profile: how likely a user acts on a topic, since when, and the events that say so."""

from datetime import datetime
from math import exp, log
from typing import Any

import polars as pl

from behavior.catalog import Catalog
from behavior.expressions import discount, visit
from behavior.features import topic_features
from behavior.interest_model import InterestModel
from behavior.opinions import EVIDENCE, avoided
from behavior.propensity_features import simple_estimate
from behavior.schema import Horizon, Interest, InterestProfile, TopicStats, Trait
from behavior.visits import HALF_LIFE_DAYS, RECENT_HALF_LIFE_DAYS

WINDOW_DAYS = 28.0
STATED_BASKETS = 8.0
AVOIDED = 0.01
LOOKING = ("impression", "view", "click", "search")
"""Types of event that come by the dozen in a visit and seldom change what is believed."""
LEARNED, SIMPLE = "learned", "recency-weighted"
"""Names of the estimates in `InterestProfile.model`."""


def strength(features: pl.DataFrame, model: InterestModel | None = None) -> pl.Series:
    """Probability of a purchase on the topic in the next 28 days, one value in [0, 1] per row of `topic_features`.

    The model's where it covers the row (then `features` must hold each user's rows whole), else the gamma-Poisson estimate of
    `simple_estimate`. A stated like counts as eight baskets more, of a rate that adds to the estimated one; a stated dislike
    leaves .01 until something is said again, the user's own reviews against the topic .01 at most.
    """
    simple = features.select(value=simple_estimate(), liked=simple_estimate(STATED_BASKETS), stated="stated", avoided=avoided())
    learned = pl.Series([None] * len(features), dtype=pl.Float64) if model is None else model.probability(features)
    value = pl.coalesce("learned", "value")
    liked = 1 - (1 - value) * (1 - pl.col("liked")) / (1 - pl.col("value"))
    said = pl.when(pl.col("stated") == -1).then(AVOIDED).when(pl.col("stated") == 1).then(liked)
    chosen = said.when("avoided").then(pl.min_horizontal(value, AVOIDED)).otherwise(value)
    return simple.with_columns(learned=learned).select(strength=chosen)["strength"]


def trait_values(events: pl.DataFrame, catalog: Catalog) -> pl.DataFrame:
    """Habits across topics, one row per user with a priced purchase.

    Columns: `discount_share` (discount / full price), `deal_share` (share of purchases with a discount), `top_brand_share`,
    `days_between_baskets` (null for one basket).
    """
    bought = events.filter(pl.col("type") == "purchase", pl.col("price").is_not_null())
    ids = bought["item_id"].drop_nulls().unique()
    brands = {item_id: item.brand for item_id in ids if (item := catalog.item(item_id))}
    brand = pl.col("item_id").replace_strict(brands, default=None, return_dtype=pl.String)
    bought = bought.with_columns(discount=discount().fill_null(0.0), brand=brand)
    of_brands = bought.filter(pl.col("brand").is_not_null()).group_by("user_id", "brand").len()
    loyalty = of_brands.group_by("user_id").agg(top_brand_share=pl.col("len").max() / pl.col("len").sum())
    days = (pl.col("ts").max() - pl.col("ts").min()).dt.total_microseconds() / 86_400e6
    visits = visit().n_unique()
    return (
        bought.group_by("user_id")
        .agg(
            discount_share=pl.col("discount").sum() / (pl.col("discount").sum() + pl.col("price").sum()),
            deal_share=(pl.col("discount") > 0).mean(),
            days_between_baskets=pl.when(visits > 1).then(days / (visits - 1)),
        )
        .join(loyalty, on="user_id", how="left")
        .sort("user_id")
    )


def build_profile(
    user_id: str,
    timeline: pl.DataFrame,
    catalog: Catalog,
    as_of: datetime,
    population: pl.DataFrame | None = None,
    limit: int = 24,
    model: InterestModel | None = None,
    with_drivers: bool = True,
) -> InterestProfile:
    """The numeric profile of one user from the user's whole timeline (an event frame).

    The `limit` strongest of the narrowest topics, those that the user's reviews are against, and all that the user stated.
    `population` is `trait_values` of all users, for percentiles; `model` gives the strengths and says what drove them, which
    takes a third of the time and is left out unless `with_drivers`. An empty timeline gives an empty profile.
    """
    features = topic_features(timeline, catalog, as_of)
    ranked = features.with_columns(strength=strength(features, model)).sort("strength", "topic", descending=[True, False])
    said = (pl.col("stated_on") == pl.col("topic")).fill_null(value=False)
    always = said | (pl.col("stated").is_null() & avoided() & pl.col("is_leaf"))
    chosen = pl.concat([ranked.filter(always), ranked.filter(~always, "is_leaf").head(limit)])
    rows = chosen.sort("strength", "topic", descending=[True, False])
    drivers = model.drivers(features, rows["topic"].to_list()) if model and with_drivers else {}
    return InterestProfile(
        user_id=user_id,
        as_of=as_of,
        interests=[_interest(row, catalog, as_of, drivers.get(row["topic"], [])) for row in rows.iter_rows(named=True)],
        traits=_traits(trait_values(timeline, catalog), population),
        model=SIMPLE if model is None else LEARNED,
        version=len(timeline.filter(~pl.col("type").is_in(LOOKING))),
    )


def build_interest(
    topic: str,
    timeline: pl.DataFrame,
    catalog: Catalog,
    as_of: datetime,
    model: InterestModel | None = None,
    with_drivers: bool = True,
) -> Interest | None:
    """The interest in one topic, narrow or broad, of the user whose whole timeline this is; None without an act on it.

    Of a narrow topic what `build_profile` says, however many interests are stronger; what drove it is left out alike.
    """
    features = topic_features(timeline, catalog, as_of)
    row = features.with_columns(strength=strength(features, model)).filter(pl.col("topic") == topic)
    if row.is_empty():
        return None
    drivers = model.drivers(features, [topic]) if model and with_drivers else {}
    return _interest(row.row(0, named=True), catalog, as_of, drivers.get(topic, []))


def horizon(row: dict[str, Any], as_of: datetime) -> Horizon:
    """What kind of interest a row of `topic_features` is: new under 28 days, one_off for a single basket, fading when overdue."""
    if row["baskets"] <= 1:
        return "new" if row["last_ts"] is None or (as_of - row["last_ts"]).days < WINDOW_DAYS else "one_off"
    if (as_of - row["first_ts"]).days < WINDOW_DAYS:
        return "new"
    if (as_of - row["last_ts"]).days > max(3 * row["mean_interval_days"], WINDOW_DAYS):
        return "fading"
    pace = row["decayed_recent"] / _exposure(row["observed_days"], RECENT_HALF_LIFE_DAYS)
    long_pace = row["decayed"] / _exposure(row["observed_days"], HALF_LIFE_DAYS)
    return "rising" if pace > 1.5 * long_pace else "habit"


def reason(row: dict[str, Any]) -> str:
    """The facts of a row of `topic_features` in a few words."""
    if row["stated"]:
        about = "it" if row["stated_on"] == row["topic"] else row["stated_on"]
        word = f"said to {'like' if row['stated'] == 1 else 'avoid'} {about}"
        return f"{word} on {_day(row['stated_ts'])}" + (f", bought {times(row['baskets'])}" if row["baskets"] else "")
    acts = []
    if row["baskets"]:
        often = row["baskets"] > 2 and row["mean_interval_days"] >= 1.5
        pace = f", about every {round(row['mean_interval_days']) or 1} days" if often else ""
        acts = [f"bought {times(row['baskets'])}{pace}, last on {_day(row['last_ts'])}"]
    elif looks := row["views"] + row["carts"]:
        acts = [f"looked at {times(looks)}, never bought"]
    if _cites_reviews(row):
        acts = [_reviewed(row["reviews"], row["stars"]), *acts]
    return ", ".join(acts) or "never bought"


def times(count: int) -> str:
    """How often, as reasons, digests and training data have it alike: "once", "2 times"."""
    return "once" if count == 1 else f"{count} times"


def reviews(count: int) -> str:
    """How many reviews, as reasons, the LLM and training data have it alike: "1 review", "8 reviews"."""
    return "1 review" if count == 1 else f"{count} reviews"


def stars(given: float) -> str:
    """Stars, of one review or on average, as people read them: "1 star", "4.5 stars"."""
    number = f"{given:.1f}".removesuffix(".0")
    return f"{number} {'star' if number == '1' else 'stars'}"


def _interest(row: dict[str, Any], catalog: Catalog, as_of: datetime, drivers: list[str]) -> Interest:
    topic = catalog.topic(row["topic"])
    avoids = (row["stated"] or row["opinion"]) == -1
    cited = row["review_evidence"] if _cites_reviews(row) else []
    return Interest(
        topic=row["topic"],
        path=topic.path if topic else (row["topic"],),
        polarity="avoids" if avoids else "likes",
        origin="inferred" if row["stated"] is None else "stated",
        strength=row["strength"],
        horizon=horizon(row, as_of),
        reason=reason(row),
        drivers=[] if row["stated"] or avoids else drivers,
        evidence=list(dict.fromkeys([*cited, *row["evidence"]]))[:EVIDENCE],
        stats=TopicStats(count=row["baskets"], last=row["last_ts"], interval_days=row["mean_interval_days"], spend=row["spend"]),
    )


def _traits(own: pl.DataFrame, population: pl.DataFrame | None) -> list[Trait]:
    if own.is_empty():
        return []
    row = own.row(0, named=True)
    words: list[tuple[Any, str, str]] = [
        ("price sensitivity", "discount_share", f"{row['discount_share']:.0%} off on average"),
        ("promotion affinity", "deal_share", f"{row['deal_share']:.0%} of purchases discounted"),
        ("brand loyalty", "top_brand_share", f"{row['top_brand_share'] or 0:.0%} from one brand"),
        ("shopping rhythm", "days_between_baskets", f"a basket every {row['days_between_baskets'] or 0:.1f} days"),
    ]
    return [
        Trait(name=name, value=value, percentile=None if population is None else _percentile(population[column], row[column]))
        for name, column, value in words
        if row[column] is not None
    ]


def _exposure(days: float, half_life: float) -> float:
    """The days observed, each weighted by 2^(-age / half-life)."""
    return half_life / log(2) * (1.0 - exp(-log(2) * days / half_life))


def _percentile(values: pl.Series, value: float) -> float | None:
    known = values.drop_nulls()
    below, equal = int((known < value).sum()), int((known == value).sum())
    return None if known.is_empty() else round(100 * (below + equal / 2) / len(known), 1)


def _cites_reviews(row: dict[str, Any]) -> bool:
    """Whether stars are part of the reason: they say something of the topic, or nothing else does."""
    acted = row["baskets"] or row["views"] or row["carts"]
    return bool(not row["stated"] and (row["opinion"] or (row["reviews"] and not acted)))


def _reviewed(count: int, mean: float) -> str:
    return f"{reviews(count)}, {stars(mean)}" + ("" if count == 1 else " on average")


def _day(ts: datetime) -> str:
    return f"{ts.day} {ts:%b}"
