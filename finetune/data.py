"""The training file: `inkling finetune data`. Lines, dialogues and written profiles over one shop, each checked."""

import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from agent.prompts import Role
from finetune.dialogues import Dialogues
from finetune.feedback import pairs, said
from finetune.overlap import Reserved
from finetune.phrases import FOLDER, checked, read_follow_ups, read_patterns
from finetune.profiles import profile_examples, rewrite_examples
from finetune.slots import Slots
from finetune.split import training_dates, training_shop
from tools import Shop

SHARES: dict[Role, float] = {"shopper": 0.58, "merchant": 0.42}


Row = dict[str, Any]


def write(
    shop: Shop,
    out: Path,
    seed: int = 7,
    lines: int = 5_000,
    dialogues: int = 450,
    profiles: int = 110,
    rewrites: int = 40,
    test_lines: Iterable[str] = (),
    phrases: Path = FOLDER,
    from_feedback: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> int:
    """Write `out`, JSON Lines of {"role", "messages"} with a null role where the request has no tools; returns how many rows.

    What people type is drawn from the files in `phrases`, a folder for each role as in `finetune/phrases`.
    `from_feedback` adds what users told the shop: the preference pairs go to a file of their own beside `out`,
    `NAME.preferences.jsonl`, as trl's DPOTrainer takes them, and the wanted side of each is a row of `out`, which is how
    `finetune train` learns from it: too few users correct a shop for more than supervised training. Of a chat turn the call that
    led to the cards is learned as well, as the LLM made it.

    Held-out users and the last days of the log are left out, see `training_shop`, and so is the wording of `test_lines`.
    The same seed over the same shop gives the same file. Raises ValueError when nothing is left to train on, or
    for phrases that cannot be read, OSError where a file of them is missing.
    """
    rng, reserved = random.Random(seed), Reserved(test_lines)
    dates = training_dates(shop.store)
    with training_shop(shop, progress) as apart:
        users = apart.store.users()
        some = rng.sample(users, min(len(users), 2 * profiles))
        made = [
            *_counted(_chats(apart, users, rng, lines, dialogues, reserved, phrases), "lines and dialogues", progress),
            *_counted(profile_examples(apart, some, dates, seed, profiles), "profiles", progress),
            *_counted(rewrite_examples(apart, some, dates, seed, rewrites), "rewritten sentences", progress),
        ]
    if from_feedback:
        told = [pair for pair in pairs(shop, seed) if not reserved.holds(pair.prompt[1]["content"])]
        progress(f"{len(told):,} of {len(said(shop)):,} likes and dislikes became pairs")
        _save(out.with_suffix(".preferences.jsonl"), map(asdict, told))
        made += [{"role": pair.role, "messages": [*pair.prompt, *pair.chosen]} for pair in told]
    _save(out, ({"role": None, **row} for row in made))
    return len(made)


def _save(file: Path, rows: Iterable[Row]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _chats(
    shop: Shop, users: list[str], rng: random.Random, lines: int, dialogues: int, reserved: Reserved, phrases: Path
) -> Iterator[Row]:
    slots = Slots([topic.name for topic in shop.catalog.topics() if topic.is_leaf], FOLDER)
    for role, share in SHARES.items():
        if not (patterns := checked(read_patterns(role, phrases))):
            raise ValueError(f"{str(phrases / role)!r} has no phrase")
        drawn = Dialogues(shop, role, users, patterns, checked(read_follow_ups(role, phrases)), slots, rng, reserved)
        for messages in chain(drawn.lines(round(lines * share)), drawn.dialogues(round(dialogues * share))):
            yield {"role": role, "messages": messages}


def _counted(rows: Iterable[Row], what: str, progress: Callable[[str], None]) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        yield row
        if number % 100 == 0:
            progress(f"{number:,} {what}")
