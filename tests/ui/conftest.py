"""A runtime over the tiny shop whose LLM is a script: the model is not what these tests are about."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from langgraph.checkpoint.memory import InMemorySaver
from playwright.sync_api import Browser

from agent.chat import Chat
from agent.llm import LLM
from agent.profile_writer import ProfileWriter
from agent.profiler import answer_json
from agent.runtime import Runtime
from tests.agent.fake_openai import FakeLLM, fake_openai
from tests.ui.chromium import chromium
from tools import Shop
from ui.api import create_app


class Biographer:
    """Writes the same words for every profile, about the topic that the digest lists first."""

    def write_json(self, messages: list[dict[str, Any]], schema: dict[str, Any], max_tokens: int) -> str:
        line = re.search(r"^(i\d+) ([A-Z][a-z ]+?)(?: \||,|:|\(| \d)", messages[-1]["content"], re.MULTILINE)
        assert line, messages[-1]["content"]
        return answer_json([(line[1], "habit", "")], f"{line[2].strip()} comes first.")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def fake() -> Iterator[FakeLLM]:
    with fake_openai() as server:
        yield server


@pytest.fixture
def runtime(shop: Shop, fake: FakeLLM) -> Iterator[Runtime]:
    llm = LLM(fake.url, "fake")
    with ProfileWriter(shop, Biographer()) as profiles:
        yield Runtime(shop, llm, Chat(shop, llm, InMemorySaver()), profiles)


@pytest.fixture
def client(runtime: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(runtime)) as client:  # one loop for all requests, as in a server
        yield client
