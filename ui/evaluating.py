"""`inkling eval`: how right the agent and its tools are, each with one command."""

import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from ui import terminal
from ui.copies import agent_on_a_copy, base_alone, sampled_llm
from ui.terminal import out

if TYPE_CHECKING:
    from eval.suite import Ended

evals = typer.Typer(no_args_is_help=True, help="Measure an ability; prints a table, then one JSON line.")
ModelUrl = Annotated[str | None, typer.Option(help="An OpenAI-compatible server to ask instead of the shop's own.")]
Seed = Annotated[int, typer.Option()]


@evals.command("tool-calls")
def tool_calls(
    split: Annotated[Literal["dev", "test", "all"], typer.Option(help="Which half of the hand-written lines.")] = "dev",
    passes: Annotated[
        int, typer.Option(min=0, help="Besides, each line so often at temperature .7: pass^N is right each time.")
    ] = 0,
    own: Annotated[
        Path | None,
        typer.Option("--lines", help="A file of your own in their form, of which --split is put.", exists=True, dir_okay=False),
    ] = None,
    model_url: ModelUrl = None,
) -> None:
    """On lines as people type them: does the agent call the right tool with the right arguments?"""

    async def main() -> None:
        from agent.chat import Chat
        from eval.tool_calls import LINES, TEMPERATURE, load_lines, run, show

        lines = load_lines(None if split == "all" else split, own or LINES)
        async with agent_on_a_copy(model_url) as (runtime, user):
            with ExitStack() as served:
                progress = served.enter_context(terminal.progress())
                result = await run(runtime.chat, lines, progress, user_id=user)
                alone = None
                if runtime.chat.routed:
                    unrouted = Chat(runtime.shop, runtime.llm, runtime.chat.saver, routed=False)
                    alone = await run(unrouted, lines, progress, user_id=user)
                local = passes and not (model_url or terminal.settings().llm_url)
                llm = served.enter_context(sampled_llm(progress)) if local else runtime.llm
                sampling = Chat(runtime.shop, llm, runtime.chat.saver, TEMPERATURE)
                sampled = [await run(sampling, lines, progress, user_id=user) for _ in range(passes)]
            show(result, out, model=runtime.llm.model, adapter=runtime.llm.adapter, alone=alone, sampled=sampled)

    terminal.run(main())


@evals.command()
def grounding(model_url: ModelUrl = None) -> None:
    """On lines and planted texts that try to mislead: does the agent invent, leak or obey?"""

    async def main() -> None:
        from eval.grounding import load_lines, plant, run, show

        lines = load_lines()
        async with agent_on_a_copy(model_url, plant) as (runtime, user):
            with terminal.progress() as progress:
                turns = await run(runtime.chat, lines, runtime.shop.catalog, progress, user_id=user)
            show(turns, out, model=runtime.llm.model, adapter=runtime.llm.adapter)

    terminal.run(main())


@evals.command()
def profile(
    households: Annotated[int, typer.Option(min=0, help="How many written profiles; 0 asks no LLM.")] = 200,
    folder: Annotated[
        Path | None,
        typer.Option("--data", help="Instead: a folder with sequences.txt and items.jsonl.", exists=True, file_okay=False),
    ] = None,
    base: Annotated[bool, typer.Option("--base", help="And as the base without adapter writes it.")] = False,
    model_url: ModelUrl = None,
    seed: Seed = 7,
) -> None:
    """Does the interest profile rank what people buy next, as the numbers and as the LLM writes it?"""
    from eval import next_topic
    from eval import profile as interests

    if folder:
        with terminal.readable_errors(), terminal.progress() as progress:
            progress("learning at three levels of the taxonomy")
            next_topic.run(folder, out, seed)
        return

    async def main() -> None:
        from eval import written

        async with agent_on_a_copy(model_url) as (runtime, _):
            with terminal.progress() as progress:
                numeric = interests.numeric(runtime.shop.store, seed, progress=progress)
                sample = written.draw(runtime.shop, households, seed, progress)
                rows = written.by_code(sample, seed) | {"llm": written.by_llm(sample, runtime.llm, progress)}
        if base:
            with terminal.progress() as progress, base_alone(progress) as llm:
                rows["base"] = written.by_llm(sample, llm, progress)
        interests.show(numeric, rows, out, seed=seed, model=runtime.llm.model, adapter=runtime.llm.adapter)

    if households:
        terminal.run(main())
        return
    with terminal.readable_errors():
        shop = terminal.open_shop()
        with terminal.progress() as progress:
            numeric = interests.numeric(shop.store, seed, progress=progress)
        interests.show(numeric, {}, out, seed=seed)


