"""The router: which tool a line asks for and with which arguments, where its words and its meaning leave little doubt.

Linear classifiers on hashed letter and word n-grams and the vector of all-MiniLM-L6-v2, fitted on the phrases that the
embedded LLM is trained on (`finetune.routing`). Where they are sure, the LLM is held to their opinion and fills in the words;
where they are not, and where a line goes on from the one before, the LLM chooses. The two err on different lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import softmax
from sentence_transformers import SentenceTransformer
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

from agent.prompts import TOOLS, Role
from agent.toolbox import wanted_by
from agent.weights import ADAPTERS, BASE
from retrieval.search.vectors import open_encoder

FILE = ADAPTERS / BASE / "router.npz"
REPLY = "reply"
"""The choice of a plain reply."""
GOES_ON = "goes on"
"""Never a choice: the line needs what was said before it."""
SURE, SURE_LATER = 0.7, 0.9
"""Least probability of a choice, for the first line of a session and for later ones, of which the LLM knows more. From .6 to .8
the open lines of `eval tool-calls` come out alike."""
ARGUMENT_SURE = 0.8
"""Least probability of an opinion on an argument: of phrases left out of the fit, 98 to 99% of such opinions are right."""
SAID = ("query", "items", "topic", "name")
"""Optional arguments in the user's words: a classifier says whether a line has them. Each is the first of its tool."""
JUDGED: dict[str, tuple[Any, ...]] = {
    "only_new": (None, True),
    "price_sensitivity": (None, "low", "medium", "high"),
}
"""Optional arguments that no word of the line gives, and their values: a classifier tells which. Likes and dislikes are not among
them: of phrases left out of the fit one in five was taken for the other."""
READ = 500
"""Characters of a line that are read."""
LETTERS, WORDS = 1 << 16, 1 << 15
"""Hash slots of letter and of word n-grams."""
_BLOCKS = (slice(0, LETTERS), slice(LETTERS, LETTERS + WORDS))


@dataclass(frozen=True)
class Linear:
    """A classifier: its classes, coefficients (classes, LETTERS + WORDS + 384) and intercepts (classes,)."""

    classes: list[str]
    coefficients: NDArray[np.float32]
    intercepts: NDArray[np.float32]

    def likeliest(self, features: sparse.csr_matrix) -> tuple[str, float]:
        """The class of one line and its probability."""
        chances = softmax(features @ self.coefficients.T + self.intercepts, axis=1)[0]
        best = int(chances.argmax())
        return self.classes[best], float(chances[best])


