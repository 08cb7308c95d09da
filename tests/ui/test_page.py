"""Protects what the page does without a browser: events, shelf, correction, escaping. Run: pytest tests/ui/test_page.py"""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from agent.chat import Cards, ChatEvent, Done, ToolCall, ToolStep
from agent.runtime import Runtime
from behavior import Event, Item
from behavior.schema import EventType
from tests.ui.served import scripted
from tools import Shop, ToolError, UnknownItem, UnknownUser, analyze_cart, cart_of
from ui.api import create_app
from ui.page import mount
from ui.page_beliefs import beliefs
from ui.page_chat import converse, said
from ui.page_html import cart, shelf
from ui.page_merchant import suggestions
from ui.page_shopper import show
from ui.page_visit import Visit, act, enter, heard, shelf_title

MARKUP = "<script>x</script>\"'"


@pytest.fixture
def runtime(shop: Shop) -> Iterator[Runtime]:
    with scripted(shop) as (runtime, _):
        yield runtime


def done_on_page(shop: Shop, visit: Visit, kind: EventType) -> list[Event]:
    events = shop.store.timeline(visit.user_id)
    return [event for event in events if event.type == kind and event.session_id == visit.session_id]


def test_a_card_is_noted_as_shown_once_a_visit(runtime: Runtime) -> None:
    visit = enter(runtime.shop, "dora")
    show(runtime, visit)
    show(runtime, visit)
    shown = [event.item_id for event in done_on_page(runtime.shop, visit, "impression")]
    assert (len(shown), set(shown)) == (len(visit.cards), {card.item_id for card in visit.cards})


@pytest.mark.parametrize(("action", "kind"), [("open", "view"), ("add", "cart_add"), ("like", "like"), ("dislike", "dislike")])
def test_a_click_on_a_card_is_an_event_of_its_own(shop: Shop, action: str, kind: EventType) -> None:
    visit = enter(shop, "dora")
    item_id = visit.cards[0].item_id
    act(shop, visit, action, item_id)
    act(shop, visit, "add", "catfood")
    (event,) = [event for event in done_on_page(shop, visit, kind) if event.item_id == item_id]
    assert abs((shop.now() - event.ts).total_seconds()) < 3600
    assert len({event.event_id for event in shop.store.timeline("dora")}) == shop.store.timeline_frame("dora").height


def test_removing_takes_the_whole_line_out_of_the_cart(shop: Shop) -> None:
    visit = enter(shop, "dora")
    for action in ("add", "add", "remove"):
        act(shop, visit, action, "tea")
    assert [event.quantity for event in done_on_page(shop, visit, "cart_remove")] == [2.0]
    assert cart_of(shop, "dora") == {}


def test_what_is_dismissed_leaves_the_shelf_at_once(shop: Shop) -> None:
    visit = enter(shop, "dora")
    item_id = visit.cards[0].item_id
    act(shop, visit, "dislike", item_id)
    assert item_id not in {card.item_id for card in visit.cards}


def test_a_correction_changes_the_profile_and_every_kind_of_shelf_at_once(runtime: Runtime) -> None:
    shop = runtime.shop
    visit = enter(shop, "dora")
    visit.call, visit.cards = ToolCall(name="similar_items", arguments={"item": "p1"}), [shop.card("milk"), shop.card("oat")]
    act(shop, visit, "avoids", "Milk")
    assert [card.item_id for card in visit.cards] == ["oat"]
    assert 'data-topic="Milk" data-kind="avoids"' in show(runtime, visit)[3]
    act(shop, visit, "avoids", "Plant milk")
    assert visit.call is None
    assert not {"milk", "oat"} & {card.item_id for card in visit.cards}
    act(shop, visit, "likes", "Milk")
    assert "milk" in {card.item_id for card in visit.cards}
    assert 'data-topic="Milk" data-kind="stated"' in show(runtime, visit)[3]


def test_a_recommendation_is_asked_again_after_an_action(shop: Shop) -> None:
    visit = enter(shop, "ben")
    visit.call = ToolCall(name="recommend", arguments={"query": "dog food", "max_price": 5.0})
    act(shop, visit, "add", "milk")
    assert [card.item_id for card in visit.cards] == ["dogtreat"]
    assert shelf_title(visit) == "Found for “dog food”"


