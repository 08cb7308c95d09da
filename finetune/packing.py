"""Training batches: dialogues of one role as suffixes of the prefix that all of them begin with.

The system prompt and the tool list are the same for every dialogue of a role, longer than most dialogues, and never a target.
So a batch runs them once and lets each dialogue attend to their keys and values: exact, and several times faster than whole rows.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase

from agent.prompts import TOOLS, Role
from agent.toolbox import parameters

IGNORED = -100


@dataclass(frozen=True)
class Encoded:
    """Token ids of a dialogue behind its prefix; `labels` are the ids to be learned, IGNORED elsewhere."""

    prefix: tuple[int, ...]
    ids: list[int]
    labels: list[int]


def specifications(role: Role) -> list[dict[str, Any]]:
    """The tools of a role as the chat template takes them."""
    return [
        {"type": "function", "function": {"name": name, "description": text, "parameters": parameters(name)}}
        for name, text in TOOLS[role].items()
    ]


def encode(messages: Sequence[dict[str, Any]], tools: list[dict[str, Any]] | None, tokenizer: PreTrainedTokenizerBase) -> Encoded:
    """A dialogue as the served chat template renders it; what the assistant says is learned.

    `tools` is None for a request without tools. Raises ValueError for a dialogue without an assistant's word.
    """
    render: Any = tokenizer.apply_chat_template  # what it returns depends on its flags, its type says str
    whole = render(list(messages), tools=tools, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
    head = render(list(messages[:1]), tools=tools, tokenize=True, return_dict=True)["input_ids"]
    ids, learned = whole["input_ids"], whole["assistant_masks"]
    if not any(learned):
        raise ValueError(f"nothing to learn in {messages!r}")
    labels = [token if mask else IGNORED for token, mask in zip(ids, learned, strict=True)]
    return Encoded(tuple(head), ids[len(head) :], labels[len(head) :])


def batches(dialogues: Sequence[Encoded], tokens: int, seed: int) -> list[list[Encoded]]:
    """The dialogues in batches of one prefix and like lengths, each of at most `tokens` with padding, in random order."""
    rng = random.Random(seed)
    made: list[list[Encoded]] = []
    for prefix in sorted({dialogue.prefix for dialogue in dialogues}):
        alike = [dialogue for dialogue in dialogues if dialogue.prefix == prefix]
        alike.sort(key=lambda dialogue: (len(dialogue.ids), rng.random()))
        batch: list[Encoded] = []
        for dialogue in alike:
            if batch and len(dialogue.ids) * (len(batch) + 1) > tokens:
                made.append(batch)
                batch = []
            batch.append(dialogue)
        made.append(batch)
    rng.shuffle(made)
    return made
