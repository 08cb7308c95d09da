"""Protects the LLM as everything above uses it, with the real vLLM on the CPU. Run: pytest tests/test_llm.py"""

import json
from functools import reduce
from operator import add

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.tools import tool

from agent.llm import LLM, LLMUnavailable, connect
from behavior import Settings

FRUIT = {
    "type": "object",
    "properties": {"fruit": {"enum": ["apple", "pear"]}, "ripe": {"type": "boolean"}},
    "required": ["fruit", "ripe"],
    "additionalProperties": False,
}


def test_it_serves_and_streams(llm: LLM) -> None:
    assert llm.healthy()
    chunks = list(llm.chat_model(max_tokens=24).stream([("user", "What is the capital of France?")]))
    assert len([chunk for chunk in chunks if chunk.text]) > 1


def test_json_follows_the_schema(llm: LLM) -> None:
    answer = json.loads(llm.write_json([{"role": "user", "content": "Name a fruit."}], FRUIT, 40))
    assert answer.keys() == {"fruit", "ripe"}
    assert answer["fruit"] in ("apple", "pear")


def test_json_that_does_not_fit_is_said_to_be_incomplete(llm: LLM) -> None:
    with pytest.raises(LLMUnavailable, match="not complete after 3 tokens"):
        llm.write_json([{"role": "user", "content": "Name a fruit."}], FRUIT, 3)


def test_tool_calls_stream_and_come_back_parsed(llm: LLM) -> None:
    """By example, so that the bare model passes as well: whether the right tool is chosen is measured elsewhere."""

    @tool
    def recommend(query: str) -> str:
        """find products"""
        return query

    turns: list[BaseMessage] = []
    for number, query in enumerate(("oat milk", "bread")):
        call = ToolCall(name="recommend", args={"query": query}, id=str(number))
        turns += [HumanMessage(f"I want {query}"), AIMessage("", tool_calls=[call])]
        turns += [ToolMessage("found nothing", tool_call_id=str(number)), AIMessage("Nothing found.")]
    model = llm.chat_model(max_tokens=60).bind_tools([recommend])
    chunks = list(model.stream([*turns, HumanMessage("I want frozen pizza")]))
    assert sum(bool(chunk.tool_call_chunks) for chunk in chunks) > 1
    (found,) = reduce(add, chunks).tool_calls
    assert (found["name"], found["args"]) == ("recommend", {"query": "frozen pizza"})


def test_a_prompt_that_is_too_long_is_refused_in_one_line(llm: LLM) -> None:
    with pytest.raises(LLMUnavailable, match=r"refused \(400\)") as refused, llm.readable_errors():
        llm.chat_model().invoke([("user", "word " * 6000)])
    assert "\n" not in str(refused.value)


def test_a_running_server_is_taken_by_its_url(llm: LLM) -> None:
    with connect(Settings(llm_url=llm.url.removesuffix("/v1"))) as other:
        assert (other.url, other.model) == (llm.url, llm.model)


def test_a_slow_server_is_said_to_be_slow(llm: LLM) -> None:
    hasty = LLM(llm.url, llm.model, timeout=0.001)
    with pytest.raises(LLMUnavailable, match=r"did not answer within 0\.001 s"):
        hasty.write_json([{"role": "user", "content": "Name a fruit."}], FRUIT, 40)
