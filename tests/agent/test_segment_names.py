"""Protects the names of segments: picked by the LLM among those that the facts allow, each once, code's names where it fails.
Run: pytest tests/agent/test_segment_names.py"""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.llm import LLM, LLMUnavailable
from agent.segment_names import messages, name_segments, naming
from tests.agent.fake_openai import fake_openai
from tests.tools import crowd
from tools import Shop, build_audience, list_segments
from tools.insight_results import Demographic, Segment, SegmentDifference, TypicalTopic
from tools.segment_words import names_for


class Picks:
    """Picks the name at a place among those offered, or raises."""

    def __init__(self, place: int | Exception) -> None:
        self.place, self.asked = place, list[list[str]]()
        self.called = threading.Event()

    def write_json(self, messages: list[dict[str, Any]], schema: dict[str, Any], max_tokens: int) -> str:
        self.called.set()
        self.asked.append(schema["properties"]["name"]["enum"])
        if isinstance(self.place, Exception):
            raise self.place
        return json.dumps({"name": self.asked[-1][self.place]})


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Shop]:
    with closing(crowd.open_crowd(tmp_path, [])) as shop:
        yield shop


def shown(shop: Shop) -> dict[str, str]:
    return {segment.segment_id: segment.name for segment in list_segments(shop).segments}


def test_the_llm_picks_among_what_the_facts_allow_and_is_asked_once(crowded: Shop) -> None:
    before, llm = list_segments(crowded).segments, Picks(-1)
    picked = name_segments(crowded, llm)
    assert llm.asked == [names_for(segment.differences, segment.topics) for segment in before]
    assert [names[0] for names in llm.asked] == [segment.name for segment in before]  # the code's own comes first
    assert picked == shown(crowded) == {s.segment_id: names[-1] for s, names in zip(before, llm.asked, strict=True)}
    for segment in before:
        audience = build_audience(crowded, "Milk", min_strength=0, segment=picked[segment.segment_id])
        assert 10 <= audience.size <= segment.size
    assert name_segments(crowded, llm) == {}
    assert len(llm.asked) == len(before)


def test_a_name_that_was_not_offered_is_refused(crowded: Shop, caplog: pytest.LogCaptureFixture) -> None:
    before = shown(crowded)
    with fake_openai() as fake:
        fake.answers = ['{"name": "Royal shoppers"}', "no JSON"]
        assert name_segments(crowded, LLM(fake.url, "fake")) == {}
    assert shown(crowded) == before
    assert "'Royal shoppers' is none of the" in caplog.text
    assert len(caplog.records) == len(fake.requests) == len(before)
    request = fake.requests[0]
    assert request["temperature"] == 0
    assert request["response_format"]["json_schema"]["schema"]["properties"]["name"]["enum"][0] == next(iter(before.values()))


def test_without_an_llm_the_names_made_by_code_stand(crowded: Shop, caplog: pytest.LogCaptureFixture) -> None:
    before, llm = shown(crowded), Picks(LLMUnavailable("nobody answers"))
    assert name_segments(crowded, llm) == {}
    assert shown(crowded) == before
    assert len(llm.asked) == 1  # a dead one is not asked for each segment
    assert "segments keep the names made by code: nobody answers" in caplog.text


def test_two_segments_never_share_a_name(crowded: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    alike = [Segment(segment_id=f"s{n}", name=name, size=10, share=0.5, topics=["Tea"]) for n, name in enumerate("ab")]
    found = list_segments(crowded).model_copy(update={"segments": alike})
    monkeypatch.setattr("agent.segment_names.list_segments", lambda shop: found)
    llm = Picks(1)
    assert name_segments(crowded, llm) == {"s0": "Average shoppers: Tea", "s1": "Average shoppers"}
    assert llm.asked[1] == ["b", "Average shoppers"]


def test_it_is_asked_beside_what_else_is_done_and_ends_with_it(crowded: Shop) -> None:
    llm = Picks(-1)
    with naming(crowded, llm):
        assert llm.called.wait(60)
    assert len(crowded.views.segment_names) in (1, 2)  # the second one may have been overtaken by the end
    assert not any(thread.name == "segment-names" for thread in threading.enumerate())


def test_the_llm_is_shown_the_facts() -> None:
    segment = Segment(
        segment_id="s1",
        name="",
        size=1200,
        share=0.25,
        topics=["Tea"],
        differences=[SegmentDifference(habit="baskets", text="come more often: baskets 22", effect=1, inside=22, outside=3)],
        typical=[TypicalTopic(topic="Tea", share=0.1, lift=2.5, users=40)],
        demographics=[Demographic(attribute="age", value="65+", share=0.4, overall=0.1, known=300)],
    )
    assert messages(segment, ["Frequent shoppers: Tea", "Frequent shoppers"])[1]["content"].splitlines() == [
        "1,200 shoppers, 25% of all",
        "come more often: baskets 22",
        "buy more Tea, 2.5 times the usual",
        "where known: age 65+ for 40% of 300, for 10% of all",
        "names:",
        "Frequent shoppers: Tea",
        "Frequent shoppers",
    ]
