"""Protects the written profile: choice and words of the LLM laid over untouched numbers, faults mended, dropped and counted.

Run: pytest tests/agent/test_profiler.py
The LLM is a script here, as the real one is not what is tested.
"""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from agent.digest import Digest, make_digest
from agent.llm import LLMUnavailable
from agent.profile_writer import ProfileWriter
from agent.profiler import answer_json, answer_schema, messages, split_sentences, write_profile
from behavior import Catalog, Event, EventStore, InterestProfile, build_profile, event_frame
from behavior.schema import Horizon
from tests import tiny
from tools import Shop, UnknownUser

SUMMARY = "Dog food and milk come first."


class Script:
    """Answers the requests in turn, the last answer again and again; an exception is raised."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers, self.asked = list(answers), list[tuple[list[dict[str, Any]], dict[str, Any]]]()

    def write_json(self, messages: list[dict[str, Any]], schema: dict[str, Any], max_tokens: int) -> str:
        self.asked.append((messages, schema))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def dora(store: EventStore, catalog: Catalog) -> tuple[InterestProfile, Digest]:
    return seen(store, catalog, "dora")


def seen(store: EventStore, catalog: Catalog, user: str) -> tuple[InterestProfile, Digest]:
    timeline = store.timeline_frame(user)
    profile = build_profile(user, timeline, catalog, tiny.END)
    return profile, make_digest(profile, timeline, catalog)


def answer(digest: Digest, *topics: tuple[str, Horizon, str], summary: str = SUMMARY) -> str:
    refs = {interest.topic: ref for ref, interest in digest.interests.items()}
    return answer_json([(refs[topic], horizon, reason) for topic, horizon, reason in topics], summary)


def test_the_llm_orders_and_explains_and_the_numbers_stay(dora: tuple[InterestProfile, Digest]) -> None:
    profile, digest = dora
    script = Script(answer(digest, ("Milk", "rising", "every 7 days"), ("Dog food", "habit", "$248 so far")))
    written = write_profile(profile, digest, script)
    assert [i.topic for i in written.profile.interests] == ["Milk", "Dog food", "Bread", "Dog treats"]
    assert [i.reason for i in written.profile.interests[:2]] == ["every 7 days", "$248 so far"]
    assert written.profile.interests[0].horizon == "rising"
    assert (written.profile.summary, written.profile.summary_status) == (SUMMARY, "ready")
    numbers = {i.topic: (i.strength, i.evidence, i.stats) for i in profile.interests}
    assert {i.topic: (i.strength, i.evidence, i.stats) for i in written.profile.interests} == numbers
    assert (written.report.sentences, written.report.supported_raw, written.report.dropped) == (3, 3, 0)


def test_a_request_is_a_constant_prompt_and_the_digest_under_a_schema_of_its_ids(dora: tuple[InterestProfile, Digest]) -> None:
    _, digest = dora
    assert [turn["role"] for turn in messages(digest)] == ["system", "user"]
    assert messages(digest)[1]["content"] == digest.text()
    schema = answer_schema(digest)
    choice = schema["properties"]["interests"]["items"]
    assert choice["properties"]["id"]["enum"] == ["i1", "i2", "i3", "i4"]
    assert schema["additionalProperties"] is choice["additionalProperties"] is False


def test_a_reason_that_fails_gives_way_to_the_computed_one(dora: tuple[InterestProfile, Digest]) -> None:
    profile, digest = dora
    script = Script(answer(digest, ("Milk", "habit", "bought 99 times"), ("Bread", "habit", "goes with coffee")))
    written = write_profile(profile, digest, script)
    computed = {i.topic: i.reason for i in profile.interests}
    assert [i.reason for i in written.profile.interests[:2]] == [computed["Milk"], computed["Bread"]]
    assert (written.report.supported_raw, written.report.dropped) == (1, 2)
    assert len(script.asked) == 1


def test_a_sentence_that_fails_is_rewritten_once(dora: tuple[InterestProfile, Digest]) -> None:
    profile, digest = dora
    mended = json.dumps({"sentence": "Milk was bought 25 times."})
    script = Script(answer(digest, ("Milk", "habit", "every 7 days"), summary=f"{SUMMARY} Milk was bought 31 times."), mended)
    written = write_profile(profile, digest, script)
    assert written.profile.summary == f"{SUMMARY} Milk was bought 25 times."
    assert (written.report.sentences, written.report.supported_raw, written.report.rewritten, written.report.dropped) == (
        3,
        2,
        1,
        0,
    )
    asked = script.asked[1][0][1]["content"]
    assert "Milk: 25 times" in asked
    assert "Dog food" not in asked
    assert "sentence: Milk was bought 31 times.\nwrong: '31 times' is not in the digest" in asked


@pytest.mark.parametrize("again", [json.dumps({"sentence": "Milk was bought 32 times."}), "{", LLMUnavailable("gone")])
def test_a_sentence_that_fails_twice_is_dropped(dora: tuple[InterestProfile, Digest], again: str | Exception) -> None:
    profile, digest = dora
    script = Script(answer(digest, ("Milk", "habit", "every 7 days"), summary=f"{SUMMARY} They have a cat."), again)
    written = write_profile(profile, digest, script)
    assert (written.profile.summary, written.profile.summary_status) == (SUMMARY, "ready")
    assert (written.report.rewritten, written.report.dropped) == (0, 1)


def test_a_summary_cut_off_by_its_length_loses_the_last_piece(dora: tuple[InterestProfile, Digest]) -> None:
    profile, digest = dora
    written = write_profile(profile, digest, Script(answer(digest, summary=f"{SUMMARY} Dog food is bou")))
    assert written.profile.summary == SUMMARY


@pytest.mark.parametrize("bad", [LLMUnavailable("dead"), "", "{}", '{"interests": [{"id": "i1"}], "summary": ""}', "no JSON"])
def test_no_answer_leaves_the_numeric_profile_marked(dora: tuple[InterestProfile, Digest], bad: str | Exception) -> None:
    profile, digest = dora
    written = write_profile(profile, digest, Script(bad))
    assert written.profile == profile.model_copy(update={"summary_status": "unavailable"})
    assert written.report.sentences == 0


def test_unknown_and_repeated_ids_and_an_impossible_horizon_are_set_right(dora: tuple[InterestProfile, Digest]) -> None:
    profile, digest = dora
    rows: list[tuple[str, Horizon, str]] = [("i9", "habit", "new"), ("i2", "one_off", "every 7 days"), ("i2", "habit", "$248")]
    written = write_profile(profile, digest, Script(answer_json(rows, SUMMARY)))
    assert [i.topic for i in written.profile.interests] == ["Dog food", "Bread", "Dog treats", "Milk"]
    assert written.profile.interests[0].horizon == "habit"  # 25 baskets are no one-off


def test_a_stated_dislike_stays_and_is_never_ranked(store: EventStore, catalog: Catalog) -> None:
    said = Event(event_id="said", user_id="dora", type="dislike", ts=tiny.END, attributes={"topic": "Milk"})
    store.append(event_frame([said]))
    profile, digest = seen(store, catalog, "dora")
    written = write_profile(profile, digest, Script(answer(digest, ("Milk", "habit", "every 7 days"), ("Bread", "habit", "$52"))))
    assert written.profile.interests[0].topic == "Bread"
    assert [i.topic for i in written.profile.interests if i.polarity == "avoids"] == ["Milk"]


def test_a_user_without_a_history_is_not_asked_about(store: EventStore, catalog: Catalog) -> None:
    script = Script("{}")
    assert write_profile(*seen(store, catalog, "nobody"), script).profile.summary_status == "unavailable"
    assert script.asked == []


def test_sentences_end_at_end_marks_not_in_numbers() -> None:
    assert split_sentences("Buys cd-r vs. 1.5 l bottles. $4 each! Then") == ["Buys cd-r vs. 1.5 l bottles.", "$4 each!", "Then"]


@pytest.fixture
def writer(shop: Shop) -> Iterator[Callable[[Any], ProfileWriter]]:
    made: list[ProfileWriter] = []

    def make(llm: Any) -> ProfileWriter:
        made.append(ProfileWriter(shop, llm))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_the_numbers_come_at_once_and_the_summary_follows(shop: Shop, writer: Callable[[Any], ProfileWriter]) -> None:
    go = threading.Event()

    class Slow(Script):
        def write_json(self, messages: list[dict[str, Any]], schema: dict[str, Any], max_tokens: int) -> str:
            assert go.wait(60)
            return super().write_json(messages, schema, max_tokens)

    llm = Slow(answer_json([("i2", "habit", "every 7 days")], SUMMARY))
    profiles = writer(llm)
    first = profiles.profile("dora")
    assert first.summary_status == profiles.profile("dora").summary_status == "pending"
    assert [i.topic for i in first.interests] == [i.topic for i in shop.profile("dora").interests]
    go.set()
    profiles.wait()
    second = profiles.profile("dora")
    assert (second.summary_status, second.summary, second.interests[0].topic) == ("ready", SUMMARY, "Dog food")
    assert len(llm.asked) == 1


def test_a_new_event_makes_the_summary_pending_again(shop: Shop, writer: Callable[[Any], ProfileWriter]) -> None:
    profiles = writer(Script(answer_json([("i2", "habit", "every 7 days")], SUMMARY)))
    profiles.profile("dora")
    profiles.wait()
    shop.record([Event(event_id="e", user_id="dora", type="purchase", item_id="tea", ts=shop.now() - timedelta(days=1), price=2)])
    assert profiles.profile("dora").summary_status == "pending"
    profiles.wait()
    assert profiles.profile("dora").summary_status == "ready"


def test_a_dead_llm_is_marked_and_asked_again(writer: Callable[[Any], ProfileWriter]) -> None:
    profiles = writer(Script(LLMUnavailable("dead"), answer_json([("i2", "habit", "every 7 days")], SUMMARY)))
    profiles.profile("dora")
    profiles.wait()
    assert profiles.profile("dora").summary_status == "unavailable"
    profiles.wait()
    assert profiles.profile("dora").summary_status == "ready"


def test_an_unforeseen_error_does_not_end_the_writing(writer: Callable[[Any], ProfileWriter]) -> None:
    profiles = writer(Script(ZeroDivisionError(), answer_json([("i2", "habit", "every 7 days")], "A basket comes every 7 days.")))
    profiles.profile("dora")
    profiles.wait()
    assert profiles.profile("ben").summary_status == "pending"
    profiles.wait()
    assert profiles.profile("ben").summary_status == "ready"


def test_after_closing_the_numbers_still_come(writer: Callable[[Any], ProfileWriter]) -> None:
    profiles = writer(Script("{}"))
    profiles.close()
    profiles.close()
    assert profiles.profile("dora").summary_status == "unavailable"


def test_an_erased_user_leaves_nothing_written(shop: Shop, writer: Callable[[Any], ProfileWriter]) -> None:
    profiles = writer(Script(answer_json([("i2", "habit", "every 7 days")], SUMMARY)))
    profiles.profile("dora")
    profiles.wait()
    assert profiles.writing("dora") is not None
    shop.erase("dora")
    with pytest.raises(UnknownUser):
        profiles.profile("dora")
    assert profiles.writing("dora") is None
