"""A shop's copy, and LLMs beside it, for work that must not touch the shop: evals and the gate of an adapter."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from ui import terminal

if TYPE_CHECKING:
    from agent.llm import LLM
    from agent.runtime import Runtime
    from behavior import EventStore, Settings


@asynccontextmanager
async def agent_on_a_copy(
    model_url: str | None, change: "Callable[[EventStore], None]" = lambda _: None
) -> "AsyncIterator[tuple[Runtime, str]]":
    """The agent over a copy of the shop, which `change` may alter before it is opened, and a user of it to speak for.

    Ends the command where there is no LLM.
    """
    from behavior import EventStore
    from tools import Shop, demo_users

    settings = terminal.settings()
    with TemporaryDirectory(prefix="inkling-eval-") as folder:
        copied = copy_of(settings, Path(folder))
        with closing(EventStore(copied.store_url)) as store:
            change(store)
        asked = settings.model_copy(update={"llm_url": model_url}) if model_url else settings
        async with terminal.opened(asked, lambda _, progress: Shop.open(copied, progress)) as runtime:
            if runtime.no_llm:
                raise typer.Exit(1)
            yield runtime, demo_users(runtime.shop, 1)[0]


@contextmanager
def base_alone(progress: Callable[[str], None]) -> "Iterator[LLM]":
    """The local LLM without an adapter."""
    from agent.llm import LLM
    from agent.server import local_server, shipped_adapter

    settings = terminal.settings()
    with local_server(settings, progress, shipped_adapter(settings).with_name("none")) as served:
        yield LLM(served.url, served.model)


@contextmanager
def sampled_llm(progress: Callable[[str], None]) -> "Iterator[LLM]":
    """The local LLM once more, on a port of its own, as it can be asked at a temperature."""
    from agent.llm import LLM
    from agent.server import local_server

    settings = terminal.settings().model_copy(update={"llm_port": None})
    with local_server(settings, progress, speculation=False) as served:
        yield LLM(served.url, served.model, served.adapter)


def copy_of(settings: "Settings", folder: Path) -> "Settings":
    """Settings of a copy of the shop in `folder`, fitted views included, for work that must not touch the shop.

    Raises ValueError for a database that is not SQLite.
    """
    from sqlalchemy import make_url

    url = make_url(settings.store_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        raise ValueError(f"only a shop in SQLite can be copied, not {url.render_as_string()!r}")
    if not Path(url.database).exists():
        raise ValueError(f"there is no shop at {url.database!r}: run `make demo`, or `inkling ingest` for your own")
    copied = settings.model_copy(update={"home": folder, "database_url": None})
    source = sqlite3.connect(f"file:{url.database}?mode=ro", uri=True)
    with closing(source), closing(sqlite3.connect(folder / "inkling.db")) as target:
        source.backup(target)
    for part in ("models/views", "chroma"):
        if (settings.home / part).exists():
            copytree(settings.home / part, folder / part)
    return copied
