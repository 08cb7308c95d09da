"""Protects the profile training data: answers that the guard passes, that follow what was bought next, and that vary.

Run: pytest tests/finetune/test_profiles.py
"""

import json
import random
import re
from datetime import timedelta
from typing import Any

import pytest

from agent.claims import check_claim
from agent.digest import Digest, make_digest
from agent.profiler import PROFILE_SYSTEM, check_sentence, split_sentences
from behavior import Catalog, EventStore, InterestProfile, build_profile, trait_values
from finetune import profile_wording as wording
from finetune.profiles import compose, profile_examples, rewrite_examples
from finetune.split import held_out
from tests import tiny
from tools import Shop

DATES = [tiny.END - timedelta(days=days) for days in (30, 45, 60)]


@pytest.fixture
def ben(store: EventStore, catalog: Catalog) -> tuple[InterestProfile, Digest]:
    timeline = store.timeline_frame("ben")
    profile = build_profile("ben", timeline, catalog, tiny.END, trait_values(store.scan(), catalog))
    return profile, make_digest(profile, timeline, catalog)


def composed(profile: InterestProfile, digest: Digest, bought: dict[str, int], seed: int = 0) -> dict[str, Any]:
    answer = compose(profile, digest, bought, random.Random(seed))
    assert answer is not None
    return dict(json.loads(answer))


def test_examples_are_requests_of_production_with_an_answer(shop: Shop) -> None:
    users = shop.store.users()
    examples = profile_examples(shop, users, DATES, seed=3)
    assert 2 < len(examples) <= len(users)
    dates = {f"today {date.day} {date:%b} {date.year}" for date in DATES}
    for example in examples:
        assert [turn["role"] for turn in example["messages"]] == ["system", "user", "assistant"]
        assert example["messages"][0]["content"] == PROFILE_SYSTEM
        assert example["messages"][1]["content"].splitlines()[0] in dates
        assert json.loads(example["messages"][2]["content"])["interests"]
    assert profile_examples(shop, users, DATES, seed=3) == examples
    assert profile_examples(shop, users, DATES, seed=4) != examples
    assert profile_examples(shop, users, DATES, seed=3, count=2) == examples[:2]


def test_held_out_users_are_never_trained_on(shop: Shop) -> None:
    kept = [user for user in shop.store.users() if held_out(user)]
    assert kept
    assert profile_examples(shop, kept, DATES, seed=1) == []


def test_a_rewrite_example_mends_a_wrong_number(shop: Shop) -> None:
    examples = rewrite_examples(shop, shop.store.users(), DATES, seed=5)
    assert examples
    for example in examples:
        _, ask, answer = (turn["content"] for turn in example["messages"])
        wrong, fault = ask.split("\nsentence: ")[1].split("\nwrong: ")
        right = json.loads(answer)["sentence"]
        assert re.sub(r"\d+", "0", right) == re.sub(r"\d+", "0", wrong)
        assert right != wrong
        assert "is not in the digest" in fault


def test_what_was_bought_next_comes_first(ben: tuple[InterestProfile, Digest]) -> None:
    _, digest = ben
    rows = composed(*ben, {"Wipes": 1, "Puree": 3})["interests"]
    assert [digest.interests[row["id"]].topic for row in rows] == ["Puree", "Wipes", "Diapers", "Milk"]


def test_without_anything_bought_next_there_is_no_example(ben: tuple[InterestProfile, Digest]) -> None:
    assert compose(*ben, {"Tea": 4}, random.Random(0)) is None


def test_every_sentence_passes_the_guard(ben: tuple[InterestProfile, Digest]) -> None:
    _, digest = ben
    for seed in range(20):
        answer = composed(*ben, {"Milk": 1}, seed)
        for row in answer["interests"]:
            assert check_claim(row["reason"], digest.about(row["id"])) is None
            assert row["horizon"] == digest.interests[row["id"]].horizon
        sentences = split_sentences(answer["summary"])
        assert 2 <= len(sentences) <= 3
        assert [check_sentence(sentence, digest) for sentence in sentences] == [None] * len(sentences)


def test_the_wording_varies(ben: tuple[InterestProfile, Digest]) -> None:
    written = [composed(*ben, {"Milk": 1}, seed) for seed in range(40)]
    assert len({row["reason"] for answer in written for row in answer["interests"] if row["id"] == "i1"}) > 8
    assert len({answer["summary"] for answer in written}) > 30
    assert sum(map(len, wording.REASONS.values())) >= 25