@dataclass(frozen=True)
class Opinion:
    """What the router is sure of: the tool, or REPLY; of each tool's arguments, whether a line says those of SAID, and the value
    of those of JUDGED."""

    tool: str | None = None
    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def opening(self) -> str | None:
        """A regular expression of all that the LLM may write, or None where it is free: a call of the tool, its first argument
        there or left out, or a text that is no call."""
        if self.tool is None:
            return None
        if self.tool == REPLY:
            return r"[^<][^\x00]*"
        begin = r"\{"
        first, *others = wanted_by(self.tool)
        match self.arguments.get(self.tool, {}).get(first) if first in SAID else None:
            case True:
                begin = rf'\{{"{first}": '
            case False:
                begin = rf'\{{("({"|".join(others)})": |\}})' if others else r"\{\}"
        return rf'<tool_call>\{{"name": "{self.tool}", "arguments": {begin}[^\x00]*'

    def corrected(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The LLM's arguments with those that were judged; what is not asked for is left out."""
        judged = {name: value for name, value in self.arguments.get(tool, {}).items() if name in JUDGED}
        if not judged:
            return arguments
        merged = {name: value for name, value in (arguments | judged).items() if value is not None}
        return {name: merged[name] for name in (*wanted_by(tool), *merged) if name in merged}


class Features:
    """Lines as counts of n-grams and as vectors of meaning."""

    def __init__(self) -> None:
        counted = {"alternate_sign": False, "norm": None, "dtype": np.float32}
        self._letters = HashingVectorizer(n_features=LETTERS, analyzer="char_wb", ngram_range=(2, 5), **counted)
        self._words = HashingVectorizer(n_features=WORDS, ngram_range=(1, 3), token_pattern=r"\S+", **counted)
        self._encoder: SentenceTransformer = open_encoder()

    def counts(self, lines: Sequence[str]) -> sparse.csr_matrix:
        """(lines, LETTERS + WORDS)."""
        read = [line[:READ] for line in lines]
        return sparse.hstack([self._letters.transform(read), self._words.transform(read)]).tocsr()

    @staticmethod
    def idf(counts: sparse.csr_matrix) -> NDArray[np.float32]:
        """The inverse document frequency of each slot, (LETTERS + WORDS,), in lines of these counts."""
        return np.concatenate([TfidfTransformer().fit(counts[:, block]).idf_ for block in _BLOCKS])

    def of(self, lines: Sequence[str], idf: NDArray[np.float32], counts: sparse.csr_matrix | None = None) -> sparse.csr_matrix:
        """(lines, LETTERS + WORDS + 384): letters, words and meaning, each of length 1. `idf` is the inverse document frequency
        of each slot, (LETTERS + WORDS,), `counts` those of the lines if they are known."""
        counts = self.counts(lines) if counts is None else counts
        blocks = []
        for block in _BLOCKS:
            weigh = TfidfTransformer(sublinear_tf=True)
            weigh.idf_ = idf[block]
            blocks.append(weigh.transform(counts[:, block]))
        read = [line[:READ] for line in lines]
        meaning = self._encoder.encode(read, batch_size=128, normalize_embeddings=True, show_progress_bar=False)
        return sparse.hstack([*blocks, sparse.csr_matrix(meaning)]).tocsr()


class Router:
    """The classifiers: `choices` of each role, `arguments` by "TOOL ARGUMENT"; `idf` of each role as `Features` takes it.
    `phrases` is the fingerprint of the phrases that they were fitted on."""

    def __init__(
        self,
        idf: Mapping[Role, NDArray[np.float32]],
        choices: Mapping[Role, Linear],
        arguments: Mapping[str, Linear],
        phrases: str,
        features: Features | None = None,
    ) -> None:
        self.phrases = phrases
        self._idf, self._choices, self._arguments = dict(idf), dict(choices), dict(arguments)
        self._features = features or Features()

    @classmethod
    def load(cls, file: Path = FILE) -> "Router":
        """Raises OSError where there is none."""
        with np.load(file) as saved:
            linear = {
                name: Linear(
                    [str(one) for one in saved[f"{name}: classes"]],
                    saved[f"{name}: coefficients"].astype(np.float32),
                    saved[f"{name}: intercepts"],
                )
                for name in saved["names"]
            }
            idf = {role: saved[f"{role}: idf"].astype(np.float32) for role in TOOLS}
            phrases = str(saved["phrases"])
        choices = {role: linear.pop(role) for role in TOOLS}
        return cls(idf, choices, linear, phrases)

    def save(self, file: Path) -> None:
        """Coefficients in half precision: a few MB."""
        linear: dict[str, Linear] = {str(name): one for name, one in (*self._choices.items(), *self._arguments.items())}
        arrays: dict[str, Any] = {"phrases": np.array(self.phrases), "names": np.array(list(linear))}
        arrays |= {f"{role}: idf": idf.astype(np.float16) for role, idf in self._idf.items()}
        for name, one in linear.items():
            arrays[f"{name}: classes"] = np.array(one.classes)
            arrays[f"{name}: coefficients"] = one.coefficients.astype(np.float16)
            arrays[f"{name}: intercepts"] = one.intercepts
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file, **arrays)

    def likeliest(self, role: Role, line: str) -> str:
        """The tool, REPLY or GOES_ON that a line most likely asks for, however unsure."""
        return self._choices[role].likeliest(self._features.of([line], self._idf[role]))[0]

    def opinion(self, role: Role, line: str, later: bool = False) -> Opinion:
        """What a line leaves little doubt about; `later` unless it is the first of its session."""
        features = self._features.of([line], self._idf[role])
        choice, chance = self._choices[role].likeliest(features)
        if choice == GOES_ON:
            return Opinion()
        tools: dict[str, dict[str, Any]] = {}
        for tool in TOOLS[role]:
            for argument in opined_on(tool):
                value, likely = self._arguments[f"{tool} {argument}"].likeliest(features)
                if likely >= ARGUMENT_SURE:
                    tools.setdefault(tool, {})[argument] = value_of(argument, value)
        return Opinion(choice if chance >= (SURE_LATER if later else SURE) else None, tools)


def opined_on(tool: str) -> list[str]:
    """The arguments of a tool on which the router has opinions."""
    return [name for name, needed in wanted_by(tool).items() if not needed and (name in JUDGED or name in SAID)]


def class_of(argument: str, value: Any) -> str:
    """The class of an argument's value, None where a line has none."""
    return str(value if argument in JUDGED else value is not None)


def value_of(argument: str, name: str) -> Any:
    """The value of an argument's class: whether it is said, or which it is."""
    return next(value for value in JUDGED.get(argument, (False, True)) if str(value) == name)
