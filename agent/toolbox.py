"""The tools of a role as LangChain tools over a shop: what the LLM calls, grounded, run, and put on the session's bus."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NotRequired

from langchain.agents import AgentState
from langchain.tools import ToolRuntime
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.types import Command
from pydantic import BaseModel

import tools
from agent.bus import REF, Bus
from agent.grounding import Said, Ungrounded, ground
from agent.prompts import TOOLS, Role
from agent.rendering import render
from tools import Shop, ToolError
from tools.results import Card, CartAnalysis, Explanation, Recommendations, Reviews, SimilarItems

LINES_HEARD = 3
"""Arguments may come from the newest line or the two before it."""

ARGUMENTS = {
    "recommend": "query? max_price? only_new? k?",
    "similar_items": "item",
    "analyze_cart": "items?",
    "show_profile": "topic?",
    "set_preference": "topic likes",
    "explain_recommendation": "item",
    "read_reviews": "about",
    "build_audience": "topic min_strength? price_sensitivity? segment? days?",
    "explain_match": "user topic",
    "list_segments": "name?",
    "brand_insight": "brand",
    "campaign_report": "campaign",
    "recommend_bundles": "topic?",
}
_TYPES: dict[str, dict[str, Any]] = {
    "max_price": {"type": "number"},
    "only_new": {"type": "boolean"},
    "k": {"type": "integer"},
    "items": {"type": "array", "items": {"type": "string"}},
    "likes": {"type": "boolean"},
    "min_strength": {"type": "number"},
    "price_sensitivity": {"type": "string", "enum": ["low", "medium", "high"]},
    "days": {"type": "integer"},
}


@dataclass(frozen=True)
class Speaker:
    """Who is served, from the session or the key: the runtime context that no argument can change. Merchants have no user id."""

    role: Role
    user_id: str | None


class ChatState(AgentState[Any]):
    """A session as it is saved. `bus` is a dumped `Bus`, `recent` the refs of the latest finished turn that had any."""

    bus: NotRequired[dict[str, Any]]
    recent: NotRequired[list[str]]


def tools_of(role: Role, shop: Shop) -> list[BaseTool]:
    """The tools of a role. A call answers with a tool message whose `artifact` is plain data: `name`, `arguments` (grounded, or
    else as written), `written` (as the LLM wrote them), `said` (as people read them), `holds` (what the next line may leave out),
    `ok`, `cards`. A call that was answered before in the same turn is not run again: it gets the same message."""
    return [_tool(name, description, shop) for name, description in TOOLS[role].items()]


def parameters(name: str) -> dict[str, Any]:
    """The JSON schema of a tool's arguments, in the order of its signature."""
    wanted = wanted_by(name)
    properties = {arg: _TYPES.get(arg, {"type": "string"}) for arg in wanted}
    return {"type": "object", "properties": properties, "required": [arg for arg, needed in wanted.items() if needed]}


def wanted_by(name: str) -> dict[str, bool]:
    """A tool's arguments in the order of its signature; of each, whether the tool needs it."""
    return {arg.rstrip("?"): not arg.endswith("?") for arg in ARGUMENTS[name].split()}


def call_tool(name: str, shop: Shop, user_id: str | None, arguments: dict[str, Any]) -> BaseModel:
    """Run a tool on grounded arguments for the user of the session. Raises ToolError."""
    match name:
        case "build_audience" | "list_segments" | "brand_insight" | "campaign_report" | "recommend_bundles":
            result: BaseModel = getattr(tools, name)(shop, **arguments)
            return result
        case "explain_match":
            return tools.explain_match(shop, arguments["user"], arguments["topic"])
        case "read_reviews":
            return _useful_first(tools.read_reviews(shop, arguments["about"], user_id))
    if user_id is None:
        raise ToolError(f"{name} is about a shopper, and this session has none")
    match name:
        case "analyze_cart":
            cart = dict.fromkeys(arguments["items"], 1.0) if "items" in arguments else tools.cart_of(shop, user_id)
            return tools.analyze_cart(shop, cart, user_id)
        case "similar_items":
            return tools.similar_items(shop, user_id, arguments["item"])
        case "explain_recommendation":
            return tools.explain_recommendation(shop, user_id, arguments["item"])
        case "show_profile":
            return tools.show_profile(shop, user_id, **arguments, with_drivers=False)
        case "set_preference":
            return tools.set_preference(shop, user_id, **arguments)
        case "recommend":
            return tools.recommend(shop, user_id, **arguments)
    raise ToolError(f"no tool {name!r}")


def _useful_first(found: Reviews) -> Reviews:
    """The same with the reviews most useful to the user of the session quoted first, then the newest, as many as before."""
    quotes = {quote.event_id: quote for quote in [*(one.quote for one in found.useful), *found.quotes]}
    return found.model_copy(update={"quotes": list(quotes.values())[: len(found.quotes)]})


