"""The local LLM: a vLLM child process on loopback that lives exactly as long as the `with` block around it.

On a CPU it serves the embedded model with the shipped adapter merged in; on a machine with an NVIDIA GPU it serves
`Settings.base_model` with an adapter beside it where `finetune/adapters/` has one for that base (written, not yet run on a GPU).
"""

import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx

from agent.weights import ADAPTERS, BASE, TEMPLATE, Progress, Weights, adapter_hash, cpu_dtype, served_model
from behavior import Settings

HOST = "127.0.0.1"
START_SECONDS = 600  # a first start on a busy machine; the child's own failure is seen at once
RESTARTS = 3
FEW_CORES = 4
"""Up to so many, vLLM's engine and worker are one process: apart, the engine waits for the worker by spinning on a core that the
worker needs. On two, prefill then takes twice as long and decoding 1.4 times."""
INTEL_OPENMP = Path(sys.prefix) / "lib" / "libiomp5.so"
"""Comes with vLLM's CPU build on x86, which asks for it where it speculates: with it decoding is a twelfth faster."""
SPIN_MS = "1"
"""How long OpenMP's threads look for work before they sleep. Of 200, its default, they kept a core busy after each answer, while
the tool was run; at 0 they sleep between the operations of a step, and decoding takes half as long again."""
ADAPTER_NAME = "inkling"
SPECULATION = {"method": "ngram", "num_speculative_tokens": 5, "prompt_lookup_min": 2, "prompt_lookup_max": 4}
"""Tool arguments and JSON repeat the prompt: several tokens a step instead of one, with the same text at temperature 0. Above it
vLLM on the CPU puts stray tokens where it rejects what was proposed."""

_PREFIX = re.compile(r"^\(\w+ pid=\d+\) (?:[A-Z]+ [\d-]+ [\d:]+ \[[^]]+\] )?")  # (Worker pid=7) ERROR 11-24 03:22:10 [core.py:15]
_ERROR = re.compile(r"^(?:[\w.]*(?:Error|Exception)|[\w.]+: error|ERROR): ")
_MEMORY = re.compile(r"allocate memory|MemoryError|out of memory|less than desired", re.IGNORECASE)
_QUIET = {"VLLM_NO_USAGE_STATS": "1"}


class ServerError(RuntimeError):
    """The local LLM did not start; one readable line says why."""


@dataclass(frozen=True)
class Served:
    """A running server: its OpenAI address, the model to ask for, the adapter in it."""

    url: str
    model: str
    adapter: str | None


@dataclass(frozen=True)
class Command:
    """How to start a server: vLLM's arguments, what the environment adds, and what it will serve."""

    arguments: list[str]
    environment: dict[str, str]
    model: str
    adapter: str | None


@contextmanager
def local_server(
    settings: Settings, progress: Progress = lambda message: None, adapter: Path | None = None, speculation: bool = True
) -> Iterator[Served]:
    """Start vLLM, wait until it answers, and stop it with all its processes when the block ends, however it ends.

    `adapter` is served instead of the shipped one; where that folder is absent, the base alone. Without `speculation` texts can
    be sampled, too.
    Raises ServerError or WeightsError before the block if it cannot start.
    """
    if find_spec("vllm") is None:
        raise ServerError("vLLM is not installed: run `make install`, or point INKLING_LLM_URL at a running server")
    adapter = adapter or shipped_adapter(settings)
    if has_gpu():
        command = gpu_command(settings, adapter)
    else:
        command = cpu_command(served_model(settings.home, progress, adapter), speculation)
    with running(command, settings.llm_port, settings.home / "logs" / "vllm.log", progress) as served:
        yield served


def shipped_adapter(settings: Settings) -> Path:
    """The adapter's folder in this checkout: on a GPU the one that bears the base's name. It need not exist."""
    return ADAPTERS / (settings.base_model.rpartition("/")[2].lower() if has_gpu() else BASE)


@contextmanager
def running(command: Command, port: int | None, log: Path, progress: Progress) -> Iterator[Served]:
    """Run `command` as a server on `port` (None: a free one) until the block ends; one that dies meanwhile is started again.

    Raises ServerError.
    """
    port = _free_port(port)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)  # another server may still write to the old one
    child = _Child([sys.executable, "-m", "agent.keeper", *command.arguments, "--host", HOST, "--port", str(port)], command, log)
    try:
        _wait(child.keeper, f"http://{HOST}:{port}/health", log, progress)
        threading.Thread(target=child.revive, name="vllm-watch", daemon=True).start()
        yield Served(f"http://{HOST}:{port}/v1", command.model, command.adapter)
    finally:
        child.stop()


