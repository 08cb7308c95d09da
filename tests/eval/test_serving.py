"""Protects the serving eval: ours and the bare server get the very same requests in turn, and every row has its figures.
Run: pytest tests/eval/test_serving.py"""

import asyncio
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from rich.console import Console

from agent.llm import LLM
from agent.profiler import MAX_TOKENS
from eval.bare import SALT, Bare, Read
from eval.report import Report
from eval.serving import DECODED, decode_rate, run
from tests.agent.fake_openai import Answer, FakeLLM, fake_openai
from tools import Shop


class Scripted(FakeLLM):
    """Calls a tool for a line and replies to its result; to a schema it writes a profile whose summary must be rewritten."""

    def next_answer(self, request: dict[str, Any]) -> Answer:
        self.requests.append(request)
        if "response_format" in request:
            return '{"interests": [], "summary": "They bought milk 99 times."}'
        if request["messages"][-1]["role"] == "tool":
            return "There it is."
        asks_people = "who would" in request["messages"][-1]["content"]
        return ("build_audience", {"topic": "Milk"}) if asks_people else ("show_profile", {})


@pytest.fixture
def fake() -> Iterator[FakeLLM]:
    with fake_openai() as server:
        server.__class__ = Scripted
        yield server


def served(shop: Shop, llm: LLM) -> tuple[Report, list[str]]:
    out = io.StringIO()
    made = asyncio.run(run(shop, llm, Console(file=out, width=200), lambda _: None, turns=4, profiles={1: 2, 2: 4}))
    return made, out.getvalue().splitlines()


def test_every_row_stands_beside_the_bare_server_of_the_same_run(read_shop: Shop, fake: FakeLLM) -> None:
    report, lines = served(read_shop, LLM(fake.url, "fake", "abc"))
    assert Report.model_validate_json(lines[-1]) == report
    assert (report.eval, report.model, report.adapter, report.seed) == ("serving", "fake", "abc", 7)
    rows = report.results
    assert set(rows) == {"chat", "bare chat", "profile@1", "bare@1", "profile@2", "bare@2", "bare decode"}
    for name in ("chat", "bare chat"):
        assert 0 < rows[name]["p50_ms"] <= rows[name]["p95_ms"]
        assert 0 < rows[name]["first_token_p50_ms"] <= rows[name]["p50_ms"]
    for name in ("profile@1", "bare@1", "profile@2", "bare@2"):
        assert rows[name]["profiles_per_minute"] > 0
        assert rows[name]["seconds_per_profile"] > 0
    assert {name for name, row in rows.items() if "overhead" in row} == {"chat", "profile@1", "profile@2"}
    assert (rows["chat"]["turns"], rows["profile@2"]["requests_per_profile"], rows["bare@2"]["same_answers"]) == (4, 2, 1)
    assert rows["profile@2"]["written"] == 0  # the one sentence was dropped


def test_the_bare_server_gets_the_very_same_requests_after_ours(read_shop: Shop, fake: FakeLLM) -> None:
    served(read_shop, LLM(fake.url, "fake"))
    ours = [request for request in fake.requests if "cache_salt" not in request]
    decoded = fake.requests[-DECODED:]
    alone = [request for request in fake.requests[:-DECODED] if request.get("cache_salt") == SALT]
    assert len(ours) + len(alone) + len(decoded) == len(fake.requests)
    assert {(request["stream"], request["max_tokens"]) for request in decoded} == {(True, MAX_TOKENS)}
    assert sorted(map(body, ours)) == sorted(map(body, alone))
    turn = [request for request in fake.requests if "response_format" not in request][:4]
    assert ["cache_salt" in request for request in turn] == [False, False, True, True]


def body(request: dict[str, Any]) -> str:
    """A request without the salt, and without what asks for a count of the tokens."""
    return json.dumps({key: request[key] for key in request.keys() - {"cache_salt", "stream_options"}}, sort_keys=True)


def test_a_request_is_sent_again_as_a_stream_where_it_was_one(fake: FakeLLM) -> None:
    asked = {"messages": [{"role": "tool", "content": "Milk"}]}
    with httpx.Client(base_url=fake.url) as client:
        whole = Bare(client).read([asked])
        streamed = Bare(client).read([asked, {**asked, "stream": True}])
    assert [request.get("stream", False) for request in fake.requests] == [False, False, True]
    assert whole.first_token is None
    assert streamed.first_token is not None
    assert whole.tokens > 0


def test_a_dead_llm_ends_the_run(read_shop: Shop) -> None:
    with pytest.raises(ConnectionError, match="the LLM did not answer 'any "):
        served(read_shop, LLM("http://127.0.0.1:1/v1", "none"))
    with httpx.Client(base_url="http://127.0.0.1:1/v1") as client, pytest.raises(ConnectionError, match="bare LLM server"):
        Bare(client).ask([{"messages": []}])


def test_the_decode_rate_counts_the_tokens_after_the_first() -> None:
    streams = [Read(first_token=1.0, tokens=21, seconds=2.0), Read(first_token=3.0, tokens=11, seconds=4.0)]
    assert decode_rate([*streams, Read(first_token=None, tokens=9, seconds=9.0)]) == {"tokens_per_second": 15.0}
