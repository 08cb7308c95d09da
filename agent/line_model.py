"""A line read in one pass: the tool it asks for, the words that are an argument, and judgements that no single word gives.

The joint classifier of intents and slots of Chen et al. 2019 (arXiv 1902.10909) on all-MiniLM-L6-v2: one head reads the whole
line, one tags its words. Its upper layers are trained with the heads (`finetune.routing`); embeddings and lower layers stay as
they are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from agent.grounding import FILTERS
from agent.prompts import TOOLS, Role
from agent.spelling import mended
from retrieval.search.vectors import open_encoder

REPLY = "reply"
"""The choice of a plain reply."""
GOES_ON = "goes on"
"""The choice of a line that needs what was said before it."""
CHOICES: dict[Role, list[str]] = {role: [*tools, REPLY, GOES_ON] for role, tools in TOOLS.items()}
SPANS = {
    **dict.fromkeys(("query", "items", "topic", "about", "item", "brand", "campaign"), "subject"),
    **dict.fromkeys(("segment", "name"), "group"),
    "user": "user",
    "k": "count",
    "max_price": "price",
    "min_strength": "strength",
    "days": "period",
}
"""Arguments that stand in the line, and how their words are tagged: the tool says what a subject is to it."""
SAME = "same"
"""The value of an argument that a line takes over from the call before."""
ALL = "all"
"""What a line drops that takes all filters away."""
JUDGED: dict[str, tuple[Any, ...]] = {
    "only_new": (None, True),
    "likes": (False, True, SAME),
    "price_sensitivity": (None, "low", "medium", "high"),
    "keeps": (False, True),
    "drops": (None, *FILTERS, ALL),
}
"""Arguments that no word of the line gives, and their values; whether a line that names another subject keeps a filter, and which
filter of the call before a line takes away."""
KINDS = tuple(dict.fromkeys(SPANS.values()))
TAGS = ["O", *(f"{place}-{kind}" for kind in KINDS for place in "BI")]
FROZEN = 2
"""Lower layers that stay as they are."""
READ = 500
"""Characters of a line that are read."""
_LONGEST = 128
_WORD = re.compile(r"[^\W_]+(?:(?!['’]s\b)['’&.-][^\W_]+)*|\S")
"""A word, without the s of a genitive, or a mark."""


@dataclass(frozen=True)
class Span:
    """The likeliest words of a line as one argument, none where it has none, the probability that it is these and no others, and
    that there are none."""

    words: tuple[str, ...]
    chance: float
    none: float


@dataclass(frozen=True)
class Reading:
    """Probabilities: of each choice of the role, of the words of each kind, of each value of a judgement."""

    choices: dict[str, float]
    spans: dict[str, Span]
    judged: dict[str, dict[Any, float]]

    @property
    def choice(self) -> str:
        """The likeliest choice, however unsure."""
        return max(self.choices, key=self.choices.__getitem__)


@dataclass(frozen=True)
class Tokens:
    """A line as the encoder reads it; `places` says of each word where in the line it begins and ends, and its first token."""

    ids: list[int]
    places: list[tuple[int, int, int]]


Logits = tuple[dict[str, Tensor], dict[str, Tensor], Tensor]


class LineModel(nn.Module):
    """MiniLM with a head of choices for each role, one of tags, and one for each judgement."""

    def __init__(self) -> None:
        super().__init__()
        transformer: Any = open_encoder()[0]
        self.encoder, self._tokenizer = transformer.auto_model, transformer.tokenizer
        self._whole = self._tokenizer.get_vocab().keys()
        for part in (self.encoder.embeddings, *self.encoder.encoder.layer[:FROZEN], self.encoder.pooler):
            part.requires_grad_(False)
        size = self.encoder.config.hidden_size
        self.dropout = nn.Dropout(0.1)
        self.choices = nn.ModuleDict({role: nn.Linear(2 * size, len(names)) for role, names in CHOICES.items()})
        self.judged = nn.ModuleDict({name: nn.Linear(2 * size, len(values)) for name, values in JUDGED.items()})
        self.tags = nn.Linear(size, len(TAGS))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Logits:
        """Logits (lines, classes) of the choices of each role and of each judgement, and (lines, tokens, TAGS) of the tags."""
        read = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1)
        whole = self.dropout(torch.cat([(read * mask).sum(1) / mask.sum(1), read[:, 0]], dim=-1))
        choices = {role: head(whole) for role, head in self.choices.items()}
        judged = {name: head(whole) for name, head in self.judged.items()}
        return choices, judged, self.tags(self.dropout(read))

    def tokens(self, line: str, mend: bool = False) -> Tokens:
        """The first READ characters of a line; with `mend`, words that the encoder does not know are spelt as meant."""
        found = list(_WORD.finditer(line[:READ]))
        spelt = [mended(word[0]) if mend and word[0] not in self._whole else word[0] for word in found]
        encoded = self._tokenizer(spelt, is_split_into_words=True, truncation=True, max_length=_LONGEST)
        words = encoded.word_ids()
        first = {word: at for at, word in reversed(list(enumerate(words))) if word is not None}
        return Tokens(encoded["input_ids"], [(word.start(), word.end(), first[n]) for n, word in enumerate(found) if n in first])

    def trained(self) -> dict[str, Tensor]:
        """The parameters that training changes, by name."""
        return {name: parameter.detach() for name, parameter in self.named_parameters() if parameter.requires_grad}


def reading_of(role: Role, line: str, tokens: Tokens, each: Sequence[Logits]) -> Reading:
    """What one line of a role says: the mean of what each model, in eval mode, makes of its tokens (deep ensembles:
    Lakshminarayanan et al. 2017, arXiv 1612.01474)."""
    words = [at for _, _, at in tokens.places]
    with torch.inference_mode():
        chances = _mean([choices[role] for choices, _, _ in each])[0].tolist()
        judged = {name: _mean([heads[name] for _, heads, _ in each])[0].tolist() for name in JUDGED}
        tagged = _mean([tags[:, words] for _, _, tags in each])[0]
    return Reading(
        dict(zip(CHOICES[role], chances, strict=True)),
        {kind: span_of(kind, line, tokens, tagged) for kind in KINDS},
        {name: dict(zip(values, judged[name], strict=True)) for name, values in JUDGED.items()},
    )


def _mean(logits: list[Tensor]) -> Tensor:
    return torch.stack(logits).softmax(-1).mean(0)


def span_of(kind: str, line: str, tokens: Tokens, tagged: Tensor) -> Span:
    """The words of one kind; `tagged` (words, TAGS) are probabilities. Each word is judged apart; where that finds none though
    there likely are some, it is the likeliest word."""
    begins, goes_on = tagged[:, [TAGS.index(f"B-{kind}"), TAGS.index(f"I-{kind}")]].unbind(-1)
    chances = torch.stack([1 - begins - goes_on, begins, goes_on], dim=-1)
    none, places = float(chances[:, 0].prod()), chances.argmax(-1)
    if none < 0.5 and not places.any():
        places[(begins / chances[:, 0]).argmax()] = 1
    found: list[list[int]] = []
    inside = False
    for (start, end, _), place in zip(tokens.places, places.tolist(), strict=True):
        if place and (place == 1 or not inside):
            found.append([start, end])
        elif place:
            found[-1][1] = end
        inside = bool(place)
    return Span(tuple(line[start:end] for start, end in found), float(chances[range(len(places)), places].prod()), none)
