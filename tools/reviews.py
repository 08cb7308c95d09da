"""What buyers said, quoted from the log."""

import polars as pl

from tools.results import Quote, Reviews
from tools.shop import Shop

SHOWN = 5


def read_reviews(shop: Shop, about: str) -> Reviews:
    """The newest reviews of the items of a topic; none when nobody wrote one. Raises UnknownTopic."""
    name = shop.topic(about)
    rows = shop.store.scan(types=["review"]).filter(
        pl.col("item_id").is_in(shop.catalog.items_of(name)), pl.col("text").is_not_null()
    )
    quotes = [
        Quote(
            event_id=row["event_id"],
            item_id=row["item_id"],
            title=shop.catalog.items[row["item_id"]].title,
            rating=row["rating"],
            text=row["text"],
        )
        for row in rows.sort("ts", descending=True).head(SHOWN).iter_rows(named=True)
    ]
    return Reviews(about=name, quotes=quotes)
