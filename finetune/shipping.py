"""Shipping an adapter: its files over those that the repository holds, with what it was trained on and how it was judged."""

import json
import shutil
from pathlib import Path
from typing import Any

from agent.weights import ADAPTER_FILES, adapter_hash
from finetune.train import BASE_NAME, TRAINING

MAX_BYTES = 12_000_000


def check_shippable(adapter: Path) -> None:
    """Raises ValueError for an adapter above 12 MB or of another base than the embedded one, WeightsError for none at all."""
    adapter_hash(adapter)
    size = sum((adapter / name).stat().st_size for name in ADAPTER_FILES)
    if size > MAX_BYTES:
        raise ValueError(f"{str(adapter)!r} is {size / 1e6:.1f} MB, a shipped adapter may have {MAX_BYTES / 1e6:.0f}")
    base = json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"]
    if base != BASE_NAME:
        raise ValueError(f"{str(adapter)!r} is for {base!r}, the embedded model is {BASE_NAME!r}")
    if not (adapter / TRAINING).is_file():
        raise ValueError(f"{str(adapter)!r} has no {TRAINING}: it does not say how it was trained")


def ship(adapter: Path, target: Path, evaluation: dict[str, Any]) -> None:
    """Copy an adapter over the one in `target`, with the records of all its rounds in place of those there; its `training.json`
    gets the `evaluation`. Raises what `check_shippable` does.
    """
    check_shippable(adapter)
    training = json.loads((adapter / TRAINING).read_text())
    target.mkdir(parents=True, exist_ok=True)
    for name in ADAPTER_FILES:
        shutil.copyfile(adapter / name, target / name)
    for old in target.glob("training*.json"):
        old.unlink()
    for record in adapter.glob("training-*.json"):
        shutil.copyfile(record, target / record.name)
    (target / TRAINING).write_text(json.dumps(training | {"evaluation": evaluation}, indent=1) + "\n")
