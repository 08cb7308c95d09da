"""What both sides of the page are made of."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from behavior import StoreError
from tools import ToolError

STATIC = Path(__file__).parent / "static"
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""For every listener: no veil over the panels while it runs, no place in Gradio's own API."""


@contextmanager
def said_plainly() -> Iterator[None]:
    """What goes wrong in the block is said in a toast; the trace of what nobody expected goes to the log alone."""
    try:
        yield
    except (ToolError, StoreError) as error:
        gr.Warning(escape(str(error)))
    except Exception:
        logging.getLogger(__name__).exception("the page could not answer")
        gr.Warning("That did not work. The shop's log says why.")


def panel(name: str, label: str) -> gr.HTML:
    return gr.HTML(elem_id=name, elem_classes="ink-panel", label=label, js_on_load=(STATIC / "page.js").read_text("utf-8"))


def chat_box(examples: list[str], welcome: str) -> gr.Chatbot:
    return gr.Chatbot(
        label="Chat",
        show_label=False,
        height=440,
        placeholder=welcome,
        examples=[{"text": line} for line in examples],
        render_markdown=False,
        buttons=[],
        feedback_options=None,
        elem_classes="ink-chat",
    )


def line_box(placeholder: str) -> gr.Textbox:
    return gr.Textbox(placeholder=placeholder, show_label=False, submit_btn=True, max_lines=4, elem_classes="ink-line-box")


def chosen_line(event: gr.SelectData) -> str:
    """The text of the example that was clicked in an empty chat."""
    return str(event.value["text"])
