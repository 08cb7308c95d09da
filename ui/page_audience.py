"""The merchant's audiences: in words or in clauses, how many and how strong, who and why, why not, and the members as a file."""

import json
from collections.abc import Callable
from typing import Any

import gradio as gr

from tools import Clause, Shop, ToolError, audience_from_words, audience_of, explain_clauses, parse_clause, segment_of
from tools.audience import resolve
from tools.audience_results import TopicChoice, TopicScore
from tools.clauses import And, InterestClause, Not, Or
from ui.page_charts import strengths
from ui.page_html import nobody
from ui.page_members import audience_panel, choices_panel, members_panel
from ui.page_parts import QUIET, line_box, panel, said_plainly
from ui.page_proof import proof_panel

EXPORTED = 10_000
"""Members in the file at most."""
START = 0.5
"""Where the strength's slider stands before there are clauses; then it stands at the lowest of their bounds."""
NOTHING = "No audience yet. Describe one, or write its clauses."


def audience_tab(shop: Shop) -> None:
    """Lay out the audience's panels and wire them. The clauses as JSON are what is asked; words and clicks rewrite them."""
    choices = gr.State([])
    with gr.Row(elem_classes="ink-halves"):
        with gr.Column(min_width=280):
            words = line_box("Say who: cat food but not dog food")
            bound = gr.Slider(0.01, 0.99, START, step=0.01, label="Strength at least, for all of them", elem_classes="ink-bound")
            choices_html = panel("ink-choices", "What the words were taken to mean")
            with gr.Accordion("The clauses, as JSON", open=False, elem_classes="ink-clauses"):
                code = gr.Code(language="json", lines=6, max_lines=24, show_label=False, wrap_lines=True)
                find = gr.Button("Find who matches", variant="primary", size="sm")
            found_html = panel("ink-audience", "The audience")
            chart = gr.Plot(visible=False, show_label=False, elem_classes="ink-chart")
        with gr.Column(min_width=280):
            members_html = panel("ink-members", "Who")
            who = gr.Textbox(
                label="Why somebody is in it, or not",
                placeholder="A pseudonym or a user id, then Enter",
                max_lines=1,
                elem_classes="ink-person",
            )
            proof_html = panel("ink-proof", "Why")
    answers = [found_html, chart, members_html, proof_html]

    def describe(text: str) -> tuple[Any, ...]:
        with said_plainly():
            draft = audience_from_words(shop, text)
            own = bounds(draft.clause)
            return draft.choices, choices_panel(draft.choices), written(draft.clause), min(own) if own else gr.skip()
        return [], "", "", gr.skip()

    def correct(text: str, chosen: list[TopicChoice], event: gr.EventData) -> tuple[Any, ...]:
        with said_plainly():
            if event.act == "instead":
                n, at = map(int, str(event.about).split(":"))
                clause = with_topic(read(text), chosen[n].topic or "", chosen[n].alternatives[at].topic)
                chosen[n] = swapped(chosen[n], at)
                return chosen, choices_panel(chosen), written(clause)
        return gr.skip(), gr.skip(), gr.skip()

    def rebound(text: str | None, at_least: float) -> str | None:
        with said_plainly():
            return written(with_bound(read(text), at_least)) if text else text
        return text

    def answer(text: str | None, user: str) -> tuple[Any, ...]:
        with said_plainly():
            if text:
                audience = audience_of(shop, read(text), EXPORTED)
                figure = strengths(audience.histogram) if audience.histogram else None
                chart_shown = gr.Plot(figure, visible=figure is not None)
                return audience_panel(audience), chart_shown, members_panel(audience), why(text, user)
        return nobody(NOTHING), gr.Plot(None, visible=False), "", ""

    def why(text: str | None, user: str) -> str:
        with said_plainly():
            if text and user.strip():
                clause, user_id = read(text), resolve(shop, user.strip())
                return proof_panel(explain_clauses(shop, user_id, clause), clause, segment_of(shop, user_id))
        return ""

    def pick(text: str | None, event: gr.EventData) -> tuple[str, str]:
        return str(event.about), why(text, str(event.about))

    draft = [choices, choices_html, code]
    for asked in (
        words.submit(describe, words, [*draft, bound], **QUIET),
        choices_html.click(correct, [code, choices], draft, **QUIET),
        bound.release(rebound, [code, bound], code, **QUIET),
    ):
        asked.then(answer, [code, who], answers, **QUIET)
    find.click(answer, [code, who], answers, **QUIET)
    members_html.click(pick, code, [who, proof_html], **QUIET)
    who.submit(why, [code, who], proof_html, **QUIET)


def read(text: str) -> Clause:
    """The clauses of a JSON text. Raises ToolError with the place where it is none, BadClause where they are wrong."""
    try:
        raw = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ToolError(f"the clauses are no JSON: {error}") from error
    return parse_clause(raw)


def written(clause: Clause) -> str:
    """The clauses as JSON for people."""
    return json.dumps(clause.model_dump(), indent=2, ensure_ascii=False)


def with_bound(clause: Clause, at_least: float) -> Clause:
    """The clauses with one bound for all interests that have to hold; what is under a `not` stays."""

    def bounded(leaf: InterestClause, wanted: bool) -> InterestClause:
        return leaf.model_copy(update={"at_least": at_least}) if wanted else leaf

    return _with_interests(clause, bounded)


def bounds(clause: Clause) -> list[float]:
    """The bounds of all interests that have to hold: those that `with_bound` changes."""
    found = []

    def noted(leaf: InterestClause, wanted: bool) -> InterestClause:
        if wanted:
            found.append(leaf.at_least)
        return leaf

    _with_interests(clause, noted)
    return found


def with_topic(clause: Clause, old: str, new: str) -> Clause:
    """The clauses with another topic wherever an interest in `old` is asked."""

    def changed(leaf: InterestClause, wanted: bool) -> InterestClause:
        return leaf.model_copy(update={"topic": new}) if leaf.topic == old else leaf

    return _with_interests(clause, changed)


def swapped(choice: TopicChoice, at: int) -> TopicChoice:
    """The choice of an alternative, with what was chosen in its place."""
    others, new = list(choice.alternatives), choice.alternatives[at]
    others[at] = TopicScore(topic=choice.topic or "", score=choice.score)
    return choice.model_copy(update={"topic": new.topic, "score": new.score, "alternatives": others})


def _with_interests(clause: Clause, change: Callable[[InterestClause, bool], InterestClause], wanted: bool = True) -> Clause:
    match clause:
        case And() | Or():
            return clause.model_copy(update={"clauses": [_with_interests(child, change, wanted) for child in clause.clauses]})
        case Not():
            return Not(clause=_with_interests(clause.clause, change, not wanted))
        case InterestClause():
            return change(clause, wanted)
    return clause
