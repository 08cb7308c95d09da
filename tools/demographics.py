"""Who the users of a segment are, where that is known: bands of age, income and the like that are clearly more frequent in it."""

import polars as pl
from scipy.stats import hypergeom

from retrieval.groups.segmentation import SMALLEST
from tools.insight_results import Demographic

SHOWN = 3
LIFT = 1.2
"""How much larger a share has to be than among everyone known: an index of 120."""
CHANCE = 0.001
"""How probable so many may be by chance at most: dozens of values in several segments are tried."""


def telling_demographics(members: pl.DataFrame, attributes: pl.DataFrame) -> dict[str, list[Demographic]]:
    """For each segment up to `SHOWN` values that are over-represented in it, the most telling first, each of ten members or more.

    `members` has a user_id and a segment_id for everyone, null in none; `attributes` is `EventStore.user_attributes`. The chance
    is that of so many in a draw of as many users from everyone known (hypergeometric). A value tells a segment apart by
    share * log(lift), its part of the Kullback-Leibler divergence from everyone known.
    """
    known = attributes.join(members, on="user_id")
    everyone = known.group_by("attribute", "value").len("having").with_columns(total=pl.col("having").sum().over("attribute"))
    inside = known.drop_nulls("segment_id").group_by("segment_id", "attribute", "value").len("found")
    shares = (
        inside.with_columns(known=pl.col("found").sum().over("segment_id", "attribute"))
        .join(everyone, on=["attribute", "value"])
        .with_columns(share=pl.col("found") / pl.col("known"), overall=pl.col("having") / pl.col("total"))
        .with_columns(lift=pl.col("share") / pl.col("overall"))
        .filter(pl.col("found") >= SMALLEST, pl.col("lift") >= LIFT)
    )
    drawn = [shares[name].to_numpy().astype(int) for name in ("total", "having", "known")]
    clear = shares.filter(hypergeom.sf(shares["found"].to_numpy().astype(int) - 1, *drawn) <= CHANCE)
    ranked = clear.sort("segment_id", -pl.col("share") * pl.col("lift").log(), "attribute", "value")
    told: dict[str, list[Demographic]] = {}
    for row in ranked.iter_rows(named=True):
        if len(several := told.setdefault(row["segment_id"], [])) < SHOWN:
            several.append(Demographic(**{name: row[name] for name in Demographic.model_fields}))
    return told
