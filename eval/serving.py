"""Serving: how long people wait for the agent and for a written profile, beside the bare LLM server in the same run.

Ours and bare take turns: each chat turn and each wave of profiles is made by Inkling, then the very requests that it sent are
sent again to the server alone (see `eval.bare`). `overhead` is how much longer ours took in all: for a turn the graph, tools and
guard, for a profile the timeline, numbers, digest and checks. Sentences that the LLM had to rewrite cost both sides the same.

Covered: one process on the server's machine. Not covered: our own HTTP API, and the queue of the profile writer, which writes
one profile at a time. The chat's first token is the first checked one, so a whole sentence; the bare server's is any.
"""

import hashlib
from asyncio import to_thread
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from uuid import uuid4

import numpy as np
from langgraph.checkpoint.memory import InMemorySaver
from rich.console import Console
from rich.table import Table

from agent.chat import Chat, Done
from agent.digest import digest_of
from agent.llm import LLM
from agent.profiler import MAX_TOKENS, Writing, answer_schema, messages, write
from agent.prompts import Role
from eval.bare import Answered, Bare, Heard, Read, Written, bare
from eval.report import Report, printed, rounded
from tools import Shop

TURNS = 24
PROFILES = {1: 6, 4: 8, 8: 16, 16: 32}
"""How many profiles are written at so many at once."""
DECODED = 3
"""Profiles more, which the bare server streams for the decode rate."""
LINES: tuple[tuple[Role, str], ...] = (
    ("shopper", "any {topic} under 10 dollars?"),
    ("merchant", "who would buy {topic}?"),
    ("shopper", "got some more {topic}?"),
    ("shopper", "what do you know about me?"),
)
COLUMNS = (
    "p50_ms",
    "p95_ms",
    "first_token_p50_ms",
    "first_token_p95_ms",
    "tokens_per_second",
    "profiles_per_minute",
    "seconds_per_profile",
    "overhead",
)
Results = dict[str, dict[str, float]]


@dataclass(frozen=True)
class OurProfile:
    """A profile written by Inkling, with what it asked of the LLM and was answered."""

    asked: Written
    writing: Writing
    seconds: float


async def run(
    shop: Shop,
    llm: LLM,
    console: Console,
    progress: Callable[[str], None],
    *,
    turns: int = TURNS,
    profiles: dict[int, int] | None = None,
    seed: int = 7,
) -> Report:
    """Print the table and the JSON line last. `profiles` says how many are written at so many at once, see `PROFILES`.

    Households with a purchase are drawn with the seed, each for one turn or one profile; where there are fewer, they come
    again, with warm caches then. Raises ConnectionError when the LLM does not answer.
    """
    profiles = PROFILES if profiles is None else profiles
    known = shop.views.features["user_id"].unique().sort()
    drawn = np.random.default_rng(seed).permutation(known.to_numpy())
    users = [str(user) for user in np.resize(drawn, 1 + turns + sum(profiles.values()) + DECODED)]
    results: Results = {}
    with bare(llm) as server:
        progress("warming up")
        await _talk(shop, llm, server, users[:1] * len(LINES), lambda done: None)
        await to_thread(_wave, shop, llm, server, users[:1])
        results |= await _talk(shop, llm, server, users[1 : 1 + turns], lambda done: progress(f"{done} of {turns} turns"))
        left = users[1 + turns :]
        for at_once, count in profiles.items():
            progress(f"{count} profiles, {at_once} at once")
            results |= await to_thread(_profiles, shop, llm, server, left[:count], at_once)
            left = left[count:]
        progress("decoding")
        results["bare decode"] = await to_thread(_decode, shop, llm, server, left)
    _show(results, console)
    data = hashlib.sha256(repr((users, LINES, shop.store.count())).encode()).hexdigest()[:12]
    return printed(console, rounded(results), eval="serving", data=data, seed=seed, model=llm.model, adapter=llm.adapter)


async def _talk(shop: Shop, llm: LLM, server: Bare, users: Sequence[str], progress: Callable[[int], None]) -> Results:
    """One turn of each user with our chat, and its requests again with the bare server."""
    heard = Heard(llm.url, llm.model, llm.adapter, llm.timeout)
    chat = Chat(shop, heard, InMemorySaver())
    ours, alone = [], []
    for n, user in enumerate(users):
        role, pattern = LINES[n % len(LINES)]
        line = pattern.format(topic=shop.profile(user).interests[0].topic.lower())
        heard.requests.clear()
        ours.append(await _turn(chat, line, role, user))
        alone.append(await to_thread(server.read, heard.requests))
        progress(n + 1)
    ours_took, alone_took = [done.seconds for done in ours], [one.seconds for one in alone]
    first = [done.seconds_to_first_token for done in ours]
    return {
        "chat": _waits(ours_took, first) | {"overhead": sum(ours_took) / sum(alone_took) - 1, "turns": len(users)},
        "bare chat": _waits(alone_took, [one.first_token for one in alone]) | decode_rate(alone),
    }


