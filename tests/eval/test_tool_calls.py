"""Protects the tool-call eval: what is right, the lines, a run through a chat. Run: pytest tests/eval/test_tool_calls.py"""

import asyncio
import io
import json
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from agent.chat import Done, Token, ToolCall
from agent.prompts import MERCHANT_TOOLS, SHOPPER_TOOLS
from eval.tool_calls import SAMPLED, EvalResult, Line, Outcome, Turn, load_lines, pass_all, run, score, show, summary

ARGUMENTS = {
    "recommend": {"query", "max_price", "only_new", "k"},
    "similar_items": {"item"},
    "analyze_cart": {"items"},
    "show_profile": {"topic"},
    "set_preference": {"topic", "likes"},
    "explain_recommendation": {"item"},
    "read_reviews": {"about"},
    "build_audience": {"topic", "min_strength", "price_sensitivity", "segment", "days"},
    "explain_match": {"user", "topic"},
    "list_segments": {"name"},
    "brand_insight": {"brand"},
    "campaign_report": {"campaign"},
    "recommend_bundles": {"topic"},
}
REQUIRED = {
    "similar_items": {"item"},
    "set_preference": {"topic", "likes"},
    "explain_recommendation": {"item"},
    "read_reviews": {"about"},
    "build_audience": {"topic"},
    "explain_match": {"user", "topic"},
    "brand_insight": {"brand"},
    "campaign_report": {"campaign"},
}


def line(tool: str | None, role: str = "shopper", **arguments: object) -> Line:
    return Line.model_validate(
        {"role": role, "line": "words", "tool": tool, "arguments": arguments, "kind": "direct", "split": "dev"}
    )


def call(name: str, **arguments: object) -> ToolCall:
    return ToolCall(name=name, arguments=arguments)


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("oat milk", True),
        ("The Oat Milk", True),
        ("some oat milk", True),
        ("oat mlik", True),
        ("oatland", False),
        ("soy milk", False),
        ("", False),
        (None, False),
        (True, False),
    ],
)
def test_a_span_is_right_in_other_case_with_an_article_or_a_typo(given: object, right: bool) -> None:
    assert score(line("recommend", query=["oat milk", "plant milk"]), [call("recommend", query=given)]).right is right


def test_a_list_is_right_when_it_holds_what_was_said() -> None:
    expected = line("analyze_cart", items=["flour, eggs and sugar"])
    assert score(expected, [call("analyze_cart", items=["flour", "eggs", "sugar"])]).right
    assert not score(expected, [call("analyze_cart", items=["butter"])]).right


@pytest.mark.parametrize("given", ["the second one", "second", "p2"])
def test_a_pointer_is_right_in_words_or_as_its_ref(given: str) -> None:
    assert score(line("similar_items", item=["second one", "second", "p2"]), [call("similar_items", item=given)]).right


@pytest.mark.parametrize("given", ["third one", "first", "p1", "p12"])
def test_another_pointer_is_wrong(given: str) -> None:
    assert not score(line("similar_items", item=["second one", "second", "p2"]), [call("similar_items", item=given)]).right


@pytest.mark.parametrize(("given", "right"), [(5, True), (5.0, True), (5.5, False), ("5", False), (None, False), (True, False)])
def test_numbers_are_exact(given: object, right: bool) -> None:
    assert score(line("recommend", max_price=5), [call("recommend", max_price=given)]).right is right


@pytest.mark.parametrize(("given", "right"), [(False, True), (True, False), (0, False), ("false", False), (None, False)])
def test_booleans_are_exact(given: object, right: bool) -> None:
    asked = line("set_preference", topic=["pork"], likes=False)
    assert score(asked, [call("set_preference", topic="pork", likes=given)]).right is right


def test_a_campaign_may_be_given_as_a_number() -> None:
    asked = line("campaign_report", "merchant", campaign=["18"])
    assert score(asked, [call("campaign_report", campaign=18)]).right
    assert not score(asked, [call("campaign_report", campaign=8)]).right


@pytest.mark.parametrize(("name", "value"), [("max_price", 3), ("max_price", 0), ("only_new", True)])
def test_a_filter_that_was_not_asked_for_is_wrong(name: str, value: object) -> None:
    outcome = score(line("recommend", query=["tea"]), [call("recommend", query="tea", **{name: value})])
    assert outcome.tool
    assert not outcome.arguments
    assert name in outcome.wrong


