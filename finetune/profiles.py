"""Training examples of profile writing: digests of real households, answers composed by code and passed by the guard.

The order is what the household really bought in the 28 days after the digest's date; horizon, reasons and summary say facts
of the digest. A stated like or dislike, of which a log of purchases has none, is put into a fifth of the timelines.
"""

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import polars as pl

from agent.claims import check_claim
from agent.digest import WIDTH, Digest, make_digest
from agent.profiler import (
    CHOSEN,
    REASON_CHARS,
    SUMMARY_CHARS,
    answer_json,
    check_sentence,
    messages,
    rewrite_messages,
    split_sentences,
)
from behavior import Catalog, Event, Interest, InterestProfile, build_profile, event_frame, trait_values
from behavior.interest import WINDOW_DAYS, times
from behavior.schema import Horizon
from finetune import profile_wording as wording
from finetune.split import held_out
from tools import Shop

FEWEST_EVENTS, STATED_SHARE = 20, 0.2
ANSWER_CHARS, TRIES = 620, 40


def profile_examples(
    shop: Shop, users: Sequence[str], as_of: Sequence[datetime], seed: int, count: int | None = None
) -> list[dict[str, Any]]:
    """One example `{"messages": [system, user, assistant]}` for each user, at one of the dates, until there are `count`.

    Left out: held-out users, users with under 20 events before their date, and those who then bought none of the candidates.
    The log after a date shapes the order of the answer, never the digest.
    """
    composed = islice(_composed(shop, users, as_of, random.Random(seed)), count)
    return [_example(messages(digest), answer) for digest, answer in composed]


def rewrite_examples(
    shop: Shop, users: Sequence[str], as_of: Sequence[datetime], seed: int, count: int | None = None
) -> list[dict[str, Any]]:
    """Examples, like those of `profile_examples`, of mending one sentence of a summary in which a number was made wrong."""
    rng = random.Random(seed)
    return list(islice(_mended(_composed(shop, users, as_of, rng), rng), count))


def _mended(composed: Iterator[tuple[Digest, str]], rng: random.Random) -> Iterator[dict[str, Any]]:
    for digest, answer in composed:
        sentences = split_sentences(json.loads(answer)["summary"])
        numbers = [(sentence, match) for sentence in sentences for match in re.finditer(r"\d+", sentence)]
        rng.shuffle(numbers)
        for sentence, match in numbers:
            wrong = f"{sentence[: match.start()]}{int(match[0]) + rng.randint(1, 9)}{sentence[match.end() :]}"
            if fault := check_sentence(wrong, digest):
                yield _example(rewrite_messages(wrong, fault, digest), json.dumps({"sentence": sentence}, separators=(",", ":")))
                break


def _example(request: list[dict[str, Any]], answer: str) -> dict[str, Any]:
    return {"messages": [*request, {"role": "assistant", "content": answer}]}


def _composed(shop: Shop, users: Sequence[str], as_of: Sequence[datetime], rng: random.Random) -> Iterator[tuple[Digest, str]]:
    """Digests with the answers composed to them."""
    window = timedelta(days=WINDOW_DAYS)
    dated = [(user, rng.choice(list(as_of))) for user in users if not held_out(user)]
    log = shop.store.scan(until=max(as_of) + window)
    population = {date: trait_values(log.filter(pl.col("ts") < date), shop.catalog) for date in sorted(set(as_of))}
    timelines = log.filter(pl.col("user_id").is_in([user for user, _ in dated])).sort("ts", "event_id")
    by_user = {str(user): frame for (user,), frame in timelines.partition_by("user_id", as_dict=True).items()}
    for user, date in dated:
        frame = by_user.get(user, timelines.clear())
        before = frame.filter(pl.col("ts") < date)
        if len(before) < FEWEST_EVENTS:
            continue
        bought = _baskets(frame.filter(pl.col("ts") >= date, pl.col("ts") < date + window), shop.catalog)
        if rng.random() < STATED_SHARE:
            before = pl.concat([before, _stated(user, before, bought, date, shop.catalog, rng)])
        profile = build_profile(user, before, shop.catalog, date, population[date], WIDTH)
        digest = make_digest(profile, before, shop.catalog)
        if composed := compose(profile, digest, bought, rng):
            yield digest, composed


