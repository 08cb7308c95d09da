"""Whether and why one user is in an audience: a proof per clause, for those outside the nearest miss and what it would take."""

from datetime import datetime

import polars as pl

from behavior.expressions import discount, visit
from tools.audience import resolve, segments_in, usual_bound, values_of, with_known_topics
from tools.audience_results import ClauseMatch, Evidence, Match, Proof, WhatIf
from tools.clauses import (
    And,
    BehaviourClause,
    Clause,
    InterestClause,
    Leaf,
    Not,
    Or,
    SegmentClause,
    TraitClause,
    in_words,
    leaves,
)
from tools.matching import first_day, on_topic, passes
from tools.people import with_topics
from tools.shop import Shop
from tools.whatif import other_count, other_strength, other_trait

SHOWN = 8
"""Events of evidence per clause."""


def explain_match(shop: Shop, user_id: str, topic: str, min_strength: float | None = None) -> Match:
    """Whether a user (id or pseudonym) is in the audience of a topic, and the evidence. Raises UnknownUser, UnknownTopic.

    Without a `min_strength` it is `usual_bound`, as for the audience.
    """
    user_id = resolve(shop, user_id)
    name = shop.topic(topic)
    min_strength = usual_bound(shop, name) if min_strength is None else min_strength
    proof = explain_clauses(shop, user_id, InterestClause(topic=name, at_least=min_strength)).proofs[0]
    interest = shop.interest(user_id, name)
    if interest and proof.value is not None:  # as the audience counted it, be it a moment ago
        interest = interest.model_copy(update={"strength": proof.value})
    notes = []
    if not proof.passes:
        have = interest.strength if interest else 0.0
        avoids = interest and interest.polarity == "avoids"
        against = f"the user {'said to avoid it' if interest and interest.origin == 'stated' else 'reviewed it badly'}"
        notes = [against if avoids else f"short by {min_strength - have:.0%}"]
    return Match(
        user_id=user_id,
        pseudonym=shop.pseudonym(user_id),
        topic=name,
        threshold=min_strength,
        matches=proof.passes,
        interest=interest,
        notes=notes,
        proofs=[proof],
    )


def explain_clauses(shop: Shop, user_id: str, clause: Clause, show_users: bool = False) -> ClauseMatch:
    """Whether a user (by id) satisfies `clause`, with a proof of each clause in it.

    `show_users` adds the user id, for a role that may see it. Raises UnknownUser, and BadClause as `audience_of` does.
    """
    timeline = with_topics(shop.timeline(user_id), shop.catalog)
    clause = with_known_topics(shop, clause)
    table = values_of(shop, clause, shop.views.people.only(user_id), segments_in(shop, clause))
    held = {path: bool(table.select(passes(leaf, path)).item()) for path, leaf, _ in leaves(clause)}
    values = {path: _number(table[path][0]) for path in held}
    short = {path: _shortfall(leaf, values[path]) for path, leaf, _ in leaves(clause)}
    misses = _to_turn(clause, True, held, short)
    newest = timeline.sort("ts", "event_id", descending=True)
    events = {path: _behind(leaf, newest, shop) for path, leaf, _ in leaves(clause)}
    proofs = []
    for path, leaf, wanted in leaves(clause):
        threshold, margin = _margin(leaf, values[path], held[path])
        proofs.append(
            Proof(
                path=path,
                in_words=in_words(leaf),
                wanted=wanted,
                passes=held[path],
                value=values[path],
                threshold=threshold,
                margin=margin,
                evidence=_evidence(events[path], shop),
                what_if=_turned(leaf, values[path], held[path], timeline, events[path], shop, user_id)
                if path in misses
                else None,
            )
        )
    return ClauseMatch(
        pseudonym=shop.pseudonym(user_id),
        in_words=in_words(clause),
        matches=table["matches"][0],
        proofs=proofs,
        nearest_miss=misses,
        user_id=user_id if show_users else None,
    )


def _to_turn(clause: Clause, wanted: bool, held: dict[str, bool], short: dict[str, float], path: str = "$") -> list[str]:
    """The paths of the leaves to turn around so that `clause` is as wanted: the fewest, of these the nearest in all."""
    match clause:
        case Not():
            return _to_turn(clause.clause, not wanted, held, short, f"{path}.clause")
        case And() | Or():
            children = [_to_turn(c, wanted, held, short, f"{path}.clauses[{at}]") for at, c in enumerate(clause.clauses)]
            if isinstance(clause, And) == wanted:  # all of them have to be so
                return [leaf for leaves_of_child in children for leaf in leaves_of_child]
            return min(children, key=lambda paths: (len(paths), sum(short[path] for path in paths)))
    return [] if held[path] == wanted else [path]


