"""Protects that tools serve the user of the session, which no argument can change. Run: pytest tests/agent/test_toolbox.py"""

from datetime import timedelta

import pytest
from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage

from agent.bus import Bus
from agent.toolbox import ChatState, as_said, call_tool, put, said_in
from behavior import Event
from tests import tiny
from tools import Shop, ToolError
from tools.results import CartAnalysis, Reviews


def test_a_cart_counts_the_own_habits_of_the_user_of_the_session(read_shop: Shop) -> None:
    cart = call_tool("analyze_cart", read_shop, "dora", {"items": ["bread"]})
    assert isinstance(cart, CartAnalysis)
    assert "Dog food" in {gap.topic for gap in cart.gaps if gap.habit}
    other = call_tool("analyze_cart", read_shop, "carl", {"items": ["bread"]})
    assert isinstance(other, CartAnalysis)
    assert "Dog food" not in {gap.topic for gap in other.gaps if gap.habit}
    head, missing, *lines = put(cart, Bus())[0].splitlines()
    assert (head, missing) == ("1 in the cart, total $2.10", "missing:")
    assert [line.split()[0] for line in lines] == [f"p{n}" for n in range(1, len(lines) + 1)]
    with pytest.raises(ToolError, match="this session has none"):
        call_tool("analyze_cart", read_shop, None, {"items": ["bread"]})


def test_the_reviews_most_useful_to_the_user_of_the_session_come_first(shop: Shop) -> None:
    said = [("carl", "The lid is terrible."), ("ben", "A wonderful aroma."), ("cat", "Dark roast."), ("u1", "The lid leaks.")]
    said += [(f"u{n}", f"Fine aroma, says u{n}.") for n in range(2, 6)]
    shop.record(
        Event(event_id=user, user_id=user, type="review", item_id="coffee", ts=ts, rating=4, text=text)
        for n, (user, text) in enumerate(said)
        if (ts := tiny.END - timedelta(days=9 - n))
    )
    newest = ["u5", "u4", "u3", "u2", "u1"]
    for user, expected in (("u1", ["carl", *newest[:4]]), (None, newest)):  # u1 wrote about the lid, as did carl long ago
        found = call_tool("read_reviews", shop, user, {"about": "Coffee"})
        assert isinstance(found, Reviews)
        assert [quote.event_id for quote in found.quotes] == expected
        text = put(found, Bus())[0].splitlines()
        assert text[0] == "8 reviews of t1, 4 stars on average, 8 positive"
        assert text[1:] == [f'4 stars "{dict(said)[name]}"' for name in expected]


def test_a_user_pointed_at_is_shown_as_the_ref_that_was_found() -> None:
    refs = {"shopper-1a": "u1", "shopper-2b": "u2"}
    assert as_said({"user": "u1"}, {"user": "shopper-2b"}, refs) == {"user": "u2"}
    assert as_said({"user": "household 9"}, {"user": "shopper-2b"}, refs) == {"user": "household 9"}
    assert as_said({"user": "u1"}, {"user": "shopper-9f"}, refs) == {"user": "shopper-9f"}


def test_a_line_goes_on_from_the_newest_call_also_where_that_failed() -> None:
    def called(ok: bool, **holds: str) -> ToolMessage:
        artifact = {"name": "recommend", "arguments": {"topic": "as written"}, "ok": ok, "holds": holds}
        return ToolMessage("", artifact=artifact, tool_call_id="1")

    turn: list[AnyMessage] = [HumanMessage("who buys rum?"), called(True, topic="rum")]
    unknown: list[AnyMessage] = [HumanMessage("and paneer?"), called(False, topic="paneer")]
    made_up: list[AnyMessage] = [HumanMessage("more"), called(False)]
    for earlier, before in ((turn, {"topic": "rum"}), (turn + unknown, {"topic": "paneer"}), (turn + made_up, {}), ([], {})):
        assert said_in(ChatState(messages=[*earlier, HumanMessage("the same, stricter")])).before == before
