"""What the merchant's panels are made of: facts, tables and bars as HTML. Every text is escaped here."""

from collections.abc import Iterable, Sequence
from html import escape

from ui.page_beliefs import percent


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names with their values, for one glance."""
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs)
    return f'<dl class="ink-facts">{rows}</dl>'


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A titled table that scrolls sideways where it is too wide; nothing without rows."""
    if not rows:
        return ""
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<h3>{escape(title)}</h3><div class="ink-wide"><table class="ink-evidence">'
        f"<thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def bars(title: str, rows: Sequence[tuple[str, float, str]]) -> str:
    """A titled list of name, share in [0, 1] and a remark, each with a bar; the longest bar is the greatest share."""
    if not rows:
        return ""
    longest = max(share for _, share, _ in rows) or 1.0
    lines = "".join(
        f'<li class="ink-barred"><span>{escape(name)}<small>{escape(remark)}</small></span>'
        f'<span class="ink-value">{percent(share)}</span>{bar(share / longest)}</li>'
        for name, share, remark in rows
    )
    return f"<h3>{escape(title)}</h3><ul>{lines}</ul>"


def bar(length: float) -> str:
    """A bar as long as `length`, in [0, 1]."""
    return f'<span class="ink-bar"><i style="width:{length:.1%}"></i></span>'


def remarks(notes: Iterable[str]) -> str:
    """What a reader has to know beside the numbers."""
    return "".join(f'<p class="ink-status">{escape(note)}</p>' for note in notes)
