"""Protects what tools are called with: only what the user said or pointed at. Run: pytest tests/agent/test_grounding.py"""

from typing import Any

import pytest

from agent.bus import Bus
from agent.grounding import Said, Ungrounded, ground, unsaid
from tests.agent.grounding import NEEDED, grounded
from tools import Shop, ToolError, UnknownUser


@pytest.fixture
def bus(read_shop: Shop) -> Bus:
    """A list of four was shown: whole milk 1.20, oat milk 2.40, bagels 2.60, plain yogurt 1.80."""
    bus = Bus()
    bus.put_items([read_shop.card(item_id) for item_id in ("milk", "oat", "bagel", "yogurt")])
    return bus


@pytest.mark.parametrize(
    ("line", "written", "query"),
    [
        ("got any oat milk?", "oatland", "oat milk"),
        ("got any oat milk?", "oat milk", "oat milk"),
        ("got any OAT MILK?", "oat milk", "OAT MILK"),
        ("got any oat milk?", "oat milk drink", "oat milk"),
        ("is there oatmilk", "oat milk", "oatmilk"),
        ("is there plantmilk", "plant milk", "plant milk"),
        ("some cofee please", "coffee", "coffee"),
        ("snacks for the cinema", "snack", "snacks"),
        ("I could use something for my puppy", "puppy", "puppy"),
        ("Crème brûlée ingredients", "crème brûlée", "Crème brûlée"),
        ("咖啡 please", "咖啡", "咖啡"),
        ("something nice for tonight", "wine", None),
        ("what do you recommend?", "recommend me the", None),
        ("anything for me", "anything", None),
        ("cheaper pls", "pls", None),
        ("got anything cheaper?", "cheaper", None),
        ("cheap wine", "cheap wine", "cheap wine"),
        ("any milk", 7, None),
    ],
)
def test_a_query_is_a_span_of_the_line_or_dropped(read_shop: Shop, line: str, written: Any, query: str | None) -> None:
    assert grounded(read_shop, line, "query", written) == query


def test_a_span_may_come_from_the_line_before(read_shop: Shop) -> None:
    assert grounded(read_shop, "and under $3", "query", "oat milk", earlier="any oat milk?") == "oat milk"


@pytest.mark.parametrize(
    ("line", "topic", "likes"),
    [
        ("I'm vegetarian, please no meat", "vegetarian", True),
        ("we are a dog household now", "dog", True),
        ("I'm vegetarian, please no meat", "meat", False),
        ("im lactose intolerant", "lactose", False),
        ("you think I'm a meat eater, I'm not", "meat", False),
    ],
)
def test_nobody_dislikes_what_they_say_they_are(read_shop: Shop, line: str, topic: str, likes: bool) -> None:
    written, wanted = {"topic": topic, "likes": False}, {"topic": NEEDED, "likes": NEEDED}
    assert ground(written, wanted, Said([line]), Bus(), read_shop) == {"topic": topic, "likes": likes}


@pytest.mark.parametrize(
    ("line", "written", "segment"),
    [
        ("an audience of wine lovers", "lovers", None),
        ("only the lapsed shoppers", "lapsed shoppers", "lapsed shoppers"),
    ],
)
def test_people_alone_are_no_segment(read_shop: Shop, line: str, written: str, segment: str | None) -> None:
    assert grounded(read_shop, line, "segment", written) == segment


@pytest.mark.parametrize(
    ("line", "query", "found"),
    [
        ("cheaper please", "cheaper", {"query": "milk", "max_price": 1.19}),
        ("these are too expensive", "milk", {"query": "milk", "max_price": 1.19}),
        ("cheaper, at most $1", "cheaper", {"query": "milk", "max_price": 1}),
        ("and cheaper rum?", "rum", {"query": "rum"}),
        ("is the milk any good?", "milk", {"query": "milk"}),
    ],
)
def test_cheaper_is_less_than_the_first_of_the_list(
    read_shop: Shop, bus: Bus, line: str, query: str, found: dict[str, Any]
) -> None:
    wanted, said = {"query": False, "max_price": False}, Said([line, "any milk?"], before={"query": "milk"})
    assert ground({"query": query}, wanted, said, bus, read_shop) == found
    assert ground({"query": query}, wanted, said, Bus(), read_shop).get("max_price") in (None, 1)


