"""The page at `/`: a shopper's chat, shelf, cart and profile, and the merchant's chat and tools. Gradio, all served from here."""

import gradio as gr
from fastapi import FastAPI

from agent.runtime import Runtime
from ui.metrics import Metrics
from ui.page_merchant import merchant_tab
from ui.page_parts import STATIC
from ui.page_shopper import shopper_tab
from ui.page_theme import theme

BRAND = """<div class="ink-brand"><svg viewBox="0 0 24 24" aria-hidden="true">
<path d="M12 2.5c3.6 4.7 6.4 8.2 6.4 11.9a6.4 6.4 0 0 1-12.8 0C5.6 10.7 8.4 7.2 12 2.5Z"/></svg>
<div><h1>Inkling</h1><p>A shop that says why, and that you can correct.</p></div></div>"""


def mount(app: FastAPI, runtime: Runtime) -> None:
    """Put the page under `/` of an app of `create_app`, behind all routes that the app has by now."""
    gr.mount_gradio_app(
        app,
        build(runtime, app.state.metrics),
        path="/",
        theme=theme(),
        css_paths=sorted(STATIC.glob("*.css")),
        footer_links=[],
        run_history=False,
        show_error=False,
    )


def build(runtime: Runtime, metrics: Metrics) -> gr.Blocks:
    """The page as Gradio blocks, with analytics off; turns of its chats are counted in `metrics`."""
    page = gr.Blocks(title="Inkling", analytics_enabled=False, fill_width=True)
    with page:
        with gr.Row(elem_classes="ink-head"):
            gr.HTML(BRAND, js_on_load=None)
            picker = gr.Dropdown(
                label="Who is shopping",
                info="Pick one, or type an id and press Enter",
                allow_custom_value=True,
                elem_classes="ink-who",
            )
        with gr.Tabs():
            with gr.Tab("Shopper"):
                shopper_tab(page, runtime, metrics, picker)
            with gr.Tab("Merchant"):
                merchant_tab(page, runtime, metrics)
    page.queue(default_concurrency_limit=8)
    return page