def put(result: BaseModel, bus: Bus) -> tuple[str, list[Card]]:
    """What the LLM is told of a result, and its cards; all of them are on the bus then, also those beyond the rendered few."""
    text, cards = render(result, bus), cards_of(result)
    if cards and not isinstance(result, Explanation):
        bus.put_items(cards)
    return text, cards


def cards_of(result: BaseModel) -> list[Card]:
    """The products that a result shows."""
    match result:
        case Recommendations() | SimilarItems():
            return result.cards
        case CartAnalysis():
            return result.missing
        case Explanation():
            return [result.card]
    return []


def as_said(written: dict[str, Any], grounded: dict[str, Any], refs: dict[str, str]) -> dict[str, Any]:
    """Grounded arguments as people read them: items and users by their refs (`refs` has them by item id and pseudonym) where the
    LLM pointed at them by one, else in words."""
    shown = dict(grounded)
    if (item := grounded.get("item")) is not None:
        shown["item"] = refs.get(item, written["item"])
    if grounded.get("about") in refs:
        shown["about"] = refs[grounded["about"]]
    shown |= {name: written[name] for name in ("items", "user") if name in grounded}
    if shown.get("user") in refs.values():
        shown["user"] = refs.get(grounded["user"], grounded["user"])
    return shown


def turn_of(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The messages since and with the newest line of the user."""
    start = max((at for at, message in enumerate(messages) if isinstance(message, HumanMessage)), default=0)
    return list(messages[start:])


def results_in(messages: Sequence[AnyMessage]) -> list[ToolMessage]:
    """The messages of the tools that ran, in order; each has the artifact that `tools_of` tells of."""
    return [message for message in messages if isinstance(message, ToolMessage) and message.artifact]


def newest_call(messages: Sequence[AnyMessage]) -> dict[str, Any]:
    """The artifact of the last tool that ran, empty where none did."""
    return next((message.artifact for message in reversed(results_in(messages))), {})


def same_call(name: str, arguments: dict[str, Any], turn: Sequence[AnyMessage]) -> ToolMessage | None:
    """The message of a turn that answers this call already, with its arguments as the LLM wrote them or grounded."""
    for message in results_in(turn):
        done = message.artifact
        if done["name"] == name and arguments in (done["written"], done["arguments"]):
            return message
    return None


def _tool(name: str, description: str, shop: Shop) -> BaseTool:
    wanted = wanted_by(name)

    def run(runtime: ToolRuntime[Speaker, ChatState], **written: Any) -> Command[Any]:
        bus, turn = Bus.model_validate(runtime.state.get("bus", {})), turn_of(runtime.state["messages"])
        arguments, cards, ok, holds = written, list[Card](), False, dict[str, Any]()
        refs = {card.item_id: ref for ref, card in bus.items.items()} | {user: ref for ref, user in bus.user_names().items()}
        try:
            earlier = same_call(name, written, turn)
            if not earlier:
                arguments = holds = ground(written, wanted, said_in(runtime.state), bus, shop)
                earlier = same_call(name, arguments, turn)
            if earlier:
                return _command(earlier.text, earlier.artifact, bus, runtime)
            text, cards = put(call_tool(name, shop, runtime.context.user_id, arguments), bus)
            ok = True
        except Ungrounded as error:
            text, holds = f"error: {error}", error.grounded
        except ToolError as error:
            text = f"error: {error}"
        artifact = {
            "name": name,
            "arguments": arguments,
            "holds": holds | ({"items": written["items"]} if "items" in holds else {}),
            "written": written,
            "said": as_said(written, arguments, refs),
            "ok": ok,
            "cards": [card.model_dump(mode="json") for card in cards],
        }
        return _command(text, artifact, bus, runtime)

    return StructuredTool.from_function(func=run, name=name, description=description, args_schema=parameters(name))


def _command(text: str, artifact: dict[str, Any], bus: Bus, runtime: ToolRuntime[Speaker, ChatState]) -> Command[Any]:
    status = "success" if artifact["ok"] else "error"
    message = ToolMessage(text, artifact=artifact, name=artifact["name"], tool_call_id=runtime.tool_call_id, status=status)
    return Command(update={"bus": bus.model_dump(mode="json"), "messages": [message]})


def said_in(state: ChatState) -> Said:
    """What the calls of the newest line are held against."""
    messages = state["messages"]
    lines = [message.text for message in reversed(messages) if isinstance(message, HumanMessage)]
    earlier = messages[: len(messages) - len(turn_of(messages))]
    reply = next((message.text for message in reversed(earlier) if isinstance(message, AIMessage)), "")
    recent = state.get("bus", {}).get("turn") or state.get("recent", [])
    last = newest_call(earlier)
    return Said(lines[:LINES_HEARD], [match[0] for match in REF.finditer(reply)], recent, last.get("holds", {}))
