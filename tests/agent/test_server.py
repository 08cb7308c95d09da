"""Protects that the LLM's processes end with ours and that a failed start is one line. Run: pytest tests/agent/test_server.py

Real processes and sockets; in vLLM's place stand small programs, as vLLM itself is not the point (tests/test_llm.py starts it).
"""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from agent.server import Command, ServerError, cpu_command, gpu_command, local_server, running, why_ended
from agent.weights import Weights, adapter_hash
from behavior import Settings

# Answers /health as vLLM does and has an engine process of its own, which ignores SIGTERM; both hold the file named first open.
SERVER = """
import http.server, os, signal, sys
held = open(sys.argv[1], "w")
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pause()
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[-1])), Health).serve_forever()
"""

# Looks again and again: a signal that comes just before a blocking read would wait for its end.
OWNER = """
import select, sys
from pathlib import Path
from agent.server import Command, running
command = Command([sys.executable, "-c", sys.argv[1], sys.argv[2]], {}, "model", None)
with running(command, None, Path(sys.argv[3]), lambda message: None):
    print("up", flush=True)
    while not select.select([sys.stdin], [], [], 0.1)[0]:
        pass
"""


def fake(code: str, *arguments: str) -> Command:
    return Command([sys.executable, "-c", code, *arguments], {}, "model", None)


def start(command: Command, folder: Path, port: int | None = None) -> None:
    with running(command, port, folder / "logs" / "vllm.log", lambda message: None):
        pass


def _children(pid: int) -> list[int]:
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]


class Lifeline:
    """A named pipe whose reading end sees the end of the file when every process that holds the writing end is gone."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = str(path)
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(self._reader, True)

    def wait(self) -> None:
        """Returns when no process of the server is left; the test's timeout is the limit."""
        assert os.read(self._reader, 1) == b""
        os.close(self._reader)


def test_the_server_and_its_engine_end_with_the_block(tmp_path: Path) -> None:
    lifeline = Lifeline(tmp_path / "alive")
    with running(fake(SERVER, lifeline.path), None, tmp_path / "vllm.log", lambda message: None) as served:
        assert served.url.startswith("http://127.0.0.1:")
        assert served.url.endswith("/v1")
    lifeline.wait()


def test_the_server_ends_when_the_block_fails(tmp_path: Path) -> None:
    lifeline = Lifeline(tmp_path / "alive")
    with (
        pytest.raises(ZeroDivisionError),
        running(fake(SERVER, lifeline.path), None, tmp_path / "vllm.log", lambda message: None),
    ):
        _ = 1 / 0
    lifeline.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_server_and_its_engine_end_when_we_are_killed(tmp_path: Path, number: signal.Signals) -> None:
    lifeline = Lifeline(tmp_path / "alive")
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, SERVER, lifeline.path, str(tmp_path / "vllm.log")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert owner.stdin
    assert owner.stdout
    assert owner.stdout.readline() == b"up\n"
    owner.send_signal(number)
    lifeline.wait()
    assert owner.wait() != 0
    owner.stdin.close()
    owner.stdout.close()


def test_a_server_that_dies_is_started_again_on_its_port(tmp_path: Path) -> None:
    lifeline = Lifeline(tmp_path / "alive")
    with running(fake(SERVER, lifeline.path), None, tmp_path / "vllm.log", lambda message: None) as served:
        (keeper,) = _children(os.getpid())
        (server,) = _children(keeper)
        assert os.getpgid(server) == keeper
        assert os.getsid(server) == os.getsid(0)
        os.kill(server, signal.SIGKILL)
        while (now := _children(os.getpid())) == [keeper] or not now:
            os.sched_yield()
        with httpx.Client(transport=httpx.HTTPTransport(retries=20)) as client:
            assert client.get(served.url).status_code == 200
    lifeline.wait()


