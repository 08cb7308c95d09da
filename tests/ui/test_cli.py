"""Protects the command line as a user meets it. Run: pytest tests/ui/test_cli.py"""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools import Shop
from ui.cli import app

LOG = "who,what,when\nana,tea,2025-01-01T10:00:00Z\nana,tea,2025-01-11T10:00:00Z\nana,,nonsense\n"
MAPPING = {"source": "till", "columns": {"user_id": "who", "item_id": "what", "ts": "when"}, "default_type": "purchase"}


def test_profile_and_recommendations_are_json_on_demand(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKLING_HOME", str(shop.settings.home))
    profile = json.loads(CliRunner().invoke(app, ["profile", "dora", "--json"]).stdout)
    assert {interest["topic"] for interest in profile["interests"]} == {"Dog food", "Dog treats", "Milk", "Bread"}
    found = json.loads(CliRunner().invoke(app, ["recommend", "dora", "-k", "1", "--query", "cat food", "--json"]).stdout)
    assert found["cards"][0]["item_id"] == "catfood"


def test_an_unknown_user_is_one_line_and_exit_code_1(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKLING_HOME", str(shop.settings.home))
    result = CliRunner().invoke(app, ["profile", "nobody"])
    assert result.exit_code == 1
    assert "no user 'nobody' in this shop" in result.stderr


def test_an_own_shop_is_read_and_accounted_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKLING_HOME", str(tmp_path / "home"))
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "mapping.json").write_text(json.dumps(MAPPING))
    (tmp_path / "items.jsonl").write_text('{"item_id": "tea", "title": "Tea", "path": ["Food", "Tea"]}\n')
    assert "1 items stored" in CliRunner().invoke(app, ["items", str(tmp_path / "items.jsonl")]).stdout
    result = CliRunner().invoke(app, ["ingest", str(tmp_path / "log.csv"), "--mapping", str(tmp_path / "mapping.json")])
    assert "3 read = 2 stored + 0 duplicate + 1 quarantined" in result.stdout


def test_a_bad_catalog_line_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKLING_HOME", str(tmp_path / "home"))
    (tmp_path / "items.jsonl").write_text('{"item_id": "tea", "title": "Tea"}\n{"item_id": "x", "title": "X", "price": -3}\n')
    result = CliRunner().invoke(app, ["items", str(tmp_path / "items.jsonl")])
    assert result.exit_code == 1
    assert "line 2" in result.stderr
    assert "-3" in result.stderr


def test_only_loopback_is_served(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKLING_HOME", str(shop.settings.home))
    monkeypatch.setenv("INKLING_HOST", "0.0.0.0")
    result = CliRunner().invoke(app, ["serve"])
    assert result.exit_code == 1
    assert "'0.0.0.0'" in result.stderr
