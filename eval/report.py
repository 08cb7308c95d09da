"""The one JSON line that every eval prints last, with what a reader needs to run it again."""

import os
import platform
import subprocess
from pathlib import Path

from pydantic import BaseModel


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
