"""A turn of the chat as Gradio's chatbot shows it: the line, each tool step folded up, the reply as it comes.

The chatbot shows text as HTML, so all text is escaped here.
"""

import json
from collections.abc import AsyncIterator
from html import escape
from typing import Any

from agent.chat import ChatEvent, Token, ToolCall, ToolStep

STEPS = {
    "recommend": "Looked for products",
    "similar_items": "Looked for similar products",
    "analyze_cart": "Looked into the cart",
    "show_profile": "Looked at the profile",
    "set_preference": "Noted a preference",
    "explain_recommendation": "Looked up why",
    "read_reviews": "Read the reviews",
    "build_audience": "Built an audience",
    "explain_match": "Checked a match",
    "list_segments": "Listed the segments",
    "brand_insight": "Looked at a brand",
    "campaign_report": "Looked at a campaign",
    "recommend_bundles": "Looked for what sells together",
}


def said(line: str) -> dict[str, Any]:
    """The message of what a person typed."""
    return {"role": "user", "content": escape(line, quote=False)}


async def converse(turn: AsyncIterator[ChatEvent], messages: list[dict[str, Any]]) -> AsyncIterator[ChatEvent]:
    """Write a turn into `messages` as it happens; yields each event once it is written there."""
    reply: dict[str, Any] | None = None
    async for event in turn:
        match event:
            case ToolStep():
                title = STEPS.get(event.call.name, event.call.name) if event.ok else f"{event.call.name}: not possible"
                metadata = {"title": escape(title), "log": spelled_call(event.call), "status": "done"}
                messages.append({"role": "assistant", "content": escape(event.text, quote=False), "metadata": metadata})
                reply = None
            case Token():
                if reply is None:
                    reply = {"role": "assistant", "content": ""}
                    messages.append(reply)
                reply["content"] += escape(event.text, quote=False)
        yield event


def spelled_call(call: ToolCall) -> str:
    """A tool call as code, e.g. `recommend(query="oat milk", max_price=5)`."""
    arguments = (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in call.arguments.items())
    return f"{call.name}({', '.join(arguments)})"
