"""Names of segments: the LLM picks among those that a segment's facts allow, so that it cannot write one they do not."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from pydantic import BaseModel, ConfigDict

from agent.llm import LLMUnavailable
from agent.profiler import WritesJson
from tools import Shop, list_segments
from tools.insight_results import Segment
from tools.segment_words import names_for

NAME_SYSTEM = "You name a group of shoppers, as JSON. Take the name that says best what the facts say of it."
MAX_TOKENS = 120
PATIENCE = 3.0
"""Seconds that the end of `naming` waits for the name being picked."""

log = logging.getLogger(__name__)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


@contextmanager
def naming(shop: Shop, llm: WritesJson) -> Iterator[None]:
    """Names the segments in a thread of its own beside the block; what the block's end overtakes is asked the next time."""
    stop = Event()
    thread = Thread(target=name_segments, args=(shop, llm, stop.is_set), name="segment-names", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)


def name_segments(shop: Shop, llm: WritesJson, stopped: Callable[[], bool] = lambda: False) -> dict[str, str]:
    """Have the LLM pick a name for each segment without a kept one, the largest first; the shop keeps them, by segment id.

    Where the LLM is gone or answers with something else, the name made by code stands, and the log says why.
    """
    segments, picked = list_segments(shop).segments, dict[str, str]()
    taken = {segment.name for segment in segments}
    for segment in segments:
        others = [name for name in names_for(segment.differences, segment.topics) if name not in taken]
        if stopped() or not others or shop.views.segment_names.get(segment.segment_id) == segment.name:
            continue
        try:
            name = _pick(segment, [segment.name, *others], llm)
        except LLMUnavailable as error:
            log.warning("segments keep the names made by code: %s", error)
            break
        except ValueError as error:
            log.warning("segment %s keeps the name made by code, %r: %s", segment.segment_id, segment.name, error)
            continue
        taken = taken - {segment.name} | {name}
        picked[segment.segment_id] = name
    if picked:
        shop.name_segments(picked)
    return picked


def messages(segment: Segment, names: Sequence[str]) -> list[dict[str, Any]]:
    """The request to pick one of `names`: the segment's facts, then the names."""
    typical = [f"{topic.topic}, {topic.lift:.1f} times the usual" for topic in segment.typical]
    people = [
        f"{known.attribute} {known.value} for {known.share:.0%} of {known.known:,}, for {known.overall:.0%} of all"
        for known in segment.demographics
    ]
    facts = [
        f"{segment.size:,} shoppers, {segment.share:.0%} of all",
        *(difference.text for difference in segment.differences),
        *(f"buy more {line}" for line in typical),
        *(f"where known: {line}" for line in people),
    ]
    ask = "\n".join([*facts, "names:", *names])
    return [{"role": "system", "content": NAME_SYSTEM}, {"role": "user", "content": ask}]


def answer_schema(names: Sequence[str]) -> dict[str, Any]:
    """The JSON schema of the answer: nothing else than one of `names` can be decoded under it."""
    name = {"type": "string", "enum": list(names)}
    return {"type": "object", "properties": {"name": name}, "required": ["name"], "additionalProperties": False}


def _pick(segment: Segment, names: Sequence[str], llm: WritesJson) -> str:
    """Raises LLMUnavailable, and ValueError for an answer that is none of `names`: not every server holds to a schema."""
    answer = llm.write_json(messages(segment, names), answer_schema(names), MAX_TOKENS)
    name = _Answer.model_validate_json(answer).name
    if name not in names:
        raise ValueError(f"{name[:100]!r} is none of the {len(names)} names offered")
    return name
