"""How the command line talks: progress, errors in one line, signals, and the tables people read."""

import asyncio
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from agent.runtime import Runtime
    from behavior import InterestProfile, Settings
    from tools import Shop
    from tools.results import Card

out = Console()
err = Console(stderr=True)
QUIET_SECONDS = 60
"""After so long a step says again how far it is, where there is no bar."""

Report = Callable[[str], None]
OpenShop = Callable[["Settings", Report], "Shop"]


@contextmanager
def progress() -> Iterator[Report]:
    """What is being done, on standard error: a bar on a terminal, else a line for each step and each minute of a long one."""
    if not err.is_terminal:
        said, at = "", 0.0

        def line(message: str) -> None:
            nonlocal said, at
            step = re.sub(r"[\d,.]+", "", message)  # counts and seconds go on within a step
            if step != said or monotonic() - at >= QUIET_SECONDS:
                said, at = step, monotonic()
                err.print(message, markup=False, highlight=False, soft_wrap=True)

        yield line
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(24), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda message: bar.update(task, description=message)


@contextmanager
def readable_errors() -> Iterator[None]:
    """One line on standard error and exit code 1 instead of a stack trace for what a user can mend."""
    from agent.llm import LLMUnavailable
    from agent.server import ServerError
    from agent.weights import WeightsError
    from behavior import StoreError

    try:
        yield
    except (ValueError, StoreError, LLMUnavailable, ServerError, WeightsError, OSError, sqlite3.Error) as error:
        err.print(f"[red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end with readable errors. Ctrl-C and SIGTERM close what is open, in order, and exit with 128 + signal."""
    earlier = {number: signal.signal(number, _leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with readable_errors():
            asyncio.run(work)
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@asynccontextmanager
async def opened(settings: "Settings", open_shop: OpenShop | None = None) -> AsyncIterator["Runtime"]:
    """The runtime, opened behind a progress bar (see `open_runtime`); a missing LLM is said in one line."""
    from agent.runtime import open_runtime
    from tools import Shop

    async with AsyncExitStack() as stack:
        with progress() as report:
            runtime = await stack.enter_async_context(open_runtime(settings, report, open_shop or Shop.open))
        if runtime.no_llm:
            err.print(f"[yellow]no language model:[/] {escape(runtime.no_llm)}", highlight=False, soft_wrap=True)
        yield runtime


def settings() -> "Settings":
    from behavior import Settings

    return Settings()


def open_shop() -> "Shop":
    """The shop alone, without LLM."""
    from tools import Shop

    with progress() as report:
        return Shop.open(settings(), report)


def written_profile(runtime: "Runtime", user_id: str) -> "InterestProfile":
    """The profile with its written part, waited for. Raises UnknownUser."""
    with progress() as report:
        report(f"writing the profile of {user_id}")
        found = runtime.profiles.profile(user_id)
        if found.summary_status != "pending":
            return found
        runtime.profiles.wait()
        writing = runtime.profiles.writing(user_id)
        if writing and writing.report.sentences:
            return runtime.profiles.profile(user_id)
        return found.model_copy(update={"summary_status": "unavailable"})  # asking once more would begin to write anew


def print_profile(shop: "Shop", found: "InterestProfile") -> None:
    """A profile with the newest event behind each interest, and the written part if there is one."""
    table = Table(title=f"What the shop believes about {found.user_id}, as of {found.as_of:%d %b %Y}")
    for column in ("topic", "strength", "kind", "why", "evidence"):
        table.add_column(column)
    for interest in found.interests:
        newest = shop.store.events(interest.evidence[:1])
        event = newest[0] if newest else None
        item = shop.catalog.item(event.item_id) if event and event.item_id else None
        proof = f"{event.ts:%d %b} {item.title if item else event.type} ({event.event_id})" if event else ""
        strength = f"{interest.strength:.0%}" if interest.polarity == "likes" else "avoids"
        table.add_row(
            *map(escape, (interest.topic, strength, interest.horizon, "; ".join([interest.reason, *interest.drivers[:1]]), proof))
        )
    out.print(table)
    for trait in found.traits:
        standing = "" if trait.percentile is None else f", more than {trait.percentile:.0f}% of users"
        out.print(f"{trait.name}: {trait.value}{standing}", highlight=False)
    if found.summary_status == "ready":
        out.print(f"\n{found.summary}", markup=False, highlight=False)


def print_cards(title: str, cards: "list[Card]") -> None:
    """Products with price, reason and the first events behind them."""
    table = Table(title=title)
    for column in ("item", "price", "why", "evidence"):
        table.add_column(column)
    for card in cards:
        price = "" if card.price is None else f"${card.price:.2f}"
        table.add_row(*map(escape, (card.title, price, card.reason, ", ".join(card.evidence[:2]))))
    out.print(table)


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)
