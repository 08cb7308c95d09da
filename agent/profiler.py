"""The written part of a profile: the LLM chooses, orders and explains, the guard keeps what the digest supports."""

import json
import re
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from agent.claims import check_claim, facts_for
from agent.digest import Digest, show
from agent.llm import LLMUnavailable
from behavior import Interest, InterestProfile
from behavior.schema import Horizon, SummaryStatus

PROFILE_SYSTEM = (
    "You write a shopper's interest profile as JSON: the interests that matter most, then a summary. Use only the facts given."
)
"""Constant, so that its prefix stays cached. Change it only with the training data."""

REWRITE_SYSTEM = "You correct a sentence about a shopper, as JSON. Use only the facts given."
CHOSEN, REASON_CHARS, SUMMARY_CHARS, SENTENCE_CHARS = 5, 70, 260, 140
MAX_TOKENS, REWRITE_TOKENS, REWRITE_FACTS = 320, 60, 8


class WritesJson(Protocol):
    """What the profiler needs of an LLM: JSON under a schema. Raises LLMUnavailable."""

    def write_json(self, messages: list[dict[str, Any]], schema: dict[str, Any], max_tokens: int) -> str: ...


@dataclass(frozen=True)
class WriteReport:
    """What became of the LLM's sentences, reasons among them; a failing reason is dropped for the computed one."""

    sentences: int = 0
    supported_raw: int = 0
    rewritten: int = 0
    dropped: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Writing:
    """What the LLM made of a digest, checked: (topic, horizon, reason or None for the computed one) in order, and the summary."""

    interests: tuple[tuple[str, Horizon, str | None], ...] = ()
    summary: str = ""
    status: SummaryStatus = "unavailable"
    report: WriteReport = field(default_factory=WriteReport)


@dataclass(frozen=True)
class WrittenProfile:
    profile: InterestProfile
    report: WriteReport


