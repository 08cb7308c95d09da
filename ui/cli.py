"""The command line: `inkling --help`. Each command imports what it needs when it is called, so that help comes at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import uuid4

import typer
from pydantic import ValidationError
from rich.markup import escape
from rich.table import Column, Table

from ui import evaluating, learning, terminal
from ui.terminal import out

if TYPE_CHECKING:
    from agent.runtime import Runtime

DEMO_LINE = "any frozen pizza under 6 dollars?"

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Inkling: interest profiles, recommendations and chat with evidence."
)
app.add_typer(evaluating.evals, name="eval")
app.add_typer(learning.finetune, name="finetune")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for a program to read.")]


@app.command()
def demo(once: Annotated[bool, typer.Option("--once", help="Show one household and exit instead of serving.")] = False) -> None:
    """Prepare the demo shop and serve it (or show one household of it and exit)."""
    from tools import prepare

    terminal.run(_show_household() if once else _serve(prepare))


@app.command()
def serve() -> None:
    """Serve the shop of INKLING_HOME (or INKLING_DATABASE_URL)."""
    terminal.run(_serve())


@app.command()
def ingest(
    file: Annotated[Path, typer.Argument(help="A .csv, .tsv, .parquet or .jsonl log, or reviews as .json.gz.")],
    mapping: Annotated[str, typer.Option(help="A mapping file (JSON), or the name of a known format: rees46, amazon-reviews.")],
    topic: Annotated[str, typer.Option(help="For amazon-reviews: the topic of items that the catalog lacks.")] = "Reviewed",
) -> None:
    """Read a log of events into the store and account for every row."""
    from behavior import EventStore
    from behavior import ingest as store_events
    from behavior.importers import reviews
    from behavior.importers.table import REES46, Mapping, event_batches

    with terminal.readable_errors():
        store = EventStore(terminal.settings().store_url)
        if mapping == "amazon-reviews":
            known = {item.item_id for item in store.load_items()}
            store.save_items(item for item in reviews.items(file, topic) if item.item_id not in known)
            source, batches = mapping, reviews.event_batches(file)
        else:
            columns = REES46 if mapping == "rees46" else Mapping.read(Path(mapping))
            source, batches = columns.source, event_batches(file, columns)
        with terminal.progress() as progress:
            account = store_events(store, batches, source, lambda rows: progress(f"read {rows:,} rows"))
        out.print(str(account), highlight=False)


@app.command()
def items(
    file: Annotated[Path, typer.Argument(help="A .jsonl catalog: one item an object, with item_id, title, path, brand, price.")],
) -> None:
    """Read a catalog into the store; items with a known id are replaced."""
    from behavior import EventStore, Item

    with terminal.readable_errors():
        rows = []
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            try:
                rows.append(Item.model_validate_json(line))
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                raise ValueError(
                    f"{str(file)!r} line {number}: {first['loc']}: {first['msg']}, got {str(first['input'])[:80]!r}"
                ) from error
        EventStore(terminal.settings().store_url).save_items(rows)
        out.print(f"{len(rows):,} items stored")


@app.command("prepare")
def prepare_shop() -> None:
    """Fit all models and build the text index, unless they are of this very log and catalog already.

    A shop that is opened does so by itself, but puts up with models whose log has grown by up to a twentieth since; new
    events count at once either way. Run it each night, also beside a serving app, which has the new models from its next start.
    """
    from tools import Shop

    with terminal.readable_errors():
        with terminal.progress() as progress:
            shop = Shop.open(terminal.settings(), progress, growth=0.0)
        users, products = len(shop.store.users()), len(shop.catalog.items)
        out.print(f"Ready: {shop.store.count():,} events of {users:,} users, {products:,} products", highlight=False)
        shop.close()


@app.command()
def profile(
    user: str,
    topic: Annotated[str | None, typer.Option(help="Only what lies under this topic, in numbers.")] = None,
    numeric: Annotated[bool, typer.Option("--numeric", help="Do not wait for the written part: needs no LLM.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the shop believes about a user, with evidence."""
    from tools import show_profile

    async def main() -> None:
        if numeric or topic is not None:
            shop = terminal.open_shop()
            found = show_profile(shop, user, topic)
            print(found.model_dump_json()) if as_json else terminal.print_profile(shop, found)
            return
        settings = terminal.settings()
        _know(user)
        async with terminal.opened(settings) as runtime:
            found = terminal.written_profile(runtime, user)
            print(found.model_dump_json()) if as_json else terminal.print_profile(runtime.shop, found)

    terminal.run(main())


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

    with terminal.readable_errors():
        found = recommend_items(terminal.open_shop(), user, query, max_price, only_new, k)
        if as_json:
            print(found.model_dump_json())
            return
        terminal.print_cards(f"For {escape(user)}", found.cards)
        for note in found.notes:
            out.print(escape(note))


