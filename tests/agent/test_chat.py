"""Protects the chat: grounded calls, checked replies, saved sessions, a dead LLM. Run: pytest tests/agent/test_chat.py"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from agent.chat import Cards, Chat, ChatEvent, Done, Token, ToolStep, open_sessions
from agent.line_model import REPLY, Reading
from agent.llm import LLM
from agent.middleware import last_turns
from agent.prompts import MERCHANT_TOOLS, SHOPPER_TOOLS, SYSTEM, Role
from agent.reply import MAX_LINE, OFFER
from agent.router import Router
from agent.weights import BASE
from behavior import Settings
from tests import tiny
from tests.agent.fake_openai import FakeLLM, fake_openai
from tools import Shop, UnknownUser

T = TypeVar("T")
OAT = ("recommend", {"query": "oat milk"})


@pytest.fixture
def fake() -> Iterator[FakeLLM]:
    with fake_openai() as server:
        yield server


class Talk:
    """Sessions of the tiny shop with an LLM; each `say` opens them anew."""

    def __init__(self, shop: Shop, url: str, home: Path) -> None:
        self.shop, self.url, self.home = shop, url, home
        self.model, self.routed = "fake", True

    async def run(self, use: Callable[[Chat], Awaitable[T]]) -> T:
        async with open_sessions(Settings(home=self.home)) as saver:
            return await use(Chat(self.shop, LLM(self.url, self.model), saver, routed=self.routed))

    def say(
        self, *lines: str, role: Role = "shopper", user_id: str | None = "dora", session_id: str = "s"
    ) -> list[list[ChatEvent]]:
        """The events of each line."""

        async def all_turns(chat: Chat) -> list[list[ChatEvent]]:
            streams = (chat.stream(line, role=role, user_id=user_id, session_id=session_id) for line in lines)
            return [[event async for event in stream] for stream in streams]

        return asyncio.run(self.run(all_turns))


@pytest.fixture
def talk(read_shop: Shop, fake: FakeLLM, tmp_path: Path) -> Talk:
    return Talk(read_shop, fake.url, tmp_path)


def done(events: list[ChatEvent]) -> Done:
    assert isinstance(events[-1], Done)
    return events[-1]


def test_a_turn_is_a_tool_step_cards_tokens_and_done(talk: Talk, fake: FakeLLM) -> None:
    fake.answers = [("recommend", {"query": "oatland", "max_price": 5, "user_id": "ben"}), "Try p2 for $2.40. Enjoy!"]
    step, cards, *tokens, end = talk.say("any oat milk under five bucks?")[0]
    assert isinstance(step, ToolStep)
    assert (step.call.name, step.call.arguments, step.ok) == ("recommend", {"query": "oat milk", "max_price": 5.0}, True)
    assert "Oat milk, 1 l $2.40" in step.text
    assert "p2" not in step.text
    assert isinstance(cards, Cards)
    assert [card.item_id for card in cards.cards] == ["milk", "oat"]
    assert [token.text for token in tokens if isinstance(token, Token)] == ["Try Oat milk, 1 l for $2.40.", " Enjoy!"]
    assert isinstance(end, Done)
    assert (end.reply, end.cards, end.dropped, end.status) == ("Try Oat milk, 1 l for $2.40. Enjoy!", cards.cards, 0, "ok")
    assert end.tool_calls == [step.call]
    assert 0 < (end.seconds_to_first_token or 0) <= end.seconds


def test_the_prompt_is_one_constant_prefix_and_the_last_three_turns(talk: Talk, fake: FakeLLM) -> None:
    fake.answers = [OAT, "Try p1.", "Bye."]
    talk.say("any oat milk?", "two", "three", "four")
    assert {tuple(fake.prompt(at)[0]) for at in range(5)} == {("system", SYSTEM["shopper"])}
    assert len({str(request["tools"]) for request in fake.requests}) == 1
    assert fake.prompt(1)[1:3] == [("user", "any oat milk?"), ("assistant", 'recommend{"query": "oat milk"}')]
    assert fake.prompt(1)[3][1].startswith("p1 Whole milk, 1 l $1.20: you buy it about")
    assert fake.prompt(2)[4:] == [("assistant", "Try p1."), ("user", "two")]
    assert fake.prompt(4)[1:3] == [("user", "two"), ("assistant", "Bye.")]


@pytest.mark.parametrize("invented", ["Or take p77.", "It is only $0.99.", "And Nutella is great."])
def test_an_invented_sentence_is_dropped_and_does_not_come_back(talk: Talk, fake: FakeLLM, invented: str) -> None:
    fake.answers = [OAT, f"Take p1. {invented}", "Fine."]
    first, _ = talk.say("any oat milk?", "thanks")
    assert (done(first).reply, done(first).dropped) == ("Take Whole milk, 1 l.", 1)
    assert ("assistant", "Take p1.") in fake.prompt()


def test_when_no_sentence_is_left_the_result_speaks(shop: Shop, talk: Talk, fake: FakeLLM) -> None:
    talk.shop = shop
    fake.answers = [OAT, "Take p77.", ("set_preference", {"topic": "dog food", "likes": False}), "It was 99%.", "Only $3!"]
    found, noted, plain = talk.say("any oat milk?", "no dog food ever", "hello")
    assert done(found).reply == "Here is what I found: Whole milk, 1 l and Oat milk, 1 l."
    assert done(noted).reply.startswith("Noted Dog food: disliked, was ")
    assert (done(plain).reply, done(plain).dropped) == (OFFER["shopper"], 1)


def test_a_second_turn_points_at_the_list_of_the_first(talk: Talk, fake: FakeLLM) -> None:
    fake.answers = [OAT, "Try p1 or p2.", ("similar_items", {"item": "the second one"}), "p3 goes with it."]
    _, second = talk.say("any oat milk?", "more like the second one")
    assert done(second).tool_calls[0].arguments == {"item": "p2"}
    assert done(second).reply == f"{done(second).cards[0].title} goes with it."


def test_a_session_goes_on_after_a_restart_and_belongs_to_its_user(talk: Talk, fake: FakeLLM) -> None:
    fake.answers = [OAT, "Try p1 or p2.", ("explain_recommendation", {"item": "the second one"}), "Here you are."]
    talk.say("any oat milk?")
    assert done(talk.say("why the second one?")[0]).tool_calls[0].arguments == {"item": "p2"}
    for user, session in (("ben", "s"), ("dora", "t")):
        fake.answers = ["Hi."]
        talk.say("hello", user_id=user, session_id=session)
        assert fake.prompt()[1:] == [("user", "hello")]


def test_a_turn_that_was_not_read_to_its_end_leaves_a_usable_session(talk: Talk, fake: FakeLLM) -> None:
    async def leave(chat: Chat) -> None:
        async with aclosing(chat.stream("any oat milk?", role="shopper", user_id="dora", session_id="s")) as events:
            async for _ in events:
                break

    fake.answers = [OAT, "Try p1.", "Hi."]
    asyncio.run(talk.run(leave))
    assert done(talk.say("hello")[0]).status == "ok"
    assert fake.prompt()[1:] == [("user", "any oat milk?"), ("user", "hello")]


def test_a_call_that_was_never_answered_is_left_out_of_the_prompt() -> None:
    call = {"name": "recommend", "args": {}, "id": "1", "type": "tool_call"}
    hello, again = HumanMessage("hello"), HumanMessage("again")
    assert last_turns([hello, AIMessage("", tool_calls=[call]), again]) == [hello, again]


def test_the_llm_is_asked_four_times_at_most(talk: Talk, fake: FakeLLM) -> None:
    fake.answers = [("recommend", {"query": word}) for word in ("oat milk", "tea", "coffee", "bread", "bagels")]
    end = done(talk.say("oat milk, tea, coffee, bread or bagels?")[0])
    assert len(fake.requests) == 4
    assert [call.arguments["query"] for call in end.tool_calls] == ["oat milk", "tea", "coffee", "bread"]
    assert end.reply.startswith("Here is what I found: Wheat bread")


def test_the_same_call_is_not_run_twice_in_a_turn(shop: Shop, talk: Talk, fake: FakeLLM) -> None:
    talk.shop = shop
    fake.answers = [("set_preference", {"topic": "dog food", "likes": False})]
    before = shop.store.count()
    end = done(talk.say("no dog food ever")[0])
    assert shop.store.count() == before + 1
    assert (len(end.tool_calls), len(fake.requests)) == (1, 2)
    assert end.reply.startswith("Noted Dog food: disliked")
    fake.answers = [OAT, ("similar_items", {"item": "the second one"})]
    assert len(done(talk.say("oat milk, and more like the second one")[0]).tool_calls) == 2


def test_what_a_tool_refuses_goes_to_the_llm_and_else_to_the_user(talk: Talk, fake: FakeLLM) -> None:
    fake.answers = [("read_reviews", {"about": "telescopes"}), ("read_reviews", {"about": "tea"}), "No reviews of t1."]
    end = done(talk.say("reviews of telescopes or tea")[0])
    assert fake.prompt(1)[-1][1].startswith("error: no topic 'telescopes'")
    assert end.reply == "No reviews of Tea."
    fake.answers = [("read_reviews", {"about": "telescopes"}), "They cost $5!"]
    assert done(talk.say("reviews of telescopes")[0]).reply.startswith("I could not do that: no topic 'telescopes'")


def test_an_unknown_tool_or_a_tool_of_the_other_role_is_not_run(talk: Talk, fake: FakeLLM) -> None:
    fake.answers = [("build_audience", {"topic": "tea"}), ""]
    step, *_, end = talk.say("who likes tea?")[0]
    assert isinstance(step, ToolStep)
    assert not step.ok
    assert isinstance(end, Done)
    assert end.reply == OFFER["shopper"]


def test_the_roles_have_their_own_tools_and_merchants_see_pseudonyms(talk: Talk, fake: FakeLLM, read_shop: Shop) -> None:
    fake.answers = [("explain_match", {"user": "household dora", "topic": "dog food"}), "Yes, u1 matches t1."]
    step, *_, end = talk.say("is household dora into dog food?", role="merchant", user_id=None)[0]
    assert isinstance(step, ToolStep)
    assert step.call.arguments == {"user": "household dora", "topic": "dog food"}
    assert isinstance(end, Done)
    assert end.reply == f"Yes, {read_shop.pseudonym('dora')} matches Dog food."
    assert not any(user in step.text.split() for user in tiny.HABITS)
    assert [tool["function"]["name"] for tool in fake.requests[0]["tools"]] == list(MERCHANT_TOOLS)
    talk.say("hello")
    functions = [tool["function"] for tool in fake.requests[-1]["tools"]]
    assert {function["name"]: function["description"] for function in functions} == SHOPPER_TOOLS
    assert list(functions[0]["parameters"]["properties"]) == ["query", "max_price", "only_new", "k"]
    assert functions[4]["parameters"]["required"] == ["topic", "likes"]


def test_a_dead_llm_is_said_and_the_shop_still_suggests(talk: Talk, fake: FakeLLM) -> None:
    talk.url = "http://127.0.0.1:9/v1"
    first = talk.say("any oat milk?")[0]
    end = done(first)
    assert (end.status, [card.item_id for card in end.cards]) == ("unavailable", ["milk", "oat"])
    assert (
        end.reply
        == "The language model does not answer just now. Without it, the shop suggests Whole milk, 1 l and Oat milk, 1 l."
    )
    assert [event.kind for event in first] == ["cards", "token", "done"]
    merchant = done(talk.say("who likes tea?", role="merchant", user_id=None)[0])
    assert (merchant.status, merchant.cards) == ("unavailable", [])
    talk.url, fake.answers = fake.url, [("similar_items", {"item": "the second one"}), "There."]
    assert done(talk.say("more like the second one")[0]).tool_calls[0].arguments == {"item": "p2"}


def test_a_line_that_is_too_long_or_empty_is_answered_without_the_llm(talk: Talk, fake: FakeLLM) -> None:
    long, empty = talk.say("x" * 10_000, " \n ")
    assert f"{MAX_LINE:,} characters" in done(long).reply
    assert done(empty).reply
    assert fake.requests == []


def test_odd_characters_reach_the_llm_as_text(talk: Talk, fake: FakeLLM) -> None:
    assert done(talk.say("caf\udce9 \0 咖啡 🍵")[0]).status == "ok"
    assert fake.prompt()[-1] == ("user", "caf?  咖啡 🍵")


def test_an_unknown_shopper_is_refused_before_the_llm_is_asked(talk: Talk, fake: FakeLLM) -> None:
    for user in ("nobody", None):
        with pytest.raises(UnknownUser):
            talk.say("hello", user_id=user)
    assert fake.requests == []


def test_turns_of_one_session_follow_each_other(talk: Talk, fake: FakeLLM) -> None:
    async def both(chat: Chat) -> None:
        async def say(line: str) -> None:
            async for _ in chat.stream(line, role="shopper", user_id="dora", session_id="s"):
                pass

        await asyncio.gather(say("one"), say("two"))

    asyncio.run(talk.run(both))
    assert fake.prompt(1)[1:] == [("user", "one"), ("assistant", "Hello!"), ("user", "two")]


def held_to(request: dict[str, Any]) -> str | None:
    """The regular expression that a request asks the server to keep to."""
    regex = request.get("structured_outputs", {}).get("regex")
    assert regex is None or isinstance(regex, str)
    return regex


def begun(request: dict[str, Any]) -> str:
    """The beginning of the answer that a request gives to the server."""
    last = request["messages"][-1]
    return str(last["content"]) if last["role"] == "assistant" and request.get("continue_final_message") else ""


def test_the_embedded_llm_is_held_to_the_router_on_lines_and_to_words_on_results(talk: Talk, fake: FakeLLM) -> None:
    talk.model = BASE
    fake.answers = [("recommend", {"query": "oat milk", "only_new": True}), "Try p2."]
    step = talk.say("any oat milk?")[0][0]
    on_line, on_result = fake.requests
    assert begun(on_line) == '<tool_call>{"name": "recommend", "arguments": {"query": "oat milk'
    assert not on_line.get("stream", False)
    words = re.compile(held_to(on_result) or "")
    assert words.fullmatch("Try p2.")
    assert not words.fullmatch("<tool_call>")
    assert isinstance(step, ToolStep)
    assert step.call.arguments == {"query": "oat milk"}, "nothing new was asked for, whatever the LLM wrote"


@pytest.mark.parametrize("rest", ["", "!", '", "k": [}}', '"}, 3]}'])
def test_a_begun_call_that_the_llm_spoils_is_made_of_what_the_router_read(talk: Talk, fake: FakeLLM, rest: str) -> None:
    talk.model, fake.answers = BASE, [rest, "Try p2."]
    events = talk.say("any oat milk?")[0]
    assert [(call.name, call.arguments) for call in done(events).tool_calls] == [OAT]
    assert done(events).reply == "Try Oat milk, 1 l."


@pytest.mark.parametrize(
    ("odds", "held"),
    [
        ({"recommend": 0.9}, '"recommend"'),
        ({"recommend": 0.1, "read_reviews": 0.8}, '"read_reviews"'),
        ({"recommend": 0.01}, "[^<]"),
    ],
)
def test_where_the_router_is_not_sure_the_llm_s_odds_decide(
    talk: Talk, fake: FakeLLM, monkeypatch: pytest.MonkeyPatch, odds: dict[str, float], held: str
) -> None:
    class Unsure:
        def read(self, role: Role, line: str) -> Reading:
            return Reading({"recommend": 0.4, "read_reviews": 0.3, REPLY: 0.3}, {}, {})

    monkeypatch.setattr(Router, "load", Unsure)
    talk.model, fake.odds = BASE, odds
    events = talk.say("oat milk?")[0]
    *asked, answer = fake.requests[:3]
    assert held in begun(answer) or held in (held_to(answer) or "")
    assert [(request["max_completion_tokens"], request.get("stream", False)) for request in asked] == [(1, False)] * 2
    assert sorted(len(request["messages"]) for request in asked) == [2, 3]
    assert done(events).reply == "Hello!", "what the LLM was asked for its odds is not said"


@pytest.mark.parametrize(("model", "routed"), [("fake", True), (BASE, False)])
def test_another_llm_chooses_alone_and_so_does_this_one_unrouted(talk: Talk, fake: FakeLLM, model: str, routed: bool) -> None:
    talk.model, talk.routed = model, routed
    talk.say("any oat milk?")
    assert held_to(fake.requests[0]) is None
