"""`inkling finetune`: how the agent is trained."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from ui import terminal
from ui.copies import copy_of
from ui.terminal import err, out

if TYPE_CHECKING:
    from eval.gate import Measured

finetune = typer.Typer(no_args_is_help=True, help="Make training data and train an adapter.")


@finetune.command()
def data(
    file: Annotated[Path, typer.Option("--out", help="Where to write the examples (.jsonl).")],
    seed: Annotated[int, typer.Option()] = 7,
    size: Annotated[int, typer.Option(min=1, help="How many single lines.")] = 5_000,
    dialogues: Annotated[int, typer.Option(min=0, help="How many sessions of several turns.")] = 450,
    profiles: Annotated[int, typer.Option(min=0, help="How many written profiles.")] = 110,
    phrases: Annotated[
        Path | None,
        typer.Option(
            help="Draw what people type from files of your own, in the form of finetune/phrases.", exists=True, file_okay=False
        ),
    ] = None,
    from_feedback: Annotated[
        bool, typer.Option("--from-feedback", help="Add what users liked, dismissed and corrected.")
    ] = False,
) -> None:
    """Write training examples made from the shop's own catalog and events."""
    from finetune.data import write
    from finetune.phrases import FOLDER

    with terminal.readable_errors():
        shop = terminal.open_shop()
        with terminal.progress() as progress:
            rows = write(
                shop,
                file,
                seed=seed,
                lines=size,
                dialogues=dialogues,
                profiles=profiles,
                test_lines=_typed(),
                phrases=phrases or FOLDER,
                from_feedback=from_feedback,
                progress=progress,
            )
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
    keep: Annotated[
        float,
        typer.Option(help="Of the weights gone on from, the share in what is saved: learns less, forgets less.", min=0, max=1),
    ] = 0.0,
    base: Annotated[
        str | None, typer.Option(help="Another base on the Hugging Face hub, e.g. Qwen/Qwen3-4B-Instruct-2507; wants a GPU.")
    ] = None,
) -> None:
    """Train a LoRA adapter on the embedded model, or another base, and print the summary of the run as JSON."""
    from agent.weights import base_model
    from finetune.train import BASE_NAME
    from finetune.train import train as train_adapter

    with terminal.readable_errors():
        with terminal.progress() as progress:
            model = base or base_model(terminal.settings().home, progress)
            summary = train_adapter(file, model, folder, seed, epochs, learning_rate, start, keep, base or BASE_NAME, progress)
        print(json.dumps(summary))


@finetune.command()
def router(
    file: Annotated[Path | None, typer.Option("--out", help="Where to write it; over the shipped one unless given.")] = None,
    seed: Annotated[int, typer.Option()] = 7,
) -> None:
    """Fit the router, which chooses the tool where a line leaves little doubt, on the phrases of finetune/phrases."""
    from agent.router import FILE
    from finetune.routing import fit_router

    with terminal.readable_errors():
        shop = terminal.open_shop()
        with terminal.progress() as progress:
            topics = [topic.name for topic in shop.catalog.topics() if topic.is_leaf]
            fitted = fit_router(topics, _typed(), seed, progress=progress)
        fitted.save(file or FILE)
        out.print(f"router of phrases {fitted.phrases} written to {file or FILE}", highlight=False, soft_wrap=True)


@finetune.command()
def evaluate(
    adapter: Annotated[
        Path, typer.Option(help="The candidate, a folder that `finetune train` wrote.", exists=True, file_okay=False)
    ],
    against: Annotated[
        Path | None, typer.Option(help="What it must not be worse than; the shipped adapter unless given.", exists=True)
    ] = None,
    base: Annotated[bool, typer.Option("--base", help="Measure the base without adapter as well.")] = False,
    ship: Annotated[bool, typer.Option("--ship", help="If it is not worse, copy it over the shipped one.")] = False,
    households: Annotated[int, typer.Option(min=1, help="How many profiles are written.")] = 24,
    seed: Annotated[int, typer.Option()] = 7,
) -> None:
    """Measure an adapter beside the shipped one; exit with 1 if it is worse."""

    async def main() -> None:
        from agent.server import shipped_adapter
        from eval.gate import show, verdict
        from eval.tool_calls import load_lines
        from finetune.shipping import check_shippable
        from finetune.shipping import ship as ship_adapter

        shipped, lines = shipped_adapter(terminal.settings()), load_lines()
        if ship:
            check_shippable(adapter)
        folders = {"candidate": adapter, "shipped": against or shipped}
        if base:
            folders["base"] = shipped.with_name("none")
        rows = {name: await _measured(name, folder, households, seed) for name, folder in folders.items()}
        worse = verdict(rows["shipped"], rows["candidate"])
        if ship and not worse:
            ship_adapter(adapter, shipped, {name: row.figures() for name, row in rows.items()})
            err.print(f"shipped {rows['candidate'].adapter} in {shipped}", highlight=False, soft_wrap=True)
        show(rows, worse, lines, households, seed, out)
        if worse:
            raise typer.Exit(1)

    terminal.run(main())


def _typed() -> list[str]:
    """What the evals' hand-written lines say: nothing is trained on their wording."""
    from eval import grounding, tool_calls

    asked = [line.line for file in tool_calls.FILES for line in tool_calls.load_lines(path=file)]
    return [*asked, *(line.line for line in grounding.load_lines())]


async def _measured(name: str, adapter: Path, households: int, seed: int) -> "Measured":
    """One adapter on a fresh copy of the shop, which holds the merged model too: the app's own cache stays as it is."""
    from agent.weights import GGUF
    from eval.gate import measure
    from eval.tool_calls import load_lines

    settings = terminal.settings()
    with TemporaryDirectory(prefix="inkling-gate-", ignore_cleanup_errors=True) as folder, terminal.progress() as progress:
        copied = copy_of(settings, Path(folder))
        fetched = settings.home / "models" / "llm" / GGUF
        if fetched.exists():
            (linked := copied.home / "models" / "llm" / GGUF).parent.mkdir(parents=True)
            linked.symlink_to(fetched.absolute())
        return await measure(copied, adapter, load_lines(), households, seed, lambda message: progress(f"{name}: {message}"))
