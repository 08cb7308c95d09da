"""Recommendation: of all items, does the next one of each user stand high?

`run` reads sequences, one user a line ("user item item ...", the oldest first), and leaves two items of each out: the last is the
test, the one before it validation. What is fitted on the rest chooses the sources' settings, teaches the fusion and stops the
transformer, all of it on validation items (the transformer on last items of the rest). Then, with nothing changed, all sources
are fitted again on everything but the test items, as a shop would. The row `fusion_train_only` is the stricter reading of the
protocol: nothing fitted again, the validation item only read as the newest of the history.

Covered: ranking against every item that is not in the user's history, users of three items and more. Not covered: what a
shown list would have changed, and items that occur in no history.
"""

import hashlib
import json
import resource
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from eval.report import Report, printed, rounded
from retrieval.fusion import Fusion
from retrieval.interactions import History, Interactions
from retrieval.source import Source, recommend
from retrieval.sources.als import ALS
from retrieval.sources.content import Content, text_vectors
from retrieval.sources.decayed import DecayedCooccurrence
from retrieval.sources.ease import EASE
from retrieval.sources.neighbours import ItemKNN
from retrieval.sources.popularity import Popularity
from retrieval.sources.sequential import Sequential
from retrieval.sources.transformer import Shape, Training

CUTS = (5, 10, 20)
TUNED_ON = 4000
"""At most so many users' validation items choose a source's settings."""
TRAINING_SECONDS = 720.0
"""For each of the two fits of the transformer. With it, the whole run stays within 45 minutes on two cores."""
SHORTEST, LONGEST = 10, 100
METRICS: tuple[Literal["cosine", "tfidf", "bm25"], ...] = ("cosine", "tfidf", "bm25")
WORDS = ("title", "brand", "category", "categories", "attributes", "description")
"""Fields of an item whose text, or list of texts, says what it is."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class LeftOut:
    """`train` and `known` (train and validation items) have the same users and item codes.

    `validation` and `test` are the codes left out of the first of the users; the others have less than three items.
    """

    train: Interactions
    known: Interactions
    validation: NDArray[np.int32]
    test: NDArray[np.int32]
    texts: list[str] | None
    fingerprint: str

    @property
    def users(self) -> range:
        return range(len(self.test))


def run(folder: Path, console: Console, progress: Progress, seed: int = 7) -> Report:
    """Print recall and NDCG at 5, 10 and 20 of every source and the fusion, and the JSON line last.

    `coverage` is the share of the items that stand among the first 10 of anybody, `fit_seconds` those of one fit on all but the
    test items, `peak_mib` the most memory of the process up to then. Raises what `read` does.
    """
    data = read(folder)
    vectors = None if data.texts is None else text_vectors(data.texts, seed)
    sources = {}
    for name, settings in choices(vectors, seed).items():
        sources[name] = best_of(settings, data, seed)
        progress(f"{name}: {sources[name]!r}")
    sequential = Sequential(_shape(data), Training(seconds=TRAINING_SECONDS, seed=seed), vectors, progress).fit(data.train)
    progress("teaching the fusion")
    fusion = Fusion({**sources, "sequential": sequential}, seed=seed).over(data.train)
    fusion.learn(data.train.histories(data.users), list(data.validation[:, None]))
    histories = data.known.histories(data.users)
    strict = scored(fusion, histories, data.test)
    results = {}
    for name in fusion.sources:
        started = perf_counter()
        fitted = sequential.refitted(data.known) if name == "sequential" else sources[name].fit(data.known)
        fit_seconds = perf_counter() - started
        fusion.sources = {**fusion.sources, name: fitted}
        results[name] = scored(fitted, histories, data.test) | {"fit_seconds": fit_seconds, "peak_mib": peak_mib()}
        progress(f"{name}: NDCG@10 {results[name]['ndcg@10']:.4f}")
    fit_seconds = sum(row["fit_seconds"] for row in results.values())
    results["fusion"] = scored(fusion.over(data.known), histories, data.test)
    results["fusion"] |= {"fit_seconds": fit_seconds, "peak_mib": peak_mib()}
    results["fusion_train_only"] = strict
    show(f"The next item of {len(data.test):,} users among {data.train.n_items:,}", results, console)
    shares = ", ".join(f"{name} {share:.0%}" for name, share in fusion.importance().items())
    console.print(f"What the fusion decides by: {shares}", highlight=False)
    return report(results, data.fingerprint, seed, console)


def read(folder: Path) -> LeftOut:
    """`sequences.txt` and, if it is there, `items.jsonl` (item_id, and words in any of `WORDS`).

    Raises OSError without sequences, ValueError naming the line that is none, or where no user has three items.
    """
    raw = (folder / "sequences.txt").read_bytes()
    rows = [line.split() for line in raw.decode().splitlines() if line.strip()]
    if not any(len(row) > 3 for row in rows):
        raise ValueError(f"no user in {str(folder / 'sequences.txt')!r} has three items or more")
    rows.sort(key=lambda row: len(row) < 4)  # those with two items to leave out come first
    words: dict[str, str] = {}
    if (listed := folder / "items.jsonl").exists():
        raw += listed.read_bytes()
        words = dict(map(_words, enumerate(listed.read_text(encoding="utf-8").splitlines(), 1)))
    item_ids = sorted({item for row in rows for item in row[1:]} | words.keys())
    code_of = {item_id: code for code, item_id in enumerate(item_ids)}
    codes = [np.array([code_of[item] for item in row[1:]], np.int32) for row in rows]
    left = [row for row in codes if len(row) > 2]
    short = codes[len(left) :]
    user_ids = [row[0] for row in rows]
    return LeftOut(
        train=_interactions(item_ids, user_ids, [*(row[:-2] for row in left), *short]),
        known=_interactions(item_ids, user_ids, [*(row[:-1] for row in left), *short]),
        validation=np.array([row[-2] for row in left], np.int32),
        test=np.array([row[-1] for row in left], np.int32),
        texts=[words.get(item_id, "") for item_id in item_ids] if words else None,
        fingerprint=hashlib.blake2b(raw, digest_size=6).hexdigest(),
    )


def choices(vectors: NDArray[np.float32] | None, seed: int) -> dict[str, list[Source]]:
    """By source, the settings to choose from."""
    found: dict[str, list[Source]] = {
        "popularity": [Popularity()],
        "item_knn": [ItemKNN(metric=metric) for metric in METRICS],
        "als": [ALS(seed=seed)],
        "ease": [EASE(half_life=half_life) for half_life in (None, 2.0)],
        "cooccurrence": [DecayedCooccurrence(half_life, backward=back) for half_life in (0.5, 1.0, 3.0) for back in (0.25, 0.75)],
    }
    if vectors is not None:
        found["content"] = [Content(vectors, half_life) for half_life in (0.5, 1.0, 4.0)]
    return found


def best_of(settings: Sequence[Source], data: LeftOut, seed: int) -> Source:
    """The source with the greatest NDCG@10 on validation items, fitted on what comes before them."""
    users = np.random.default_rng(seed).permutation(len(data.test))[:TUNED_ON]
    histories, targets = data.train.histories(users), data.validation[users]
    best, best_ndcg = settings[0].fit(data.train), -1.0
    for n, source in enumerate(settings if len(settings) > 1 else []):
        ndcg = scored(source.fit(data.train) if n else best, histories, targets)["ndcg@10"]
        if ndcg > best_ndcg:
            best, best_ndcg = source, ndcg
    return best


def scored(source: Source, histories: Sequence[History], targets: NDArray[np.int32]) -> dict[str, float]:
    """The `metrics` of what is recommended, and coverage."""
    ranked = recommend(source, histories, max(CUTS)).items
    n_items = source.scores(histories[:1]).shape[1]
    return metrics(ranked, targets) | {"coverage": len(np.setdiff1d(ranked[:, :10], [-1])) / n_items}


def metrics(ranked: NDArray[np.int32], targets: NDArray[np.int32]) -> dict[str, float]:
    """Means over users, of ranked item codes (users, k) and each user's one right item: its gain at rank r is 1 / log2(1 + r)."""
    hit = ranked == targets[:, None]
    gain = hit / np.log2(np.arange(ranked.shape[1]) + 2)
    recalls = {f"recall@{k}": float(hit[:, :k].any(axis=1).mean()) for k in CUTS}
    return recalls | {f"ndcg@{k}": float(gain[:, :k].sum(axis=1).mean()) for k in CUTS}


