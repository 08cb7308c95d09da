"""Protects how the router is fitted: on the phrases, without the wording of tests. Run: pytest tests/finetune/test_routing.py"""

from pathlib import Path

import pytest

from agent.prompts import TOOLS
from agent.router import REPLY
from finetune.phrases import AFTER, PLAIN
from finetune.routing import fingerprint, fit_router

SHOPPER = {
    "recommend": ["got any {thing} => query={thing}", "something new to eat => only_new=true", "suggest a snack =>"],
    "set_preference": ["I adore {thing} => topic={thing}; likes=true", "I loathe {thing} => topic={thing}; likes=false"],
    "analyze_cart": ["what does my basket lack =>", "do {thing} and {thing2} lack anything => items={thing}, {thing2}"],
    "show_profile": ["what do you know of me =>", "do you know that I eat {thing} => topic={thing}"],
    PLAIN: ["good morning => Hello!", "thanks a lot for your kind help => Welcome."],
    AFTER: ["recommend: cheaper ones => query=same"],
}
MERCHANT = {
    "build_audience": ["who buys {thing} => topic={thing}", "thrifty buyers of {thing} => topic={thing}; price_sensitivity=high"],
    "list_segments": ["name the groups =>", "tell of the group {segment} => name={segment}"],
    "recommend_bundles": ["what sells together =>", "what goes with {thing} => topic={thing}"],
    PLAIN: ["good morning => Hello!", "thanks a lot => Welcome."],
}


@pytest.fixture
def phrases(tmp_path: Path) -> Path:
    for role, files in (("shopper", SHOPPER), ("merchant", MERCHANT)):
        (tmp_path / role).mkdir()
        for name in (*TOOLS[role], PLAIN, AFTER):
            (tmp_path / role / f"{name}.txt").write_text("\n".join(files.get(name, [])))
    return tmp_path


def test_it_learns_what_the_phrases_say_and_nothing_of_the_test_lines(phrases: Path) -> None:
    said: list[str] = []
    router = fit_router(["Milk", "Bread"], seed=3, phrases=phrases, progress=said.append)
    assert router.likeliest("shopper", "got any cheese") == "recommend"
    assert router.likeliest("shopper", "thanks for your help!") == REPLY
    assert router.opinion("shopper", "something new to eat").arguments["recommend"]["only_new"] is True
    assert said[0] == "reading 48 lines of a shopper"

    said.clear()
    again = fit_router(["Milk", "Bread"], ["A lot for your kind help"], seed=3, phrases=phrases, progress=said.append)
    assert said[0] == "reading 47 lines of a shopper", "three of its four copies have a slip"
    assert again.phrases == router.phrases == fingerprint(phrases)


def test_other_phrases_have_another_fingerprint(phrases: Path) -> None:
    before = fingerprint(phrases)
    (phrases / "shopper" / "plain.txt").write_text("good evening => Hello!")
    assert fingerprint(phrases) != before


def test_a_role_without_a_phrase_of_a_tool_is_refused(phrases: Path) -> None:
    (phrases / "merchant" / "list_segments.txt").write_text("name the groups =>")
    with pytest.raises(ValueError, match=r"list_segments.*name"):
        fit_router(["Milk"], phrases=phrases)
