"""Fixtures that several folders share."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from agent.llm import LLM
from agent.runtime import Runtime, open_runtime
from behavior import Catalog, EventStore, Settings, event_frame
from tests import tiny
from tools import Shop, prepare
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
    with closing(tiny_shop(tmp_path / "home")) as shop:
        yield shop


@pytest.fixture(scope="session")
def read_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One tiny shop for the tests that only read it."""
    with closing(tiny_shop(tmp_path_factory.mktemp("shop") / "home")) as shop:
        yield shop


def tiny_shop(home: Path) -> Shop:
    settings = Settings(home=home)
    store = EventStore(settings.store_url)
    store.save_items(tiny.ITEMS)
    store.append(event_frame(tiny.events()))
    store.set(CLOCK, "log")
    store.close()
    return Shop.open(settings)


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inkling")


@pytest.fixture(scope="session")
def first_run(demo_home: Path) -> str:
    """What `make demo ONCE=1` prints on a machine that has never seen the demo shop or the model."""
    command = [sys.executable, "-c", "from ui.cli import app; app()", "demo", "--once"]
    environment = {**os.environ, "INKLING_HOME": str(demo_home), "COLUMNS": "200"}
    run = subprocess.run(command, env=environment, cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """An event loop in a thread of its own, for what lives longer than a test."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def demo(demo_home: Path, first_run: str, portal: BlockingPortal) -> Iterator[Runtime]:
    """The demo shop with the real LLM and the shipped adapter, started once for the whole run."""
    with portal.wrap_async_context_manager(open_runtime(Settings(home=demo_home), open_shop=prepare)) as runtime:
        assert runtime.no_llm is None
        yield runtime


@pytest.fixture(scope="session")
def llm(demo: Runtime) -> LLM:
    return demo.llm
