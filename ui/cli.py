"""The command line: `inkling --help`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from behavior import InterestProfile, Settings
    from tools import Shop
    from tools.results import Recommendations

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Inkling: interest profiles and recommendations with evidence."
)
_out = Console()
_err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for a program to read.")]


@app.command()
def demo(once: Annotated[bool, typer.Option("--once", help="Show one household and exit instead of serving.")] = False) -> None:
    """Prepare the demo shop and serve it (or show one household of it and exit)."""
    from tools import demo_users, prepare, recommend
    from tools.prepare import ACCOUNT

    with _readable_errors():
        settings = _settings()
        with _progress() as progress:
            shop = prepare(settings, progress)
        _out.print(f"[bold]Ingest:[/] {shop.store.get(ACCOUNT)}")
        user = demo_users(shop, 1)[0]
        if once:
            _print_profile(shop, shop.profile(user, limit=8))
            _print_cards(f"For household {user}", recommend(shop, user))
        else:
            _serve(shop, f"/v1/users/{user}/profile")


@app.command()
def serve() -> None:
    """Serve the shop of INKLING_HOME (or INKLING_DATABASE_URL)."""
    with _readable_errors():
        _serve(_open(), "/docs")


@app.command()
def ingest(
    file: Annotated[Path, typer.Argument(help="A .csv, .tsv, .parquet or .jsonl log.")],
    mapping: Annotated[str, typer.Option(help="A mapping file (JSON), or the name of a known format: rees46.")],
) -> None:
    """Read a log of events into the store and account for every row."""
    from behavior import EventStore
    from behavior import ingest as store_events
    from behavior.importers.table import REES46, Mapping, event_batches

    with _readable_errors():
        columns = REES46 if mapping == "rees46" else Mapping.read(Path(mapping))
        store = EventStore(_settings().store_url)
        with _progress() as progress:
            account = store_events(
                store, event_batches(file, columns), columns.source, lambda rows: progress(f"read {rows:,} rows")
            )
        _out.print(str(account), highlight=False)


@app.command()
def items(
    file: Annotated[Path, typer.Argument(help="A .jsonl catalog: one item an object, with item_id, title, path, brand, price.")],
) -> None:
    """Read a catalog into the store; items with a known id are replaced."""
    from behavior import EventStore, Item

    with _readable_errors():
        rows = []
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            try:
                rows.append(Item.model_validate_json(line))
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                raise ValueError(
                    f"{str(file)!r} line {number}: {first['loc']}: {first['msg']}, got {str(first['input'])[:80]!r}"
                ) from error
        EventStore(_settings().store_url).save_items(rows)
        _out.print(f"{len(rows):,} items stored")


@app.command()
def profile(
    user: str, topic: Annotated[str | None, typer.Option(help="Only what lies under this topic.")] = None, as_json: AsJson = False
) -> None:
    """Show what the shop believes about a user, with evidence."""
    from tools import show_profile

    with _readable_errors():
        shop = _open()
        found = show_profile(shop, user, topic)
        print(found.model_dump_json()) if as_json else _print_profile(shop, found)


@app.command()
def recommend(
    user: str,
    query: Annotated[str | None, typer.Option(help="What to look for, in words.")] = None,
    max_price: Annotated[float | None, typer.Option(min=0)] = None,
    only_new: Annotated[bool, typer.Option("--only-new", help="Nothing that the user bought before.")] = False,
    k: Annotated[int, typer.Option("-k", min=1, max=50)] = 5,
    as_json: AsJson = False,
) -> None:
    """Recommend items to a user, each with its reason."""
    from tools import recommend as recommend_items

    with _readable_errors():
        found = recommend_items(_open(), user, query, max_price, only_new, k)
        print(found.model_dump_json()) if as_json else _print_cards(f"For {user}", found)


def _serve(shop: "Shop", first_look: str) -> None:
    import uvicorn

    from ui.api import create_app

    host, port = shop.settings.host, shop.settings.port
    if host != "localhost" and not ip_address(host).is_loopback:
        raise ValueError(f"INKLING_HOST is {host!r}: without a login only a loopback address such as 127.0.0.1 may be served")
    _out.print(f"Serving at [link]http://{host}:{port}/docs[/link], for instance http://{host}:{port}{first_look} (Ctrl-C stops)")
    uvicorn.run(create_app(shop), host=host, port=port, log_level="warning")


def _settings() -> "Settings":
    from behavior import Settings

    return Settings()


def _open() -> "Shop":
    from tools import Shop

    with _progress() as progress:
        return Shop.open(_settings(), progress)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    with _err.status("starting") as status:
        yield lambda message: status.update(message)


@contextmanager
def _readable_errors() -> Iterator[None]:
    """One line on standard error and exit code 1 instead of a stack trace for what a user can mend."""
    from behavior import StoreError

    try:
        yield
    except (ValueError, StoreError, OSError) as error:
        _err.print(f"[red]error:[/] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error


def _print_profile(shop: "Shop", found: "InterestProfile") -> None:
    table = Table(title=f"What the shop believes about {found.user_id}, as of {found.as_of:%d %b %Y}")
    for column in ("topic", "strength", "kind", "why", "evidence"):
        table.add_column(column)
    for interest in found.interests:
        newest = shop.store.events(interest.evidence[:1])
        event = newest[0] if newest else None
        item = shop.catalog.item(event.item_id) if event and event.item_id else None
        proof = f"{event.ts:%d %b} {item.title if item else event.type} ({event.event_id})" if event else ""
        strength = f"{interest.strength:.0%}" if interest.polarity == "likes" else "avoids"
        table.add_row(interest.topic, strength, interest.horizon, interest.reason, proof)
    _out.print(table)
    for trait in found.traits:
        standing = "" if trait.percentile is None else f", more than {trait.percentile:.0f}% of users"
        _out.print(f"{trait.name}: {trait.value}{standing}", highlight=False)


def _print_cards(title: str, found: "Recommendations") -> None:
    table = Table(title=title)
    for column in ("item", "price", "why", "evidence"):
        table.add_column(column)
    for card in found.cards:
        price = "" if card.price is None else f"${card.price:.2f}"
        table.add_row(card.title, price, card.reason, ", ".join(card.evidence[:2]))
    _out.print(table)
    for note in found.notes:
        _out.print(note)
