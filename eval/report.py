"""The one JSON line that every eval prints last, with what a reader needs to run it again."""

import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel
from rich.console import Console


class Report(BaseModel):
    """`results` is by row (a method or baseline), then by metric. `data` is a fingerprint of what was scored."""

    eval: str
    data: str
    seed: int
    commit: str
    model: str
    adapter: str | None
    machine: str
    results: dict[str, dict[str, float]]


def printed(
    console: Console,
    results: dict[str, dict[str, float]],
    *,
    eval: str,
    data: str,
    model: str,
    adapter: str | None = None,
    seed: int = 0,
) -> Report:
    """The report of a run that ends here, on this checkout and machine; its line is printed, whole and unadorned."""
    report = Report(
        eval=eval, data=data, seed=seed, commit=commit(), model=model, adapter=adapter, machine=machine(), results=results
    )
    console.print(report.model_dump_json(), markup=False, highlight=False, soft_wrap=True)
    return report


def rounded(results: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Results with four decimals."""
    return {row: {metric: round(value, 4) for metric, value in metrics.items()} for row, metrics in results.items()}


def commit() -> str:
    """The short hash of the checkout, `-dirty` if files differ from it, `unknown` outside of a git checkout."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def machine() -> str:
    """Processor family, cores, memory and system, in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"
