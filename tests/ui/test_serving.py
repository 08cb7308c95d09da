"""Protects what the served app does beside answering: with an LLM, and only then, the segments are named.
Run: pytest tests/ui/test_serving.py"""

import asyncio
import json
import socket
import threading
from dataclasses import replace
from typing import Any

import pytest
import uvicorn

from agent.runtime import Runtime
from tools import list_segments
from ui.serving import serve


class Names:
    """Picks the last name offered."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def write_json(self, messages: list[dict[str, Any]], schema: dict[str, Any], max_tokens: int) -> str:
        self.asked.set()
        return json.dumps({"name": schema["properties"]["name"]["enum"][-1]})


@pytest.mark.parametrize("no_llm", [None, "out of memory"])
def test_segments_are_named_while_the_app_is_served(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, no_llm: str | None
) -> None:
    llm, (before,) = Names(), list_segments(runtime.shop).segments

    async def served(self: uvicorn.Server, sockets: object) -> None:
        if not no_llm:
            assert await asyncio.to_thread(llm.asked.wait, 60)

    monkeypatch.setattr(uvicorn.Server, "serve", served)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asyncio.run(serve(replace(runtime, llm=llm, no_llm=no_llm), listener))  # type: ignore[arg-type]
    (after,) = list_segments(runtime.shop).segments
    assert (after.name != before.name, llm.asked.is_set()) == (not no_llm, not no_llm)
