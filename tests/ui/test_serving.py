"""Protects what the served app does beside answering: with an LLM, and only then, the segments are named.
Run: pytest tests/ui/test_serving.py"""

import asyncio
import json
import socket
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from agent.runtime import Runtime
from tests.tools import crowd
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
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_llm: str | None
) -> None:
    llm = Names()

    async def served(self: uvicorn.Server, sockets: object) -> None:
        if not no_llm:
            assert await asyncio.to_thread(llm.asked.wait, 60)

    monkeypatch.setattr(uvicorn.Server, "serve", served)
    with closing(crowd.open_crowd(tmp_path, [])) as shop, socket.create_server(("127.0.0.1", 0)) as listener:
        before = list_segments(shop).segments
        asyncio.run(serve(replace(runtime, shop=shop, llm=llm, no_llm=no_llm), listener))  # type: ignore[arg-type]
        changed = [after.name != one.name for after, one in zip(list_segments(shop).segments, before, strict=True)]
    assert (changed[0], llm.asked.is_set()) == (not no_llm, not no_llm)
