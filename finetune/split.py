"""What is kept for tests and never trained on: a fifth of the users, and the last days of the log."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, time, timedelta
from hashlib import blake2b
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

import polars as pl

from behavior import EventStore
from behavior.interest import WINDOW_DAYS
from tools import Shop
from tools.shop import CLOCK

TEST_DAYS = 31
DATES = 6


def held_out(user_id: str) -> bool:
    """Whether a user (one in five, by hash) is kept for tests."""
    return int.from_bytes(blake2b(user_id.encode(), digest_size=4).digest(), "big") % 5 == 0


def training_ends(store: EventStore) -> datetime:
    """Where the test days begin: 31 days before the midnight (UTC) before the newest event, 2017-12-01 in the demo.

    Raises ValueError for an empty log.
    """
    last = store.last_ts()
    if last is None:
        raise ValueError("the log is empty: there is nothing to train on")
    return datetime.combine(last.date(), time(), UTC) - timedelta(days=TEST_DAYS)


def training_dates(store: EventStore) -> list[datetime]:
    """Six dates, 28 days apart, whose next 28 days all end before the test days begin. Raises ValueError for an empty log."""
    start, window = training_ends(store), timedelta(days=WINDOW_DAYS)
    return [start - n * window for n in range(DATES, 0, -1)]


@contextmanager
def training_shop(shop: Shop, progress: Callable[[str], None]) -> Iterator[Shop]:
    """The shop as training may see it, for the length of the block: without held-out users, ending before the test days.

    It lies in a temporary folder and is fitted anew, so that audiences, brands and co-purchases that a training dialogue tells
    of are counted without them as well. Raises ValueError when no event is left.
    """
    with TemporaryDirectory(prefix="inkling-training-", ignore_cleanup_errors=True) as folder:
        progress("leaving out what is kept for tests")
        settings = shop.settings.model_copy(update={"home": Path(folder), "database_url": None})
        log = shop.store.scan(until=training_ends(shop.store))
        kept = log.filter(~pl.col("user_id").is_in([user for user in shop.store.users() if held_out(user)]))
        if kept.is_empty():
            raise ValueError(
                f"no event is left to train on: the log has {shop.store.count():,}, the last {TEST_DAYS} days are kept"
            )
        with closing(EventStore(settings.store_url)) as store:
            store.save_items(shop.catalog.items.values())
            store.append(kept)
            store.set(CLOCK, "log")
        if (vectors := shop.settings.home / "chroma").exists():
            copytree(vectors, settings.home / "chroma")
        with closing(Shop.open(settings, progress)) as apart:
            yield apart