def compose(profile: InterestProfile, digest: Digest, bought: Mapping[str, float], rng: random.Random) -> str | None:
    """The answer to a digest, given the baskets per topic of the days that followed; None where none followed or no words fit."""
    liked = [(ref, interest) for ref, interest in digest.interests.items() if interest.polarity == "likes"]
    ranked = sorted(liked, key=lambda pair: -bought.get(pair[1].topic, 0))[:CHOSEN]
    if not ranked or not bought.get(ranked[0][1].topic):
        return None
    return answer(profile, digest, [ref for ref, _ in ranked], rng)


def answer(profile: InterestProfile, digest: Digest, refs: Sequence[str], rng: random.Random) -> str | None:
    """An answer with these candidates in this order, each sentence passed by the guard; None where no words fit."""
    ranked = [(ref, digest.interests[ref]) for ref in refs]
    for _ in range(TRIES):
        rows: list[tuple[str, Horizon, str]] = []
        for ref, interest in ranked:
            if reason := _reason(interest, digest.about(ref), rng):
                rows.append((ref, interest.horizon, reason))
        summary = _summary([interest for _, interest in ranked], profile, digest, rng)
        written = answer_json(rows, summary)
        if len(rows) == len(ranked) and summary and len(written) <= ANSWER_CHARS:
            return written
    return None


def _reason(interest: Interest, digest: Digest, rng: random.Random) -> str | None:
    kind = "stated" if interest.origin == "stated" else interest.horizon
    for template in rng.sample(wording.REASONS[kind], len(wording.REASONS[kind])):
        reason = _fill(template, _facts(interest))
        if reason and len(reason) <= REASON_CHARS and check_claim(reason, digest) is None:
            return reason
    return None


def _summary(chosen: list[Interest], profile: InterestProfile, digest: Digest, rng: random.Random) -> str:
    """Two or three sentences, each passed by the guard: the top, then a habit across topics or a change, or both."""
    facts = _profile_facts(profile, digest)
    top = _top_facts(chosen)
    sentences = [_sentence(wording.TOP, facts | top, digest, rng)]
    extra = [_sentence(rng.choice(_habits(profile)), facts, digest, rng), _change(digest, rng)]
    rng.shuffle(extra)
    said = [sentence for sentence in [*sentences, *extra[: rng.choice([1, 2, 2])]] if sentence]
    summary = " ".join(said)
    return (
        summary if sentences[0] and len(said) > 1 and len(summary) <= SUMMARY_CHARS and split_sentences(summary) == said else ""
    )


def _change(digest: Digest, rng: random.Random) -> str | None:
    """A sentence on one candidate that is new, rises, fades or was stated; what was stated is said first."""
    kinds = [
        ("avoids" if i.polarity == "avoids" else "stated" if i.origin == "stated" else i.horizon, i)
        for i in digest.interests.values()
    ]
    telling = [pair for pair in kinds if pair[0] in ("avoids", "stated")] or [pair for pair in kinds if pair[0] in wording.CHANGE]
    if not telling:
        return None
    kind, interest = rng.choice(telling)
    return _sentence(wording.CHANGE[kind], _top_facts([interest]), digest, rng)


def _sentence(templates: list[str], facts: dict[str, str], digest: Digest, rng: random.Random) -> str | None:
    for template in rng.sample(templates, len(templates)):
        sentence = _fill(template, facts)
        if sentence and check_sentence(sentence, digest) is None:
            return sentence
    return None


def _habits(profile: InterestProfile) -> list[list[str]]:
    """The lists of sentences that suit the traits: a deal seeker is one in the top third, and so on."""
    rank = {trait.name: trait.percentile for trait in profile.traits if trait.percentile is not None}
    groups = [wording.RHYTHM]
    if (gaps := rank.get("shopping rhythm")) is not None and not 33 < gaps < 67:
        groups.append(wording.FREQUENT if gaps <= 33 else wording.RARE)
    if (deals := rank.get("price sensitivity")) is not None:
        groups.append(wording.DEALS if deals >= 67 else wording.FULL_PRICE if deals <= 33 else wording.SOME_DEALS)
    return groups