def test_a_filter_that_is_off_is_no_filter() -> None:
    assert score(line("recommend", query=["tea"]), [call("recommend", query="tea", max_price=None, only_new=False)]).right


@pytest.mark.parametrize(
    "calls",
    [[], [call("show_profile")], [call("recommend", query="tea"), call("set_preference", topic="tea", likes=True)]],
)
def test_no_call_or_another_tool_is_wrong(calls: list[ToolCall]) -> None:
    outcome = score(line("recommend", query=["tea"]), calls)
    assert not outcome.tool
    assert not outcome.right


def test_the_first_call_counts_when_a_tool_is_called_twice() -> None:
    asked = line("recommend", query=["tea"])
    assert score(asked, [call("recommend", query="tea"), call("recommend", query="tea")]).right
    assert not score(asked, [call("recommend", query="coffee"), call("recommend", query="tea")]).right


def test_a_plain_reply_is_right_without_any_call() -> None:
    assert score(line(None), []).right
    assert not score(line(None), [call("show_profile")]).right


def test_a_line_may_only_expect_a_tool_of_its_role() -> None:
    with pytest.raises(ValueError, match="shopper has no tool 'build_audience'"):
        line("build_audience", topic=["tea"])


def test_an_invalid_line_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(line(None).model_dump_json() + '\n{"role": "guest"}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"lines\.jsonl line 2: .*'guest'"):
        load_lines(path=path)


def test_the_lines_cover_every_tool_and_name_only_arguments_that_it_has() -> None:
    lines = load_lines()
    by_tool = Counter(asked.tool for asked in lines)
    by_role = Counter(asked.role for asked in lines)
    assert len({(asked.role, asked.line, *asked.before) for asked in lines}) == len(lines)
    assert min(by_role["shopper"], by_role["merchant"]) >= 130
    assert all(by_tool[tool] >= 14 for tool in {**SHOPPER_TOOLS, **MERCHANT_TOOLS})
    assert by_tool["recommend"] >= 40
    assert by_tool["build_audience"] >= 25
    assert by_tool[None] >= 70
    for asked in lines:
        if asked.tool is not None:
            assert REQUIRED.get(asked.tool, set()) <= set(asked.arguments) <= ARGUMENTS[asked.tool], asked.line


def test_the_halves_hold_the_same_tools_and_kinds_and_share_no_line() -> None:
    dev, test = load_lines("dev"), load_lines("test")
    assert min(len(dev), len(test)) >= 150
    first, second = (Counter((asked.role, asked.tool) for asked in half) for half in (dev, test))
    assert all(abs(first[key] - second[key]) <= 2 for key in first | second)
    assert {asked.kind for asked in dev} == {asked.kind for asked in test}
    assert {asked.line.lower() for asked in dev}.isdisjoint(asked.line.lower() for asked in test)


class FakeChat:
    """Answers each line from a table of calls, and keeps what it was asked. Lines that it lacks find the LLM dead."""

    def __init__(self, answers: dict[str, list[ToolCall]]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, str | None, str]] = []

    async def stream(self, line: str, *, role: str, user_id: str | None, session_id: str):
        self.asked.append((line, role, user_id, session_id))
        yield Token(text="Here ")
        status = "ok" if line in self.answers else "unavailable"
        yield Done(
            reply="Here you are.",
            tool_calls=self.answers.get(line, []),
            cards=[],
            dropped=0,
            status=status,
            seconds_to_first_token=0.1,
            seconds=0.2,
        )


LINES = [
    line(None).model_copy(update={"line": "hello"}),
    line("recommend", query=["chips"], max_price=3).model_copy(update={"line": "under 3", "before": ["show chips"]}),
    line("brand_insight", "merchant", brand=["acme"]).model_copy(update={"line": "how is acme", "kind": "number"}),
    line(None).model_copy(update={"line": "the LLM dies here"}),
]
ANSWERS = {
    "hello": [],
    "show chips": [call("recommend", query="chips")],
    "under 3": [call("recommend", query="chips", max_price=3)],
    "how is acme": [call("brand_insight", brand="ajax")],
}


