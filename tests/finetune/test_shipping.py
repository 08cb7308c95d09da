"""Protects what is shipped: the right base, at most 12 MB, and a record of how it was trained and judged.
Run: pytest tests/finetune/test_shipping.py"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from agent.weights import ADAPTERS, BASE, WeightsError, adapter_hash
from finetune.shipping import MAX_BYTES, check_shippable, ship
from finetune.train import BASE_NAME


def adapter(folder: Path, size: int = 10, base: str = BASE_NAME, **training: Any) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    (folder / "adapter_model.safetensors").write_bytes(b"w" * size)
    (folder / "training.json").write_text(json.dumps({"from": None} | training))
    return folder


def test_the_adapter_in_the_checkout_may_be_shipped() -> None:
    check_shippable(ADAPTERS / BASE)


@pytest.mark.parametrize(("size", "base", "why"), [(MAX_BYTES, BASE_NAME, "12.0 MB"), (10, "Some/Base-4B", "Some/Base-4B")])
def test_a_large_one_or_one_of_another_base_is_refused(tmp_path: Path, size: int, base: str, why: str) -> None:
    shipped = adapter(tmp_path / "shipped")
    before = adapter_hash(shipped)
    with pytest.raises(ValueError, match=why):
        ship(adapter(tmp_path / "candidate", size, base), shipped, {})
    assert adapter_hash(shipped) == before


def test_no_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is no adapter"):
        check_shippable(tmp_path)
    (adapter(tmp_path / "untold") / "training.json").unlink()
    with pytest.raises(ValueError, match="how it was trained"):
        check_shippable(tmp_path / "untold")


def test_the_record_has_the_evaluation_and_those_of_earlier_rounds_go_with_it(tmp_path: Path) -> None:
    shipped = adapter(tmp_path / "shipped", loss=0.7)
    (shipped / "training-0123.json").write_text("{}")
    earlier = adapter_hash(adapter(tmp_path / "earlier", 15, loss=0.5))
    further = adapter(tmp_path / "further", 20, **{"from": earlier})
    shutil.copyfile(tmp_path / "earlier" / "training.json", further / f"training-{earlier}.json")
    ship(further, shipped, {"candidate": {"accuracy": 0.9}})
    assert adapter_hash(shipped) == adapter_hash(further)
    assert not (shipped / "training-0123.json").exists()
    assert json.loads((shipped / "training.json").read_text())["evaluation"] == {"candidate": {"accuracy": 0.9}}
    assert json.loads((shipped / f"training-{earlier}.json").read_text())["loss"] == 0.5

    ship(adapter(tmp_path / "fresh", 30), shipped, {})
    assert not list(shipped.glob("training-*.json"))
