"""`inkling finetune`: how the agent is trained."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ui import terminal
from ui.terminal import out

finetune = typer.Typer(no_args_is_help=True, help="Make training data and train an adapter.")


@finetune.command()
def data(
    file: Annotated[Path, typer.Option("--out", help="Where to write the examples (.jsonl).")],
    seed: Annotated[int, typer.Option()] = 7,
    size: Annotated[int, typer.Option(min=1, help="How many single lines.")] = 5_000,
    dialogues: Annotated[int, typer.Option(min=0, help="How many sessions of several turns.")] = 450,
    profiles: Annotated[int, typer.Option(min=0, help="How many written profiles.")] = 110,
) -> None:
    """Write training examples made from the shop's own catalog and events."""
    from eval import grounding, tool_calls
    from finetune.data import write

    with terminal.readable_errors():
        typed = [*(line.line for line in tool_calls.load_lines()), *(line.line for line in grounding.load_lines())]
        shop = terminal.open_shop()
        with terminal.progress() as progress:
            rows = write(
                shop, file, seed=seed, lines=size, dialogues=dialogues, profiles=profiles, test_lines=typed, progress=progress
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
) -> None:
    """Train a LoRA adapter on the embedded model and print the summary of the run as JSON."""
    from agent.weights import base_model
    from finetune.train import train as train_adapter

    with terminal.readable_errors():
        with terminal.progress() as progress:
            base = base_model(terminal.settings().home, progress)
        print(json.dumps(train_adapter(file, base, folder, seed, epochs, learning_rate, start)))
