"""Sentiment of reviews: read from the text alone, does it say what the stars say, for users never seen?

Truth: 1 and 2 stars are negative, 3 neutral, 4 and 5 positive. Each text of a user counts once (the data repeats a review for
each variant of a product) and the headline is left out (it often is the stars in words). Five parts by user, each scored by what
the other four taught; whatever is chosen (C and class weights of the classifier, bounds of the lexicon) is chosen on parts of
those four, again by user. Every text is scored once, so the figures are over all users. `unknown` counts as wrong.

Covered: English reviews of beauty products, nine in ten of them positive: macro-F1 rests on some 56 negative and 64 neutral
texts, hence the interval. Not covered: aspects, for which the data has no truth.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from behavior.importers.reviews import event_batches
from behavior.sentiment import Lexicon, by_stars
from eval.report import Report, printed
from retrieval.search.vectors import MODEL
from tools.sentiment import CLASSES, TextSentiment, Vectors, fit_weights, judge

PARTS, INNER_PARTS = 5, 4
REGULARIZATIONS, BALANCES = (0.1, 0.3, 1.0, 3.0, 10.0), (0.5, 0.75, 1.0)
LOWER, UPPER = (-0.3, -0.2, -0.1, -0.05, 0.0, 0.1), (0.05, 0.1, 0.2, 0.3, 0.4)
RESAMPLES = 200
LLM_READS = 600
"""Characters of a review that the LLM is shown."""
LLM_AT_ONCE = 8
PROMPT = "Say how the buyer feels about the product: positive, neutral (mixed feelings or none) or negative."

Labels = NDArray[np.str_]
Chosen = dict[str, float]
"""What validation users chose, the median over the parts."""


class JsonWriter(Protocol):
    """What `agent.llm.LLM` does."""

    def write_json(self, messages: list[dict[str, Any]], schema: dict[str, Any], max_tokens: int) -> str: ...


@dataclass(frozen=True)
class Texts:
    """Reviews, one of each user and text; `users` keeps a user's together."""

    texts: list[str]
    users: NDArray[np.str_]
    truth: Labels

    @property
    def places(self) -> NDArray[np.int64]:
        """The place of each text."""
        return np.arange(len(self.texts))

    def parts(self, among: NDArray[np.int64], n: int, seed: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """`n` times the places of (the rest, a part) of `among`, alike in classes, no user in both."""
        split = StratifiedGroupKFold(n, shuffle=True, random_state=seed).split(among, self.truth[among], self.users[among])
        yield from ((among[rest], among[part]) for rest, part in split)


def read_texts(path: Path) -> Texts:
    """From a file as `behavior.importers.reviews` reads it. Raises ValueError as that does."""
    said = pl.concat(list(event_batches(path))).with_columns(pl.col("text").str.strip_chars()).filter(pl.col("text") != "")
    once = said.unique(["user_id", "text"], keep="first", maintain_order=True)
    truth = np.array([by_stars(stars) for stars in once["rating"]])
    return Texts(once["text"].to_list(), once["user_id"].to_numpy().astype(str), truth)


def show(path: Path, seed: int, console: Console, llm: JsonWriter | None = None, llm_name: str = "") -> Report:
    """Print macro-F1 of each method with its 95% interval over users, F1 of each class and the time, then the JSON line.

    `llm` adds a row of its own, the slowest. Raises ValueError for a file that is not read or has too few of a class.
    """
    texts = read_texts(path)
    if few := [name for name in CLASSES if (texts.truth == name).sum() < PARTS * INNER_PARTS]:
        raise ValueError(f"{str(path)!r} has fewer than {PARTS * INNER_PARTS} reviews that are {' and '.join(few)}")
    start = perf_counter()
    lexicon, features = Lexicon(), TextSentiment().features(texts.texts)
    embedding = 1000 * (perf_counter() - start) / len(features)
    methods: dict[str, Callable[[], tuple[Labels, Chosen]]] = {
        "always positive": lambda: (np.full(len(texts.texts), "positive"), {}),
        "vader": lambda: (_by_vader(texts), {}),
        "vader by sentence": lambda: (np.array([lexicon.sentiment(text) for text in texts.texts]), {}),
        "vader tuned": lambda: _by_tuned_vader(texts, seed),
        "classifier": lambda: _by_classifier(texts, features[:, :-1], seed),
        "classifier and lexicon": lambda: _by_classifier(texts, features, seed),
    }
    if llm:
        methods["llm"] = lambda: (_by_llm(texts, llm), {})
    results = {name: _scored(texts, method, seed) for name, method in methods.items()}
    for name in ("classifier", "classifier and lexicon"):
        results[name]["ms_per_text"] = round(results[name]["ms_per_text"] + embedding, 4)
    table = Table("method", "macro-F1", "95%", *CLASSES, "ms a text", title=f"{len(texts.texts)} reviews, stars as the truth")
    for name, row in results.items():
        interval = f"{row['macro_f1_low']:.3f} to {row['macro_f1_high']:.3f}"
        classes = [f"{row[f'f1_{label}']:.3f}" for label in CLASSES]
        table.add_row(name, f"{row['macro_f1']:.3f}", interval, *classes, f"{row['ms_per_text']:.2f}")
    console.print(table)
    data = hashlib.sha256(json.dumps([texts.texts, texts.truth.tolist()]).encode()).hexdigest()[:12]
    model = f"{MODEL}, {llm_name}" if llm else MODEL
    return printed(console, results, eval="reviews", data=data, seed=seed, model=model)


def _scored(texts: Texts, method: Callable[[], tuple[Labels, Chosen]], seed: int) -> dict[str, float]:
    start = perf_counter()
    said, chosen = method()
    seconds = perf_counter() - start
    macros = []
    places = [np.flatnonzero(texts.users == user) for user in np.unique(texts.users)]
    rng = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        drawn = np.concatenate([places[i] for i in rng.integers(len(places), size=len(places))])
        macros.append(_macro_f1(texts.truth[drawn], said[drawn]))
    low, high = np.percentile(macros, [2.5, 97.5])
    by_class = f1_score(texts.truth, said, labels=list(CLASSES), average=None, zero_division=0)
    row = {"macro_f1": _macro_f1(texts.truth, said), "macro_f1_low": low, "macro_f1_high": high}
    row |= {f"f1_{name}": value for name, value in zip(CLASSES, by_class, strict=True)}
    row |= {"unknown": (said == "unknown").mean(), "ms_per_text": 1000 * seconds / len(said), **chosen}
    return {name: round(float(value), 4) for name, value in row.items()}


def _macro_f1(truth: Labels, said: Labels) -> float:
    return float(f1_score(truth, said, labels=list(CLASSES), average="macro", zero_division=0))


def _by_vader(texts: Texts) -> Labels:
    """The compound score of the whole text, with the bounds that its authors give: no text is unknown."""
    vader = SentimentIntensityAnalyzer()
    return _labels(np.array([vader.polarity_scores(text)["compound"] for text in texts.texts]), -0.05, 0.05)


def _by_tuned_vader(texts: Texts, seed: int) -> tuple[Labels, Chosen]:
    """As `behavior.sentiment` scores a text, sentence by sentence, with bounds chosen for the part's own validation users."""
    lexicon = Lexicon()
    scores = [lexicon.score(text) for text in texts.texts]
    unknown = np.array([score is None for score in scores])
    values = np.array([score or 0.0 for score in scores])
    said, chosen = np.full(len(values), "unknown "), []
    for rest, part in texts.parts(texts.places, PARTS, seed):

        def gained(bounds: tuple[float, float], rest: NDArray[np.int64] = rest) -> float:
            return _macro_f1(texts.truth[rest], _labels(values[rest], *bounds))

        chosen.append(max(product(LOWER, UPPER), key=gained))
        said[part] = _labels(values[part], *chosen[-1])
    lower, upper = np.median(chosen, axis=0)
    return np.where(unknown, "unknown", said), {"lower": lower, "upper": upper}


def _by_classifier(texts: Texts, vectors: Vectors, seed: int) -> tuple[Labels, Chosen]:
    """Logistic regression, C and the class weights chosen by the mean over inner parts of the other users."""
    said, choices = np.full(len(vectors), "unknown "), []
    for rest, part in texts.parts(texts.places, PARTS, seed):
        inner = list(texts.parts(rest, INNER_PARTS, seed))

        def gained(chosen: tuple[float, float], inner: Sequence[Any] = inner) -> float:
            f1 = [_macro_f1(texts.truth[held], _fitted(texts, vectors, fit, held, *chosen)) for fit, held in inner]
            return float(np.mean(f1))

        choices.append(max(product(REGULARIZATIONS, BALANCES), key=gained))
        said[part] = _fitted(texts, vectors, rest, part, *choices[-1])
    regularization, balance = np.median(choices, axis=0)
    return said, {"regularization": regularization, "balance": balance}


def _fitted(
    texts: Texts, vectors: Vectors, fit: NDArray[np.int64], held: NDArray[np.int64], regularization: float, balance: float
) -> Labels:
    weights = fit_weights(vectors[fit], texts.truth[fit].tolist(), regularization, balance)
    return np.array(judge(weights, vectors[held]))


def _by_llm(texts: Texts, llm: JsonWriter) -> Labels:
    schema = {
        "type": "object",
        "properties": {"sentiment": {"type": "string", "enum": list(CLASSES)}},
        "required": ["sentiment"],
        "additionalProperties": False,
    }

    def ask(text: str) -> str:
        messages = [{"role": "system", "content": PROMPT}, {"role": "user", "content": text[:LLM_READS]}]
        return str(json.loads(llm.write_json(messages, schema, 20))["sentiment"])

    with ThreadPoolExecutor(LLM_AT_ONCE) as pool:
        return np.array(list(pool.map(ask, texts.texts)))


def _labels(scores: NDArray[np.float64], lower: float, upper: float) -> Labels:
    return np.where(scores <= lower, "negative", np.where(scores >= upper, "positive", "neutral"))
