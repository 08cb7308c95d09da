"""All that a running Inkling holds, opened and closed in order: shop, LLM, saved sessions, chat, profile writer."""

from asyncio import to_thread
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing
from dataclasses import dataclass

from agent.chat import Chat, open_sessions
from agent.llm import LLM, LLMUnavailable, connect
from agent.profile_writer import ProfileWriter
from agent.server import ServerError
from agent.weights import Progress, WeightsError
from behavior import Settings
from tools import Shop

NOWHERE = LLM("http://127.0.0.1:1/v1", "none", timeout=2.0)
"""Stands in where no LLM could be had: nothing listens on port 1, so that every call fails at once as with a dead server."""


@dataclass(frozen=True)
class Runtime:
    """What the API, the page and the command line stand on. `no_llm` says in one line why no LLM could be had, if so."""

    shop: Shop
    llm: LLM
    chat: Chat
    profiles: ProfileWriter
    no_llm: str | None = None

    async def erase(self, user_id: str) -> int:
        """Delete a user everywhere: events, views, what was written, sessions; returns how many events. Raises UnknownUser."""
        erased = await to_thread(self.shop.erase, user_id)
        self.profiles.forget(user_id)
        await self.chat.forget(user_id)
        return erased


@asynccontextmanager
async def open_runtime(
    settings: Settings, progress: Progress = lambda message: None, open_shop: Callable[[Settings, Progress], Shop] = Shop.open
) -> AsyncIterator[Runtime]:
    """The runtime of these settings for the length of the block; opening it blocks the loop, so it comes before any other work.

    Sessions are saved in the home of the shop that `open_shop` gives. Without an LLM (not installed, not reachable, out of
    memory) the block still runs: the written part of a profile and the chat's replies are `unavailable` then.
    Raises StoreError as the shop does.
    """
    async with AsyncExitStack() as stack:
        shop = stack.enter_context(closing(open_shop(settings, progress)))
        served = stack.enter_context(ExitStack())
        progress("looking for the LLM")
        no_llm = None
        try:
            llm = served.enter_context(connect(settings, progress))
        except (LLMUnavailable, ServerError, WeightsError, OSError) as error:
            llm, no_llm = NOWHERE, " ".join(str(error).split())
        saver = await stack.enter_async_context(open_sessions(shop.settings))
        profiles = stack.enter_context(ProfileWriter(shop, llm))
        stack.callback(served.close)  # before the writer: what it is writing then fails at once instead of holding up the end
        if no_llm:
            profiles.close()  # a closed writer answers `unavailable` at once instead of trying
        yield Runtime(shop, llm, Chat(shop, llm, saver), profiles, no_llm)
