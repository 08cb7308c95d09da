"""Protects the chat dialogues for training: they are what production would say, and they leave no trace in the shop.
Run: pytest tests/finetune/test_dialogues.py"""

import random

import pytest

from agent.bus import REF
from agent.prompts import TOOLS, Role
from finetune.dialogues import Dialogues
from finetune.overlap import Reserved
from finetune.phrases import FOLDER, checked, read_follow_ups, read_patterns
from finetune.slots import Slots
from tools import Shop


def dialogues(shop: Shop, role: Role, seed: int = 5) -> Dialogues:
    rng = random.Random(seed)
    patterns = checked(read_patterns(role))
    slots = Slots([topic.name for topic in shop.catalog.topics() if topic.is_leaf], FOLDER)
    return Dialogues(shop, role, ["ben", "carl", "dora"], patterns, checked(read_follow_ups(role)), slots, rng, Reserved())


@pytest.mark.parametrize("role", ["shopper", "merchant"])
def test_sessions_alternate_and_name_only_what_the_turn_returned(shop: Shop, role: Role) -> None:
    before = shop.store.count()
    calls = 0
    for messages in dialogues(shop, role).dialogues(40):
        roles = [message["role"] for message in messages]
        assert roles[:2] == ["system", "user"]
        assert roles[-1] == "assistant"
        for at, message in enumerate(messages):
            if message["role"] == "tool":
                calls += 1
                assert messages[at - 1]["tool_calls"][0]["function"]["name"] in TOOLS[role]
                named = {match[0] for match in REF.finditer(messages[at + 1]["content"])}
                assert named <= {match[0] for match in REF.finditer(message["content"])}
                assert messages[at + 1]["content"]
    assert calls > 20
    assert shop.store.count() == before


def test_lines_cover_every_tool_and_plain_replies(shop: Shop) -> None:
    answers = [messages[-1] for messages in dialogues(shop, "merchant").lines(300)]
    called = {answer["tool_calls"][0]["function"]["name"] for answer in answers if answer.get("tool_calls")}
    assert called == set(TOOLS["merchant"])
    assert any(answer["content"] for answer in answers)


def test_the_same_seed_gives_the_same_dialogues(shop: Shop) -> None:
    first, second = (list(dialogues(shop, "shopper", 9).dialogues(5)) for _ in range(2))
    assert first == second