@evals.command()
def search() -> None:
    """On queries as shoppers type them: does text search find the right topics?"""
    from eval.search import read_queries, show

    with terminal.readable_errors():
        show(terminal.open_shop(), read_queries(), out)


@evals.command()
def recommendation(
    folder: Annotated[
        Path | None,
        typer.Option("--data", help="A folder with sequences.txt: the last item of each user.", exists=True, file_okay=False),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="What the demo shop's households buy next.")] = False,
    seed: Seed = 7,
) -> None:
    """Of all items, does what people take next stand high?"""
    from eval import next_purchases
    from eval import recommendation as sequences

    if (folder is None) != demo:
        raise typer.BadParameter("give either --data DIR or --demo")
    with terminal.readable_errors():
        shop = None if folder else terminal.open_shop()
        with terminal.progress() as progress:
            if shop is None:
                assert folder
                sequences.run(folder, out, progress, seed)
            else:
                next_purchases.run(shop.store, out, progress, seed)


@evals.command()
def audience(seed: Seed = 7) -> None:
    """Who buys, who redeems: does the ranking by strength find them beforehand?"""
    from eval.audience import run

    with terminal.readable_errors():
        run(terminal.open_shop(), seed)


@evals.command()
def reviews(
    file: Annotated[Path, typer.Option("--data", help="Reviews with stars (.json.gz).", exists=True, dir_okay=False)],
    llm: Annotated[bool, typer.Option("--llm", help="And as the shop's LLM reads them, which takes minutes.")] = False,
    seed: Seed = 7,
) -> None:
    """On reviews of people unseen: does the text alone tell the stars?"""
    from agent.llm import connect
    from eval.reviews import show

    with terminal.readable_errors(), ExitStack() as served:
        if llm:
            model = served.enter_context(connect(terminal.settings(), served.enter_context(terminal.progress())))
            show(file, seed, out, model, model.model)
        else:
            show(file, seed, out)


@evals.command()
def speed() -> None:
    """How fast the shop recommends, searches and takes in an event, beside implicit and brute force."""
    from eval.speed import run

    with terminal.readable_errors():
        run(terminal.open_shop(), out)


@evals.command()
def serving(model_url: ModelUrl = None, seed: Seed = 7) -> None:
    """How long people wait for a reply and for a written profile, beside the bare LLM server."""

    async def main() -> None:
        from eval.serving import run

        async with agent_on_a_copy(model_url) as (runtime, _):
            with terminal.progress() as progress:
                await run(runtime.shop, runtime.llm, out, progress, seed=seed)

    terminal.run(main())


@evals.command()
def basket(seed: Seed = 7) -> None:
    """On the last week's baskets, one topic of each hidden: is it named as missing?"""
    from eval.basket import run

    with terminal.readable_errors():
        run(terminal.open_shop(), seed)


@evals.command("all")
def all_of_them(
    only: Annotated[list[str] | None, typer.Option(help="Run this one alone; may be given several times.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="A folder of benchmark data, for the evals on it.", exists=True, file_okay=False)
    ] = None,
    page: Annotated[Path, typer.Option("--out", help="The page to write.", dir_okay=False, writable=True)] = Path("report.html"),
) -> None:
    """Run all evals, write one HTML page, and add a row to the leaderboard unless only some were run."""

    async def main() -> None:
        from eval import html_report, leaderboard, suite

        evals = suite.chosen(only or [], data)
        with terminal.progress() as progress:
            ended = []
            for one in suite.run([sys.executable, "-m", "ui", "eval"], evals, progress):
                _print_ended(one)
                ended.append(one)
        at = datetime.now(UTC)
        page.write_text(html_report.page(ended, at, whole=not only), encoding="utf-8")
        out.print(f"The page is {str(page)!r}.", highlight=False)
        if not only and any(one.report for one in ended):
            leaderboard.append(ended, at, leaderboard.FILE)
            out.print(f"Noted in {str(leaderboard.FILE)!r}.", highlight=False)
        if failed := [one.name for one in ended if not one.report]:
            terminal.err.print(f"[red]failed:[/] {', '.join(failed)}", highlight=False)
            raise typer.Exit(1)

    terminal.run(main())


def _print_ended(one: "Ended") -> None:
    mark = "[green]✓[/]" if one.report else "[red]✗[/]"
    out.print(f"{mark} {one.name}, {one.seconds:.0f} s  {escape(one.failure)}".rstrip(), highlight=False, soft_wrap=True)
