"""Segments of the shop's users, described: what sets each apart, what it buys, who they are, and why somebody is in it."""

from math import sqrt

import numpy as np
import polars as pl

from retrieval.groups.segmentation import SMALLEST
from retrieval.groups.user_space import HABITS, LOGARITHMIC, broad
from tools.demographics import telling_demographics
from tools.errors import ToolError, UnknownUser
from tools.merchant_results import (
    Segment,
    SegmentDifference,
    SegmentMembership,
    SegmentPoint,
    Segments,
    SegmentTrial,
    TypicalTopic,
)
from tools.segment_names import named
from tools.segment_words import SLIGHT, WORDS, in_words
from tools.shop import Shop

TYPICAL = 5
REASONS = 3


def list_segments(shop: Shop, name: str | None = None) -> Segments:
    """All segments of at least ten users, the largest first, or those whose id, name or topics hold the words of `name`."""
    fitted = shop.views.segmentation
    return Segments(
        segments=_holding(_described(shop), name or ""),
        trials=[SegmentTrial(**vars(trial)) for trial in fitted.trials],
        notes=_notes(shop),
    )


def segment_of_users(shop: Shop, name: str) -> list[str]:
    """The users of the one segment that `name` or an id names. Raises ToolError listing all when none or several do."""
    everyone = _described(shop)
    exact = [segment for segment in everyone if name.strip().lower() in (segment.segment_id, segment.name.lower())]
    found = exact or _holding(everyone, name)
    if len(found) != 1:
        known = ", ".join(segment.name for segment in everyone)
        raise ToolError(f"{len(found)} segments are called {name[:100]!r}, there are: {known}")
    members = segment_labels(shop)
    return members.filter(pl.col("segment_id") == found[0].segment_id)["user_id"].to_list()


def segment_labels(shop: Shop) -> pl.DataFrame:
    """user_id and segment_id of each user in a segment."""
    inside = shop.views.segmentation.members.filter(pl.col("segment").is_not_null())
    return inside.select("user_id", segment_id=pl.format("s{}", "segment"))


def segment_map(shop: Shop) -> list[SegmentPoint]:
    """All users with a purchase as points of a plane, in which they differ most; whose they are is not told."""
    members = shop.views.segmentation.members.select("segment", "x", "y").sort("x", "y")
    return [SegmentPoint(segment_id=None if number is None else f"s{number}", x=x, y=y) for number, x, y in members.iter_rows()]


def segment_of(shop: Shop, user_id: str) -> SegmentMembership:
    """The segment of a user and why. Raises UnknownUser."""
    if not shop.store.has_user(user_id):
        raise UnknownUser(user_id)
    own = shop.views.features.select("user_id", "topic", "is_leaf", "baskets").filter(pl.col("user_id") == user_id)
    placed = shop.views.segmentation.placement(user_id, own)
    if placed is None:
        return SegmentMembership(segment_id=None, name=None, reasons=["no purchase yet"])
    segments = {segment.segment_id: segment for segment in _described(shop)}
    segment, second = segments.get(f"s{placed.segment}"), segments.get(f"s{placed.second}")
    if segment is None:
        return SegmentMembership(segment_id=None, name=None, reasons=["unlike every segment"])
    if second is None:
        return SegmentMembership(segment_id=segment.segment_id, name=segment.name, reasons=["there is no other segment"])
    members = shop.views.segmentation.members
    usual = {
        number: members.filter(pl.col("segment") == number).select(pl.col(HABITS).median()).row(0, named=True)
        for number in (placed.segment, placed.second)
    }
    value = members.filter(pl.col("user_id") == user_id).row(0, named=True)
    bought = set(broad(own)["topic"])
    reasons = []
    for habit in sorted((name for name, gain in placed.gains.items() if gain > 0), key=lambda name: -placed.gains[name]):
        if habit != "topics" and value[habit] is not None:
            here, there = (WORDS[habit].tell(usual[number][habit]) for number in (placed.segment, placed.second))
            reasons.append(
                f"{WORDS[habit].label} {WORDS[habit].tell(value[habit])}: usual here {here}, in {second.name!r} {there}"
            )
        elif shared := [topic for topic in segment.topics if topic in bought]:
            reasons.append(f"buys {', '.join(shared)}, typical here")
    return SegmentMembership(segment_id=segment.segment_id, name=segment.name, reasons=reasons[:REASONS])


