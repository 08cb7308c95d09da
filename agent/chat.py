"""The chat: a line of the user in, events out, as they happen. Sessions are saved and go on after a restart."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from time import perf_counter
from typing import Any, Literal, cast
from weakref import WeakValueDictionary

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel

from agent.bus import Bus
from agent.llm import LLM
from agent.middleware import ADDED, UNAVAILABLE, Turn, is_cut_off
from agent.prompts import SYSTEM, Role
from agent.reply import EMPTY, MAX_LINE, TOO_LONG, Release, facts_of, spelled
from agent.router import Router
from agent.toolbox import Speaker, tools_of
from agent.weights import BASE
from behavior import Settings
from tools import Shop, UnknownUser
from tools.results import Card


class ToolCall(BaseModel):
    """A call with its arguments grounded; items and users as refs or in the user's words, not as the ids that the tool got."""

    name: str
    arguments: dict[str, Any]


class ToolStep(BaseModel):
    """A tool was run. `text` is its result as the LLM reads it, refs spelled out; when `ok` is false it says what is wrong."""

    kind: Literal["tool"] = "tool"
    call: ToolCall
    ok: bool
    text: str


class Token(BaseModel):
    """A checked piece of the reply; the pieces of a turn, joined, are its reply."""

    kind: Literal["token"] = "token"
    text: str


class Cards(BaseModel):
    """Products that a tool returned, the best first."""

    kind: Literal["cards"] = "cards"
    cards: list[Card]


class Done(BaseModel):
    """The whole turn. `dropped` counts the sentences that the guard held back, `seconds_to_first_token` the wait for the first
    checked piece of the reply."""

    kind: Literal["done"] = "done"
    reply: str
    tool_calls: list[ToolCall]
    cards: list[Card]
    dropped: int
    status: Literal["ok", "unavailable"]
    seconds_to_first_token: float | None
    seconds: float


ChatEvent = ToolStep | Token | Cards | Done
Graph = CompiledStateGraph[Any, Speaker, Any, Any]


@asynccontextmanager
async def open_sessions(settings: Settings) -> AsyncIterator[AsyncSqliteSaver]:
    """The saved sessions, in `INKLING_HOME/sessions.db`."""
    settings.home.mkdir(parents=True, exist_ok=True)
    async with AsyncSqliteSaver.from_conn_string(str(settings.home / "sessions.db")) as saver:
        yield saver


class Chat:
    """The agents of both roles over one shop and one LLM, which is greedy unless a `temperature` is given.

    The router goes with the embedded LLM, whose choice of tools it mends; a larger one chooses alone, as this one does unless
    `routed`.
    """

    def __init__(
        self, shop: Shop, llm: LLM, saver: BaseCheckpointSaver[Any], temperature: float = 0.0, routed: bool = True
    ) -> None:
        self._shop, self.saver = shop, saver
        self.routed = routed and llm.model == BASE
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        router = Router.load() if self.routed else None
        roles: tuple[Role, ...] = ("shopper", "merchant")
        self._agents: dict[Role, Graph] = {
            role: create_agent(
                llm.chat_model(temperature=temperature),
                tools_of(role, shop),
                system_prompt=SYSTEM[role],
                middleware=[Turn(shop, llm, router)],
                context_schema=Speaker,
                checkpointer=saver,
            )
            for role in roles
        }

    async def forget(self, user_id: str) -> None:
        """Delete all sessions of a shopper."""
        sessions = {saved.config["configurable"]["thread_id"] async for saved in self.saver.alist(None)}
        for thread in sessions:
            if json.loads(thread)[1] == user_id:
                await self.saver.adelete_thread(thread)

    async def stream(self, line: str, *, role: Role, user_id: str | None, session_id: str) -> AsyncGenerator[ChatEvent, None]:
        """One turn: tool steps, cards, pieces of the reply, and Done last.

        A session belongs to its role and user; its turns follow each other. A turn that is not read to its end is saved as far
        as it came.
        Raises UnknownUser for a shopper that the shop does not know, before the LLM is asked. A dead LLM raises nothing:
        the reply says so, and Done has the status `unavailable`.
        """
        started = perf_counter()
        line = line.encode(errors="replace").decode().replace("\0", "").strip()
        speaker = Speaker(role, user_id if role == "shopper" else None)
        if role == "shopper" and not (user_id and self._shop.store.has_user(user_id)):
            raise UnknownUser(user_id or "")
        turn = _Events(started)
        if not line or len(line) > MAX_LINE:
            yield turn.say(TOO_LONG if line else EMPTY)
            yield turn.done()
            return
        thread = json.dumps([role, speaker.user_id, session_id])
        lock = self._locks.setdefault(thread, asyncio.Lock())
        async with lock:
            config: RunnableConfig = {"configurable": {"thread_id": thread}}
            turn.heard.append(HumanMessage(line))
            parts = self._agents[role].astream(
                {"messages": list(turn.heard)},
                config,
                context=speaker,
                stream_mode=["messages", "updates"],
                durability="exit",
            )
            async with aclosing(cast(AsyncGenerator[Any, None], parts)) as stream:
                async for mode, part in stream:
                    for event in turn.of_part(mode, part):
                        yield event
        yield turn.done()