def test_a_run_types_the_lines_of_a_session_in_order_and_scores_the_last() -> None:
    chat, said = FakeChat(ANSWERS), []
    result = asyncio.run(run(chat, LINES, said.append, user_id="7"))
    assert [turn.outcome.right for turn in result.turns] == [True, True, False, False]
    assert "ajax" in result.turns[2].outcome.wrong
    sessions = {typed: session for typed, _, _, session in chat.asked}
    typed = [words for words, *_ in chat.asked]
    assert typed.index("show chips") < typed.index("under 3")
    assert sessions["show chips"] == sessions["under 3"]
    assert len(set(sessions.values())) == len(LINES)
    assert {role: user for _, role, user, _ in chat.asked} == {"shopper": "7", "merchant": None}
    assert said[-1] == "answered 4 of 4 lines"


def test_a_chat_that_dies_is_wrong_even_where_no_call_was_expected() -> None:
    result = asyncio.run(run(FakeChat({}), LINES[:1], print, user_id="7"))
    assert not result.turns[0].outcome.right


def test_the_summary_counts_by_role_and_kind() -> None:
    result = asyncio.run(run(FakeChat(ANSWERS), LINES, print, user_id="7"))
    rows = summary(result.turns).rows()
    assert rows == [("shopper", "direct", 3, pytest.approx(2 / 3), pytest.approx(2 / 3)), ("merchant", "number", 1, 1.0, 0.0)]


def test_the_report_ends_in_one_json_line_with_the_baselines_of_the_same_lines() -> None:
    result = asyncio.run(run(FakeChat(ANSWERS), LINES, print, user_id="7"))
    out = io.StringIO()
    show(result, Console(file=out, width=80), model="tiny", adapter="abc", alone=result)
    report = json.loads(out.getvalue().splitlines()[-1])
    assert report["results"]["llm"] == report["results"]["agent"]
    assert report["results"]["router"]["tool_accuracy"] >= 0.5
    assert (report["eval"], report["model"], report["adapter"]) == ("tool_calls", "tiny", "abc")
    assert report["results"]["agent"]["accuracy"] == 0.5
    assert report["results"]["agent"]["tool_accuracy"] == 0.75
    assert report["results"]["reply_only"]["accuracy"] == 0.5
    assert report["results"]["one_tool"]["accuracy"] == 0.0


def test_the_misses_of_the_test_half_stay_unseen() -> None:
    lines = [LINES[2], LINES[2].model_copy(update={"line": "how is acme doing", "split": "test"})]
    answers = {asked.line: [call("brand_insight", brand="ajax")] for asked in lines}
    result = asyncio.run(run(FakeChat(answers), lines, print, user_id="7"))
    out = io.StringIO()
    show(result, Console(file=out, width=80), model="tiny", adapter=None)
    assert "'how is acme': brand is 'ajax'" in out.getvalue()
    assert "how is acme doing" not in out.getvalue()


def passes(*rights: str) -> list[EvalResult]:
    """One pass over as many lines as a word has letters, "x" being right."""
    return [EvalResult([Turn(LINES[0], Outcome(mark == "x", True)) for mark in marks]) for marks in rights]


def test_a_line_counts_for_pass_k_only_when_every_pass_is_right() -> None:
    assert pass_all(passes("xxxx", "xx.x", ".x.x", "xx.x")) == 0.5
    with pytest.raises(ValueError, match="zip"):
        pass_all(passes("xx", "x"))


def test_sampled_passes_stand_beside_the_greedy_one() -> None:
    greedy = asyncio.run(run(FakeChat(ANSWERS), LINES[:2], print, user_id="7"))
    out = io.StringIO()
    show(greedy, Console(file=out, width=80), model="tiny", adapter=None, sampled=passes("xx", "x."))
    report = json.loads(out.getvalue().splitlines()[-1])
    assert report["results"]["agent"]["accuracy"] == 1.0
    assert (report["results"][SAMPLED]["accuracy"], report["results"][SAMPLED]["pass^2"]) == (0.75, 0.5)
    assert "pass^2" not in report["results"]["agent"]
    assert "pass^2 at temperature 0.7: 50.0%" in out.getvalue()
