"""Fixtures that several folders share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from behavior import Catalog, EventStore, event_frame
from tests import tiny


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