async def _turn(chat: Chat, line: str, role: Role, user: str) -> Done:
    user_id = user if role == "shopper" else None
    async for event in chat.stream(line, role=role, user_id=user_id, session_id=uuid4().hex):
        if event.kind == "done":
            done = event
    if done.status == "unavailable":
        raise ConnectionError(f"the LLM did not answer {line!r}")
    return done


def _profiles(shop: Shop, llm: LLM, server: Bare, users: Sequence[str], at_once: int) -> Results:
    """Profiles in waves of `at_once`: a wave of ours, the same requests bare, the next wave."""
    ours: list[OurProfile] = []
    alone: list[Answered] = []
    seconds = bare_seconds = 0.0
    for start in range(0, len(users), at_once):
        wave, took, answers, bare_took = _wave(shop, llm, server, users[start : start + at_once])
        ours, alone = [*ours, *wave], [*alone, *answers]
        seconds, bare_seconds = seconds + took, bare_seconds + bare_took
    same = [theirs.texts == mine.asked.answers for mine, theirs in zip(ours, alone, strict=True)]
    return {
        f"profile@{at_once}": _pace(seconds, [mine.seconds for mine in ours])
        | {
            "overhead": seconds / bare_seconds - 1,
            "written": float(np.mean([mine.writing.status == "ready" for mine in ours])),
            "requests_per_profile": float(np.mean([len(mine.asked.requests) for mine in ours])),
        },
        f"bare@{at_once}": _pace(bare_seconds, [answered.seconds for answered in alone])
        | {
            "tokens_per_second": sum(answered.tokens for answered in alone) / bare_seconds,
            "same_answers": float(np.mean(same)),
        },
    }


def _wave(shop: Shop, llm: LLM, server: Bare, users: Sequence[str]) -> tuple[list[OurProfile], float, list[Answered], float]:
    """A profile of each user at once, then the same requests bare; the seconds that each of the two took in all."""
    with ThreadPoolExecutor(len(users)) as threads:
        started = perf_counter()
        ours = list(threads.map(lambda user: _written(shop, llm, user), users))
        between = perf_counter()
        alone = list(threads.map(lambda mine: server.ask(mine.asked.requests), ours))
        return ours, between - started, alone, perf_counter() - between


def _written(shop: Shop, llm: LLM, user: str) -> OurProfile:
    started = perf_counter()
    asked = Written(llm)
    writing = write(digest_of(shop, user), asked)
    return OurProfile(asked, writing, perf_counter() - started)


def _decode(shop: Shop, llm: LLM, server: Bare, users: Sequence[str]) -> dict[str, float]:
    """Profiles read as they are written by the bare server."""
    digests = [digest_of(shop, user) for user in users]
    requests = [llm.json_request(messages(digest), answer_schema(digest), MAX_TOKENS) for digest in digests]
    streams = [server.read([request | {"stream": True}]) for request in requests]
    return _waits([one.seconds for one in streams], [one.first_token for one in streams]) | decode_rate(streams)


def decode_rate(streams: Sequence[Read]) -> dict[str, float]:
    """Tokens a second after the first of each answer."""
    read = [(one.tokens - 1, one.seconds - one.first_token) for one in streams if one.first_token is not None and one.tokens > 1]
    return {"tokens_per_second": sum(tokens for tokens, _ in read) / sum(seconds for _, seconds in read)} if read else {}


def _waits(seconds: Sequence[float], first: Sequence[float | None]) -> dict[str, float]:
    """Milliseconds of whole turns and to the first token, of the turns that have one."""
    came = [wait for wait in first if wait is not None]
    return {
        **{f"p{p}_ms": 1000 * float(np.percentile(seconds, p)) for p in (50, 95)},
        **({f"first_token_p{p}_ms": 1000 * float(np.percentile(came, p)) for p in (50, 95)} if came else {}),
    }


def _pace(seconds: float, each: Sequence[float]) -> dict[str, float]:
    return {"profiles_per_minute": 60 * len(each) / seconds, "seconds_per_profile": float(np.mean(each))}


def _show(results: Results, console: Console) -> None:
    table = Table("", *(column.replace("_", " ") for column in COLUMNS), title="Serving, ours and the bare server")
    for name, row in results.items():
        table.add_row(name, *(_figure(column, row) for column in COLUMNS))
    console.print(table)


def _figure(column: str, row: dict[str, float]) -> str:
    if column not in row:
        return ""
    if column == "overhead":
        return f"{row[column]:+.1%}"
    return f"{row[column]:,.0f}" if column.endswith("_ms") else f"{row[column]:.1f}"
