"""Recommendation in the shop itself: what does each household buy in the next 28 days?

Everything is fitted on what came before the first of those days. The fusion learned from the 28 days after an earlier date, with
sources fitted on what came before that. All items of the log can be recommended, and what a household never bought before is
scored apart, with only such items in the ranking. Covered: the households that bought before and in the 28 days. Not covered:
how much of an item is bought, and when in the 28 days.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from behavior import EventStore
from eval.recommendation import Progress, peak_mib, report, show
from eval.report import Report
from retrieval.fusion import BLOCK, Fusion
from retrieval.interactions import History, Interactions, rows_of
from retrieval.lessons import DAYS, Lessons, lessons
from retrieval.source import Source, rank
from retrieval.sources.als import ALS
from retrieval.sources.decayed import DecayedCooccurrence
from retrieval.sources.ease import EASE
from retrieval.sources.neighbours import ItemKNN
from retrieval.sources.popularity import Popularity
from retrieval.sources.repeat import Repeat

CUTS = (10, 20)

Scores = Callable[[Sequence[History]], NDArray[np.float32]]


def run(
    store: EventStore,
    console: Console,
    progress: Progress,
    seed: int = 7,
    test_from: date = date(2017, 12, 1),
    learn_from: date = date(2017, 11, 1),
) -> Report:
    """Print recall and NDCG at 10 and 20 of each source and the fusion, `new_` being of items never bought before, and the
    JSON line last.

    Raises ValueError for a log without purchases in either of the 28 days or before them.
    """
    whole = Interactions.of(store.scan(types=["purchase"]))
    sources: dict[str, Source] = {
        "popularity": Popularity(),
        "recent_popularity": Popularity(half_life_days=DAYS),
        "repeat": Repeat(min_visits=1),
        "item_knn": ItemKNN(),
        "als": ALS(seed=seed),
        "ease": EASE(),
        "cooccurrence": DecayedCooccurrence(half_life=4.0, window=2),
    }
    fusion, fusion_of_new = Fusion(sources, seen=True, seed=seed), Fusion(sources, seed=seed)
    earlier = _lessons(whole, learn_from)
    for name, source in sources.items():
        source.fit(earlier.known)
        progress(f"{name}: fitted on what came before {learn_from}")
    fusion.over(earlier.known).learn(earlier.histories, earlier.bought)
    fusion_of_new.over(earlier.known).learn(earlier.histories, earlier.new)
    progress("the fusion has learned")
    asked = _lessons(whole, test_from)
    results = {}
    for name, source in sources.items():
        started = perf_counter()
        source.fit(asked.known)
        seconds = perf_counter() - started
        results[name] = _scored(source.scores, source.scores, asked)
        results[name] |= {"fit_seconds": seconds, "peak_mib": peak_mib()}
        progress(f"{name}: fitted on what came before {test_from}")
    counted: Scores = lambda block: rows_of(block, whole.n_items).toarray()  # noqa: E731
    results["personal_frequency"] = _scored(counted, counted, asked)
    single = {metric: max(row[metric] for row in results.values()) for metric in results["personal_frequency"]}
    results["fusion"] = _scored(fusion.over(asked.known).scores, fusion_of_new.over(asked.known).scores, asked)
    over = {
        f"{metric} over the best source": results["fusion"][metric] / single[metric] - 1 for metric in single if single[metric]
    }
    show(f"What {len(asked.histories):,} households buy in {DAYS} days from {test_from}", results, console)
    for metric, gain in over.items():
        console.print(f"fusion: {metric} {gain:+.1%}", highlight=False)
    results["fusion"] |= over
    return report(results, whole.fingerprint, seed, console)


def _lessons(whole: Interactions, since: date) -> Lessons:
    """The log cut at a date. Raises ValueError where nobody bought both before it and in the days from it."""
    found = lessons(whole, datetime.combine(since, time(), UTC).timestamp() / 86_400)
    if not found.histories:
        raise ValueError(f"no user of the log bought both before {since} and in the {DAYS} days from it")
    return found


def _scored(scores: Scores, scores_of_new: Scores, asked: Lessons) -> dict[str, float]:
    """Recall and NDCG over all items, and `new_` over those never bought before, of the users who bought such."""
    found = _metrics(scores, asked.histories, asked.bought, seen=True)
    buyers = [n for n, items in enumerate(asked.new) if len(items)]
    of_new = _metrics(scores_of_new, [asked.histories[n] for n in buyers], [asked.new[n] for n in buyers], seen=False)
    return found | {f"new_{metric}": value for metric, value in of_new.items()}


def _metrics(scores: Scores, histories: list[History], right: list[NDArray[np.int32]], seen: bool) -> dict[str, float]:
    """Means over users; NDCG with gain 1 for each right item (Järvelin and Kekäläinen 2002)."""
    hits = np.zeros((len(histories), max(CUTS)), bool)
    for start in range(0, len(histories), BLOCK):
        block = histories[start : start + BLOCK]
        ranked = rank(scores(block), max(CUTS), without=None if seen else block).items
        for n, items in enumerate(ranked, start):
            hits[n] = np.isin(items, right[n])
    number = np.array([len(items) for items in right])
    discount = 1 / np.log2(np.arange(max(CUTS)) + 2)
    ideal = np.cumsum(discount)
    found = {}
    for k in CUTS:
        found[f"recall@{k}"] = float((hits[:, :k].sum(axis=1) / number).mean())
        found[f"ndcg@{k}"] = float((hits[:, :k] @ discount[:k] / ideal[np.minimum(number, k) - 1]).mean())
    return found