@app.command()
def chat(
    user: Annotated[str, typer.Argument(help="The shopper who types; for a merchant any name.")],
    role: Annotated[Literal["shopper", "merchant"], typer.Option(help="Whose tools the agent has.")] = "shopper",
    as_json: Annotated[bool, typer.Option("--json", help="Read lines from standard input, print a JSON object a turn.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="With --json: a session of its own for each line.")] = False,
    session: Annotated[str | None, typer.Option(help="Go on with this session; without it a new one begins.")] = None,
) -> None:
    """Chat with the agent as a shopper or as a merchant."""

    async def main() -> None:
        from ui.chatting import answer_lines, converse

        settings = terminal.settings()
        if role == "shopper":
            _know(user)
        async with terminal.opened(settings) as runtime:
            user_id = user if role == "shopper" else None
            name = session or f"cli-{uuid4().hex[:8]}"
            if as_json:
                await answer_lines(runtime, role, user_id, name, fresh)
            else:
                await converse(runtime, role, user_id, name)

    terminal.run(main())


@app.command()
def doctor() -> None:
    """Say what is present, what is missing and what to do about it. Exits with 1 if something needed is missing."""
    from ui.doctor import checks

    found = checks(terminal.settings())
    marks = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "missing": "[red]✗[/]"}
    table = Table("", "", Column("found", overflow="fold"), Column("what to do", overflow="fold"), box=None)
    for check in found:
        table.add_row(marks[check.status], check.name, escape(check.found), escape(check.todo))
    out.print(table)
    raise typer.Exit(any(check.status == "missing" for check in found))


async def _serve(open_shop: terminal.OpenShop | None = None) -> None:
    from ui.serving import bound, serve

    settings = terminal.settings()
    with bound(settings) as listener:
        async with terminal.opened(settings, open_shop) as runtime:
            address = f"http://{settings.host}:{settings.port}"
            _print_account(runtime)
            out.print(f"Serving at {address}, the API's documentation at {address}/docs (Ctrl-C stops)", soft_wrap=True)
            await serve(runtime, listener)


async def _show_household() -> None:
    """The ingest account, a profile with its written part, and a chat turn. Exits with 1 if there is no LLM to make them."""
    from tools import demo_users, prepare
    from ui.chatting import show

    async with terminal.opened(terminal.settings(), prepare) as runtime:
        _print_account(runtime)
        user = demo_users(runtime.shop, 1)[0]
        terminal.print_profile(runtime.shop, terminal.written_profile(runtime, user))
        out.print(f"\n[bold]household {user}:[/] {DEMO_LINE}", highlight=False)
        session = f"demo-{uuid4().hex[:8]}"
        done = await show(runtime.chat.stream(DEMO_LINE, role="shopper", user_id=user, session_id=session))
        if done is None or done.status == "unavailable":
            raise typer.Exit(1)


def _print_account(runtime: "Runtime") -> None:
    from tools.prepare import ACCOUNT

    if account := runtime.shop.store.get(ACCOUNT):
        out.print(f"[bold]Ingest:[/] {account}")


def _know(user: str) -> None:
    """Raises UnknownUser before anything slow is started."""
    from behavior import EventStore
    from tools import UnknownUser

    store = EventStore(terminal.settings().store_url)
    try:
        if not store.has_user(user):
            raise UnknownUser(user)
    finally:
        store.close()
