"""Fits the router: `inkling finetune router`. The same phrases that the LLM is trained on, filled several times each."""

import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import PrinterCallback, Trainer, TrainingArguments

from agent.grounding import FILTERS
from agent.line_model import ALL, CHOICES, GOES_ON, JUDGED, REPLY, SAME, SPANS, TAGS, LineModel, Tokens
from agent.numbers import number_of
from agent.prompts import TOOLS, Role
from agent.router import Router
from agent.toolbox import wanted_by
from agent.weights import Progress, digest
from finetune.noise import Noise
from finetune.overlap import Reserved
from finetune.pace import Pace
from finetune.packing import IGNORED
from finetune.phrases import FOLDER, Line, checked, fill, read_follow_ups, read_patterns
from finetune.slots import Slots

COPIES, OF_A_SLOT = 6, 60
"""Times that each phrase is filled, with other words and other slips, and that one which is a slot and nothing else."""
MEMBERS = 2
"""Models whose mean is the router: of 654 arguments of the open lines two found 604, each alone 587 and 593."""
_A_SLOT = re.compile(r"\{\w+\}\W*")
SMOOTHING = 0.05
"""Of choices and judgements. Tags have none: the probability of words is a product over all words of a line."""
SLIPS = Noise(typo=0.2, sloppy=0.2)
"""More misspelling than the LLM is taught."""
LONGEST_NUMBER = 5
"""Words that a number may take: "in half a year's time" no more than "half a year"."""
PADDING = 0
"""The id of MiniLM's [PAD], which stands in no line."""

Example = dict[str, list[int]]


def fit_router(
    topics: list[str],
    test_lines: Iterable[str] = (),
    seed: int = 7,
    phrases: Path = FOLDER,
    copies: int = COPIES,
    members: int = MEMBERS,
    progress: Progress = lambda message: None,
) -> Router:
    """The router fitted on all phrases of `phrases`, without the wording of `test_lines`; slots take the names of `topics`.

    `members` models begin alike, each on a filling of its own; each takes thirteen minutes on two cores. Raises ValueError for
    phrases that cannot be read or lack a tool, OSError where a file of them is missing.
    """
    slots, reserved = Slots(topics, FOLDER), Reserved(test_lines)
    models = []
    for member in range(seed, seed + members):
        torch.manual_seed(seed)
        models.append(model := LineModel())
        examples = _examples(model, phrases, copies, slots, random.Random(member), reserved, progress)
        progress(f"fitting {member - seed + 1} of {members} on {len(examples):,} lines")
        with TemporaryDirectory(prefix="inkling-router-") as folder:
            _Fit(model, _arguments(folder, member), examples, progress).train()
    return Router(models, fingerprint(phrases))


def fingerprint(phrases: Path = FOLDER) -> str:
    """12 hex digits over all files of a phrase folder and those that fill its slots."""
    files = sorted({*phrases.glob("*/*.txt"), *FOLDER.glob("*.txt")})
    return digest(*(file.read_bytes() for file in files))


def _examples(
    model: LineModel,
    phrases: Path,
    copies: int,
    slots: Slots,
    rng: random.Random,
    reserved: Reserved,
    progress: Progress,
) -> list[Example]:
    examples: list[Example] = []
    for role in TOOLS:
        lines = [drawn for drawn in _lines(role, phrases, copies, slots, rng) if not reserved.holds(drawn[0].text)]
        progress(f"reading {len(lines):,} lines of a {role}")
        if lacking := set(CHOICES[role]) - {GOES_ON} - {choice for _, choice in lines}:
            raise ValueError(f"no phrase of a {role} leads to {', '.join(sorted(lacking))}")
        examples += [labels(model, line, choice) for line, choice in lines]
    return examples


def _lines(role: Role, phrases: Path, copies: int, slots: Slots, rng: random.Random) -> Iterator[tuple[Line, str]]:
    """Filled phrases, each with the choice that it teaches."""
    for pattern in checked(read_patterns(role, phrases)):
        for _ in range(max(copies, OF_A_SLOT) if _A_SLOT.fullmatch(pattern.text) else copies):
            if line := fill(pattern, slots, SLIPS, rng):
                yield line, line.tool or REPLY
    for pattern in checked(read_follow_ups(role, phrases)):
        before = dict.fromkeys(wanted_by(pattern.tool), SAME) if pattern.tool else None
        for _ in range(copies):
            if line := fill(pattern, slots, SLIPS, rng, before):
                yield line, GOES_ON


