"""The written profile of the demo shop's households: is the LLM's list as good as the numeric one, and is what it says supported?

A seeded sample of the households that training never saw, as they were on 1 December 2017, each asked of the LLM as production
does. The list is the one that a profile shows: what the LLM chose, in its order, then the rest by strength; it is scored like
the numeric one in `eval/profile.py`, over the shop's own topics. `template` is written by code from the numeric order instead.
A claim is a reason or a sentence of the summary. Not covered: whether the words please.
"""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from agent.claims import check_claim
from agent.digest import WIDTH, Digest, make_digest
from agent.llm import LLMUnavailable
from agent.profiler import WritesJson, Writing, apply, check_sentence, split_sentences, write
from behavior import InterestModel, InterestProfile, build_profile, trait_values
from behavior.interest_model import WINDOW
from eval.profile import TEST_DATE, bought_topics, product_types, scores
from finetune.profiles import FEWEST_EVENTS, compose
from finetune.split import held_out
from tools import Shop

AT_ONCE = 8


@dataclass(frozen=True)
class Case:
    """A household before the date: the numeric profile and the digest of it."""

    profile: InterestProfile
    digest: Digest


@dataclass(frozen=True)
class Sample:
    """`bought` has user_id and topic of what the households bought in the 28 days from the date."""

    cases: list[Case]
    bought: pl.DataFrame


class Scripted:
    """Answers with one text, or as a dead LLM where there is none."""

    def __init__(self, answer: str | None) -> None:
        self._answer = answer

    def write_json(self, messages: list[dict[str, Any]], schema: dict[str, Any], max_tokens: int) -> str:
        if self._answer is None:
            raise LLMUnavailable("nothing was composed")
        return self._answer


def draw(shop: Shop, count: int, seed: int, progress: Callable[[str], None]) -> Sample:
    """Held-out households with 20 purchases before the date and one in the 28 days from it; takes a minute for the model."""
    events = shop.store.scan(until=TEST_DATE + WINDOW, types=["purchase"])
    events = events.filter(pl.col("item_id").is_in(list(product_types().items)))
    before = events.filter(pl.col("ts") < TEST_DATE)
    bought = bought_topics(events.filter(pl.col("ts") >= TEST_DATE), shop.catalog)
    known = before.group_by("user_id").len().filter(pl.col("len") >= FEWEST_EVENTS)["user_id"].to_list()
    users = sorted(user for user in set(known) & set(bought["user_id"]) if held_out(user))
    users = random.Random(seed).sample(users, min(count, len(users)))
    as_of = TEST_DATE - timedelta(microseconds=1)
    model = InterestModel.fit(before, shop.catalog, as_of, progress, seed)
    population = trait_values(before, shop.catalog)
    cases = []
    for user in users:
        timeline = before.filter(pl.col("user_id") == user).sort("ts", "event_id")
        profile = build_profile(user, timeline, shop.catalog, as_of, population, WIDTH, model=model)
        cases.append(Case(profile, make_digest(profile, timeline, shop.catalog)))
    return Sample(cases, bought.filter(pl.col("user_id").is_in(users)))


def by_code(sample: Sample, seed: int) -> dict[str, dict[str, float]]:
    """The rows `template` and `numeric, same households`."""
    rng = random.Random(seed)
    composed = [compose(c.profile, c.digest, {i.topic: i.strength for i in c.profile.interests}, rng) for c in sample.cases]
    template = [write(case.digest, Scripted(answer)) for case, answer in zip(sample.cases, composed, strict=True)]
    profiles = [case.profile for case in sample.cases]
    return {"numeric, same households": ranking(sample, profiles), "template": row(sample, template)}


def by_llm(sample: Sample, llm: WritesJson, progress: Callable[[str], None]) -> dict[str, float]:
    """The row of an LLM; eight profiles are asked for at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        written = []
        for number, writing in enumerate(pool.map(lambda case: write(case.digest, llm), sample.cases), 1):
            written.append(writing)
            progress(f"wrote {number} of {len(sample.cases)} profiles")
    return row(sample, written) | {"seconds_at_8": float(np.median([writing.report.seconds for writing in written]))}


def row(sample: Sample, writings: Sequence[Writing]) -> dict[str, float]:
    """The metrics of the list, and of its claims: `supported_raw` as the LLM wrote them, `supported` as they are shown."""
    shown = [apply(writing, case.profile) for writing, case in zip(writings, sample.cases, strict=True)]
    claims = sum(writing.report.sentences for writing in writings)
    kept = [held for writing, case in zip(writings, sample.cases, strict=True) for held in held_up(writing, case.digest)]
    return ranking(sample, shown) | {
        "supported_raw": sum(writing.report.supported_raw for writing in writings) / max(claims, 1),
        "supported": sum(kept) / max(len(kept), 1),
        "claims": float(claims),
        "rewritten": float(sum(writing.report.rewritten for writing in writings)),
        "dropped": float(sum(writing.report.dropped for writing in writings)),
        "unavailable": sum(writing.status != "ready" for writing in writings) / max(len(writings), 1),
    }


def ranking(sample: Sample, profiles: Sequence[InterestProfile]) -> dict[str, float]:
    """ndcg, precision and recall at 10 of what the profiles say is liked, in the order that they show it."""
    places = [
        (profile.user_id, interest.topic, -place)
        for profile in profiles
        for place, interest in enumerate(interest for interest in profile.interests if interest.polarity == "likes")
    ]
    rows = pl.DataFrame(places, schema=["user_id", "topic", "value"], orient="row")
    return scores(rows, rows["value"], sample.bought)


def held_up(writing: Writing, digest: Digest) -> list[bool]:
    """Of each claim that is shown, whether the guard, asked again, finds it supported."""
    refs = {interest.topic: ref for ref, interest in digest.interests.items()}
    reasons = [check_claim(said, digest.about(refs[topic])) is None for topic, _, said in writing.interests if said]
    return [*reasons, *(check_sentence(sentence, digest) is None for sentence in split_sentences(writing.summary))]
