"""Protects the command line as a user meets it. Run: pytest tests/ui/test_cli.py"""

import csv
import gzip
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from behavior import Event, EventStore
from tests.agent.fake_openai import FakeLLM
from tools import Shop
from tools.prepare import ACCOUNT
from ui.cli import DEMO_LINE, app

LOG = "who,what,when\nana,tea,2025-01-01T10:00:00Z\nana,tea,2025-01-11T10:00:00Z\nana,,nonsense\n"
MAPPING = {"source": "till", "columns": {"user_id": "who", "item_id": "what", "ts": "when"}, "default_type": "purchase"}


@pytest.fixture
def chat(shop: Shop, fake: FakeLLM, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """Runs `inkling chat ... --json` on the tiny shop and a scripted LLM; the objects that it prints."""
    monkeypatch.setenv("INKLING_HOME", str(shop.settings.home))
    monkeypatch.setenv("INKLING_LLM_URL", fake.url)
    monkeypatch.setenv("INKLING_LLM_MODEL", "fake")

    def run(lines: str | bytes, *arguments: str) -> list[dict[str, Any]]:
        result = CliRunner().invoke(app, ["chat", *arguments, "--json"], input=lines)
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    return run


def test_a_turn_is_one_json_object(chat: Callable[..., list[dict[str, Any]]], fake: FakeLLM) -> None:
    fake.answers = [("recommend", {"query": "dog food", "max_price": 5}), "Try p1.", "You are welcome."]
    first, second = chat("any dog food under five bucks?\nthanks\n", "dora")
    assert first["tool_calls"] == [{"name": "recommend", "arguments": {"query": "dog food", "max_price": 5.0}}]
    assert (first["reply"], [card["item_id"] for card in first["cards"]]) == ("Try Dog treats, 200 g.", ["dogtreat"])
    assert 0 < first["seconds_to_first_token"] <= first["seconds"]
    assert (second["tool_calls"], second["reply"], second["cards"]) == ([], "You are welcome.", [])


def test_lines_share_a_session_unless_fresh(chat: Callable[..., list[dict[str, Any]]], fake: FakeLLM) -> None:
    def heard() -> list[str]:
        return [text for role, text in fake.prompt() if role == "user"]

    chat("hello\nand now?\n", "dora")
    assert heard() == ["hello", "and now?"]
    chat("hello\nand now?\n", "dora", "--fresh")
    assert heard() == ["and now?"]
    chat("one\n", "dora", "--session", "mine")
    chat("two\n", "dora", "--session", "mine")
    assert heard() == ["one", "two"]


def test_a_merchant_of_any_name_has_the_merchant_s_tools(chat: Callable[..., list[dict[str, Any]]], fake: FakeLLM) -> None:
    fake.answers = [("build_audience", {"topic": "Milk"}), "There they are."]
    assert chat("who buys milk?\n", "marta", "--role", "merchant")[0]["tool_calls"][0]["name"] == "build_audience"


def test_odd_lines_get_a_clear_reply(chat: Callable[..., list[dict[str, Any]]], fake: FakeLLM) -> None:
    empty, long, broken = chat(b"\n" + b"x" * 10_000 + b"\n\xff\xfe\n", "dora")
    assert "tell me" in empty["reply"]
    assert "too long" in long["reply"]
    assert (broken["reply"], len(fake.requests)) == ("Hello!", 1)


def test_people_see_calls_reply_and_products(shop: Shop, fake: FakeLLM, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HOME": str(shop.settings.home), "LLM_URL": fake.url, "LLM_MODEL": "fake"}.items():
        monkeypatch.setenv(f"INKLING_{name}", value)
    fake.answers = [("recommend", {"query": "dog food", "max_price": 5}), "Try p1."]
    result = CliRunner().invoke(app, ["chat", "dora"], input="any dog food under five bucks?\n")
    assert result.exit_code == 0, result.output
    assert "recommend(query='dog food', max_price=5" in result.stdout
    assert "inkling: Try Dog treats, 200 g." in result.stdout
    assert "$3.50" in result.stdout


def test_an_unknown_shopper_cannot_chat(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKLING_HOME", str(shop.settings.home))
    result = CliRunner().invoke(app, ["chat", "nobody", "--json"], input="hello\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == ["error: no user 'nobody' in this shop"]


def test_without_an_llm_the_chat_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKLING_HOME", str(shop.settings.home))
    monkeypatch.setenv("INKLING_LLM_URL", "http://127.0.0.1:1")
    result = CliRunner().invoke(app, ["chat", "dora", "--json"], input="dog food\n")
    answer = json.loads(result.stdout)
    assert (answer["status"], answer["tool_calls"]) == ("unavailable", [])
    assert answer["cards"]
    assert "no language model: INKLING_LLM_URL is 'http://127.0.0.1:1/v1'" in result.stderr


def test_the_demo_shows_account_profile_and_a_turn(shop: Shop, fake: FakeLLM, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.store.set(ACCOUNT, "9 read = 9 stored")
    for name, value in {"INKLING_HOME": str(shop.settings.home), "INKLING_LLM_URL": fake.url, "COLUMNS": "200"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("INKLING_LLM_MODEL", "fake")
    fake.answers = ["no JSON for the profile", ("recommend", {"max_price": 6}), "Try p1."]
    result = CliRunner().invoke(app, ["demo", "--once"])
    assert result.exit_code == 0, result.output
    account, profile, turn, products = (
        result.stdout.index(text) for text in ("9 read = 9 stored", "What the shop believes", DEMO_LINE, "Products")
    )
    assert account < profile < turn < result.stdout.index("recommend(max_price=6") < products
    assert "bought 36 times, about every 5 days" in result.stdout


def test_models_are_prepared_for_the_very_log(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKLING_HOME", str(shop.settings.home))

    def prepare() -> str:
        result = CliRunner().invoke(app, ["prepare"])
        assert result.exit_code == 0, result.output
        return result.output

    assert "reading the log" not in prepare()
    shop.record([Event(event_id="late", user_id="ben", type="view", item_id="tea", ts=shop.now())])
    fitted = prepare()
    assert fitted.index("reading the log") < fitted.index("grouping the users") < fitted.index("Ready: ")
    assert "reading the log" not in prepare()


def test_the_eval_leaves_the_shop_as_it_was(shop: Shop, fake: FakeLLM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKLING_HOME", str(shop.settings.home))
    monkeypatch.setenv("INKLING_LLM_MODEL", "fake")
    fake.answers = [("set_preference", {"topic": "Milk", "likes": False})]
    before = shop.store.count()
    result = CliRunner().invoke(app, ["eval", "tool-calls", "--split", "test", "--model-url", fake.url])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout.splitlines()[-1])
    assert (report["eval"], report["model"]) == ("tool_calls", "fake")
    assert set(report["results"]) == {"agent", "router", "one_tool", "reply_only"}
    assert shop.store.count() == before
    assert not (shop.settings.home / "sessions.db").exists()


def test_sampled_passes_are_asked_at_a_temperature(shop: Shop, fake: FakeLLM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKLING_HOME", str(shop.settings.home))
    monkeypatch.setenv("INKLING_LLM_MODEL", "fake")
    result = CliRunner().invoke(app, ["eval", "tool-calls", "--passes", "2", "--model-url", fake.url])
    assert result.exit_code == 0, result.output
    half = len(fake.requests) // 3
    assert [request["temperature"] for request in fake.requests] == [0.0] * half + [0.7] * 2 * half
    assert "pass^2" in json.loads(result.stdout.splitlines()[-1])["results"]["agent, sampled"]


def test_the_eval_needs_an_llm(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKLING_HOME", str(shop.settings.home))
    result = CliRunner().invoke(app, ["eval", "tool-calls", "--model-url", "http://127.0.0.1:1"])
    assert (result.exit_code, result.stdout) == (1, "")


def test_a_run_of_all_evals_is_a_page_and_a_row(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board, page = tmp_path / "leaderboard.csv", tmp_path / "report.html"
    monkeypatch.setenv("INKLING_HOME", str(shop.settings.home))
    monkeypatch.setattr("eval.leaderboard.FILE", board)
    monkeypatch.setattr("eval.suite.EVALS", {"search": ("--help",), "basket": ("basket",)})
    result = CliRunner().invoke(app, ["eval", "all", "--out", str(page)])
    assert result.exit_code == 1
    assert "✗ search" in result.stdout
    assert "✓ basket" in result.stdout
    assert "failed: search" in result.stderr
    assert "Failed: search" in page.read_text(encoding="utf-8")
    (row,) = csv.DictReader(board.read_text(encoding="utf-8").splitlines())
    assert (row["failed"], float(row["basket hit@10"]) > 0) == ("search", True)
    result = CliRunner().invoke(app, ["eval", "all", "--only", "basket", "--out", str(page)])
    assert result.exit_code == 0, result.output
    assert "Only some of the evals were run." in page.read_text(encoding="utf-8")
    assert len(board.read_text(encoding="utf-8").splitlines()) == 2


def test_help_comes_without_the_heavy_imports() -> None:
    code = "import sys, ui.cli; print({'torch', 'langchain', 'gradio', 'polars', 'sqlalchemy', 'fastapi'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"


def test_profile_and_recommendations_are_json_on_demand(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKLING_HOME", str(shop.settings.home))
    profile = json.loads(CliRunner().invoke(app, ["profile", "dora", "--numeric", "--json"]).stdout)
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


def test_a_taken_port_is_said_before_anything_is_started(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKLING_HOME", str(shop.settings.home))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("INKLING_PORT", str(port))
        result = CliRunner().invoke(app, ["serve"])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: port {port} is not free")


def test_doctor_names_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKLING_HOME", str(tmp_path / "none"))
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert "make demo" in result.stdout


def test_reviews_are_read_and_name_items_that_the_catalog_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKLING_HOME", str(tmp_path / "home"))
    review = {"reviewerID": "ana", "asin": "B01", "overall": 5.0, "unixReviewTime": 1_500_000_000, "reviewText": "很香 🍵"}
    (tmp_path / "tea.json.gz").write_bytes(gzip.compress(json.dumps(review).encode()))
    command = ["ingest", str(tmp_path / "tea.json.gz"), "--mapping", "amazon-reviews", "--topic", "Tea"]
    for _ in range(2):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
    with closing(EventStore(f"sqlite:///{tmp_path / 'home' / 'inkling.db'}")) as store:
        assert [(event.text, event.rating) for event in store.events(store.timeline_frame("ana")["event_id"].to_list())] == [
            ("很香 🍵", 5.0)
        ]
        assert [(item.item_id, item.path) for item in store.load_items()] == [("B01", ("Tea",))]