def test_a_needed_argument_that_nobody_said_is_refused(read_shop: Shop) -> None:
    with pytest.raises(ToolError, match="did not say topic 'beef'"):
        grounded(read_shop, "note that I am vegan", "topic", "beef", needed=NEEDED)
    with pytest.raises(ToolError, match="topic is missing"):
        ground({}, {"topic": True}, Said(["hm"]), Bus(), read_shop)


@pytest.mark.parametrize(
    ("line", "written", "item"),
    [
        ("more like the second one", "the second one", "oat"),
        ("more like the 3rd", "the 3rd", "bagel"),
        ("number 2", "number 2", "oat"),
        ("why option three?", "option three", "bagel"),
        ("the first", "the first", "milk"),
        ("the last one", "the last one", "yogurt"),
        ("second to last", "second to last", "bagel"),
        ("the top one", "the top one", "milk"),
        ("the middle one", "p1", "bagel"),
        ("the cheapest", "the cheapest", "milk"),
        ("the pricier one", "the pricier one", "bagel"),
        ("the cheaper milk", "the cheaper milk", "milk"),
        ("the second milk", "the second milk", "oat"),
        ("why p3?", "p3", "bagel"),
        ("why that one?", "that one", "milk"),
        ("what is it like", "it", "milk"),
        ("the oat one", "the oat one", "oat"),
        ("those bagles you showed me", "those bagles you showed me", "bagel"),
        ("the second one", "p2", "oat"),
        ("the second one", "p9", "oat"),
        ("similar ones to that last one", "p3", "yogurt"),
        ("p3, not the second one", "p3", "bagel"),
        ("the second one", "the seventh item", "oat"),
        ("more like Oat milk, 1 l", "Oat milk, 1 l", "oat"),
        ("like green tea", "green tea", "tea"),
        ("similar to dog food", "dog food", "dogfood"),
    ],
)
def test_an_item_is_what_was_pointed_at_or_named(read_shop: Shop, bus: Bus, line: str, written: str, item: str) -> None:
    assert grounded(read_shop, line, "item", written, bus, needed=NEEDED) == item


def test_it_is_what_the_last_reply_named_first(read_shop: Shop, bus: Bus) -> None:
    said = Said(["why it?"], named=["p3", "p1"])
    assert ground({"item": "it"}, {"item": True}, said, bus, read_shop) == {"item": "bagel"}


