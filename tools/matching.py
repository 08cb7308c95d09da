"""Clauses over frames of users: every clause is a value per user and a test of it, for all users at once.

`clause_values` and `passes` keep no state and compare nobody with anybody: a partition of the users gives its part of the answer.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import polars as pl

from behavior import Catalog
from tools.clauses import And, BehaviourClause, Clause, InterestClause, Leaf, Not, Or, SegmentClause, TraitClause, leaves
from tools.people import People


def clause_values(
    clause: Clause, people: People, segments: Mapping[str, Sequence[str]], catalog: Catalog, as_of: datetime
) -> pl.DataFrame:
    """One row per user, in no order: user_id, a column per leaf named by its path, and `strength`.

    A leaf's column holds the strength, the percentile, the count, or for a segment whether the user is in it; null where
    there is nothing to value. `strength` is the mean over the interests that must hold (0 for none known), null without any.
    Topics are catalog names; `segments` has the members of each segment that a clause names.
    """
    asked = list(leaves(clause))
    table = people.users
    for path, leaf, _ in asked:
        match leaf:
            case InterestClause():
                values = people.interests.filter(pl.col("topic") == leaf.topic).select("user_id", value="strength")
            case TraitClause():
                values = people.traits.select("user_id", value=leaf.name)
            case BehaviourClause():
                values = _counts(leaf, people.activity, catalog, as_of)
            case SegmentClause():
                values = pl.DataFrame({"user_id": segments[leaf.name]}, schema={"user_id": pl.Categorical}).with_columns(
                    value=True
                )
        table = table.join(values.rename({"value": path}), on="user_id", how="left")
    held = [path for path, leaf, wanted in asked if wanted and isinstance(leaf, InterestClause)]
    strength = pl.mean_horizontal(pl.col(path).fill_null(0) for path in held) if held else pl.lit(None, pl.Float64)
    return table.with_columns(strength=strength)


def passes(clause: Clause, path: str = "$") -> pl.Expr:
    """Whether a user satisfies a clause, over the columns of `clause_values`; never null."""
    match clause:
        case And():
            return pl.all_horizontal(passes(child, f"{path}.clauses[{at}]") for at, child in enumerate(clause.clauses))
        case Or():
            return pl.any_horizontal(passes(child, f"{path}.clauses[{at}]") for at, child in enumerate(clause.clauses))
        case Not():
            return ~passes(clause.clause, f"{path}.clause")
        case _:
            return _test(clause, pl.col(path)).fill_null(value=False)


def on_topic(name: str, catalog: Catalog) -> pl.Expr:
    """Whether a row with the columns `topic` (the narrowest) and `brand` is about a topic."""
    topic = catalog.topic(name)
    under = pl.col("topic").is_in(catalog.below(name))
    return (under | (pl.col("brand") == name)).fill_null(value=False) if topic and topic.kind == "brand" else under


def _test(leaf: Leaf, value: pl.Expr) -> pl.Expr:
    match leaf:
        case InterestClause():
            return value >= leaf.at_least
        case TraitClause():
            return (value >= leaf.low) & (value <= leaf.high if leaf.high == 100 else value < leaf.high)
        case BehaviourClause():
            return value >= leaf.times
        case SegmentClause():
            return value


def _counts(clause: BehaviourClause, activity: pl.DataFrame, catalog: Catalog, as_of: datetime) -> pl.DataFrame:
    """user_id and value: the events that the clause counts, baskets for purchases. The topic is tested first: it leaves least."""
    if clause.topic is not None:
        activity = activity.filter(on_topic(clause.topic, catalog))
    rows = activity.filter(pl.col("type") == clause.event, pl.col("day") >= first_day(clause, as_of))
    return rows.group_by("user_id").agg(
        value=pl.col("visit").n_unique() if clause.event == "purchase" else pl.col("events").sum()
    )


def first_day(clause: BehaviourClause, as_of: datetime) -> date:
    """The first day that the clause looks at."""
    return as_of.date() - timedelta(days=clause.days)
