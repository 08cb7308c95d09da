"""What users told the shop, as preference pairs: `inkling finetune data --from-feedback`.

Covered: a topic liked or avoided (chat, page or API), as a profile that heeds it beside one that does not, from the digest as of
just before; and a card liked or dismissed on the page, as a reply to the turn of the saved chat that showed it. Both sides of a
pair pass the production guard, so that they differ in the preference alone. Not covered: a card that no chat turn showed (the
shelf is picked without the LLM), a topic that was no candidate of the digest, a like of what came first anyway.
"""

import json
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import polars as pl
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.sqlite import SqliteSaver

from agent.bus import REF, Bus
from agent.digest import WIDTH, make_digest
from agent.guard import Facts
from agent.profiler import CHOSEN, messages
from agent.prompts import SYSTEM, Role
from behavior import build_profile
from finetune.dialogues import Message, guarded
from finetune.profiles import FEWEST_EVENTS, answer
from finetune.replies import reply
from finetune.split import held_out
from tools import Shop
from tools.results import Card, Recommendations

TRIES = 10


@dataclass(frozen=True)
class Pair:
    """A preference as trl's DPOTrainer takes it: what was asked, the answer wanted, the answer not wanted, as messages.

    `role` is None where the request has no tools.
    """

    role: Role | None
    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]


def said(shop: Shop) -> pl.DataFrame:
    """The last like or dislike of each user on each topic or item, the oldest first, without held-out users.

    Columns: user_id, type, ts, session_id, item_id, topic; of the last two one is null.
    """
    words = shop.store.scan(types=["like", "dislike"]).with_columns(topic=pl.col("attributes").str.json_path_match("$.topic"))
    users = [user for user in words["user_id"].unique() if not held_out(user)]
    return (
        words.filter(pl.col("user_id").is_in(users), pl.col("item_id").is_null() != pl.col("topic").is_null())
        .sort("ts", "event_id")
        .unique(["user_id", "item_id", "topic"], keep="last", maintain_order=True)
        .select("user_id", "type", "ts", "session_id", "item_id", "topic")
    )


def pairs(shop: Shop, seed: int) -> Iterator[Pair]:
    """The pairs of all that was `said`, in its order; what makes no pair is left out. The same seed gives the same pairs."""
    rng, file = random.Random(seed), shop.settings.home / "sessions.db"
    with closing(sqlite3.connect(file if file.exists() else ":memory:")) as connection:
        sessions = SqliteSaver(connection)
        for row in said(shop).iter_rows(named=True):
            pair = _of_topic(shop, row, rng) if row["topic"] else _of_card(_saved(sessions, row), row, rng)
            if pair:
                yield pair


def _of_topic(shop: Shop, row: dict[str, Any], rng: random.Random) -> Pair | None:
    """The profile as of just before the word: with the topic first, or without it."""
    before = shop.store.timeline_frame(row["user_id"]).filter(pl.col("ts") < row["ts"])
    if len(before) < FEWEST_EVENTS:
        return None
    profile = build_profile(row["user_id"], before, shop.catalog, row["ts"], shop.views.traits, WIDTH)
    digest = make_digest(profile, before, shop.catalog)
    ranked = [ref for ref, interest in digest.interests.items() if interest.polarity == "likes"]
    meant = [ref for ref in ranked if row["topic"] in (digest.interests[ref].topic, *digest.interests[ref].path)]
    others = [ref for ref in ranked if ref not in meant]
    if row["type"] == "like":
        wanted, unwanted = [*meant, *others][:CHOSEN], ranked[:CHOSEN]
    else:
        wanted, unwanted = others[:CHOSEN], ranked[:CHOSEN]
        if not set(meant) & set(unwanted):
            unwanted = [*ranked[: CHOSEN - 1], *meant[:1]]
    if not meant or not wanted or wanted == unwanted:
        return None
    rejected = answer(profile, digest, unwanted, rng)
    unsaid = [digest.interests[ref].topic.lower() for ref in meant] if row["type"] == "dislike" else []
    for _ in range(TRIES):
        chosen = answer(profile, digest, wanted, rng)
        if not (chosen and rejected):
            return None
        if not any(topic in chosen.lower() for topic in unsaid):
            return Pair(None, messages(digest), [_assistant(chosen)], [_assistant(rejected)])
    return None


def _of_card(saved: tuple[list[AnyMessage], Bus] | None, row: dict[str, Any], rng: random.Random) -> Pair | None:
    """The reply to the last turn whose first tool showed the card: with the card first, or without it."""
    heard, bus = saved or ([], Bus())
    for asked, call, result in reversed(list(zip(heard, heard[1:], heard[2:], strict=False))):
        if not (isinstance(asked, HumanMessage) and isinstance(call, AIMessage) and isinstance(result, ToolMessage)):
            continue
        named = [match[0] for match in REF.finditer(result.text) if match[0] in bus.items]
        cards = [bus.items[ref] for ref in dict.fromkeys(named)]
        meant = [card for card in cards if card.item_id == row["item_id"]]
        others = [card for card in cards if card not in meant]
        if result.name not in ("recommend", "similar_items") or not meant or not others:
            continue
        within = bus.model_copy(update={"turn": named, "shown": named})
        facts = Facts(result.text, asked.text)
        with_it, without = (_assistant(_reply(part, within, facts, rng)) for part in ([*meant, *others], others))
        chosen, rejected = (with_it, without) if row["type"] == "like" else (without, with_it)
        function = {"name": result.name, "arguments": result.artifact["written"]}
        prompt: list[Message] = [
            {"role": "system", "content": SYSTEM["shopper"]},
            {"role": "user", "content": asked.text},
            {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": function}]},
            {"role": "tool", "content": result.text},
        ]
        return Pair("shopper", prompt, [chosen], [rejected])
    return None


def _reply(cards: Sequence[Card], bus: Bus, facts: Facts, rng: random.Random) -> str:
    return guarded(lambda: reply(Recommendations(cards=list(cards)), bus, rng), bus, facts)


def _assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def _saved(sessions: SqliteSaver, row: dict[str, Any]) -> tuple[list[AnyMessage], Bus] | None:
    """All messages of the chat in which a word on a card was said, and what it had shown by its end."""
    thread = json.dumps(["shopper", row["user_id"], row["session_id"]])
    found = sessions.get_tuple({"configurable": {"thread_id": thread}})
    if found is None:
        return None
    values = found.checkpoint["channel_values"]
    return values["messages"], Bus.model_validate(values.get("bus", {}))
