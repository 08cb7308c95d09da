"""How the page looks: ink on paper by day, paper on ink by night. Fonts are those of the reader's system."""

import gradio as gr
from gradio.themes.utils.colors import Color
from gradio.themes.utils.fonts import Font

INK = Color(
    "#eef4f6", "#dce9ed", "#bcd4dc", "#93b9c6", "#649aac", "#3f7c92", "#27566b", "#1f4657", "#193947", "#142d39", "#0d1f28"
)
PAPER = Color(
    "#fffdf9", "#f7f4ee", "#e7e1d5", "#cfc8ba", "#9b9a94", "#6a7079", "#4a525d", "#36404b", "#222b35", "#1a2129", "#12171d"
)


def theme() -> gr.themes.Base:
    """The theme of Gradio's own components; `static/*.css` dresses the panels in the same colours."""
    base = gr.themes.Base(
        primary_hue=INK,
        secondary_hue=INK,
        neutral_hue=PAPER,
        radius_size=gr.themes.sizes.radius_md,
        text_size=gr.themes.sizes.text_md,
        font=[Font("Inter"), Font("Segoe UI"), Font("Helvetica Neue"), Font("sans-serif")],
        font_mono=[Font("SF Mono"), Font("Consolas"), Font("DejaVu Sans Mono"), Font("monospace")],
    )
    base.set(
        body_background_fill="*neutral_100",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_800",
        body_text_color_dark="#e8e4da",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="#9aa4ae",
        background_fill_primary="*neutral_50",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_100",
        background_fill_secondary_dark="*neutral_950",
        border_color_primary="*neutral_200",
        border_color_primary_dark="#2b343e",
        block_background_fill="*neutral_50",
        block_background_fill_dark="*neutral_900",
        block_border_color="*neutral_200",
        block_border_color_dark="#2b343e",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_text_color="*neutral_500",
        block_label_text_color_dark="#9aa4ae",
        input_background_fill="*neutral_50",
        input_background_fill_dark="*neutral_900",
        input_border_color="*neutral_300",
        input_border_color_dark="#3a4550",
        input_border_color_focus="*primary_600",
        input_border_color_focus_dark="*primary_300",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_300",
        button_primary_background_fill_hover_dark="*primary_200",
        button_primary_text_color="white",
        button_primary_text_color_dark="*neutral_950",
        button_secondary_background_fill="transparent",
        button_secondary_background_fill_dark="transparent",
        button_secondary_background_fill_hover="*neutral_200",
        button_secondary_background_fill_hover_dark="*neutral_800",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="#3a4550",
        button_border_width="1px",
        chatbot_text_size="*text_md",
        color_accent_soft="*primary_100",
        color_accent_soft_dark="#1f3640",
        border_color_accent="*primary_300",
        border_color_accent_dark="#33505c",
    )
    return base
