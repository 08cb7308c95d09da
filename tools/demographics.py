"""Who the users of a segment are, where that is known: bands of age, income and the like that are clearly more frequent in it."""

from math import asin, sqrt

import polars as pl
from scipy.stats import hypergeom

from retrieval.segmentation import SMALLEST
from tools.merchant_results import Demographic
from tools.segment_words import SLIGHT

SHOWN = 3
CHANCE = 0.001
"""Probability by chance up to which a share is clearly higher. There are dozens of values in several segments to try."""


def telling_demographics(members: pl.DataFrame, attributes: pl.DataFrame) -> dict[int, list[Demographic]]:
    """For each segment up to `SHOWN` values that are over-represented in it, the most first, each of at least ten members.

    `members` has a user_id and a segment for everyone, null in none; `attributes` is `EventStore.user_attributes`. A value is
    over-represented when its share is at least slightly higher than among everyone known, by Cohen's h (1988, chapter 6), and
    as many would rarely be found in a draw of as many users from everyone known (the hypergeometric distribution).
    """
    known = attributes.join(members, on="user_id")
    everyone = known.group_by("attribute", "value").len("having").with_columns(total=pl.col("having").sum().over("attribute"))
    inside = (
        known.drop_nulls("segment")
        .group_by("segment", "attribute", "value")
        .len("found")
        .with_columns(known=pl.col("found").sum().over("segment", "attribute"))
        .filter(pl.col("found") >= SMALLEST)
        .join(everyone, on=["attribute", "value"])
    )
    ranked: dict[int, list[tuple[float, Demographic]]] = {}
    for row in inside.sort("segment", "attribute", "value").iter_rows(named=True):
        share, overall = row["found"] / row["known"], row["having"] / row["total"]
        effect = _cohens_h(share, overall)
        if effect >= SLIGHT and hypergeom.sf(row["found"] - 1, row["total"], row["having"], row["known"]) <= CHANCE:
            telling = Demographic(
                attribute=row["attribute"], value=row["value"], share=share, overall=overall, known=row["known"]
            )
            ranked.setdefault(row["segment"], []).append((effect, telling))
    return {
        segment: [telling for _, telling in sorted(found, key=lambda pair: -pair[0])[:SHOWN]] for segment, found in ranked.items()
    }


def _cohens_h(share: float, other: float) -> float:
    """The difference of two shares, stretched so that it is as visible near 0 and 1 as in the middle."""
    return 2 * asin(sqrt(share)) - 2 * asin(sqrt(other))
