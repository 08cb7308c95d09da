"""Why somebody is in an audience or not, as HTML: each clause with its value, its bound and the events behind it in time."""

from html import escape

from tools.audience_results import ClauseMatch, Evidence, Proof
from tools.clauses import Clause, InterestClause, Leaf, SegmentClause, TraitClause, leaves
from tools.insight_results import SegmentMembership
from ui.page_html import STATED, VERBS, sentence


def proof_panel(match: ClauseMatch, clause: Clause, segment: SegmentMembership) -> str:
    """Who, whether and why by the clauses of `clause`; for somebody outside, what is nearest to turning comes first."""
    asked = {path: leaf for path, leaf, _ in leaves(clause)}
    verdict = "is in the audience" if match.matches else "is not in the audience"
    proofs = sorted(match.proofs, key=lambda proof: proof.path not in match.nearest_miss)
    rows = "".join(_proof(proof, asked[proof.path], proof.path in match.nearest_miss) for proof in proofs)
    reasons = f": {'; '.join(segment.reasons)}" if segment.reasons else ""
    group = f"In the segment {segment.name!r}{reasons}." if segment.name else f"In no segment{reasons}."
    return (
        f'<h2 data-matches="{str(match.matches).lower()}">{escape(match.pseudonym)} {verdict}</h2>'
        f'<p class="ink-status">{escape(group)}</p><ul>{rows}</ul>'
    )


def _proof(proof: Proof, leaf: Leaf, misses: bool) -> str:
    holds = proof.passes == proof.wanted
    asked = f"{'' if proof.wanted else 'not: '}{proof.in_words}"
    miss = '<p class="ink-miss">The nearest miss.</p>' if misses else ""
    change = f"<p>What would change it: {escape(proof.what_if.text)}.</p>" if proof.what_if else ""
    events = "".join(_event(event) for event in proof.evidence)
    shown = f'<ol class="ink-timeline">{events}</ol>' if events else '<p class="ink-status">No event behind it.</p>'
    return (
        f'<li class="ink-clause" data-holds="{str(holds).lower()}"><p><b>{escape(sentence(asked))}</b> '
        f'<span class="ink-tag">{"holds" if holds else "does not hold"}</span></p>'
        f"<p>{_told(proof, leaf)}</p>{miss}{change}{shown}</li>"
    )


def _told(proof: Proof, leaf: Leaf) -> str:
    """The value beside the bound that it is nearest to, in the unit of the clause."""
    if isinstance(leaf, SegmentClause):
        return "Is in it." if proof.passes else "Is not in it."
    if proof.value is None:
        return "There is nothing to value it by."
    unit, form = {InterestClause: ("Strength", ".0%"), TraitClause: ("Percentile", ".0f")}.get(type(leaf), ("Times", "g"))
    value, bound, margin = (format(number, form) for number in (proof.value, proof.threshold, abs(proof.margin)))
    return f"{unit} {value}, the bound is {bound}: {margin} {'to spare' if proof.passes else 'short'}."


def _event(event: Evidence) -> str:
    verb = VERBS[event.type] if event.item_id else STATED.get(event.type, VERBS[event.type])
    about = event.title or event.item_id or "the topic"
    return (
        f'<li><time datetime="{event.ts:%Y-%m-%d}">{event.ts.day}&nbsp;{event.ts:%b&nbsp;%Y}</time> '
        f'<span class="ink-verb">{verb}</span> {escape(about)} <code title="{escape(event.event_id)}">'
        f"{escape(event.event_id)}</code></li>"
    )
