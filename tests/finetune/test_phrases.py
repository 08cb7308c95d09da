"""Protects the phrase files and how they are filled: no line may teach a call that its words do not hold.
Run: pytest tests/finetune/test_phrases.py"""

import random
from pathlib import Path

import pytest

from agent.prompts import TOOLS, Role
from agent.toolbox import parameters
from finetune.noise import Noise
from finetune.phrases import FOLDER, Pattern, checked, fill, read_follow_ups, read_patterns
from finetune.slots import Slot, Slots, number_word, without_article

ROLES: tuple[Role, ...] = ("shopper", "merchant")
QUIET = Noise(typo=0, sloppy=0, texting=0, opening=0, closing=0, lower=0, bare=0, capital=0)


@pytest.fixture(scope="module")
def slots() -> Slots:
    return Slots(["Oat milk", "Frozen pizza"], FOLDER)


@pytest.mark.parametrize("role", ROLES)
def test_every_pattern_can_be_filled_and_copies_its_words(role: Role, slots: Slots) -> None:
    rng = random.Random(3)
    for pattern in checked(read_patterns(role)):
        line = next((made for _ in range(20) if (made := fill(pattern, slots, Noise(), rng))), None)
        assert line, pattern
        copied = [v for name, v in line.arguments.items() if isinstance(v, str) and name != "price_sensitivity"]
        assert all(span in line.text for span in copied), line
        assert line.tool or line.reply, pattern


@pytest.mark.parametrize("role", ROLES)
def test_a_line_that_goes_on_copies_its_words_or_what_stays_the_same(role: Role, slots: Slots) -> None:
    before = {"query": "rice", "topic": "rice", "user": "u1", "likes": False}
    before |= {"max_price": 5, "k": 3, "only_new": True, "min_strength": 0.6, "segment": "students", "days": 30}
    before |= {"price_sensitivity": "high", "about": "rice", "item": "t1", "brand": "Bona", "campaign": "13"}
    for pattern in checked(read_follow_ups(role)):
        line = next(made for _ in range(20) if (made := fill(pattern, slots, QUIET, random.Random(3), before)))
        copied = [v for name, v in line.arguments.items() if isinstance(v, str) and name != "price_sensitivity"]
        assert all(span in line.text or span in before.values() for span in copied), line


def test_nothing_stays_the_same_where_the_call_before_lacked_it(slots: Slots) -> None:
    pattern = Pattern("shopper", "recommend", "but under {money}", (("query", "same"), ("max_price", "{money}")))
    assert fill(pattern, slots, QUIET, random.Random(1), {"k": 3}) is None
    line = fill(pattern, slots, QUIET, random.Random(1), {"query": "rice"})
    assert line
    assert line.arguments["query"] == "rice"


@pytest.mark.parametrize("role", ROLES)
def test_every_tool_has_many_patterns_and_its_required_arguments(role: Role) -> None:
    patterns = read_patterns(role)
    for tool in TOOLS[role]:
        own = [pattern for pattern in patterns if pattern.tool == tool]
        assert len({pattern.text for pattern in own}) >= 100
        required = set(parameters(tool)["required"])
        if tool == "explain_match":  # a match is asked of the audience at hand
            required.remove("topic")
        assert all(required <= {name for name, _ in pattern.arguments} for pattern in own)


def test_slots_brackets_and_types(slots: Slots) -> None:
    pattern = Pattern(
        "shopper", "recommend", "[show|find] me {thing} under {money}", (("query", "{thing}"), ("max_price", "{money}"))
    )
    for seed in range(30):
        line = fill(pattern, slots, QUIET, random.Random(seed))
        assert line
        assert line.text.split()[0] in ("show", "find")
        assert isinstance(line.arguments["max_price"], int | float)
        assert f"me {line.arguments['query']} under" in line.text


def test_goods_become_a_list(slots: Slots) -> None:
    pattern = Pattern("shopper", "analyze_cart", "I have milk and eggs", (("items", "milk, eggs"),))
    line = fill(pattern, slots, QUIET, random.Random(1))
    assert line
    assert line.arguments == {"items": ["milk", "eggs"]}


def test_a_slip_of_the_finger_reaches_the_argument() -> None:
    noise, rng = Noise(typo=1.0), random.Random(1)
    slipped = [noise.slot(Slot("oat milk", "oat milk"), rng) for _ in range(20)]
    assert all(slot.value == slot.surface for slot in slipped)
    assert any(slot.surface != "oat milk" for slot in slipped)
    assert noise.slot(Slot("five bucks", 5), rng) == Slot("five bucks", 5)


def test_an_argument_that_the_tool_lacks_is_refused() -> None:
    pattern = Pattern("shopper", "recommend", "cheap milk", (("price", "3"),))
    with pytest.raises(ValueError, match="price"):
        checked([pattern])


def test_a_broken_file_is_named_with_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "shopper"
    folder.mkdir()
    (folder / "recommend.txt").write_text("# phrases\nmilk?\n")
    with pytest.raises(ValueError, match=r"recommend\.txt line 2.*milk\?"):
        read_patterns("shopper", tmp_path)


def test_numbers_in_words_and_articles() -> None:
    assert [number_word(n) for n in (3, 12, 13, 14, 20, 45, 99)] == [
        *("three", "twelve", "thirteen", "fourteen", "twenty", "forty-five", "ninety-nine")
    ]
    assert [without_article(words) for words in ("a birthday party", "breakfast", "my son's lunchbox")] == [
        *("birthday party", "breakfast", "son's lunchbox")
    ]