def _margin(leaf: Leaf, value: float | None, passes: bool) -> tuple[float, float]:
    """The bound of a leaf that its value is nearest to or beyond, and the distance to it, negative when it does not pass."""
    have = value or 0.0
    match leaf:
        case InterestClause():
            return leaf.at_least, have - leaf.at_least if value is not None else -leaf.at_least
        case BehaviourClause():
            return leaf.times, have - leaf.times
        case TraitClause():
            bound = min((leaf.low, leaf.high), key=lambda bound: abs(have - bound))
            return bound, abs(have - bound) if passes else -abs(have - bound)
        case SegmentClause():
            return 1.0, have - 1.0


def _shortfall(leaf: Leaf, value: float | None) -> float:
    """How far the value is from its bound, on a scale on which the clauses can be compared: 0 is there, 1 is far."""
    _, margin = _margin(leaf, value, passes=True)
    match leaf:
        case TraitClause():
            return abs(margin) / 100
        case BehaviourClause():
            return min(abs(margin) / leaf.times, 1.0)
        case SegmentClause():
            return 1.0
    return abs(margin)


def _behind(leaf: Leaf, newest: pl.DataFrame, shop: Shop) -> pl.DataFrame:
    """The events that make a leaf's value, the newest first as they come."""
    match leaf:
        case InterestClause():
            of_item = pl.col("type").is_in(["like", "dislike"]) & pl.col("item_id").is_not_null()
            about = on_topic(leaf.topic, shop.catalog)
            return newest.filter(about, pl.col("type") != "impression", ~of_item)
        case BehaviourClause():
            rows = newest.filter(pl.col("type") == leaf.event, pl.col("ts").dt.date() >= first_day(leaf, shop.now()))
            return rows if leaf.topic is None else rows.filter(on_topic(leaf.topic, shop.catalog))
        case TraitClause():
            return _behind_trait(leaf, newest.filter(pl.col("type") == "purchase"))
        case SegmentClause():
            return newest.head(0)


def _behind_trait(leaf: TraitClause, bought: pl.DataFrame) -> pl.DataFrame:
    """Purchases at a discount, of the user's first brand, or one of each basket."""
    match leaf.name:
        case "brand loyalty":
            first = bought["brand"].drop_nulls().value_counts(sort=True)["brand"].head(1).to_list()
            return bought.filter(pl.col("brand").is_in(first))
        case "shopping rhythm":
            return bought.unique(pl.col("session_id").fill_null(pl.col("event_id")), keep="first", maintain_order=True)
    return bought.filter(discount() > 0)


def _turned(
    leaf: Leaf, value: float | None, passes: bool, timeline: pl.DataFrame, behind: pl.DataFrame, shop: Shop, user_id: str
) -> WhatIf | None:
    match leaf:
        case InterestClause():
            return other_strength(leaf, value, passes, timeline, shop.catalog, shop.now(), shop.views.interest_model)
        case BehaviourClause():
            return other_count(leaf, _visits(leaf, behind), passes, shop.now())
        case TraitClause():
            return other_trait(leaf, value, passes, shop.views.people.traits, shop.views.traits, user_id)
        case SegmentClause():
            return None


def _visits(clause: BehaviourClause, events: pl.DataFrame) -> list[datetime]:
    """The time of each event that the clause counts, the newest first; of a basket's purchases the newest."""
    if clause.event == "purchase":
        events = events.unique(visit(), keep="first", maintain_order=True)
    return events["ts"].to_list()


def _evidence(events: pl.DataFrame, shop: Shop) -> list[Evidence]:
    def titled(item_id: str | None) -> str | None:
        item = shop.catalog.item(item_id) if item_id else None
        return item.title if item else None

    rows = events.select("event_id", "type", "ts", "item_id").head(SHOWN).iter_rows(named=True)
    return [Evidence(**row, title=titled(row["item_id"])) for row in rows]


def _number(value: float | bool | None) -> float | None:
    return None if value is None else float(value)
