"""The shopper's side: chat, shelf, cart, and what the shop believes, each following what happens on the others at once."""

from asyncio import to_thread
from collections.abc import AsyncIterator
from html import escape
from typing import Any

import gradio as gr

from agent.runtime import Runtime
from tools import ToolError, analyze_cart, cart_of, demo_users
from ui.metrics import Metrics
from ui.page_beliefs import beliefs
from ui.page_chat import converse, said
from ui.page_html import MISSING, cart, nobody, shelf
from ui.page_parts import QUIET, chat_box, chosen_line, line_box, panel, said_plainly
from ui.page_visit import Visit, act, enter, heard, show_cards

ASK = ["What should I buy this week?", "Something for breakfast, under 5 dollars", "What do you think I like?"]
NOBODY = "Choose who is shopping, above."
POLL_SECONDS = 2.0


def shopper_tab(page: gr.Blocks, runtime: Runtime, metrics: Metrics, picker: gr.Dropdown) -> None:
    """Lay out the shopper's panels and wire them; `picker` says who is shopping."""
    shop = runtime.shop
    visit = gr.State(None)
    timer = gr.Timer(POLL_SECONDS, active=False)
    with gr.Row(elem_classes="ink-board"):
        with gr.Column(elem_classes="ink-talk", min_width=280):
            chatbot = chat_box(ASK, "What are you looking for?")
            box = line_box("Ask for something, or say what you like")
        with gr.Column(elem_classes="ink-middle", min_width=280):
            shelf_panel = panel("ink-shelf", "Products")
        with gr.Column(elem_classes="ink-basket", min_width=280):
            cart_panel = panel("ink-cart", "Cart")
        with gr.Column(elem_classes="ink-side", min_width=280):
            beliefs_panel = panel("ink-beliefs", "What the shop believes about you")
            delete = gr.Button("Delete my data", elem_classes="ink-quiet", size="sm")
            with gr.Column(visible=False, elem_classes="ink-confirm") as confirm:
                question = gr.HTML(js_on_load=None)
                with gr.Row():
                    keep = gr.Button("Keep it", size="sm")
                    erase = gr.Button("Delete for good", size="sm", variant="primary", elem_classes="ink-danger")
    panels = [visit, shelf_panel, cart_panel, beliefs_panel, timer]

    def arrive() -> tuple[Any, ...]:
        users = demo_users(shop)
        return gr.Dropdown(choices=list(users), value=users[0] if users else None), *come(users[0] if users else None)

    def come(user_id: str | None) -> tuple[Any, ...]:
        """A new visit; an unknown user leaves the page empty and says so."""
        with said_plainly():
            if user_id:
                return [], *show(runtime, enter(shop, user_id)), gr.Column(visible=False)
        return [], *_empty(NOBODY), gr.Column(visible=False)

    def click(here: Visit | None, event: gr.EventData) -> tuple[Any, ...]:
        with said_plainly():
            if here:
                act(shop, here, str(event.act), str(event.about))
        with said_plainly():
            if here:
                return show(runtime, here)
        return _empty(NOBODY)

    async def say(line: str, here: Visit | None) -> AsyncIterator[tuple[Any, ...]]:
        if not here:
            with said_plainly():
                raise ToolError("choose who is shopping first")
            yield gr.skip(), gr.skip(), *(gr.skip() for _ in panels)
            return
        here.messages.append(said(line))
        yield "", here.messages, *(gr.skip() for _ in panels)
        with said_plainly():
            turn = runtime.chat.stream(line, role="shopper", user_id=here.user_id, session_id=here.session_id)
            async for event in converse(metrics.counted(turn, "shopper"), here.messages):
                changed = await to_thread(heard, shop, here, event)
                rest = await to_thread(show, runtime, here) if changed else [gr.skip() for _ in panels]
                yield gr.skip(), here.messages, *rest

    def poll(here: Visit | None) -> tuple[Any, ...]:
        """The written part of the profile, once it is there."""
        with said_plainly():
            if here:
                profile = runtime.profiles.profile(here.user_id)
                pending = profile.summary_status == "pending"
                return gr.skip() if pending else beliefs(shop, profile), gr.Timer(active=pending)
        return gr.skip(), gr.Timer(active=False)

    def ask_back(here: Visit | None) -> tuple[Any, ...]:
        if not here:
            return gr.skip(), gr.skip()
        count = len(shop.store.timeline_frame(here.user_id))
        text = f"Delete all {count:,} events of {escape(here.user_id)}? Profile and recommendations go with them, for good."
        return f"<p>{text}</p>", gr.Column(visible=True)

    async def forget(here: Visit | None) -> tuple[Any, ...]:
        with said_plainly():
            if here:
                await runtime.erase(here.user_id)
                gone = _empty("Deleted. Nothing is known about this household any more.")
                return gr.Dropdown(choices=list(demo_users(shop)), value=None), [], *gone, gr.Column(visible=False)
        return gr.skip(), gr.skip(), *(gr.skip() for _ in panels), gr.Column(visible=False)

    example = chatbot.example_select(chosen_line, None, box, **QUIET)
    talk = [trigger(say, [box, visit], [box, chatbot, *panels], **QUIET) for trigger in (box.submit, example.then)]
    page.load(arrive, None, [picker, chatbot, *panels, confirm], **QUIET)
    picker.input(come, picker, [chatbot, *panels, confirm], cancels=talk, **QUIET)
    for acting in (shelf_panel, cart_panel, beliefs_panel):
        acting.click(click, visit, panels, trigger_mode="multiple", **QUIET)
    timer.tick(poll, visit, [beliefs_panel, timer], **QUIET)
    delete.click(ask_back, visit, [question, confirm], **QUIET)
    keep.click(lambda: gr.Column(visible=False), None, confirm, **QUIET)
    erase.click(forget, visit, [picker, chatbot, *panels, confirm], cancels=talk, **QUIET)


def show(runtime: Runtime, visit: Visit) -> tuple[Any, ...]:
    """The visit and its panels as of now: shelf, cart, profile, and whether to look again for the profile's written part.

    Raises UnknownUser.
    """
    shop = runtime.shop
    found = analyze_cart(shop, cart_of(shop, visit.user_id))
    show_cards(shop, visit, [*visit.cards, *found.missing[:MISSING]])
    profile = runtime.profiles.profile(visit.user_id)
    waiting = gr.Timer(active=profile.summary_status == "pending")
    return visit, shelf(shop, visit, found), cart(found), beliefs(shop, profile), waiting


def _empty(message: str) -> tuple[Any, ...]:
    return None, nobody(message), "", "", gr.Timer(active=False)
