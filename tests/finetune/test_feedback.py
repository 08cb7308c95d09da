"""Protects what users told the shop: each word on a topic or card becomes a pair that heeds it, and no more than that.
Run: pytest tests/finetune/test_feedback.py"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from datasets import Dataset
from trl.data_utils import is_conversational

from agent.chat import Chat, open_sessions
from agent.llm import LLM
from agent.profiler import PROFILE_SYSTEM, split_sentences
from finetune.data import write
from finetune.feedback import Pair, pairs, said
from finetune.split import held_out
from tests import tiny
from tests.agent.fake_openai import FakeLLM, fake_openai
from tools import Shop, set_preference
from ui.page_events import note

USER = "dora"


@pytest.fixture
def fake() -> Iterator[FakeLLM]:
    with fake_openai() as server:
        yield server


def topics(pair: Pair, side: str) -> list[str]:
    """What one side of a profile pair ranks, by name, from the lines of its digest."""
    names = {line.split()[0]: line.split(":")[0].partition(" ")[2] for line in pair.prompt[1]["content"].splitlines()}
    return [names[row["id"]] for row in json.loads(getattr(pair, side)[0]["content"])["interests"]]


def only(shop: Shop) -> Pair:
    (pair,) = pairs(shop, seed=3)
    return pair


def test_an_avoided_topic_leaves_the_profile_and_is_not_spoken_of(shop: Shop) -> None:
    set_preference(shop, USER, "Milk", likes=False)
    pair = only(shop)
    assert (pair.role, pair.prompt[0]["content"]) == (None, PROFILE_SYSTEM)
    assert "said to avoid" not in pair.prompt[1]["content"]  # the digest is of before
    assert "Milk" in topics(pair, "rejected")
    assert "Milk" not in topics(pair, "chosen")
    assert "milk" not in pair.chosen[0]["content"].lower()


def test_a_broad_topic_means_all_below_it(shop: Shop) -> None:
    set_preference(shop, USER, "Dog", likes=False)
    pair = only(shop)
    assert topics(pair, "rejected") == ["Bread", "Dog food", "Dog treats", "Milk"]
    assert topics(pair, "chosen") == ["Bread", "Milk"]


def test_a_liked_topic_comes_first(shop: Shop) -> None:
    last = shop.profile(USER).interests[-1].topic
    set_preference(shop, USER, last, likes=True)
    pair = only(shop)
    assert topics(pair, "chosen")[0] == last != topics(pair, "rejected")[0]
    assert sorted(topics(pair, "chosen")) == sorted(topics(pair, "rejected"))


def test_the_last_word_counts_and_a_held_out_user_is_not_heard(shop: Shop) -> None:
    set_preference(shop, USER, "Milk", likes=True)
    set_preference(shop, USER, "Milk", likes=False)
    set_preference(shop, next(user for user in tiny.HABITS if held_out(user)), "Milk", likes=False)
    assert said(shop).select("user_id", "type", "topic").rows() == [(USER, "dislike", "Milk")]
    assert "Milk" not in topics(only(shop), "chosen")


def test_what_no_digest_holds_or_stands_first_anyway_makes_no_pair(shop: Shop) -> None:
    set_preference(shop, USER, "Cat food", likes=False)
    set_preference(shop, USER, shop.profile(USER).interests[0].topic, likes=True)
    note(shop, USER, "page-1", "dislike", ["tea"])
    assert len(said(shop)) == 3
    assert list(pairs(shop, seed=3)) == []


@pytest.mark.parametrize("word", ["like", "dislike"])
def test_a_card_of_a_chat_turn_changes_the_reply_to_it(shop: Shop, fake: FakeLLM, word: str) -> None:
    fake.answers = [("recommend", {"query": "milk"}), "Try p1."]

    async def talk() -> list[str]:
        async with open_sessions(shop.settings) as saver:
            chat = Chat(shop, LLM(fake.url, "fake"), saver)
            events = [e async for e in chat.stream("any milk?", role="shopper", user_id=USER, session_id="page-1")]
        return [card.item_id for card in events[-1].cards]  # type: ignore[union-attr]

    first, second, *_ = asyncio.run(talk())
    note(shop, USER, "page-1", "like" if word == "like" else "dislike", [second])
    pair = only(shop)
    assert pair.role == "shopper"
    assert [turn["role"] for turn in pair.prompt] == ["system", "user", "assistant", "tool"]
    assert pair.prompt[1]["content"] == "any milk?"
    assert pair.prompt[3]["content"].startswith("p1 ")
    with_it, without = (pair.chosen, pair.rejected) if word == "like" else (pair.rejected, pair.chosen)
    assert "p2" in with_it[0]["content"]
    assert "p2" not in without[0]["content"]
    assert first != second


def test_the_pairs_are_trl_s_and_the_wanted_side_is_trained_on(shop: Shop, tmp_path: Path) -> None:
    set_preference(shop, USER, "Milk", likes=False)
    file = tmp_path / "data.jsonl"
    bare = write(shop, file, lines=10, dialogues=2, profiles=1, rewrites=0)
    assert not file.with_suffix(".preferences.jsonl").exists()
    assert write(shop, file, lines=10, dialogues=2, profiles=1, rewrites=0, from_feedback=True) == bare + 1
    (row,) = Dataset.from_json(str(file.with_suffix(".preferences.jsonl")))
    assert is_conversational(row)
    last = json.loads(file.read_text().splitlines()[-1])
    assert last == {"role": None, "messages": [*row["prompt"], *row["chosen"]]}
    summary = json.loads(row["chosen"][0]["content"])["summary"]
    assert len(split_sentences(summary)) > 1
