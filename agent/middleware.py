"""What happens around the LLM in a turn: a fresh turn on the bus, a short prompt, at most four steps, a checked reply."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse, hook_config
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.runtime import Runtime

from agent.bus import Bus
from agent.grounding import unsaid
from agent.line_model import REPLY
from agent.llm import LLM, LLMUnavailable
from agent.odds import odds
from agent.prompts import TOOLS
from agent.reply import Release, addition, composed, facts_of, listed
from agent.router import Opinion, Router
from agent.toolbox import ChatState, Speaker, newest_call, put, said_in, same_call, turn_of
from tools import Shop, ToolError, recommend
from tools.results import Card

MAX_STEPS = 4
TURNS = 3
HISTORY = 4_000
"""Characters of earlier turns in the prompt, at most."""
ADDED = "added"
"""Metadata of a reply: what was added to the LLM's own sentences."""
UNAVAILABLE = "unavailable"
"""Metadata of a reply without the LLM: why it did not answer."""


class Turn(AgentMiddleware[ChatState, Speaker, Any]):
    """One turn of a session. The saved messages keep all turns; a reply among them is what the user was shown, with its refs."""

    state_schema = ChatState

    def __init__(self, shop: Shop, llm: LLM, router: Router | None = None) -> None:
        super().__init__()
        self._shop, self._llm, self._router = shop, llm, router

    async def abefore_agent(self, state: ChatState, runtime: Runtime[Speaker]) -> dict[str, Any]:
        bus = Bus.model_validate(state.get("bus", {}))
        recent = bus.turn or state.get("recent", [])
        bus.begin_turn()
        return {"bus": bus.model_dump(mode="json"), "recent": recent}

    @hook_config(can_jump_to=["end"])
    async def abefore_model(self, state: ChatState, runtime: Runtime[Speaker]) -> dict[str, Any] | None:
        """End the turn after four steps, or when the LLM asks again what was answered."""
        turn = turn_of(state["messages"])
        last = turn[-1].artifact if isinstance(turn[-1], ToolMessage) else None
        repeats = last and same_call(last["name"], last["written"], turn[:-1])
        if not repeats and sum(isinstance(message, AIMessage) for message in turn) < MAX_STEPS:
            return None
        reply = composed(turn, Bus.model_validate(state["bus"]), runtime.context.role)
        return {"jump_to": "end", "messages": [AIMessage(reply, response_metadata={ADDED: reply})]}

    async def awrap_model_call(
        self, request: ModelRequest[Speaker], handler: Callable[[ModelRequest[Speaker]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any] | AIMessage:
        """Call the LLM on the last turns, held to the router's opinion. Of several calls the first counts: the next may
        need what it puts on the bus."""
        short = request.override(messages=last_turns(request.messages))
        try:
            with self._llm.readable_errors():
                opinion = await self._opinion(short)
                opening = opinion.opening()
                response = await handler(opening.asked(short))
        except (LLMUnavailable, TimeoutError) as error:
            logging.getLogger(__name__).warning("%s", error)
            return AIMessage("", response_metadata={UNAVAILABLE: str(error)})
        message = response.result[-1]
        if not isinstance(message, AIMessage) or (first := opening.first_call(message)) is None:
            return response
        if self._router is not None:
            first["args"] = self._corrected(opinion, first["name"], first["args"], cast(ChatState, request.state))
        return message.model_copy(update={"content": "", "tool_calls": [first], "invalid_tool_calls": []})

    def _corrected(self, opinion: Opinion, name: str, written: dict[str, Any], state: ChatState) -> dict[str, Any]:
        bus, said = Bus.model_validate(state.get("bus", {})), said_in(state)
        return opinion.corrected(name, written, unsaid(written, said, bus, self._shop), said.before)

    async def _opinion(self, request: ModelRequest[Speaker]) -> Opinion:
        """The router's on a line of the user, with the LLM's weighed in where it is not sure; on what a tool said a reply, as who
        has a router was taught one call a turn."""
        line, earlier = request.messages[-1], request.state["messages"][:-1]
        if self._router is None:
            return Opinion()
        if not isinstance(line, HumanMessage):
            return Opinion(REPLY)
        role, last = request.runtime.context.role, newest_call(earlier).get("name")
        reading = await asyncio.to_thread(self._router.read, role, line.text)
        opinion = Opinion.of(reading, last)
        return opinion if opinion.sure else Opinion.of(reading, last, await odds(request, TOOLS[role]))

    async def aafter_model(self, state: ChatState, runtime: Runtime[Speaker]) -> dict[str, Any] | None:
        """Replace what the LLM wrote by what the guard lets through, or by a reply without the LLM."""
        message = state["messages"][-1]
        if not isinstance(message, AIMessage) or message.tool_calls:
            return None
        bus, earlier = Bus.model_validate(state["bus"]), state["messages"][:-1]
        if UNAVAILABLE in message.response_metadata:
            return self._without_llm(message, earlier, bus, runtime.context)
        release = Release(bus, facts_of(earlier))
        release.feed(message.text)
        release.end(is_cut_off(message))
        added = addition(release, earlier, bus, runtime.context.role)
        reply = " ".join([*release.kept, *([added] if added else [])])
        metadata = {**message.response_metadata, ADDED: added}
        return {"messages": [message.model_copy(update={"content": reply, "response_metadata": metadata})]}

    def _without_llm(self, message: AIMessage, earlier: list[AnyMessage], bus: Bus, speaker: Speaker) -> dict[str, Any]:
        head = "The language model does not answer just now."
        turn = turn_of(earlier)
        cards: list[Card] = []
        if len(turn) > 1:
            reply = f"{head} {composed(earlier, bus, speaker.role)}"
        elif speaker.user_id is None:
            reply = f"{head} Please try again in a while."
        else:
            try:
                _, cards = put(recommend(self._shop, speaker.user_id, query=turn[0].text[:200]), bus)
                if not cards:
                    _, cards = put(recommend(self._shop, speaker.user_id), bus)
            except ToolError as error:
                reply = f"{head} {error}."
            else:
                found = f"Without it, the shop suggests {listed(bus.shown[:5])}." if cards else "Please try again in a while."
                reply = f"{head} {found}"
        metadata = {**message.response_metadata, ADDED: reply, "cards": [card.model_dump(mode="json") for card in cards]}
        shown = message.model_copy(update={"content": reply, "response_metadata": metadata})
        return {"bus": bus.model_dump(mode="json"), "messages": [shown]}


def last_turns(messages: list[AnyMessage]) -> list[AnyMessage]:
    """The newest turn whole, and as many of the two before it as fit into the prompt; calls never answered are left out."""
    answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    messages = [m for m in messages if not (isinstance(m, AIMessage) and m.tool_calls and m.tool_calls[0]["id"] not in answered)]
    starts = [at for at, message in enumerate(messages) if isinstance(message, HumanMessage)]
    kept = starts[-1:]
    for start in reversed(starts[-TURNS:-1]):
        if sum(len(message.text) for message in messages[start : starts[-1]]) > HISTORY:
            break
        kept.append(start)
    return messages[min(kept, default=0) :]


def is_cut_off(message: AIMessage) -> bool:
    """Whether the LLM ran into its limit of tokens."""
    return message.response_metadata.get("finish_reason") == "length"