class _Choice(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str
    horizon: Horizon
    reason: str


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    interests: list[_Choice]
    summary: str


class _Sentence(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sentence: str


def write_profile(profile: InterestProfile, digest: Digest, llm: WritesJson) -> WrittenProfile:
    """The profile as the LLM writes it: its order, horizons, reasons and summary, each checked against the digest.

    `summary_status` is `unavailable`, and the profile else untouched, when the LLM gives no answer or none that fits the schema.
    """
    writing = write(digest, llm)
    return WrittenProfile(apply(writing, profile), writing.report)


def messages(digest: Digest) -> list[dict[str, Any]]:
    """The request to write a profile; training examples use the same."""
    return [{"role": "system", "content": PROFILE_SYSTEM}, {"role": "user", "content": digest.text()}]


def rewrite_messages(sentence: str, fault: str, digest: Digest) -> list[dict[str, Any]]:
    """The short request to mend one sentence: the facts it may draw on, the sentence, what is wrong with it."""
    facts = facts_for(sentence, digest)
    lines = [f"today {digest.today}", *(show(line) for line in facts[:REWRITE_FACTS])]
    ask = "\n".join([*lines, f"sentence: {sentence}", f"wrong: {fault}"])
    return [{"role": "system", "content": REWRITE_SYSTEM}, {"role": "user", "content": ask}]


def answer_schema(digest: Digest) -> dict[str, Any]:
    """The JSON schema of the answer to this digest: no other ids, at most 5 interests, lengths that bound the decoding."""
    choice = {
        "id": {"type": "string", "enum": list(digest.interests)},
        "horizon": {"type": "string", "enum": list(get_args(Horizon))},
        "reason": {"type": "string", "maxLength": REASON_CHARS},
    }
    return _object(
        interests={"type": "array", "items": _object(**choice), "maxItems": CHOSEN},
        summary={"type": "string", "maxLength": SUMMARY_CHARS},
    )


def write(digest: Digest, llm: WritesJson) -> Writing:
    """Ask the LLM and check the answer; a summary sentence that fails is rewritten once, then dropped.

    Never raises LLMUnavailable: the writing is then empty and `unavailable`.
    """
    start = perf_counter()
    if not digest.interests:
        return Writing()
    try:
        answer = _Answer.model_validate_json(llm.write_json(messages(digest), answer_schema(digest), MAX_TOKENS))
    except (LLMUnavailable, ValidationError):
        return Writing(report=WriteReport(seconds=perf_counter() - start))
    chosen = _choices(answer.interests, digest)
    sentences = split_sentences(answer.summary)
    faults = [check_sentence(sentence, digest) for sentence in sentences]
    kept, rewritten = [], 0
    for sentence, fault in zip(sentences, faults, strict=True):
        again = _rewrite(sentence, fault, digest, llm) if fault else sentence
        rewritten += bool(fault and again)
        kept += [again] if again else []
    reasons = sum(reason is not None for _, _, reason in chosen)
    report = WriteReport(
        sentences=len(chosen) + len(sentences),
        supported_raw=reasons + faults.count(None),
        rewritten=rewritten,
        dropped=len(chosen) - reasons + len(sentences) - len(kept),
        seconds=perf_counter() - start,
    )
    return Writing(tuple(chosen), " ".join(kept), "ready" if kept else "unavailable", report)


def apply(writing: Writing, profile: InterestProfile) -> InterestProfile:
    """The profile with a writing laid over its numbers: chosen interests first, all others behind in numeric order."""
    own = {interest.topic: interest for interest in profile.interests}
    first = [
        own.pop(topic).model_copy(update={"horizon": horizon} | ({"reason": reason} if reason else {}))
        for topic, horizon, reason in writing.interests
        if topic in own
    ]
    return profile.model_copy(
        update={"interests": [*first, *own.values()], "summary": writing.summary, "summary_status": writing.status}
    )


def answer_json(interests: list[tuple[str, Horizon, str]], summary: str) -> str:
    """An answer as the LLM should write it, from (id, horizon, reason) in order."""
    rows = [{"id": ref, "horizon": horizon, "reason": reason} for ref, horizon, reason in interests]
    return json.dumps({"interests": rows, "summary": summary}, ensure_ascii=False, separators=(",", ":"))


def split_sentences(text: str) -> list[str]:
    """The sentences of a summary, each with its end mark if it has one; a dot inside a number or name ends none."""
    return [part for part in re.split(r"(?<=[.!?])\s+(?=[A-Z$\"'])", text.strip()) if part]


def check_sentence(sentence: str, digest: Digest) -> str | None:
    """`check_claim` for a sentence of a summary, which must also come to its end."""
    return check_claim(sentence, digest) if sentence.endswith((".", "!", "?")) else "it breaks off"


def possible(horizon: Horizon, interest: Interest) -> bool:
    """Whether the horizon can be said of the interest at all: nothing repeats after one basket, two are no one-off."""
    if interest.stats.count <= 1:
        return horizon in ("new", "one_off", "seasonal")
    return horizon != "one_off"


def _choices(answers: list[_Choice], digest: Digest) -> list[tuple[str, Horizon, str | None]]:
    """The interests chosen, each once; what the user avoids is not ranked, its place in the profile is its own."""
    chosen: dict[str, tuple[str, Horizon, str | None]] = {}
    for answer in answers:
        interest = digest.interests.get(answer.id)
        if interest is None or interest.polarity == "avoids" or interest.topic in chosen:
            continue
        horizon = answer.horizon if possible(answer.horizon, interest) else interest.horizon
        reason = answer.reason.strip().rstrip(".")
        fault = check_claim(reason, digest.about(answer.id)) if reason else "it is empty"
        chosen[interest.topic] = (interest.topic, horizon, None if fault else reason)
    return list(chosen.values())


def _rewrite(sentence: str, fault: str, digest: Digest, llm: WritesJson) -> str | None:
    """The sentence as the LLM mends it, or None if that fails as well."""
    schema = _object(sentence={"type": "string", "maxLength": SENTENCE_CHARS})
    try:
        answer = llm.write_json(rewrite_messages(sentence, fault, digest), schema, REWRITE_TOKENS)
        again = _Sentence.model_validate_json(answer).sentence.strip()
    except (LLMUnavailable, ValidationError):
        return None
    return None if check_sentence(again, digest) else again


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
