"""`inkling eval` and `inkling finetune`: how right the agent is, and how it is trained."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ui import terminal
from ui.terminal import out

if TYPE_CHECKING:
    from behavior import Settings

evals = typer.Typer(no_args_is_help=True, help="Measure an ability; prints a table, then one JSON line.")
finetune = typer.Typer(no_args_is_help=True, help="Make training data and train an adapter.")


@evals.callback()
def _evals() -> None:
    """Keeps `eval NAME` a group while it has one command."""


@evals.command("tool-calls")
def tool_calls(
    split: Annotated[Literal["dev", "test", "all"], typer.Option(help="Which half of the hand-written lines.")] = "dev",
    model_url: Annotated[str | None, typer.Option(help="An OpenAI-compatible server to ask instead of the shop's own.")] = None,
) -> None:
    """On lines as people type them: does the agent call the right tool with the right arguments?"""
    from tools import Shop, demo_users

    async def main() -> None:
        from eval.tool_calls import load_lines, run, show

        lines = load_lines(None if split == "all" else split)
        settings = terminal.settings()
        if model_url:
            settings = settings.model_copy(update={"llm_url": model_url})
        with TemporaryDirectory(prefix="inkling-eval-") as folder:
            copied = copy_of(settings, Path(folder))
            async with terminal.opened(settings, lambda _, progress: Shop.open(copied, progress)) as runtime:
                if runtime.no_llm:
                    raise typer.Exit(1)
                user = demo_users(runtime.shop, 1)[0]
                with terminal.progress() as progress:
                    result = await run(runtime.chat, lines, progress, user_id=user)
                show(result, out, model=runtime.llm.model, adapter=runtime.llm.adapter)

    terminal.run(main())


@finetune.command()
def data(
    file: Annotated[Path, typer.Option("--out", help="Where to write the examples (.jsonl).")],
    seed: Annotated[int, typer.Option()] = 7,
    size: Annotated[int, typer.Option(min=1, help="How many single lines.")] = 5_000,
    dialogues: Annotated[int, typer.Option(min=0, help="How many sessions of several turns.")] = 450,
    profiles: Annotated[int, typer.Option(min=0, help="How many written profiles.")] = 110,
) -> None:
    """Write training examples made from the shop's own catalog and events."""
    from finetune.data import write

    with terminal.readable_errors():
        shop = terminal.open_shop()
        with terminal.progress() as progress:
            rows = write(shop, file, seed=seed, lines=size, dialogues=dialogues, profiles=profiles, progress=progress)
        out.print(f"{rows:,} examples written to {file}", highlight=False)


@finetune.command()
def train(
    file: Annotated[Path, typer.Option("--data", help="Examples that `finetune data` wrote.", exists=True, dir_okay=False)],
    folder: Annotated[Path, typer.Option("--out", help="Where to write the adapter; a stopped run goes on from there.")],
    seed: Annotated[int, typer.Option()] = 7,
    epochs: Annotated[int, typer.Option(min=1)] = 1,
    learning_rate: Annotated[float, typer.Option(min=0)] = 1e-3,
    start: Annotated[
        Path | None, typer.Option("--from", help="An adapter to go on from, e.g. the shipped one.", exists=True, file_okay=False)
    ] = None,
) -> None:
    """Train a LoRA adapter on the embedded model and print the summary of the run as JSON."""
    from agent.weights import base_model
    from finetune.train import train as train_adapter

    with terminal.readable_errors():
        with terminal.progress() as progress:
            base = base_model(terminal.settings().home, progress)
        print(json.dumps(train_adapter(file, base, folder, seed, epochs, learning_rate, start)))


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
