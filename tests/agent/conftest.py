"""One tiny shop for tests that only read it."""

from collections.abc import Iterator

import pytest

from behavior import EventStore, Settings, event_frame
from tests import tiny
from tools import Shop
from tools.shop import CLOCK


@pytest.fixture(scope="session")
def read_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    settings = Settings(home=tmp_path_factory.mktemp("shop") / "home")
    store = EventStore(settings.store_url)
    store.save_items(tiny.ITEMS)
    store.append(event_frame(tiny.events()))
    store.set(CLOCK, "log")
    store.close()
    shop = Shop.open(settings)
    yield shop
    shop.close()
