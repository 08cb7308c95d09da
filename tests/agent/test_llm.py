"""Protects the reports on an LLM that cannot be reached. Run: pytest tests/agent/test_llm.py"""

import socket

import pytest

from agent.llm import LLM, LLMUnavailable, connect
from behavior import Settings


@pytest.fixture
def dead_url() -> str:
    """An address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/v1"


def test_a_dead_server_is_one_line(dead_url: str) -> None:
    llm = LLM(dead_url, "model")
    assert not llm.healthy()
    with pytest.raises(LLMUnavailable, match=rf"'{dead_url}' cannot be reached"):
        llm.write_json([{"role": "user", "content": "hello"}], {"type": "object"}, 8)


def test_a_url_without_a_server_is_named(dead_url: str) -> None:
    with pytest.raises(LLMUnavailable, match=rf"INKLING_LLM_URL is '{dead_url}'"), connect(Settings(llm_url=dead_url)):
        pass


@pytest.mark.parametrize("url", ["not a url", "http://[", "ftp://127.0.0.1/"])
def test_what_is_no_url_is_named(url: str) -> None:
    with pytest.raises(LLMUnavailable, match="INKLING_LLM_URL is"), connect(Settings(llm_url=url)):
        pass


def test_a_named_model_is_taken_without_asking(dead_url: str) -> None:
    with connect(Settings(llm_url=dead_url.removesuffix("/v1") + "/", llm_model="mine")) as llm:
        assert (llm.url, llm.model) == (dead_url, "mine")
