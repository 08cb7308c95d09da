"""The training file: `inkling finetune data`. Lines, dialogues and written profiles over one shop, each checked."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.prompts import Role
from finetune.dialogues import Dialogues
from finetune.phrases import FOLDER, checked, read_follow_ups, read_patterns
from finetune.profiles import held_out, profile_examples, rewrite_examples
from finetune.slots import Slots
from tools import Shop

SHARES: dict[Role, float] = {"shopper": 0.58, "merchant": 0.42}
AS_OF = [datetime(2017, month, 1, tzinfo=UTC) for month in range(5, 11)]


def write(
    shop: Shop,
    out: Path,
    seed: int = 7,
    lines: int = 5_000,
    dialogues: int = 450,
    profiles: int = 110,
    rewrites: int = 40,
    progress: Callable[[str], None] = lambda _: None,
) -> int:
    """Write `out`, JSON Lines of {"role", "messages"} with a null role where the request has no tools; returns how many rows.

    Users for whom `held_out` holds never appear: they are for tests.
    The same seed over the same shop gives the same file.
    """
    rng = random.Random(seed)
    users = [user for user in shop.store.users() if not held_out(user)]
    slots = Slots([topic.name for topic in shop.catalog.topics() if topic.is_leaf], FOLDER)
    rows: list[dict[str, Any]] = []

    def add(role: Role | None, many: Iterator[list[dict[str, Any]]], what: str) -> None:
        for number, messages in enumerate(many, 1):
            rows.append({"role": role, "messages": messages})
            if number % 100 == 0:
                progress(f"{number:,} {what}")

    for role, share in SHARES.items():
        patterns = checked(read_patterns(role))
        drawn = Dialogues(shop, role, users, patterns, checked(read_follow_ups(role)), slots, rng)
        add(role, drawn.lines(round(lines * share)), f"lines of {role}s")
        add(role, drawn.dialogues(round(dialogues * share)), f"dialogues of {role}s")
    some = rng.sample(users, min(len(users), 2 * profiles))
    add(None, (row["messages"] for row in profile_examples(shop, some, AS_OF, seed, profiles)), "profiles")
    add(None, (row["messages"] for row in rewrite_examples(shop, some, AS_OF, seed, rewrites)), "rewritten sentences")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return len(rows)
