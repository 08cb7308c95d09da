"""The app with its page on a loopback port, over a shop, with an LLM whose answers a test writes."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from langgraph.checkpoint.memory import InMemorySaver

from agent.chat import Chat
from agent.llm import LLM
from agent.profile_writer import ProfileWriter
from agent.profiler import answer_json
from agent.runtime import Runtime
from tests.agent.fake_openai import FakeLLM, fake_openai
from tools import Shop
from ui.api import create_app
from ui.page import mount


class Scribe:
    """Writes a profile about the first interest of the digest, in words that the guard lets through."""

    def write_json(self, messages: list[dict[str, Any]], schema: dict[str, Any], max_tokens: int) -> str:
        ref, topic = re.findall(r"^(i\d+) (.+?):", messages[-1]["content"], re.MULTILINE)[0]
        return answer_json([(ref, "habit", "bought often")], f"You buy {topic.lower()} again and again.")


@contextmanager
def scripted(shop: Shop) -> Iterator[tuple[Runtime, FakeLLM]]:
    """A runtime whose chat asks the fake LLM and whose profiles are written by the scribe."""
    with fake_openai() as fake, ProfileWriter(shop, Scribe()) as profiles:
        llm = LLM(fake.url, "fake")
        yield Runtime(shop, llm, Chat(shop, llm, InMemorySaver()), profiles), fake


@contextmanager
def served(runtime: Runtime) -> Iterator[str]:
    """The URL of the app, served by a thread for the length of the block."""
    app = create_app(runtime)
    mount(app, runtime)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        started = threading.Event()

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                started.set()

        server = Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            assert started.wait(60), "the app did not start"
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