@pytest.mark.parametrize(
    ("line", "written", "message"),
    [
        ("the ninth one", "the ninth one", "holds 4"),
        ("why p9?", "p9", "p9"),
        ("like my telescope", "telescope", "telescope"),
        ("more please", "caviar", "caviar"),
    ],
)
def test_an_item_that_is_not_there_is_refused(read_shop: Shop, bus: Bus, line: str, written: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        grounded(read_shop, line, "item", written, bus, needed=NEEDED)


def test_a_pointer_without_a_list_is_refused(read_shop: Shop) -> None:
    with pytest.raises(ToolError, match="nothing was shown yet"):
        grounded(read_shop, "why that one?", "item", "that one", needed=NEEDED)


@pytest.mark.parametrize("written", [["oat milk", "bagles", "a unicorn", "caviar"], "oat milk, bagles and a unicorn"])
def test_a_cart_s_items_are_found_or_kept_in_the_user_s_words(read_shop: Shop, written: Any) -> None:
    line = "I have oat milk, bagles and a unicorn"
    assert grounded(read_shop, line, "items", written) == ["oat", "bagel", "a unicorn"]


@pytest.mark.parametrize(
    ("line", "written", "topic"),
    [
        ("I hate dog food", "dog food", "dog food"),
        ("I hate the third one", "the third one", "Bagels"),
        ("never show me that again", "that", "Milk"),
        ("reviews of p2", "p2", "Plant milk"),
        ("no more of the oat one", "the oat one", "Plant milk"),
    ],
)
def test_a_topic_is_said_or_that_of_the_item_pointed_at(read_shop: Shop, bus: Bus, line: str, written: str, topic: str) -> None:
    assert grounded(read_shop, line, "topic", written, bus, needed=NEEDED) == topic


def test_all_of_a_list_means_what_was_asked_for(read_shop: Shop, bus: Bus) -> None:
    for words, topic in (
        ("that stuff", "plant milk"),
        ("those", "plant milk"),
        ("that one", "Milk"),
        ("those second ones", "Plant milk"),
    ):
        said = Said([f"do I like {words}?", "any plant milk?"], before={"query": "plant milk"})
        assert ground({"topic": words}, {"topic": NEEDED}, said, bus, read_shop) == {"topic": topic}


def test_a_merchant_s_that_is_the_latest_topic(read_shop: Shop) -> None:
    bus = Bus()
    bus.put_topic("Dog food")
    assert grounded(read_shop, "who else is into that?", "topic", "that", bus, needed=NEEDED) == "Dog food"


@pytest.mark.parametrize(
    ("line", "written", "about"),
    [
        ("is number two any good", "number two", "oat"),
        ("reviews of p2", "p2", "oat"),
        ("what do people say of it", "it", "milk"),
        ("and the oat one?", "the oat one", "oat"),
        ("reviews of oat milk", "oat milk", "oat milk"),
    ],
)
def test_reviews_are_of_the_item_that_was_pointed_at(read_shop: Shop, bus: Bus, line: str, written: str, about: str) -> None:
    assert grounded(read_shop, line, "about", written, bus, needed=NEEDED) == about


def test_a_pointer_without_a_list_means_what_was_asked_before(read_shop: Shop) -> None:
    said = Said(["well, I can't abide the stuff", "do you think that I like fish?"], before={"topic": "fish"})
    assert ground({"topic": "the stuff"}, {"topic": NEEDED}, said, Bus(), read_shop) == {"topic": "fish"}
    placed = Said(["what do people say of the fourth"], before={"query": "rooibos"})
    with pytest.raises(ToolError, match="'the fourth' is not on the list"):
        ground({"about": "the fourth"}, {"about": NEEDED}, placed, Bus(), read_shop)


def test_a_match_is_asked_of_the_audience_at_hand(read_shop: Shop) -> None:
    bus = Bus()
    bus.put_user("dora", read_shop.pseudonym("dora"))
    said = Said(["u1 surprises me", "audience for cat food"], before={"topic": "cat food"})
    wanted = {"user": NEEDED, "topic": NEEDED}
    for written in ({}, {"topic": "u1"}):
        assert ground({"user": "u1", **written}, wanted, said, bus, read_shop)["topic"] == "cat food"
    with pytest.raises(ToolError, match="did not say topic"):
        ground({"topic": "u1"}, {"topic": NEEDED}, said, bus, read_shop)


def test_what_was_said_holds_on_though_the_call_was_refused(read_shop: Shop) -> None:
    wanted = {"user": NEEDED, "topic": NEEDED}
    with pytest.raises(Ungrounded, match="no user 'nobody'") as refused:
        ground({"user": "user nobody", "topic": "cat food"}, wanted, Said(["why is user nobody into cat food"]), Bus(), read_shop)
    assert refused.value.grounded == {"topic": "cat food"}


def test_what_an_earlier_call_was_grounded_in_holds_on(read_shop: Shop) -> None:
    said = Said(["stricter"], before={"topic": "cat food", "min_strength": 0.4, "segment": "regulars"})
    wanted = {"topic": NEEDED, "min_strength": False, "segment": False}
    assert ground(dict(said.before), wanted, said, Bus(), read_shop) == said.before
    with pytest.raises(ToolError, match="did not say topic"):
        ground({"topic": "dog food"}, wanted, said, Bus(), read_shop)


@pytest.mark.parametrize(
    ("line", "name", "before", "value"),
    [
        ("under 5 please", "max_price", 10, 5),
        ("any cheaper?", "max_price", 10, 10),
        ("the last 2 weeks rather", "days", 30, 14),
        ("at least 60%", "min_strength", 0.4, 0.6),
        ("4 ideas will do", "k", 10, 4),
    ],
)
def test_a_new_bound_goes_before_the_old_one_written_again(
    read_shop: Shop, line: str, name: str, before: float, value: float
) -> None:
    assert ground({name: before}, {name: False}, Said([line], before={name: before}), Bus(), read_shop) == {name: value}


def test_words_that_nobody_said_are_told_apart(read_shop: Shop, bus: Bus) -> None:
    said = Said(["loo roll under 5, like p2"])
    written = {"query": "lollipops", "max_price": 7, "topic": "p2", "about": "lo roll", "brand": ""}
    assert unsaid(written, said, bus, read_shop) == {"query"}
    assert [unsaid({"item": item}, said, bus, read_shop) for item in ("t1", "p9", "p2", "it")] == [
        {"item"},
        {"item"},
        set(),
        set(),
    ]


def test_a_user_is_a_ref_a_pseudonym_or_an_id_and_becomes_a_pseudonym(read_shop: Shop) -> None:
    bus, dora, ben = Bus(), read_shop.pseudonym("dora"), read_shop.pseudonym("ben")
    bus.put_user("dora", dora)
    bus.put_user("ben", ben)
    for line, written, user in [
        ("why u2?", "u2", ben),
        (f"why {dora}?", dora, dora),
        ("why household carl?", "household carl", read_shop.pseudonym("carl")),
        ("why is the second user in?", "the second user", ben),
        ("why is she in?", "she", dora),
        ("why is the first one in it, for dog food?", "dog food", dora),
        ("and the last one?", "u1", ben),
    ]:
        assert grounded(read_shop, line, "user", written, bus, needed=NEEDED) == user
    with pytest.raises(Ungrounded, match="no user 'nobody'") as refused:
        grounded(read_shop, "why user nobody?", "user", "user nobody", bus, needed=NEEDED)
    assert isinstance(refused.value.__cause__, UnknownUser)
    with pytest.raises(ToolError, match="no user was shown yet"):
        grounded(read_shop, "why the second user?", "user", "the second user", needed=NEEDED)
    with pytest.raises(ToolError, match="did not say user"):
        grounded(read_shop, "why dora?", "user", "u7", bus, needed=NEEDED)


@pytest.mark.parametrize(
    ("line", "written", "campaign"),
    [
        ("was campaign twenty two a flop", "22", "22"),
        ("was campaign twenty two a flop", "2", "22"),
        ("was campaign twenty two a flop", "twenty", "22"),
        ("and 17?", "17", "17"),
        ("how did campaign A go", "A", "A"),
        ("campaign number eight", "eight", "8"),
        ("what did the 3for2 campaign bring in", "3for2", "3for2"),
    ],
)
def test_a_campaign_is_as_said_or_the_number_of_the_line(read_shop: Shop, line: str, written: str, campaign: str) -> None:
    assert grounded(read_shop, line, "campaign", written, needed=NEEDED) == campaign


@pytest.mark.parametrize(
    ("line", "band"),
    [
        ("bargain hunters who like tea", "high"),
        ("users who don't avoid pork", None),
        ("tea, deep pockets", "high"),
        ("bargan huntrs, deep pokets", "high"),
    ],
)
def test_a_band_of_price_sensitivity_needs_a_word_of_prices(read_shop: Shop, line: str, band: str | None) -> None:
    assert grounded(read_shop, line, "price_sensitivity", "high") == band


@pytest.mark.parametrize("written", ["99 cents", "two dollars", "5", "$3"])
def test_a_price_is_no_query(read_shop: Shop, written: str) -> None:
    assert grounded(read_shop, f"what can I get for {written}", "query", written) is None


def test_judgements_stay_and_what_no_tool_takes_goes(read_shop: Shop) -> None:
    wanted = {"topic": True, "likes": True, "price_sensitivity": False}
    written = {"likes": "false", "user_id": "ben", "price_sensitivity": "extreme", "topic": "tea"}
    assert ground(written, wanted, Said(["no tea"]), Bus(), read_shop) == {"topic": "tea", "likes": False}