class _Events:
    """Turns what the graph streams into events, and remembers them for Done."""

    def __init__(self, started: float) -> None:
        self.heard: list[HumanMessage | ToolMessage] = []
        self._started = started
        self._first: float | None = None
        self._bus = Bus()
        self._release: Release | None = None
        self._said: list[str] = []
        self._calls: list[ToolCall] = []
        self._cards: list[Card] = []
        self._dropped = 0
        self._status: Literal["ok", "unavailable"] = "ok"

    def of_part(self, mode: str, part: Any) -> list[ChatEvent]:
        return self._chunk(part[0]) if mode == "messages" else self._update(part)

    def say(self, text: str) -> Token:
        if self._first is None:
            self._first = perf_counter() - self._started
        piece = f" {text}" if self._said else text
        self._said.append(piece)
        return Token(text=piece)

    def done(self) -> Done:
        return Done(
            reply="".join(self._said),
            tool_calls=self._calls,
            cards=self._cards,
            dropped=self._dropped,
            status=self._status,
            seconds_to_first_token=self._first,
            seconds=perf_counter() - self._started,
        )

    def _chunk(self, chunk: Any) -> list[ChatEvent]:
        """A piece of what the LLM writes: the sentences that it completes."""
        if not isinstance(chunk, AIMessageChunk) or not (chunk.text or chunk.response_metadata):
            return []
        self._release = self._release or Release(self._bus, facts_of(self.heard))
        passed = self._release.feed(chunk.text)
        return [self.say(spelled(sentence, self._bus)) for sentence in passed]

    def _update(self, update: dict[str, Any]) -> list[ChatEvent]:
        """What a node of the graph has changed: a tool's result, or the reply as it is saved."""
        events: list[ChatEvent] = []
        for node, change in update.items():
            for part in change if isinstance(change, list) else [change or {}]:
                if "bus" in part:
                    self._bus = Bus.model_validate(part["bus"])
                for message in part.get("messages", []):
                    if isinstance(message, ToolMessage):
                        events += self._tool(message)
                    elif isinstance(message, AIMessage):
                        events += self._llm_ended(message) if node == "model" else self._reply(message)
        return events

    def _tool(self, message: ToolMessage) -> list[ChatEvent]:
        self.heard.append(message)
        artifact = message.artifact or {"name": message.name, "said": {}, "ok": False, "cards": []}
        call = ToolCall(name=artifact["name"], arguments=artifact["said"])
        if call in self._calls:
            return []
        self._calls.append(call)
        return [ToolStep(call=call, ok=artifact["ok"], text=spelled(message.text, self._bus)), *self._show(artifact["cards"])]

    def _show(self, dumped: list[dict[str, Any]]) -> list[ChatEvent]:
        known = {card.item_id for card in self._cards}
        cards = [Card.model_validate(card) for card in dumped]
        self._cards += [card for card in cards if card.item_id not in known]
        return [Cards(cards=cards)] if cards else []

    def _llm_ended(self, message: AIMessage) -> list[ChatEvent]:
        if self._release is None:
            return []
        passed = self._release.end(is_cut_off(message))
        self._dropped += self._release.dropped
        self._release = None
        return [self.say(spelled(sentence, self._bus)) for sentence in passed]

    def _reply(self, message: AIMessage) -> list[ChatEvent]:
        """The reply as it is saved: what was added to the LLM's sentences is said now."""
        events: list[ChatEvent] = []
        if UNAVAILABLE in message.response_metadata:
            self._status = "unavailable"
            events += self._show(message.response_metadata["cards"])
        if added := message.response_metadata.get(ADDED):
            events.append(self.say(spelled(added, self._bus)))
        return events
