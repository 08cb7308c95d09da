"""Protects how the router is fitted: on the phrases, without the wording of tests. Run: pytest tests/finetune/test_routing.py"""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.line_model import ALL, CHOICES, GOES_ON, JUDGED, REPLY, SAME, TAGS, LineModel
from agent.prompts import TOOLS
from finetune.phrases import AFTER, PLAIN, Line
from finetune.routing import IGNORED, fingerprint, fit_router, labels

SHOPPER = {
    "recommend": ["got any {thing} => query={thing}", "something new to eat => only_new=true", "suggest a snack =>"],
    "set_preference": ["I adore {thing} => topic={thing}; likes=true", "I loathe {thing} => topic={thing}; likes=false"],
    "analyze_cart": ["what does my basket lack =>", "do {thing} and {thing2} lack anything => items={thing}, {thing2}"],
    "show_profile": ["what do you know of me =>", "do you know that I eat {thing} => topic={thing}"],
    "similar_items": ["more like {ref} => item={ref}"],
    "explain_recommendation": ["why {ref} => item={ref}"],
    "read_reviews": ["reviews of {thing} => about={thing}"],
    PLAIN: ["good morning => Hello!", "thanks a lot for your kind help => Welcome."],
    AFTER: ["recommend: cheaper ones => query=same"],
}
MERCHANT = {
    "build_audience": ["who buys {thing} => topic={thing}", "thrifty buyers of {thing} => topic={thing}; price_sensitivity=high"],
    "list_segments": ["name the groups =>", "tell of the group {segment} => name={segment}"],
    "recommend_bundles": ["what sells together =>", "what goes with {thing} => topic={thing}"],
    "explain_match": ["why does {user} match {thing} => user={user}; topic={thing}"],
    "brand_insight": ["how does {brand} sell => brand={brand}"],
    "campaign_report": ["results of campaign {campaign} => campaign={campaign}"],
    PLAIN: ["good morning => Hello!", "thanks a lot => Welcome."],
}


@pytest.fixture
def phrases(tmp_path: Path) -> Path:
    for role, files in (("shopper", SHOPPER), ("merchant", MERCHANT)):
        (tmp_path / role).mkdir()
        for name in (*TOOLS[role], PLAIN, AFTER):
            (tmp_path / role / f"{name}.txt").write_text("\n".join(files.get(name, [])))
    return tmp_path


def test_it_learns_what_the_phrases_say(phrases: Path) -> None:
    router = fit_router(["Milk", "Bread"], seed=3, phrases=phrases, copies=60, members=1)
    reading = router.read("shopper", "got any milk")
    assert reading.choice == "recommend"
    assert reading.spans["subject"].words == ("milk",)
    assert router.read("shopper", "thanks a lot for your kind help").choice == REPLY
    assert router.phrases == fingerprint(phrases)


def test_it_learns_nothing_of_the_test_lines(phrases: Path) -> None:
    said: list[str] = []
    fit_router(["Milk"], seed=3, phrases=phrases, copies=4, members=1, progress=said.append)
    assert said[0] == "reading 60 lines of a shopper"
    said.clear()
    fit_router(["Milk"], ["A lot for your kind help"], seed=3, phrases=phrases, copies=4, members=1, progress=said.append)
    assert said[0] in {f"reading {left} lines of a shopper" for left in range(56, 60)}, "copies with a slip in five words stay"


def test_a_line_teaches_its_tool_its_words_and_its_judgements() -> None:
    model = LineModel()
    line = Line("shopper", "I loathe goat cheese", "set_preference", {"topic": "goat cheese", "likes": False})
    taught = labels(model, line, "set_preference")
    said = [TAGS[tag] for tag in taught["tags"] if tag >= 0]
    assert said == ["O", "O", "B-subject", "I-subject"]
    assert taught["choices"] == [CHOICES["shopper"].index("set_preference"), IGNORED]
    assert taught["judged"] == [0 if name == "likes" else IGNORED for name in JUDGED]
    listed = Line("shopper", "eggs, flour in it", "analyze_cart", {"items": ["eggs", "flour"]})
    assert [TAGS[tag] for tag in labels(model, listed, "analyze_cart")["tags"] if tag >= 0][:3] == ["B-subject", "O", "B-subject"]


@pytest.mark.parametrize(
    ("text", "numbers", "tags"),
    [
        ("3 wines under £8", {"k": 3, "max_price": 8.0}, "B-count O O O B-price"),
        ("half a dozen pears", {"k": 6}, "B-count I-count I-count O"),
        ("two or 2 pears", {"k": 2}, "B-count O O O"),
        ("pears, two dollars fifty", {"max_price": 2.5}, "O O B-price I-price I-price"),
        ("one in five, past month", {"min_strength": 0.2, "days": 30}, "B-strength I-strength I-strength O O B-period"),
        ("strength 70%, last 6 weeks", {"min_strength": 0.7, "days": 42}, "O B-strength O O O B-period I-period"),
        ("a phew pears", {"k": 3}, ""),
    ],
)
def test_a_number_is_tagged_where_the_line_says_it(text: str, numbers: dict[str, float], tags: str) -> None:
    taught = labels(LineModel(), Line("shopper", text, "recommend", dict(numbers)), "recommend")
    assert [TAGS[tag] for tag in taught["tags"] if tag >= 0] == tags.split()


def test_what_a_line_takes_over_stands_nowhere_in_it() -> None:
    model, places = LineModel(), {name: n for n, name in enumerate(JUDGED)}
    line = Line("shopper", "the same budget, but gin", "recommend", {"query": "gin", "max_price": SAME})
    taught = labels(model, line, GOES_ON)
    assert [TAGS[tag] for tag in taught["tags"] if tag >= 0] == [*"OOOOO", "B-subject"]
    assert taught["judged"][places["keeps"]] == JUDGED["keeps"].index(True)
    other = labels(model, Line("shopper", "and gin?", "recommend", {"query": "gin"}), GOES_ON)
    assert other["judged"][places["keeps"]] == JUDGED["keeps"].index(False)
    under = Line("shopper", "under 8", "recommend", {"query": SAME, "max_price": 8})
    narrower = labels(model, under, GOES_ON)
    assert narrower["judged"][places["keeps"]] == IGNORED
    assert narrower["judged"][places["drops"]] == JUDGED["drops"].index(None)
    dearer = Line("shopper", "any price", "recommend", {"query": SAME}, dropped=("max_price",))
    assert labels(model, dearer, GOES_ON)["judged"][places["drops"]] == JUDGED["drops"].index("max_price")
    anything = replace(dearer, dropped=("max_price", "only_new"))
    assert labels(model, anything, GOES_ON)["judged"][places["drops"]] == JUDGED["drops"].index(ALL)
    assert labels(model, under, "recommend")["judged"][places["drops"]] == IGNORED
    likewise = labels(model, Line("shopper", "gin too", "set_preference", {"topic": "gin", "likes": SAME}), GOES_ON)
    assert likewise["judged"][places["likes"]] == JUDGED["likes"].index(SAME)


def test_other_phrases_have_another_fingerprint(phrases: Path) -> None:
    before = fingerprint(phrases)
    (phrases / "shopper" / "plain.txt").write_text("good evening => Hello!")
    assert fingerprint(phrases) != before


def test_a_role_without_a_phrase_of_a_tool_is_refused(phrases: Path) -> None:
    (phrases / "merchant" / "list_segments.txt").write_text("")
    with pytest.raises(ValueError, match=r"no phrase of a merchant leads to .*list_segments"):
        fit_router(["Milk"], phrases=phrases)