def _facts(interest: Interest) -> dict[str, str]:
    stats = interest.stats
    facts = {"last": f"{stats.last.day} {stats.last:%b}", "spend": f"${stats.spend:.0f}"} if stats.last else {}
    if stats.count:
        facts |= {"times": times(stats.count), "count": str(stats.count)}
    if stats.count > 2 and stats.interval_days and stats.interval_days >= 1.5:
        facts["days"] = f"{stats.interval_days:.0f}"
    return facts


def _top_facts(interests: list[Interest]) -> dict[str, str]:
    """Names a, b, c (and A with a capital) of the interests, the facts of the first, and verbs that agree with it."""
    names = dict(zip("abc", (_in_sentence(interest.topic) for interest in interests), strict=False))
    head = re.split(r"[,(/]", interests[0].topic)[0].strip()
    many = head.endswith("s") and not head.endswith("ss")
    verbs = (
        {"is": "are", "was": "were", "has": "have", "it": "them"}
        if many
        else {"is": "is", "was": "was", "has": "has", "it": "it"}
    )
    return names | verbs | {"A": interests[0].topic} | {f"{name}_a": value for name, value in _facts(interests[0]).items()}


def _profile_facts(profile: InterestProfile, digest: Digest) -> dict[str, str]:
    keys = {"price sensitivity": "off", "promotion affinity": "deals", "shopping rhythm": "rhythm"}
    facts = {}
    for trait in profile.traits:
        if (key := keys.get(trait.name)) and (number := re.search(r"\d+(\.\d+)?", trait.value)):
            facts[key] = number[0].removesuffix(".0")
            if trait.percentile is not None:
                facts[f"{key}_rank"] = f"{min(trait.percentile, 99):.0f}"
    latest = next((line.text for line in digest.lines if line.ref == "s1"), "")
    if visit := re.match(r"(\d+ \w+): (\d+) products, (\$\d+)", latest):
        facts |= dict(zip(("visit", "products", "paid"), visit.groups(), strict=True))
    return facts


def _fill(template: str, facts: dict[str, str]) -> str | None:
    """The template with its facts, or None where one is not known."""
    try:
        text = template.format_map(facts)
    except KeyError:
        return None
    return text.replace(" 1 trips", " 1 trip").replace(" 1 baskets", " 1 basket")


def _in_sentence(topic: str) -> str:
    return topic if topic[1:] != topic[1:].lower() else topic[:1].lower() + topic[1:]


def _baskets(purchases: pl.DataFrame, catalog: Catalog) -> dict[str, int]:
    """Per narrowest topic, the number of sessions in which it was bought."""
    visits: dict[str, set[str]] = {}
    rows = purchases.filter(pl.col("type") == "purchase", pl.col("item_id").is_not_null())
    for item_id, session, ts in rows.select("item_id", "session_id", "ts").iter_rows():
        if topic := catalog.topic_of(item_id):
            visits.setdefault(topic, set()).add(session or ts.date().isoformat())
    return {topic: len(sessions) for topic, sessions in visits.items()}


def _stated(
    user: str, before: pl.DataFrame, bought: dict[str, int], date: datetime, catalog: Catalog, rng: random.Random
) -> pl.DataFrame:
    """One preference that the days after bear out: a like of a topic bought then, or a dislike of one not bought any more."""
    likes = rng.random() < 0.5
    past = sorted(_baskets(before, catalog))
    topics = [topic for topic in past if (topic in bought) == likes]
    if not topics:
        return before.clear()
    ts = date - timedelta(days=rng.randint(1, 20), hours=rng.randint(1, 12))
    attributes = {"topic": rng.choice(topics)}
    event = Event(event_id=f"said-{user}", user_id=user, type="like" if likes else "dislike", ts=ts, attributes=attributes)
    return event_frame([event]).select(before.columns)
