"""The demo shop, made ready: imported once, fitted once, opened in seconds afterwards."""

from collections.abc import Callable

import polars as pl

from behavior import EventStore, Settings, ingest
from behavior.importers import completejourney
from tools.shop import CLOCK, Shop

ACCOUNT = "account"
"""Name in the store of the demo's ingest account, in words."""
ITEMS = "items"
"""Name in the store of the version of its items."""
USERS = "users"
"""Name in the store of the version of what is known of its users apart from their events."""


def prepare(settings: Settings, progress: Callable[[str], None]) -> Shop:
    """The demo shop, open. Imports what the store does not hold whole or as of today; a stop half-way is made good the next time.

    Raises StoreError when the database cannot be used.
    """
    store = EventStore(settings.store_url)
    if store.get(ITEMS) != (version := completejourney.items_version()):
        progress("reading the products")
        store.save_items(completejourney.items())
        store.set(ITEMS, version)
    if store.get(ACCOUNT) is None:
        account = ingest(
            store, completejourney.event_batches(), "completejourney", lambda rows: progress(f"stored {rows:,} rows")
        )
        store.set(CLOCK, "log")
        store.set(ACCOUNT, str(account))
    if store.get(USERS) != version:
        here = set(store.users())  # who was erased stays erased
        store.save_users({user_id: known for user_id, known in completejourney.users().items() if user_id in here})
        store.set(USERS, version)
    store.close()
    return Shop.open(settings, progress)


def demo_users(shop: Shop, n: int = 12) -> list[str]:
    """`n` users with long histories, to try the shop with; the same for the same log."""
    baskets = shop.views.features.filter(~pl.col("is_leaf")).group_by("user_id").agg(pl.col("baskets").sum())
    return baskets.sort("baskets", "user_id", descending=[True, False]).head(20 * n).gather_every(20)["user_id"].to_list()[:n]