class _Child:
    """The keeper's process, replaced by a new one each time that it ends before `stop`, at most three times."""

    def __init__(self, arguments: list[str], command: Command, log: Path) -> None:
        self._arguments, self._environment, self._log = arguments, {**os.environ, **command.environment}, log
        self._stopping, self._lock = False, threading.Lock()
        self.keeper = self._start()

    def revive(self) -> None:
        for _ in range(RESTARTS):
            code = self.keeper.wait()
            with self._lock:
                if self._stopping:
                    return
                logging.getLogger(__name__).warning("vLLM ended with code %d: starting it again (log: %s)", code, self._log)
                self._clear()
                self.keeper = self._start()

    def stop(self) -> None:
        with self._lock:
            self._stopping = True
        self._clear()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as out:
            return subprocess.Popen(
                self._arguments,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self._environment,
                # A group that the keeper leads, as Ctrl-C is for us. Not a session: the kernel's autogroup gives each session
                # an equal share of the cores, however many threads of ours wait for those that vLLM's computing holds.
                process_group=0,
            )

    def _clear(self) -> None:
        """End the keeper, and what a killed one left behind."""
        assert self.keeper.stdin
        self.keeper.stdin.close()
        self.keeper.wait()
        with suppress(ProcessLookupError):
            os.killpg(self.keeper.pid, signal.SIGKILL)


def cpu_command(weights: Weights, speculation: bool = True) -> Command:
    """vLLM on the CPU. Nothing is compiled: that makes decoding faster, but the start one to two minutes longer.

    `--enforce-eager` leaves a function behind log-probabilities to be compiled when first asked for, which took 3 to 22 s.
    """
    arguments = [
        *_vllm(str(weights.path), BASE),
        "--enforce-eager",
        "--dtype", cpu_dtype(),
        "--max-model-len", "4096",
        "--max-num-seqs", "16",
        "--kv-cache-memory-bytes", str(1 << 30),
    ]  # fmt: skip
    arguments += ["--speculative-config", json.dumps(SPECULATION)] if speculation else []
    environment = {"VLLM_HOST_IP": HOST, "HF_HUB_OFFLINE": "1", "TORCHDYNAMO_DISABLE": "1"}
    if INTEL_OPENMP.exists():
        environment["LD_PRELOAD"] = ":".join(filter(None, [str(INTEL_OPENMP), os.environ.get("LD_PRELOAD")]))
        environment["KMP_BLOCKTIME"] = SPIN_MS
    if len(os.sched_getaffinity(0)) <= FEW_CORES:
        arguments += ["--distributed-executor-backend", "uni"]
        environment["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # else vLLM puts the worker into a process of its own all the same
    return Command(arguments, environment | _QUIET, BASE, weights.adapter)


def gpu_command(settings: Settings, adapter: Path) -> Command:
    """vLLM on a GPU: the named base, with the adapter of this folder beside it, if there is one."""
    arguments = [*_vllm(settings.base_model, settings.base_model), "--max-model-len", "8192"]
    if not adapter.exists():
        return Command(arguments, _QUIET, settings.base_model, None)
    found = adapter_hash(adapter)
    rank = json.loads((adapter / "adapter_config.json").read_text())["r"]
    arguments += ["--enable-lora", "--max-lora-rank", str(rank), "--lora-modules", f"{ADAPTER_NAME}={adapter}"]
    return Command(arguments, _QUIET, ADAPTER_NAME, found)


def has_gpu() -> bool:
    """Whether an NVIDIA GPU answers here."""
    if shutil.which("nvidia-smi") is None:
        return False
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, check=False)
    return listed.returncode == 0 and bool(listed.stdout.strip())


def _vllm(model: str, name: str) -> list[str]:
    return [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server",
        "--model", model,
        "--served-model-name", name,
        "--chat-template", str(TEMPLATE),
        "--enable-auto-tool-choice",
        "--tool-call-parser", "hermes",
        "--enable-prefix-caching",
        "--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}',  # else small models pad JSON
        "--disable-uvicorn-access-log",
    ]  # fmt: skip


def _free_port(port: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port or 0))
        except OSError as error:
            raise ServerError(f"port {port} for the LLM is taken: stop what listens there, or set INKLING_LLM_PORT") from error
        return int(probe.getsockname()[1])


def _wait(keeper: subprocess.Popen[bytes], health: str, log: Path, progress: Progress) -> None:
    start = time.monotonic()
    while (seconds := time.monotonic() - start) < START_SECONDS:
        code = keeper.poll()
        if code is not None:
            raise ServerError(f"{why_ended(code, log.read_text(errors='replace'))} (log: {log})")
        try:
            if httpx.get(health, timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass  # not listening yet
        progress(f"starting vLLM, {seconds:.0f} s")
        time.sleep(0.25)
    raise ServerError(f"vLLM did not answer within {START_SECONDS} s (log: {log})")


def why_ended(code: int, log: str) -> str:
    """One line on why vLLM ended while starting, from its exit code (128 + signal) and its log."""
    lines = [_PREFIX.sub("", line).strip() for line in log.splitlines()]
    errors = [line for line in lines if _ERROR.search(line) and "root cause" not in line]
    last = next(iter([*errors[::-1], *filter(None, lines[::-1])]), "it wrote nothing")[:300]
    if code == 128 + signal.SIGKILL or _MEMORY.search(last):
        return f"vLLM ran out of memory, it needs about 4 GB: stop other programs, or set INKLING_LLM_URL. {last!r}"
    if "address already in use" in last.lower():
        return f"the port of the LLM was taken while vLLM started: try again, or set INKLING_LLM_PORT. {last!r}"
    return f"vLLM ended with code {code} while starting: {last!r}"
