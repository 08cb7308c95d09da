"""Protects the router: it reads real lines, its opinion holds the LLM. Run: pytest tests/agent/test_router.py"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from agent.line_model import ALL, GOES_ON, REPLY, SAME, TAGS, Reading, Span, Tokens, span_of
from agent.opening import Opening
from agent.prompts import Role
from agent.router import FILE, Opinion, Router
from finetune.routing import fingerprint

SAID, UNSAID = Span(("oat milk",), 0.97, 0.001), Span((), 0.99, 0.99)


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
    opinion = Opinion.of(router.read(role, line))
    assert (opinion.choice, opinion.sure) == (tool, True)


@pytest.mark.parametrize("line", ["", " ", "🙂", "咖啡", "_", "x" * 4_000, "\N{ARABIC LETTER ALEF} " * 200])
def test_any_text_can_be_read(router: Router, line: str) -> None:
    reading = router.read("shopper", line)
    assert sum(reading.choices.values()) == pytest.approx(1)
    assert all(word in line for span in reading.spans.values() for word in span.words)
    Opinion.of(router.read("merchant", line))


def test_a_line_that_goes_on_asks_for_the_tool_before(router: Router) -> None:
    reading = router.read("merchant", "only the bargain hunters among them")
    assert reading.choice == GOES_ON
    assert Opinion.of(reading, last="build_audience").choice == "build_audience"
    assert Opinion.of(reading).choice != GOES_ON


def test_what_a_line_leaves_out_may_come_from_the_one_before() -> None:
    spans = {"subject": UNSAID, "group": SAID}
    reading = Reading({"recommend": 0.6, GOES_ON: 0.35, REPLY: 0.05}, spans, {"only_new": {None: 0.9, True: 0.1}})
    first, later = Opinion.of(reading), Opinion.of(reading, last="recommend")
    assert first == Opinion("recommend", spans, {"only_new": None})
    assert later == Opinion("recommend", {"group": SAID}, {}, goes_on="recommend")


def test_a_line_that_names_no_subject_narrows_the_call_before() -> None:
    before = {"query": "rum", "only_new": True, "max_price": 20.0}
    going = Opinion("recommend", {"count": Span(("four",), 0.9, 0.1)}, goes_on="recommend")
    carried = {"query": "rum", "max_price": 8, "only_new": True, "k": 4}
    assert going.corrected("recommend", {"query": "stretch", "max_price": 8}, before=before) == carried
    assert going.corrected("build_audience", {}, before=before) == {"topic": "rum"}
    for tool in ("show_profile", "set_preference", "list_segments"):
        assert going.corrected(tool, {}, before=before) == {}
    audience = {"topic": "oat milk"}
    asking = Opinion("explain_match", {"user": Span(("the third",), 0.9, 0.1), "subject": Span(("milk",), 0.4, 0.2)})
    for written, topic in (("evidence", "oat milk"), ("the third", "oat milk"), ("goat milk", "goat milk")):
        match = asking.corrected("explain_match", {"user": "u3", "topic": written}, before=audience)
        assert match == {"user": "the third", "topic": topic}
    pointing = replace(asking, spans={"subject": Span(("the third",), 0.4, 0.2)})
    assert (
        pointing.corrected("explain_match", {"user": "the third", "topic": "the third"}, before=audience)["topic"] == "oat milk"
    )
    named = {"user": "u3", "topic": "goat milk"}
    assert Opinion().corrected("explain_match", named, before=audience) == named, "an LLM without a router is left alone"
    other = replace(going, spans={"subject": Span(("gin",), 0.4, 0.2)})
    assert other.corrected("recommend", {"query": "gin"}, before=before) == {"query": "gin"}
    keeping = replace(other, judged={"keeps": True})
    assert keeping.corrected("recommend", {"query": "gin"}, before=before) == before | {"query": "gin"}
    likewise = Opinion("set_preference", judged={"likes": SAME}, goes_on="set_preference")
    disliked = {"topic": "gin", "likes": False}
    assert likewise.corrected("set_preference", {"topic": "rum", "likes": True}, before=disliked)["likes"] is False
    assert replace(likewise, goes_on=None).corrected("set_preference", {"likes": True}, before=disliked) == {"likes": True}
    assert replace(going, goes_on=None).corrected("recommend", {"k": 4}, before=before) == {"k": 4}


def test_a_cart_looked_at_again_has_the_items_said_before() -> None:
    again = Opinion("analyze_cart", {}, goes_on="analyze_cart")
    before = {"items": ["rice", "salsa"]}
    assert again.corrected("analyze_cart", {}, before=before) == before
    assert again.corrected("analyze_cart", {"items": ["beans"]}, before=before) == {"items": ["beans"]}
    other = replace(again, spans={"subject": Span(("beans",), 0.9, 0.01)})
    assert other.corrected("analyze_cart", {}, before=before) == {"items": ["beans"]}
    assert replace(again, goes_on="recommend").corrected("analyze_cart", {}, before=before) == {}


def test_of_several_subjects_the_llm_chooses_and_a_number_is_one_argument_alone() -> None:
    both = Opinion("campaign_report", {"subject": Span(("6", "16"), 0.9, 0.01)})
    assert both.corrected("campaign_report", {"campaign": "16"}) == {"campaign": "16"}
    assert both.corrected("campaign_report", {"campaign": "61"}) == {"campaign": "6"}
    counted = Opinion("recommend", {"count": Span(("4",), 0.8, 0.1), "price": Span((), 0.8, 0.8)})
    assert counted.corrected("recommend", {"max_price": 4}) == {"k": 4}
    assert counted.corrected("recommend", {"max_price": 5}) == {"max_price": 5, "k": 4}
    assert counted.corrected("recommend", {"max_price": [4]}) == {"max_price": [4], "k": 4}, "an LLM may write anything"
    priced = replace(counted, spans=counted.spans | {"price": Span(("4",), 0.8, 0.1)})
    assert priced.corrected("recommend", {"max_price": 4}) == {"max_price": 4, "k": 4}


def test_a_filter_that_a_line_takes_away_holds_on_no_more() -> None:
    before = {"query": "rum", "max_price": 20.0, "only_new": True}
    dearer = Opinion("recommend", judged={"drops": "max_price"}, goes_on="recommend")
    assert dearer.corrected("recommend", {"max_price": 20.0}, before=before) == {"query": "rum", "only_new": True}
    anything = replace(dearer, judged={"drops": ALL})
    assert anything.corrected("recommend", dict(before), before=before) == {"query": "rum"}
    known = replace(dearer, judged={"drops": "only_new", "only_new": True})
    assert "only_new" not in known.corrected("recommend", {"only_new": True}, before=before)
    raised = replace(dearer, spans={"price": Span(("30",), 0.9, 0.02)})
    assert raised.corrected("recommend", {"max_price": 20.0}, before=before)["max_price"] == 30
    first = Opinion("recommend", judged={"drops": "max_price"})
    assert first.corrected("recommend", {"query": "rum", "max_price": 9}) == {"query": "rum", "max_price": 9}
    reading = Reading({"recommend": 0.92, GOES_ON: 0.03, REPLY: 0.05}, {"subject": UNSAID}, {"drops": {None: 0.2, "k": 0.8}})
    assert Opinion.of(reading, last="recommend").goes_on == "recommend"


def test_mere_filters_narrow_the_call_before_however_a_line_begins() -> None:
    spans = {"subject": UNSAID, "price": Span(("4",), 0.9, 0.02)}
    reading = Reading({"recommend": 0.92, GOES_ON: 0.03, REPLY: 0.05}, spans, {})
    assert Opinion.of(reading, last="recommend").goes_on == "recommend"
    assert Opinion.of(reading, last="similar_items").goes_on is None
    assert Opinion.of(replace(reading, spans={"subject": UNSAID}), last="recommend").goes_on is None
    assert Opinion.of(replace(reading, spans=spans | {"subject": SAID}), last="recommend").goes_on is None


def test_a_number_goes_where_the_line_says() -> None:
    spans = {"count": Span(("4",), 0.9, 0.05), "price": Span((), 0.97, 0.97)}
    assert Opinion("recommend", spans).corrected("recommend", {"max_price": 4}) == {"k": 4}
    unsure = Opinion("recommend", {"price": Span((), 0.7, 0.7)})
    assert unsure.corrected("recommend", {"max_price": 4}) == {"max_price": 4}
    narrower = Opinion("recommend", spans, goes_on="recommend")
    assert narrower.corrected("recommend", {"max_price": 4}, before={"max_price": 9.0}) == {"max_price": 9.0, "k": 4}


def test_what_the_llm_takes_for_a_segment_is_one_only_where_the_line_may_say_one() -> None:
    before = {"topic": "rum", "segment": "VIP"}
    reading = Reading({"build_audience": 0.9, GOES_ON: 0.1}, {"subject": UNSAID, "group": Span((), 0.97, 0.97)}, {})
    stricter = Opinion.of(reading, last="build_audience")
    assert stricter.corrected("build_audience", {"segment": "stricter"}, before=before) == before
    assert Opinion.of(reading).corrected("build_audience", {"segment": "stricter", "topic": "rum"}) == {"topic": "rum"}
    one_of_them = Reading({"list_segments": 0.9, GOES_ON: 0.1}, {"group": Span((), 0.97, 0.97)}, {})
    assert Opinion.of(one_of_them, last="list_segments").spans == {}, "of those listed the LLM may name one"
    unsure = Opinion("build_audience", {"group": Span((), 0.7, 0.7)})
    assert unsure.corrected("build_audience", {"segment": "stricter"}) == {"segment": "stricter"}


def test_what_is_likely_enough_is_sure_a_reply_after_a_call_later() -> None:
    small_talk, surer = Reading({"recommend": 0.08, REPLY: 0.92}, {}, {}), Reading({"recommend": 0.05, REPLY: 0.95}, {}, {})
    assert Opinion.of(Reading({"recommend": 0.9, REPLY: 0.1}, {}, {})) == Opinion("recommend")
    assert Opinion.of(Reading({"recommend": 0.8, REPLY: 0.2}, {}, {})) == Opinion("recommend", sure=False)
    assert Opinion.of(small_talk) == Opinion(REPLY)
    assert Opinion.of(small_talk, last="recommend") == Opinion(REPLY, sure=False)
    assert Opinion.of(surer, last="recommend") == Opinion(REPLY)


def test_the_llm_s_odds_weigh_less_than_the_router_s() -> None:
    reading = Reading({"recommend": 0.6, "read_reviews": 0.04, GOES_ON: 0.06, REPLY: 0.3}, {}, {})
    assert Opinion.of(reading, odds={"recommend": 0.2, REPLY: 0.8}) == Opinion("recommend")
    assert Opinion.of(reading, odds={"recommend": 0.1, REPLY: 0.9}) == Opinion(REPLY)
    assert Opinion.of(reading, odds={}) == Opinion("recommend"), "odds of nothing leave the router's"
    assert Opinion.of(reading, "read_reviews", odds={"read_reviews": 1.0}).choice == "read_reviews"


def test_what_looks_like_small_talk_after_a_call_is_the_llm_s_to_judge() -> None:
    reading = Reading({"recommend": 0.02, "set_preference": 0.08, REPLY: 0.9}, {}, {})
    odds = {"set_preference": 0.6, "recommend": 0.1, REPLY: 0.3}
    assert Opinion.of(reading, "recommend", odds) == Opinion("set_preference")
    assert Opinion.of(reading, odds=odds).choice == REPLY


def test_arguments_that_no_word_gives_are_judged(router: Router) -> None:
    def judged(role: Role, line: str) -> Mapping[str, Any]:
        return Opinion.of(router.read(role, line)).judged

    assert judged("shopper", "snacks that I have never bought before")["only_new"] is True
    assert judged("shopper", "any crackers?")["only_new"] is None
    assert judged("merchant", "bargain hunters who buy ice cream")["price_sensitivity"] == "high"
    assert judged("shopper", "I hate olives")["likes"] is False


@pytest.mark.parametrize(
    ("role", "line", "tag", "words"),
    [
        ("shopper", "any oat milk?", "subject", ("oat milk",)),
        ("shopper", "I hate olives", "subject", ("olives",)),
        ("shopper", "what should I buy?", "subject", ()),
        ("merchant", "why is shopper-1a2b3c4d in the beer audience", "user", ("shopper-1a2b3c4d",)),
        ("merchant", "how did campaign 13 do", "group", ()),
    ],
)
def test_the_words_of_an_argument_are_found(router: Router, role: Role, line: str, tag: str, words: tuple[str, ...]) -> None:
    assert router.read(role, line).spans[tag].words == words


def test_what_was_saved_says_the_same(router: Router, tmp_path: Path) -> None:
    file = tmp_path / "sub" / "router.safetensors"
    router.save(file)
    again = Router.load(file)
    assert again.phrases == router.phrases
    for line in ("got any oat milk under five bucks", "no peanuts for us ever again"):
        assert again.read("shopper", line) == router.read("shopper", line)


def test_a_line_is_read_on_one_thread_and_as_the_models_do(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    line, threads = "some coffee pods for less than 12.50, not the strong kind", torch.get_num_threads()
    recorded, used = router.read("shopper", line), []

    def plain(*inputs: torch.Tensor) -> object:
        used.append(torch.get_num_threads())
        return router._models[0](*inputs)

    monkeypatch.setattr(router, "_recorded", [plain, router._models[1]])
    assert router.read("shopper", line) == recorded
    assert (used, torch.get_num_threads()) == ([1], threads)


@pytest.mark.parametrize("tensors", [{}, {"1.tags.weight": torch.zeros(3, 384)}, {"0.no_such.weight": torch.zeros(1)}])
def test_a_router_of_another_line_model_is_refused(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    file = tmp_path / "router.safetensors"
    shipped = load_file(FILE) if tensors else {}
    save_file(shipped | tensors, file, {"phrases": "0"})
    with pytest.raises(ValueError, match=r"router\.safetensors is of another line model, they differ in"):
        Router.load(file)


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
            Opinion("recommend", {"subject": SAID}),
            [
                '<tool_call>{"name": "recommend", "arguments": {"query": "oat milk"}}',
                '<tool_call>{"name": "recommend", "arguments": {"query": "oat milk", "k": 3}}',
            ],
            [
                '<tool_call>{"name": "recommend", "arguments": {"query": "milk"}}',
                '<tool_call>{"name": "recommend", "arguments": {"k": 3}}',
            ],
        ),
        (
            Opinion("recommend", {"subject": Span(("oat",), 0.6, 0.01)}),
            ['<tool_call>{"name": "recommend", "arguments": {"query": "milk"}}'],
            ['<tool_call>{"name": "recommend", "arguments": {"k": 3}}'],
        ),
        (
            Opinion("recommend", {"subject": UNSAID}),
            ['<tool_call>{"name": "recommend", "arguments": {"k": 3}}', '<tool_call>{"name": "recommend", "arguments": {}}'],
            ['<tool_call>{"name": "recommend", "arguments": {"query": "milk"}}'],
        ),
        (
            Opinion("list_segments", {"group": UNSAID}),
            ['<tool_call>{"name": "list_segments", "arguments": {}}'],
            ['<tool_call>{"name": "list_segments", "arguments": {"name": "x"}}'],
        ),
        (
            Opinion("similar_items", {"subject": UNSAID}),
            ['<tool_call>{"name": "similar_items", "arguments": {"item": "p2"}}'],
            ["Which one?"],
        ),
        (
            Opinion("brand_insight", {"subject": Span(('Joe "O"',), 0.9, 0.01)}),
            ['<tool_call>{"name": "brand_insight", "arguments": {"brand": "Joe \\"O\\""}}'],
            ['<tool_call>{"name": "brand_insight", "arguments": {"brand": "Joe "O""}}'],
        ),
    ],
)
def test_an_opinion_opens_the_answer(opinion: Opinion, fits: list[str], fails: list[str]) -> None:
    opening = opinion.opening()
    answer = re.compile(re.escape(opening.text) + (opening.rest or r"[^\x00]*"))
    assert all(answer.fullmatch(text) for text in fits)
    assert not any(answer.fullmatch(text) for text in fails)


def test_without_a_choice_the_llm_is_free() -> None:
    assert Opinion().opening() == Opening()


def test_what_is_certain_replaces_the_llm_s_in_the_order_of_the_signature() -> None:
    opinion = Opinion("recommend", {"subject": SAID}, {"only_new": True, "likes": False})
    assert list(opinion.corrected("recommend", {"k": 3, "query": "soap"}).items()) == [
        ("query", "oat milk"),
        ("only_new", True),
        ("k", 3),
    ]
    assert Opinion(judged={"only_new": None}).corrected("recommend", {"query": "milk", "only_new": True}) == {"query": "milk"}
    assert opinion.corrected("analyze_cart", {}) == {"items": ["oat milk"]}
    unsure = Opinion(spans={"subject": Span(("oat",), 0.6, 0.01)})
    assert unsure.corrected("recommend", {"query": "milk"}) == {"query": "milk"}
    assert unsure.corrected("recommend", {"k": 2}) == {"query": "oat", "k": 2}
    assert unsure.corrected("recommend", {"query": "lollipops"}, unsaid={"query"}) == {"query": "oat"}
    twice = Opinion(spans={"user": Span(("top one",), 0.8, 0.1), "subject": Span(("tea",), 0.4, 0.1)})
    assert twice.corrected("explain_match", {"user": "top", "topic": "top"}) == {"user": "top one", "topic": "tea"}
    assert opinion.corrected("no_such_tool", {"a": 1}) == {"a": 1}


@pytest.mark.parametrize(("words", "k"), [("three", 3), ("half a dozen", 6), ("a few", None)])
def test_a_count_is_the_number_that_its_words_say(words: str, k: int | None) -> None:
    opinion = Opinion("recommend", {"count": Span((words,), 0.9, 0.01)})
    assert opinion.corrected("recommend", {}).get("k") == k


def test_where_each_word_is_unlikely_but_not_all_of_them_the_likeliest_counts() -> None:
    line, begins, goes_on = "Four starving teenagers at", [0.1, 0.4, 0.2, 0.02], [0.0, 0.1, 0.35, 0.02]
    tagged = torch.zeros(4, len(TAGS))
    for tag, chances in (("B-user", begins), ("I-user", goes_on)):
        tagged[:, TAGS.index(tag)] = torch.tensor(chances)
    places = [(match.start(), match.end(), n) for n, match in enumerate(re.finditer(r"\w+", line))]
    span = span_of("user", line, Tokens([], places), tagged)
    assert span.words == ("starving",)
    assert span.chance == pytest.approx(0.9 * 0.4 * 0.45 * 0.96)
    assert span_of("group", line, Tokens([], places), tagged).words == ()