def test_a_killed_keeper_leaves_nothing_behind(tmp_path: Path) -> None:
    lifeline = Lifeline(tmp_path / "alive")
    with running(fake(SERVER, lifeline.path), None, tmp_path / "vllm.log", lambda message: None):
        (keeper,) = _children(os.getpid())
        os.kill(keeper, signal.SIGKILL)
    lifeline.wait()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServerError, match=rf"port {port} for the LLM is taken: .* INKLING_LLM_PORT"):
            start(fake(SERVER), tmp_path, port)


def test_a_child_that_dies_is_quoted_by_its_last_error(tmp_path: Path) -> None:
    line = "(Worker pid=7) ERROR 11-24 03:22:10 [core.py:15] ValueError: no such model"
    code = f"print('loading'); print('{line}', flush=True); exit(3)"
    with pytest.raises(ServerError, match=r"ended with code 3 while starting: 'ValueError: no such model' \(log: .*vllm\.log\)"):
        start(fake(code), tmp_path)
    assert "loading" in (tmp_path / "logs" / "vllm.log").read_text()


def test_a_child_killed_by_the_system_is_out_of_memory(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="out of memory"):
        start(fake("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), tmp_path)


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("(APIServer pid=3) OSError: [Errno 98] Address already in use", "port of the LLM was taken"),
        (
            "(Worker pid=3) ERROR 11-24 03:22:10 [a.py:1] RuntimeError: DefaultCPUAllocator: can't allocate memory",
            "out of memory",
        ),
        ("ValueError: first\nRuntimeError: Engine core initialization failed. See root cause above.", "'ValueError: first'"),
        ("api_server.py: error: argument --port: invalid int value", "argument --port"),
        ("(W pid=1) WARNING 11-24 03:12:38 [s.py:2] ulimit can cause errors like OSError: [Errno 24]\nthe end\n\n", "'the end'"),
        ("", "it wrote nothing"),
    ],
)
def test_the_reason_is_found_in_the_log(log: str, reason: str) -> None:
    assert reason in why_ended(1, log)
    assert "\n" not in why_ended(1, log)


def test_without_vllm_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.server.find_spec", lambda name: None)
    with pytest.raises(ServerError, match="make install"), local_server(Settings(home=tmp_path)):
        pass


def test_what_is_sampled_is_not_speculated_on(tmp_path: Path) -> None:
    weights = Weights(tmp_path, None)
    assert "--speculative-config" in cpu_command(weights).arguments
    assert "--speculative-config" not in cpu_command(weights, speculation=False).arguments


@pytest.mark.parametrize(("own", "preloaded"), [("", ["openmp.so"]), ("libtcmalloc.so", ["openmp.so", "libtcmalloc.so"])])
def test_openmp_is_loaded_before_what_the_user_preloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str, preloaded: list[str]
) -> None:
    monkeypatch.setenv("LD_PRELOAD", own)
    openmp = tmp_path / "openmp.so"
    monkeypatch.setattr("agent.server.INTEL_OPENMP", openmp)
    assert not {"LD_PRELOAD", "KMP_BLOCKTIME"} & cpu_command(Weights(tmp_path, None)).environment.keys()
    openmp.touch()
    environment = cpu_command(Weights(tmp_path, None)).environment
    assert environment["KMP_BLOCKTIME"] == "1"
    loaded = environment["LD_PRELOAD"]
    assert [Path(file).name for file in loaded.split(":")] == preloaded


def test_on_a_gpu_the_adapter_of_the_base_is_loaded_beside_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, base_model="Some/Base-4B")
    adapter = tmp_path / "base-4b"
    bare = gpu_command(settings, adapter)
    assert (bare.model, bare.adapter) == ("Some/Base-4B", None)
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"r": 8}))
    (adapter / "adapter_model.safetensors").write_bytes(b"")
    command = gpu_command(settings, adapter)
    assert (command.model, command.adapter) == ("inkling", adapter_hash(adapter))
    assert command.arguments[-5:] == ["--enable-lora", "--max-lora-rank", "8", "--lora-modules", f"inkling={adapter}"]
