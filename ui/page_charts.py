"""The merchant's charts as plotly figures, in colours that can be read on paper and on ink."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from tools.insight_results import Segment, SegmentPoint

INK, SOFT, LINE = "#4f8aa0", "#808890", "rgba(128, 136, 144, 0.28)"
HUES = [INK, "#c0703f", "#5d9b74", "#a78a3b", "#8a6fae", "#b85c78", "#4b9aa6", "#7d8a4a", "#9a6b52", "#6a7fc0"]


def strengths(histogram: Sequence[int]) -> go.Figure:
    """How many members have a strength in each tenth, ten counts from weak to strong."""
    bounds = [f"{10 * k} to {10 * k + 10}%" for k in range(10)]
    hover = "%{y:,} with a strength of %{x}<extra></extra>"
    figure = go.Figure(go.Bar(x=bounds, y=list(histogram), marker={"color": INK}, hovertemplate=hover))
    figure.update_layout(**_paper(240), bargap=0.12)
    figure.update_xaxes(
        title="strength", tickvals=bounds, ticktext=[f"{10 * k}%" for k in range(10)], showgrid=False, tickangle=0
    )
    figure.update_yaxes(title="members", gridcolor=LINE, rangemode="tozero")
    return figure


def plane(points: Sequence[SegmentPoint], segments: Sequence[Segment]) -> go.Figure:
    """Every user as a dot in the colour of its segment, the segments' middles by number; names show on hover."""
    figure = go.Figure()
    for place, segment in enumerate(segments):
        hue = HUES[place % len(HUES)]
        figure.add_trace(_dots([point for point in points if point.segment_id == segment.segment_id], segment.name, hue))
    named = {segment.segment_id for segment in segments}
    if outside := [point for point in points if point.segment_id not in named]:
        figure.add_trace(_dots(outside, "in no segment", SOFT))
    figure.add_trace(
        go.Scatter(
            x=[segment.x for segment in segments],
            y=[segment.y for segment in segments],
            mode="markers+text",
            text=[str(place) for place, _ in enumerate(segments, start=1)],
            textfont={"color": "#ffffff", "size": 13},
            marker={"color": "#1f4657", "size": 24, "line": {"color": "#ffffff", "width": 1.5}},
            customdata=[[_plain(segment.name), segment.size] for segment in segments],
            hovertemplate="%{customdata[0]}: %{customdata[1]:,} users<extra></extra>",
        )
    )
    figure.update_layout(**_paper(420))
    figure.update_xaxes(showgrid=False, zeroline=False, showticklabels=False)
    figure.update_yaxes(showgrid=False, zeroline=False, showticklabels=False)
    return figure


def _dots(points: Sequence[SegmentPoint], name: str, hue: str) -> go.Scatter:
    return go.Scatter(
        x=[round(point.x, 3) for point in points],
        y=[round(point.y, 3) for point in points],
        mode="markers",
        marker={"color": hue, "size": 5, "opacity": 0.6},
        hovertemplate=f"{_plain(name)}<extra></extra>",
    )


def _plain(text: str) -> str:
    """Without what plotly would read as markup or as a template."""
    return text.translate({ord(sign): None for sign in "<>{}%"})


def _paper(height: int) -> dict[str, Any]:
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "font": {"color": SOFT, "family": "Inter, Segoe UI, Helvetica Neue, sans-serif"},
        "showlegend": False,
        "dragmode": False,
    }
