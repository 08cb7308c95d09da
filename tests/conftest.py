"""Fixtures that several folders share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from behavior import Catalog, EventStore, Settings, event_frame
from tests import tiny
from tools import Shop
from tools.shop import CLOCK


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    """A fresh store on disk that holds the tiny shop."""
    store = EventStore(f"sqlite:///{tmp_path / 'tiny.db'}")
    store.save_items(tiny.ITEMS)
    store.append(event_frame(tiny.events()))
    yield store
    store.close()


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog(tiny.ITEMS)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """The tiny shop with its models fitted, its clock standing at the end of its log."""
    settings = Settings(home=tmp_path / "home")
    store = EventStore(settings.store_url)
    store.save_items(tiny.ITEMS)
    store.append(event_frame(tiny.events()))
    store.set(CLOCK, "log")
    store.close()
    shop = Shop.open(settings)
    yield shop
    shop.close()