def show(title: str, results: Mapping[str, Mapping[str, float]], console: Console) -> None:
    """A table with a line for each row of the results; what a row does not have stays empty."""
    names = list(dict.fromkeys(metric for row in results.values() for metric in row))
    table = Table("", *names, title=title)
    for name, row in results.items():
        shown = {metric: f"{value:,.0f}" if value >= 10 else f"{value:.4f}" for metric, value in row.items()}
        table.add_row(name, *(shown.get(metric, "") for metric in names))
    console.print(table)


def report(results: dict[str, dict[str, float]], fingerprint: str, seed: int, console: Console) -> Report:
    """Print the JSON line."""
    return printed(console, rounded(results), eval="recommendation", data=fingerprint, seed=seed, model="lambdarank")


def peak_mib() -> float:
    """The most memory that the process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _words(line: tuple[int, str]) -> tuple[str, str]:
    number, text = line
    try:
        item = json.loads(text)
        said = [item.get(key) or [] for key in WORDS]
        return str(item["item_id"]), " ".join(part for value in said for part in ([value] if isinstance(value, str) else value))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"items.jsonl line {number}: {text[:120]!r} is no item with an item_id and words") from error


def _interactions(item_ids: list[str], user_ids: list[str], rows: Sequence[NDArray[np.int32]]) -> Interactions:
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Interactions(item_ids, user_ids, indptr, np.concatenate(rows))


def _shape(data: LeftOut) -> Shape:
    """As long as all but the longest twentieth of the histories, within bounds."""
    lengths = np.diff(data.train.indptr)
    return Shape(max_length=int(np.clip(np.quantile(lengths, 0.95), SHORTEST, LONGEST)))
