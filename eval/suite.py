"""All evals, one after the other, each in a process of its own: its memory and its failure are its own, too."""

import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from pydantic import ValidationError

from eval.report import Report

ROOT = Path(__file__).parents[1]

EVALS: dict[str, tuple[str, ...]] = {
    "profile": ("profile", "--base"),
    "tool-calls": ("tool-calls", "--split", "all", "--passes", "4"),
    "grounding": ("grounding",),
    "serving": ("serving",),
    "search": ("search",),
    "recommendation": ("recommendation", "--demo"),
    "basket": ("basket",),
    "audience": ("audience",),
    "speed": ("speed",),
}
"""By name, the arguments of `inkling eval`; what needs the shop alone."""

ON_DATA: dict[str, tuple[tuple[str, ...], str]] = {
    "recommendation-beauty": (("recommendation", "--data"), "amazon_beauty_2014_5core"),
    "next-topic": (("profile", "--data"), "amazon_beauty_2014_5core"),
    "reviews": (("reviews", "--llm", "--data"), "amazon_all_beauty_2018_5core/All_Beauty_5.json.gz"),
}
"""Likewise for those that need benchmark data, and where in its folder that lies."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Ended:
    """An eval that ended: its report, or one line on what went wrong."""

    name: str
    arguments: tuple[str, ...]
    seconds: float
    report: Report | None
    failure: str = ""


def chosen(only: Sequence[str], data: Path | None) -> dict[str, tuple[str, ...]]:
    """The evals to run by name, all that can be if `only` is empty.

    Raises ValueError for an unknown name, and for one that needs data when there is no folder or the folder lacks it.
    """
    if unknown := [name for name in only if name not in EVALS and name not in ON_DATA]:
        raise ValueError(f"no eval is called {unknown[0]!r}, there are {', '.join([*EVALS, *ON_DATA])}")
    found = dict(EVALS)
    for name, (arguments, path) in ON_DATA.items():
        if data is None:
            if name in only:
                raise ValueError(f"{name!r} needs a folder of benchmark data that holds {path!r}: give --data DIR")
            continue
        if not (data / path).exists():
            raise ValueError(f"{name!r} needs {path!r}, which {str(data)!r} lacks")
        found[name] = (*arguments, str((data / path).resolve()))
    return {name: arguments for name, arguments in found.items() if not only or name in only}


def run(command: Sequence[str], evals: dict[str, tuple[str, ...]], progress: Progress) -> Iterator[Ended]:
    """Run `command` with the arguments of each eval; yields each as it ends. A failure stops none of the others."""
    for number, (name, arguments) in enumerate(evals.items(), 1):
        progress(f"{name}, {number} of {len(evals)}")
        yield one(command, name, arguments)


def one(command: Sequence[str], name: str, arguments: tuple[str, ...]) -> Ended:
    """Run one eval in the checkout to its end and read the JSON line that it prints last."""
    started = perf_counter()
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, *arguments], cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as child:
        try:
            said, faults = child.communicate()
        except BaseException:  # we are told to end: let it close its vLLM and delete its copy of the shop
            child.terminate()
            child.communicate()
            raise
    seconds = perf_counter() - started
    if child.returncode:
        why = _last(faults) or _last(said) or "it said nothing"
        return Ended(name, arguments, seconds, None, f"ended with code {child.returncode}: {why[:300]}")
    try:
        return Ended(name, arguments, seconds, Report.model_validate_json(_last(said)))
    except ValidationError as error:
        why = error.errors(include_url=False)[0]["msg"]
        return Ended(name, arguments, seconds, None, f"its last line is no report, {why}: {_last(said)[:80]!r}")


def typed(ended: Ended) -> str:
    """The command that runs this eval alone."""
    return shlex.join(["inkling", "eval", *ended.arguments])


def _last(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
