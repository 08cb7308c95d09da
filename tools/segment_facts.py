"""The segments of the shop's users, described from what was fitted: what sets each apart, and what it buys."""

from collections.abc import Mapping
from math import sqrt

import numpy as np
import polars as pl

from retrieval.groups.segmentation import SMALLEST
from retrieval.groups.user_space import HABITS, LOGARITHMIC, broad
from tools.insight_results import Segment, SegmentDifference, TypicalTopic
from tools.segment_names import named
from tools.segment_words import SLIGHT, in_words

TYPICAL = 5


def described(members: pl.DataFrame, features: pl.DataFrame, names: Mapping[str, str]) -> list[Segment]:
    """Every segment of enough users, the largest first, without demographics, which no log tells.

    `members` is that of a `Segmentation`, `features` the `topic_features` of the same users, `names` those chosen by segment id.
    """
    typical = _typical(members, features)
    groups = {number: rows for (number,), rows in members.group_by("segment") if number is not None and len(rows) >= SMALLEST}
    segments = []
    for number in sorted(groups, key=lambda number: (-len(groups[number]), number)):
        rows = groups[number]
        topics = typical.get(number, [])
        segments.append(
            Segment(
                segment_id=f"s{number}",
                name="",
                size=len(rows),
                share=len(rows) / len(members),
                topics=[topic.topic for topic in topics],
                differences=_differences(rows, members.filter(pl.col("segment").ne_missing(number))),
                typical=topics,
                x=float(rows["x"].to_numpy().mean()),
                y=float(rows["y"].to_numpy().mean()),
            )
        )
    return named(segments, names)


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


def _typical(members: pl.DataFrame, features: pl.DataFrame) -> dict[int, list[TypicalTopic]]:
    """The broad topics that a segment, and at least ten of its users, buy more than everyone does, the most telling first.

    A topic tells a segment apart by share * log(lift), its part of the Kullback-Leibler divergence from everyone's purchases.
    """
    labels = members.select("user_id", "segment").drop_nulls()
    bought = broad(features.select("user_id", "topic", "is_leaf", "baskets")).join(labels, on="user_id")
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
