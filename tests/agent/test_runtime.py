"""Protects the runtime: open without an LLM too, closed in order however it ends. Run: pytest tests/agent/test_runtime.py"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agent import runtime as under_test
from agent.llm import LLM
from agent.profile_writer import ProfileWriter
from agent.runtime import open_runtime
from agent.server import ServerError
from behavior import Settings
from tools import Shop


def test_without_an_llm_the_runtime_opens_and_says_why(shop: Shop) -> None:
    settings = shop.settings.model_copy(update={"llm_url": "http://127.0.0.1:1"})

    async def main() -> None:
        async with open_runtime(settings) as runtime:
            assert "'http://127.0.0.1:1/v1', but no model is served there" in (runtime.no_llm or "")
            assert "\n" not in (runtime.no_llm or "")
            profile = runtime.profiles.profile("dora")
            assert (profile.summary_status, len(profile.interests)) == ("unavailable", 4)
            events = [e async for e in runtime.chat.stream("dog food", role="shopper", user_id="dora", session_id="s")]
            assert events[-1].model_dump()["status"] == "unavailable"

    asyncio.run(main())
    assert (shop.settings.home / "sessions.db").exists()


def test_a_server_that_does_not_start_is_no_llm(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ServerError("vLLM ran out of memory,\nit needs about 4 GB")

    monkeypatch.setattr(under_test, "connect", fail)

    async def main() -> None:
        async with open_runtime(shop.settings) as runtime:
            assert runtime.no_llm == "vLLM ran out of memory, it needs about 4 GB"

    asyncio.run(main())


def test_all_is_closed_and_the_llm_before_the_writer_that_waits_for_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    @contextmanager
    def connect(*_: object) -> Iterator[LLM]:
        yield LLM("http://127.0.0.1:1/v1", "fake")
        closed.append("llm")

    def close(writer: ProfileWriter) -> None:
        closed.append("writer")
        original(writer)

    original = ProfileWriter.close
    monkeypatch.setattr(under_test, "connect", connect)
    monkeypatch.setattr(ProfileWriter, "close", close)

    def opened(settings: Settings, progress: object) -> Shop:
        shop = Shop.open(settings)
        monkeypatch.setattr(shop, "close", lambda: closed.append("shop"))
        return shop

    async def main() -> None:
        async with open_runtime(shop.settings, open_shop=opened):
            raise SystemExit(143)

    with pytest.raises(SystemExit):
        asyncio.run(main())
    assert closed == ["llm", "writer", "shop"]
