"""Protects the router: it reads real lines, its opinion holds the LLM. Run: pytest tests/agent/test_router.py"""

import re
from pathlib import Path

import pytest

from agent.prompts import Role
from agent.router import GOES_ON, REPLY, Opinion, Router
from finetune.routing import fingerprint


@pytest.fixture(scope="module")
def router() -> Router:
    return Router.load()


@pytest.mark.parametrize(
    ("role", "line", "tool"),
    [
        ("shopper", "Could you recommend me some crackers?", "recommend"),
        ("shopper", "is anything missing from my cart", "analyze_cart"),
        ("shopper", "WHAT DO YOU KNOW ABOUT ME", "show_profile"),
        ("shopper", "hello there", REPLY),
        ("merchant", "how did campaign 13 do", "campaign_report"),
        ("merchant", "what segments do we have?", "list_segments"),
        ("merchant", "what sells together with butter", "recommend_bundles"),
        ("merchant", "tell me a joke", REPLY),
    ],
)
def test_a_plain_line_leaves_little_doubt(router: Router, role: Role, line: str, tool: str) -> None:
    assert router.opinion(role, line).tool == tool


@pytest.mark.parametrize("line", ["", "🙂", "咖啡", "x" * 4_000, "\N{ARABIC LETTER ALEF} " * 200])
def test_any_text_has_a_likeliest_choice(router: Router, line: str) -> None:
    assert router.likeliest("shopper", line)
    router.opinion("merchant", line)


def test_a_line_that_goes_on_is_left_to_the_llm(router: Router) -> None:
    line = "only the bargain hunters among them"
    assert router.likeliest("merchant", line) == GOES_ON
    assert router.opinion("merchant", line) == Opinion()


def test_later_lines_are_left_to_the_llm_more_often(router: Router) -> None:
    line = "who is at the top there and what got him in"
    assert router.opinion("merchant", line).tool is not None
    assert router.opinion("merchant", line, later=True).tool is None
    assert router.opinion("merchant", "how did campaign 13 do", later=True).tool == "campaign_report"


def test_arguments_that_no_word_gives_are_judged(router: Router) -> None:
    new = router.opinion("shopper", "snacks that I have never bought before").arguments["recommend"]
    assert (new["query"], new["only_new"]) == (True, True)
    assert router.opinion("shopper", "any crackers?").arguments["recommend"]["only_new"] is None
    thrifty = router.opinion("merchant", "bargain hunters who buy ice cream").arguments["build_audience"]
    assert thrifty["price_sensitivity"] == "high"


def test_what_was_saved_says_the_same(router: Router, tmp_path: Path) -> None:
    router.save(tmp_path / "sub" / "router.npz")
    again = Router.load(tmp_path / "sub" / "router.npz")
    assert again.phrases == router.phrases
    for line in ("got any oat milk under five bucks", "no peanuts for us ever again"):
        assert again.opinion("shopper", line) == router.opinion("shopper", line)


def test_the_shipped_router_was_fitted_on_the_phrases_that_are_here(router: Router) -> None:
    assert router.phrases == fingerprint(), "the phrases changed: run `inkling finetune router`"


@pytest.mark.parametrize(
    ("opinion", "fits", "fails"),
    [
        (Opinion(REPLY), ["I cannot do that."], ["<tool_call>"]),
        (
            Opinion("recommend"),
            [
                '<tool_call>{"name": "recommend", "arguments": {}}</tool_call>',
                '<tool_call>{"name": "recommend", "arguments": {"k": 3}}',
            ],
            ['<tool_call>{"name": "similar_items", "arguments": {}}', "Here you are."],
        ),
        (
            Opinion("recommend", {"recommend": {"query": True}}),
            ['<tool_call>{"name": "recommend", "arguments": {"query": "milk"}}'],
            ['<tool_call>{"name": "recommend", "arguments": {"k": 3}}'],
        ),
        (
            Opinion("recommend", {"recommend": {"query": False}}),
            ['<tool_call>{"name": "recommend", "arguments": {"k": 3}}', '<tool_call>{"name": "recommend", "arguments": {}}'],
            ['<tool_call>{"name": "recommend", "arguments": {"query": "milk"}}'],
        ),
        (
            Opinion("list_segments", {"list_segments": {"name": False}}),
            ['<tool_call>{"name": "list_segments", "arguments": {}}'],
            ['<tool_call>{"name": "list_segments", "arguments": {"name": "x"}}'],
        ),
    ],
)
def test_an_opinion_opens_the_answer(opinion: Opinion, fits: list[str], fails: list[str]) -> None:
    opening = re.compile(opinion.opening() or "")
    assert all(opening.fullmatch(text) for text in fits)
    assert not any(opening.fullmatch(text) for text in fails)


def test_without_a_choice_the_llm_is_free() -> None:
    assert Opinion().opening() is None


def test_judged_arguments_replace_the_llm_s_in_the_order_of_the_signature() -> None:
    opinion = Opinion("recommend", {"recommend": {"query": True, "only_new": True}})
    assert list(opinion.corrected("recommend", {"k": 3, "query": "milk"}).items()) == [
        ("query", "milk"),
        ("only_new", True),
        ("k", 3),
    ]
    unasked = Opinion("recommend", {"recommend": {"only_new": None}})
    assert unasked.corrected("recommend", {"query": "milk", "only_new": True}) == {"query": "milk"}
    assert opinion.corrected("no_such_tool", {"a": 1}) == {"a": 1}
