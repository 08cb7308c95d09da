"""One HTML page of a run of the evals: plotly.js lies within, and its policy forbids the page any other address."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from eval.leaderboard import chief
from eval.profile import RELIABILITY
from eval.report import Report
from eval.suite import Ended, typed

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"
STYLE = Path(__file__).with_suffix(".css")
HUE, SOFT, LINE = "#2f7d95", "#5d6b72", "#dfe5e8"

Results = dict[str, dict[str, float]]


def page(ended: Sequence[Ended], at: datetime, whole: bool) -> str:
    """The page of these evals in their order. `whole` says whether all of them were run, or only some."""
    reports = [one.report for one in ended if one.report]
    commits = ", ".join(dict.fromkeys(report.commit for report in reports))
    machines = "; ".join(dict.fromkeys(report.machine for report in reports))
    minutes = sum(one.seconds for one in ended) / 60
    head = f"{at:%d %B %Y, %H:%M} UTC · commit {commits or 'unknown'} · {machines or 'no report'} · {minutes:.0f} minutes"
    failed = [one.name for one in ended if not one.report]
    links = "".join(f'<a href="#{escape(one.name)}"{"" if one.report else " class=bad"}>{escape(one.name)}</a>' for one in ended)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Inkling, measured</title>
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{STYLE.read_text(encoding="utf-8")}</style>
<script>{get_plotlyjs()}</script></head>
<body><main><h1>Inkling, measured</h1>
<p class="soft">{escape(head)}</p>
{"" if whole else '<p class="soft">Only some of the evals were run.</p>'}
{f'<p class="bad">Failed: {escape(", ".join(failed))}</p>' if failed else ""}
<nav>{links}</nav>
{_tiles(chief(ended))}
{"".join(map(_section, ended))}
</main></body></html>
"""


def _tiles(figures: dict[str, float]) -> str:
    tiles = [
        f"<div class=tile><b>{_decimals([value])[0]}</b><span>{escape(name)}</span></div>" for name, value in figures.items()
    ]
    return f"<div class=tiles>{''.join(tiles)}</div>"


def _section(one: Ended) -> str:
    command = f"<p class=soft><code>{escape(typed(one))}</code> · {_took(one.seconds)}</p>"
    body = _body(one.report) if one.report else f"<p class=bad>{escape(one.failure)}</p>"
    return f'<section id="{escape(one.name)}"><h2>{escape(one.name)}</h2>{command}{body}</section>'


def _body(report: Report) -> str:
    known = {"model": report.model, "adapter": report.adapter, "data": report.data, "seed": report.seed, "commit": report.commit}
    made_by = " · ".join(f"{name} {value}" for name, value in known.items() if value is not None)
    bins = {name: row for name, row in report.results.items() if name.startswith(RELIABILITY)}
    results = {name: row for name, row in report.results.items() if name not in bins}
    shared = shared_metrics(results)
    charts = "".join(_chart(metric, results) for metric in shared) + (_reliability(bins) if bins else "")
    return f"<p class=soft>{escape(made_by)}</p>{_table(results, shared)}<div class=charts>{charts}</div>" + _alone(
        results, shared
    )


def shared_metrics(results: Results) -> list[str]:
    """The metrics that two rows or more have, so that they can be compared."""
    metrics = list(dict.fromkeys(metric for row in results.values() for metric in row))
    return [metric for metric in metrics if sum(metric in row for row in results.values()) > 1]


def _table(results: Results, metrics: Sequence[str]) -> str:
    columns = {metric: dict(zip(results, _column(results, metric), strict=True)) for metric in metrics}
    rows = [name for name, row in results.items() if row.keys() & set(metrics)]
    head = "".join(f"<th>{escape(_words(metric))}</th>" for metric in metrics)
    body = "".join(
        f"<tr><td>{escape(name)}</td>{''.join(f'<td>{columns[metric][name]}</td>' for metric in metrics)}</tr>" for name in rows
    )
    return f"<div class=wide><table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>" if rows else ""


def _column(results: Results, metric: str) -> list[str]:
    figures = iter(_decimals([row[metric] for row in results.values() if metric in row]))
    return [next(figures) if metric in row else "" for row in results.values()]


def _alone(results: Results, shared: Sequence[str]) -> str:
    """The figures that only one row has."""
    lines = [
        f"<li>{escape(name)}, {escape(_words(metric))}: <b>{_decimals([value])[0]}</b></li>"
        for name, row in results.items()
        for metric, value in row.items()
        if metric not in shared
    ]
    return f"<ul class=alone>{''.join(lines)}</ul>" if lines else ""


def _chart(metric: str, results: Results) -> str:
    """Bars of the rows that have the metric, none where all are equal."""
    rows = {name: row[metric] for name, row in results.items() if metric in row}
    if len(set(rows.values())) == 1:
        return ""
    drawn = go.Bar(
        x=list(rows.values()),
        y=list(rows),
        orientation="h",
        marker={"color": HUE},
        text=_decimals(list(rows.values())),
        textposition="auto",
        textangle=0,
        hovertemplate="%{y}: %{x}<extra></extra>",
    )
    layout = {
        "height": 40 + 26 * len(rows),
        "bargap": 0.3,
        "xaxis": {"gridcolor": LINE, "zerolinecolor": LINE, "nticks": 5, "fixedrange": True},
        "yaxis": {"autorange": "reversed", "automargin": True, "fixedrange": True, "ticksuffix": " ", "type": "category"},
    }
    return _figure(_words(metric), go.Figure(drawn, layout))


def _reliability(bins: Results) -> str:
    """What happened against what was said, a dot for each bin, beside the line of being always right."""
    said, happened = ([row[metric] for row in bins.values()] for metric in ("said", "happened"))
    dots = go.Scatter(x=said, y=happened, mode="lines+markers", marker={"color": HUE}, hovertemplate="said %{x}, happened %{y}")
    right = go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": LINE}, hoverinfo="skip")
    axis = {"range": [0, 1], "gridcolor": LINE, "fixedrange": True}
    layout = {
        "height": 320,
        "showlegend": False,
        "xaxis": {**axis, "title": {"text": "said"}},
        "yaxis": {**axis, "title": {"text": "happened"}},
    }
    return _figure("calibration of the numeric profile", go.Figure([right, dots], layout))


def _figure(title: str, figure: go.Figure) -> str:
    figure.update_layout(
        template=go.layout.Template(),
        margin={"l": 8, "r": 16, "t": 4, "b": 24},
        font={"size": 12, "color": SOFT, "family": "Inter, Segoe UI, Helvetica Neue, sans-serif"},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
    )
    drawn = figure.to_html(full_html=False, include_plotlyjs=False, config={"displayModeBar": False, "responsive": True})
    return f"<div><h3>{escape(title)}</h3>{drawn}</div>"


def _decimals(values: Sequence[float]) -> list[str]:
    """Figures of one column, with as many decimals as its greatest needs."""
    if all(float(value).is_integer() for value in values):
        return [f"{value:,.0f}" for value in values]
    top = max(map(abs, values))
    decimals = 0 if top >= 1000 else 1 if top >= 10 else 3
    return [f"{value:,.{decimals}f}" for value in values]


def _words(metric: str) -> str:
    return metric.replace("_", " ")


def _took(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes" if seconds >= 120 else f"{seconds:.0f} s"
