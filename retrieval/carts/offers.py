"""How often items sell, and what their buyers are usually given off."""

import polars as pl

from behavior.expressions import discount


def item_offers(bought: pl.DataFrame) -> pl.DataFrame:
    """One row per item of `bought` (purchase events with their topic): item_id, topic, `baskets` that hold it, typical `saving`.

    `saving` is the discount that the log records over the units bought, at a discount or not; null where no purchase of the
    item records one. Items of a topic come together, the most bought first.
    """
    off = discount()
    noted = off.is_not_null() & (pl.col("quantity") > 0)
    units = pl.col("quantity").filter(noted).sum()
    return (
        bought.drop_nulls(["item_id", "topic"])
        .group_by("item_id", "topic")
        .agg(
            baskets=pl.coalesce("session_id", "event_id").n_unique().cast(pl.Int64),
            saving=pl.when(units > 0).then(off.filter(noted).sum() / units),
        )
        .sort("topic", "baskets", "item_id", descending=[False, True, False])
    )