def _holding(segments: list[Segment], words: str) -> list[Segment]:
    """Those whose id, name or topics hold all of some words."""
    wanted = words.lower().split()
    return [s for s in segments if all(word in f"{s.segment_id} {s.name} {' '.join(s.topics)}".lower() for word in wanted)]


def _described(shop: Shop) -> list[Segment]:
    """Every segment of enough users, the largest first."""
    members = shop.views.segmentation.members
    typical = _typical(shop, members)
    demographics = telling_demographics(members.select("user_id", "segment"), shop.store.user_attributes())
    groups = {number: rows for (number,), rows in members.group_by("segment") if number is not None and len(rows) >= SMALLEST}
    segments = []
    for number in sorted(groups, key=lambda number: (-len(groups[number]), number)):
        rows = groups[number]
        topics = typical.get(number, [])
        names = [topic.topic for topic in topics]
        segments.append(
            Segment(
                segment_id=f"s{number}",
                name="",
                size=len(rows),
                share=len(rows) / len(members),
                topics=names,
                differences=_differences(rows, members.filter(pl.col("segment").ne_missing(number))),
                typical=topics,
                demographics=demographics.get(number, []),
                x=float(rows["x"].to_numpy().mean()),
                y=float(rows["y"].to_numpy().mean()),
            )
        )
    return named(segments, shop.views.segment_names)


def _differences(inside: pl.DataFrame, outside: pl.DataFrame) -> list[SegmentDifference]:
    """The habits that differ at least slightly between two groups, the most first; none when a group is too small."""
    found = []
    for habit in HABITS:
        here, there = inside[habit].drop_nulls(), outside[habit].drop_nulls()
        if min(len(here), len(there)) < SMALLEST:
            continue
        one, other = (values.log1p() if habit in LOGARITHMIC else values for values in (here, there))
        effect = _cohens_d(one.to_numpy(), other.to_numpy())
        if abs(effect) >= SLIGHT:
            middle, beside = float(np.median(here.to_numpy())), float(np.median(there.to_numpy()))
            text = in_words(habit, effect, middle, beside)
            found.append(SegmentDifference(habit=habit, text=text, effect=effect, inside=middle, outside=beside))
    return sorted(found, key=lambda difference: -abs(difference.effect))


def _cohens_d(one: np.ndarray, other: np.ndarray) -> float:
    """Difference of the means over the pooled standard deviation (Cohen 1988, chapter 2); 0 where nothing varies."""
    freedom = len(one) + len(other) - 2
    spread = sqrt(((len(one) - 1) * one.var(ddof=1) + (len(other) - 1) * other.var(ddof=1)) / freedom)
    return float((one.mean() - other.mean()) / spread) if spread > 1e-12 else 0.0


def _typical(shop: Shop, members: pl.DataFrame) -> dict[int, list[TypicalTopic]]:
    """The broad topics that a segment, and at least ten of its users, buy more than everyone does, the most telling first.

    A topic tells a segment apart by share * log(lift), its part of the Kullback-Leibler divergence from everyone's purchases.
    """
    labels = members.select("user_id", "segment").drop_nulls()
    bought = broad(shop.views.features.select("user_id", "topic", "is_leaf", "baskets")).join(labels, on="user_id")
    counts = bought.group_by("segment", "topic").agg(pl.col("baskets").sum(), users=pl.len())
    shares = counts.with_columns(
        share=pl.col("baskets") / pl.col("baskets").sum().over("segment"),
        overall=pl.col("baskets").sum().over("topic") / pl.col("baskets").sum(),
    ).with_columns(lift=pl.col("share") / pl.col("overall"))
    telling = shares.filter(pl.col("users") >= SMALLEST, pl.col("lift") > 1)
    ranked = telling.with_columns(gain=pl.col("share") * pl.col("lift").log()).sort("segment", -pl.col("gain"), "topic")
    found: dict[int, list[TypicalTopic]] = {}
    for number, topic, share, lift, users in ranked.select("segment", "topic", "share", "lift", "users").iter_rows():
        if len(topics := found.setdefault(number, [])) < TYPICAL:
            topics.append(TypicalTopic(topic=topic, share=share, lift=lift, users=users))
    return found


def _notes(shop: Shop) -> list[str]:
    """What a reader must know of the grouping: whether one could be made, and how many users are in none."""
    fitted, notes = shop.views.segmentation, []
    if not any(trial.chosen for trial in fitted.trials):
        notes.append("no grouping of the users is stable: they are one segment")
    outside = fitted.members["segment"].null_count()
    if outside >= SMALLEST:
        notes.append(f"{outside} users are unlike every segment and in none")
    return notes
