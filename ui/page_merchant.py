"""The merchant's side: questions about shoppers, answered with evidence in chat, and beside it what can be asked directly."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import gradio as gr
import polars as pl

from agent.runtime import Runtime
from tools import Shop
from ui.metrics import Metrics
from ui.page_audience import audience_tab
from ui.page_chat import converse, said
from ui.page_insight import brands_tab, bundles_tab, campaigns_tab
from ui.page_parts import QUIET, chat_box, chosen_line, line_box, said_plainly
from ui.page_segments import segments_tab


@dataclass
class Desk:
    """A merchant's session, with its messages as Gradio shows them."""

    session_id: str = field(default_factory=lambda: f"page-{uuid4().hex[:12]}")
    messages: list[dict[str, Any]] = field(default_factory=list)


def merchant_tab(page: gr.Blocks, runtime: Runtime, metrics: Metrics) -> None:
    """Lay out the merchant's chat and wire it; the tabs beside it wire themselves."""
    desk = gr.State(None)
    with gr.Row(elem_classes="ink-desk"):
        with gr.Column(elem_classes="ink-merchant", min_width=280):
            chatbot = chat_box([], "Who would you like to reach?")
            box = line_box("Ask about audiences, segments, brands, campaigns or bundles")
        with gr.Column(elem_classes="ink-tools", min_width=280), gr.Tabs(overflow_behavior="wrap"):
            with gr.Tab("Audience"):
                audience_tab(runtime.shop)
            with gr.Tab("Segments") as segments:
                segments_tab(runtime.shop, segments)
            with gr.Tab("Campaigns") as campaigns:
                campaigns_tab(runtime.shop, campaigns)
            with gr.Tab("Brands") as brands:
                brands_tab(runtime.shop, brands)
            with gr.Tab("Bundles") as bundles:
                bundles_tab(runtime.shop, bundles)

    def arrive() -> tuple[Any, ...]:
        return Desk(), gr.Chatbot(examples=[{"text": line} for line in suggestions(runtime.shop)])

    async def say(line: str, here: Desk) -> AsyncIterator[tuple[Any, ...]]:
        here.messages.append(said(line))
        yield "", here.messages
        with said_plainly():
            turn = runtime.chat.stream(line, role="merchant", user_id=None, session_id=here.session_id)
            async for _ in converse(metrics.counted(turn, "merchant"), here.messages):
                yield gr.skip(), here.messages

    page.load(arrive, None, [desk, chatbot], **QUIET)
    example = chatbot.example_select(chosen_line, None, box, **QUIET)
    for trigger in (box.submit, example.then):
        trigger(say, [box, desk], [box, chatbot], **QUIET)


def suggestions(shop: Shop) -> list[str]:
    """Questions that this shop can answer, about what most of its users buy."""
    leaves = shop.views.features.filter(pl.col("is_leaf"), pl.col("baskets") > 0)
    topics = leaves.group_by("topic").len().sort("len", "topic", descending=[True, False])["topic"].head(2).to_list()
    return [
        *(f"Who is likely to buy {topic.lower()}?" for topic in topics[:1]),
        *(f"What sells together with {topic.lower()}?" for topic in topics[1:]),
        "Which groups of shoppers are there?",
    ]
