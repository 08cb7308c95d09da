"""The merchant's segments: a map of all users, and a card for each segment that says what sets it apart."""

from html import escape
from typing import Any

import gradio as gr

from tools import Shop, list_segments, segment_map
from tools.insight_results import Segment, Segments
from ui.page_charts import plane
from ui.page_html import nobody, sentence
from ui.page_parts import QUIET, panel, said_plainly
from ui.page_tables import remarks, table


def segments_tab(shop: Shop, tab: gr.Tab) -> None:
    """Lay out the map and the cards, drawn when `tab` is opened."""
    chart = gr.Plot(show_label=False, elem_classes="ink-chart")
    cards = panel("ink-segments", "Segments")

    def draw() -> tuple[Any, ...]:
        with said_plainly():
            found = list_segments(shop)
            return plane(segment_map(shop), found.segments), segments_panel(found)
        return None, nobody("No segments to show.")

    tab.select(draw, None, [chart, cards], **QUIET)


def segments_panel(found: Segments) -> str:
    """A card per segment with its number on the map, and how the grouping was chosen."""
    cards = "".join(_card(place, segment) for place, segment in enumerate(found.segments, start=1))
    body = f'<div class="ink-cards">{cards}</div>' if cards else nobody("No segment has ten users.")
    tried = table(
        "How the grouping was chosen: stability is the adjusted Rand index over samples",
        ["Method", "Groups", "Stability", "Silhouette", "Smallest", "In none", ""],
        [
            [
                trial.method,
                f"{trial.groups}",
                f"{trial.stability:.2f}",
                f"{trial.silhouette:.2f}",
                f"{trial.smallest:,}",
                f"{trial.outside:.0%}",
                "chosen" if trial.chosen else "",
            ]
            for trial in found.trials
        ],
    )
    return f"<h2>Segments</h2>{remarks(map(sentence, found.notes))}{body}{tried}"


def _card(place: int, segment: Segment) -> str:
    apart = "".join(f"<li>{escape(sentence(difference.text))}</li>" for difference in segment.differences)
    topics = "".join(
        f"<li>{escape(topic.topic)}: {topic.share:.1%} of purchases, {topic.lift:.1f} times the usual</li>"
        for topic in segment.typical
    )
    people = ", ".join(
        f"{known.attribute} {known.value} for {known.share:.0%} of {known.known:,} ({known.overall:.0%} of all known)"
        for known in segment.demographics
    )
    return (
        f'<article class="ink-card" data-segment="{escape(segment.segment_id)}">'
        f'<p class="ink-eyebrow">{segment.size:,} users, {segment.share:.0%}</p>'
        f'<h3><span class="ink-count">{place}</span> {escape(segment.name)}</h3>'
        f"{f'<h3>What sets it apart</h3><ul>{apart}</ul>' if apart else ''}"
        f"{f'<h3>What it buys more of</h3><ul>{topics}</ul>' if topics else ''}"
        f"{f'<p>Where known: {escape(people)}</p>' if people else ''}</article>"
    )