def test_a_search_in_the_chat_fills_the_shelf_and_is_an_event(shop: Shop) -> None:
    visit = enter(shop, "dora")
    call = ToolCall(name="recommend", arguments={"query": "cat food"})
    events: list[ChatEvent] = [
        ToolStep(call=call, ok=True, text="Cat food"),
        Cards(cards=[shop.card("catfood")]),
        Done(
            reply="", tool_calls=[call], cards=[], dropped=0, status="ok", seconds_to_first_token=None, seconds=0
        ),
    ]  # fmt: skip
    assert [heard(shop, visit, event) for event in events] == [False, True, True]
    assert [card.item_id for card in visit.cards] == ["catfood"]
    assert [event.query for event in done_on_page(shop, visit, "search")] == ["cat food"]


@pytest.mark.parametrize(("action", "about"), [("add", "nonsense"), ("avoids", "telescope"), ("explode", "milk")])
def test_what_the_page_does_not_offer_is_refused_and_writes_nothing(shop: Shop, action: str, about: str) -> None:
    visit = enter(shop, "dora")
    before = shop.store.count()
    with pytest.raises(ToolError, match=about if action != "explode" else action):
        act(shop, visit, action, about)
    assert shop.store.count() == before


def test_an_unknown_shopper_and_item_are_named(shop: Shop) -> None:
    with pytest.raises(UnknownUser, match="'nobody'"):
        enter(shop, "nobody")
    with pytest.raises(UnknownItem, match="'x'"):
        act(shop, enter(shop, "dora"), "open", "x")


def test_everything_from_the_shop_is_escaped(runtime: Runtime) -> None:
    shop = runtime.shop
    evil = Item(item_id=MARKUP, title=f"Milk {MARKUP}", path=("Food", MARKUP, f"Leaf {MARKUP}"), brand=MARKUP, price=1.0)
    shop.catalog.items[MARKUP] = evil
    shop.record(
        Event(event_id=f"{n}{MARKUP}", user_id="dora", type=kind, item_id=MARKUP, ts=shop.now(), session_id=MARKUP)
        for n, kind in enumerate(("cart_add", "purchase", "cart_add"))
    )  # fmt: skip
    visit = Visit("dora", cards=[shop.card(MARKUP, reason=MARKUP)], call=ToolCall(name="recommend", arguments={"query": MARKUP}))
    found = analyze_cart(shop, {MARKUP: 1.0, f"gone {MARKUP}": 1.0})
    profile = shop.profile("dora")
    interest = profile.interests[0].model_copy(update={"topic": MARKUP, "reason": MARKUP, "evidence": [f"1{MARKUP}"]})
    told = profile.model_copy(update={"interests": [interest], "summary": MARKUP, "summary_status": "ready"})
    pages = [cart(found), beliefs(shop, told)]
    for opened in ("open", "why"):
        visit.opened = (MARKUP, opened)
        pages.append(shelf(shop, visit, found))
    for page in pages:
        assert "&lt;script&gt;" in page
        assert "<script>" not in page
        assert "\"'" not in page


def test_a_turn_is_written_down_with_its_tool_step_folded(shop: Shop) -> None:
    async def talk(runtime: Runtime) -> list[dict[str, Any]]:
        messages = [said("<b> oat milk?")]
        turn = runtime.chat.stream("<b> oat milk?", role="shopper", user_id="dora", session_id="s")
        async for _ in converse(turn, messages):
            pass
        return messages

    with scripted(shop) as (runtime, fake):
        fake.answers = [("recommend", {"query": "oat milk"}), "Try p1. Enjoy!"]
        line, step, reply = asyncio.run(talk(runtime))
    assert line["content"] == "&lt;b&gt; oat milk?"
    assert step["metadata"] == {"title": "Looked for products", "log": 'recommend(query="oat milk")', "status": "done"}
    assert reply["content"].endswith("Enjoy!")
    assert "p1" not in reply["content"]


def test_merchants_are_offered_questions_about_this_shop(shop: Shop) -> None:
    assert suggestions(shop)[0] == "Who is likely to buy milk?"


def test_the_page_is_served_beside_the_api_and_names_no_other_host(runtime: Runtime) -> None:
    app = create_app(runtime)
    mount(app, runtime)
    with TestClient(app) as client:
        assert client.get("/healthz").json()["status"] == "ok"
        assert "swagger" in client.get("/docs").text
        page, dress = client.get("/"), client.get("/theme.css")
        assert "<title>Inkling" in page.text or '"title":"Inkling"' in page.text
        assert "fonts.googleapis" not in page.text + dress.text
        assert client.get("/", headers={"host": "evil.example"}).status_code == 400