def labels(model: LineModel, line: Line, choice: str) -> Example:
    """A line as token ids, with what it teaches: `tags` of its tokens, the class of its choice for each role, of each judgement;
    IGNORED where it teaches nothing."""
    tokens = model.tokens(line.text)
    tags = [IGNORED] * len(tokens.ids)
    if (places := _places(line, tokens)) is not None:
        for _, _, at in tokens.places:
            tags[at] = 0
        for tag, begin, end in places:
            inside = [(start, at) for start, stop, at in tokens.places if start >= begin and stop <= end]
            for start, at in inside:
                tags[at] = TAGS.index(f"{'B' if start == inside[0][0] else 'I'}-{tag}")
    known = {name: line.arguments.get(name) for name in (wanted_by(line.tool) if line.tool else ())}
    if choice == GOES_ON and any(SPANS.get(name) == "subject" and value not in (None, SAME) for name, value in known.items()):
        known["keeps"] = any(known.get(name) == SAME for name in FILTERS)
    if choice == GOES_ON and not known.keys().isdisjoint(FILTERS):
        known["drops"] = next(iter(line.dropped), None) if len(line.dropped) < 2 else ALL
    judged = [values.index(known[name]) if known.get(name, IGNORED) in values else IGNORED for name, values in JUDGED.items()]
    chosen = [CHOICES[role].index(choice) if role == line.role else IGNORED for role in CHOICES]
    return {"input_ids": tokens.ids, "tags": tags, "choices": chosen, "judged": judged}


def _places(line: Line, tokens: Tokens) -> list[tuple[str, int, int]] | None:
    """Where the arguments stand in a line, each with its tag, as whole words where they do; what the line does not hold is left
    out. None where a number is written as none is read."""
    found = []
    for name, tag in SPANS.items():
        value = line.arguments.get(name, SAME)
        if isinstance(value, int | float):
            if (place := _number(line.text, name, value, tokens)) is None:
                return None
            found.append((tag, *place))
            continue
        for words in [] if value == SAME else [value] if isinstance(value, str) else value:
            said = re.escape(words)
            if match := re.search(rf"(?<!\w){said}(?!\w)", line.text) or re.search(said, line.text):
                found.append((tag, *match.span()))
    return found


def _number(line: str, name: str, value: float, tokens: Tokens) -> tuple[int, int] | None:
    """The fewest words of a line that are the number, the first of such: "3", "half a dozen", "past month", "one in five"."""
    for length in range(1, LONGEST_NUMBER + 1):
        for (begin, _, _), (_, end, _) in zip(tokens.places, tokens.places[length - 1 :], strict=False):
            if number_of(name, line[begin:end]) == value:
                return begin, end
    return None


def _collate(examples: list[Example]) -> dict[str, Tensor]:
    def padded(name: str, filler: int) -> Tensor:
        return pad_sequence([torch.tensor(example[name]) for example in examples], batch_first=True, padding_value=filler)

    ids = padded("input_ids", PADDING)
    return {
        "input_ids": ids,
        "attention_mask": (ids != PADDING).long(),
        "tags": padded("tags", IGNORED),
        "choices": padded("choices", IGNORED),
        "judged": padded("judged", IGNORED),
    }


def _arguments(folder: str, seed: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=folder,
        num_train_epochs=1,  # each copy of a phrase is another line
        per_device_train_batch_size=32,
        learning_rate=5e-4,
        warmup_steps=0.06,
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        seed=seed,
    )


class _Fit(Trainer):
    """The sum of the three heads' cross-entropies, each over what a line teaches."""

    tokens = 0

    def __init__(self, model: LineModel, arguments: TrainingArguments, examples: list[Example], progress: Progress) -> None:
        super().__init__(model=model, args=arguments, data_collator=_collate, train_dataset=examples)
        self.remove_callback(PrinterCallback)
        self.add_callback(Pace(self, progress))

    def compute_loss(self, model: Any, inputs: dict[str, Tensor], *_: Any, **__: Any) -> Tensor:
        self.tokens += int(inputs["attention_mask"].sum())
        choices, judged, tags = model(inputs["input_ids"], inputs["attention_mask"])
        whole = zip([*choices.values(), *judged.values()], [*inputs["choices"].T, *inputs["judged"].T], strict=True)
        heads = [(logits, labels, SMOOTHING) for logits, labels in whole]
        heads += [(tags.flatten(0, 1), inputs["tags"].flatten(), 0.0)]
        return sum(
            (
                cross_entropy(logits, labels, ignore_index=IGNORED, label_smoothing=smoothing)
                for logits, labels, smoothing in heads
                if (labels != IGNORED).any()
            ),
            start=torch.zeros(()),
        )
