"""Protects `POST /v1/chat`: typed events in order, clear refusals, no stack trace. Run: pytest tests/ui/test_chat_api.py"""

import json
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from langgraph.checkpoint.memory import InMemorySaver

from agent.chat import Chat, Done
from agent.runtime import NOWHERE, Runtime
from agent.toolbox import call_tool
from tests.agent.fake_openai import FakeLLM
from ui.api import create_app

SHOPPER = {"role": "shopper", "user_id": "dora", "session_id": "s1"}
MERCHANT = {"role": "merchant", "session_id": "s1"}


def say(client: TestClient, line: str, turn: dict[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """Name and data of the events of a turn."""
    answer = client.post("/v1/chat", json={"line": line, **turn})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [dict(part.split(": ", 1) for part in block.split("\n")) for block in answer.text.strip().split("\n\n")]
    return [(event["event"], json.loads(event["data"])) for event in events]


def test_a_turn_is_tool_cards_tokens_and_done(client: TestClient, fake: FakeLLM) -> None:
    fake.answers = [("recommend", {"query": "dog food", "max_price": 5}), "Try p1. It won 77 medals."]
    events = say(client, "any dog food under five bucks?", SHOPPER)
    names = [name for name, _ in events]
    assert names == ["tool", "cards", *["token"] * (len(names) - 3), "done"]
    assert all(data["kind"] == name for name, data in events)
    assert events[0][1]["call"] == {"name": "recommend", "arguments": {"query": "dog food", "max_price": 5.0}}
    assert [card["item_id"] for card in events[1][1]["cards"]] == ["dogtreat"]
    done = Done.model_validate(events[-1][1])
    assert done.reply == "".join(data["text"] for name, data in events if name == "token") == "Try Dog treats, 200 g."
    assert done.dropped == 1


def test_a_deleted_user_leaves_no_session(client: TestClient, runtime: Runtime, fake: FakeLLM) -> None:
    say(client, "hello", SHOPPER)
    say(client, "hello", {**SHOPPER, "user_id": "ben"})
    assert client.delete("/v1/users/dora").json()["events"] > 0
    assert client.delete("/v1/users/dora").status_code == 404
    assert client.get("/v1/users/dora/profile").status_code == 404
    kept = {saved.config["configurable"]["thread_id"] for saved in runtime.chat.saver.list(None)}
    assert {json.loads(thread)[1] for thread in kept} == {"ben"}


def test_turns_tools_and_dropped_sentences_are_counted(client: TestClient, fake: FakeLLM) -> None:
    fake.answers = [("recommend", {"query": "dog food"}), "Try p1. It won 77 medals."]
    say(client, "any dog food?", SHOPPER)
    metrics = client.get("/metrics").text
    assert 'inkling_chat_turns_total{role="shopper",status="ok"} 1.0' in metrics
    assert 'inkling_chat_tool_calls_total{tool="recommend"} 1.0' in metrics
    assert "inkling_chat_dropped_sentences_total 1.0" in metrics
    assert "inkling_chat_first_token_seconds_count 1.0" in metrics


def test_a_session_goes_on_and_belongs_to_its_user(client: TestClient, fake: FakeLLM) -> None:
    say(client, "hello", SHOPPER)
    say(client, "and now?", SHOPPER)
    assert [text for role, text in fake.prompt() if role == "user"] == ["hello", "and now?"]
    say(client, "hi", {**SHOPPER, "user_id": "ben"})
    assert [text for role, text in fake.prompt() if role == "user"] == ["hi"]


def test_a_merchant_has_the_merchant_s_tools(client: TestClient, fake: FakeLLM) -> None:
    fake.answers = [("build_audience", {"topic": "Milk"}), "Here they are."]
    events = say(client, "who buys milk?", MERCHANT)
    assert events[0][1]["call"]["name"] == "build_audience"
    assert {tool["function"]["name"] for tool in fake.requests[0]["tools"]}.isdisjoint({"recommend", "set_preference"})


@pytest.mark.parametrize("line", ["", "x" * 10_000])
def test_an_empty_or_a_long_line_gets_a_clear_reply(client: TestClient, fake: FakeLLM, line: str) -> None:
    assert [name for name, _ in say(client, line, SHOPPER)] == ["token", "done"]
    assert fake.requests == []


@pytest.mark.parametrize(
    ("turn", "status", "quoted"),
    [
        ({**SHOPPER, "user_id": "nobody"}, 404, "no user 'nobody' in this shop"),
        ({**SHOPPER, "role": "admin"}, 422, "'admin'"),
        ({"role": "shopper", "session_id": "s1"}, 422, "a shopper turn takes a user_id"),
        ({**MERCHANT, "user_id": "dora"}, 422, "a merchant turn takes no user_id"),
        ({**SHOPPER, "session_id": ""}, 422, "session_id"),
        ({**SHOPPER, "line": 5}, 422, "5"),
    ],
)
def test_a_bad_turn_is_refused_before_the_stream(client: TestClient, turn: dict[str, Any], status: int, quoted: str) -> None:
    answer = client.post("/v1/chat", json={"line": "hello", **turn})
    assert answer.status_code == status
    assert quoted in answer.json()["error"]


def test_a_dead_llm_is_said_and_the_shop_s_own_cards_are_shown(runtime: Runtime) -> None:
    dead = replace(runtime, llm=NOWHERE, chat=Chat(runtime.shop, NOWHERE, InMemorySaver()))
    with TestClient(create_app(dead)) as client:
        events = say(client, "dog food", SHOPPER)
        assert [name for name, _ in events] == ["cards", "token", "done"]
        assert events[-1][1]["status"] == "unavailable"
        assert 'inkling_chat_turns_total{role="shopper",status="unavailable"} 1.0' in client.get("/metrics").text


def test_a_fault_in_a_turn_ends_it_with_an_error_event(
    client: TestClient, fake: FakeLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(f"{call_tool.__module__}.call_tool", broken)
    fake.answers = [("recommend", {"query": "dog food"}), "Try p1."]
    name, data = say(client, "dog food", SHOPPER)[-1]
    assert (name, data["kind"]) == ("error", "error")
    assert "secret" not in data["error"]
    assert 'inkling_chat_turns_total{role="shopper",status="error"} 1.0' in client.get("/metrics").text
