"""Speed: how long a warm user waits for recommendations and a merchant for an audience, how many users a batch serves, what a
fit and an index take.

All figures of one run come from one process on one machine, beside implicit's own `recommend` and a plain NumPy search over
the same factors. Covered: the shop's own log, in process. Not covered: HTTP, many requests at once, the LLM. Throughput is the
median of three runs over the same users, latency that of single requests, each for another user and asked the second time.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import TFIDFRecommender
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from eval.report import Report, printed
from retrieval import (
    ALS,
    EASE,
    DecayedCooccurrence,
    History,
    Interactions,
    ItemKNN,
    Popularity,
    Repeat,
    Source,
    TopicIndex,
    open_chroma,
)
from retrieval import recommend as ranked
from tools import Clause, Shop, audience_of, list_segments, recommend
from tools.alike import MIN_PURCHASES, NEIGHBOURS
from tools.clauses import BehaviourClause, InterestClause, Not, Or, SegmentClause, TraitClause

K = 10
RUNS = 3
COLUMNS = ("p50_ms", "p99_ms", "users_per_second", "fold_in_p50_ms", "fold_in_p99_ms", "fit_seconds", "seconds")


def run(shop: Shop, console: Console, users: int = 200, batch: int = 5000, seed: int = 7) -> Report:
    """Print a table of all figures and the JSON line last.

    `users` (drawn with the seed from those with a purchase) ask one by one, `batch` histories are served at once, those of the
    log again from the start where it has fewer users.
    """
    bought = shop.store.scan(types=["purchase"]).filter(pl.col("item_id").is_in(list(shop.catalog.items)))
    often = bought.group_by("item_id").len().filter(pl.col("len") >= MIN_PURCHASES)["item_id"]
    data = Interactions.of(bought.filter(pl.col("item_id").is_in(often.implode())))
    draw = np.random.default_rng(seed)
    asking = [data.user_ids[n] for n in draw.choice(data.n_users, min(users, data.n_users), replace=False)]
    everyone = data.histories()
    histories = [everyone[n % len(everyone)] for n in range(batch)]
    results = {"one user": _latency(asking, lambda user: recommend(shop, user, k=K))}
    filters = _all_filters(shop)
    results["one user, all filters"] = _latency(asking, lambda user: recommend(shop, user, k=K, **filters))
    results["audience of 20 clauses"] = _latency(_audiences(shop, len(asking), draw), lambda clause: audience_of(shop, clause))
    results["chroma query"] = _latency(_words(shop, len(asking), draw), shop.topics.by_meaning)
    results["chroma index build"] = {"seconds": _index_seconds(shop)}
    for name, source in _sources(seed).items():
        results[name] = _source_speed(source, data, histories)
    results |= _peers(data, histories, seed)
    _show(
        f"{data.n_users:,} users, {data.n_items:,} items, {len(data.items):,} purchases; {batch:,} in the batch", results, console
    )
    return printed(console, results, eval="speed", data=data.fingerprint, seed=seed, model="none")


def _sources(seed: int) -> Mapping[str, Source]:
    return {
        "popularity": Popularity(),
        "repeat purchase": Repeat(),
        "decayed co-occurrence": DecayedCooccurrence(window=2),
        "item-kNN": ItemKNN(neighbours=NEIGHBOURS),
        "ALS": ALS(seed=seed),
        "EASE": EASE(max_items=6000),
    }


def _source_speed(source: Source, data: Interactions, histories: Sequence[History]) -> dict[str, float]:
    started = perf_counter()
    source.fit(data)
    fit_seconds = perf_counter() - started
    per_second = _users_per_second(lambda: ranked(source, histories, K), len(histories))
    one = _latency(histories[:200], lambda history: source.scores([history]))
    return {
        "users_per_second": per_second,
        "fold_in_p50_ms": one["p50_ms"],
        "fold_in_p99_ms": one["p99_ms"],
        "fit_seconds": fit_seconds,
    }


def _peers(data: Interactions, histories: Sequence[History], seed: int) -> dict[str, dict[str, float]]:
    """implicit's own recommend with its own folding in, and a matrix product with argpartition in NumPy over its factors."""
    rows = data.counts()
    places = np.arange(len(histories)) % data.n_users
    asked = rows[places].astype(np.float64)
    found = {}
    knn = TFIDFRecommender(K=NEIGHBOURS)
    knn.fit(rows.astype(np.float64), show_progress=False)
    per_second = _users_per_second(lambda: knn.recommend(np.arange(len(histories)), asked, N=K), len(histories))
    found["implicit item-kNN"] = {"users_per_second": per_second}
    with threadpool_limits(1, "blas"):  # as implicit asks for
        als = AlternatingLeastSquares(64, 1.0, 10.0, random_state=seed)
        als.fit(rows, show_progress=False)
        folded = _users_per_second(lambda: als.recommend(places, asked, N=K, recalculate_user=True), len(histories))
        stored = _users_per_second(lambda: als.recommend(places, asked, N=K), len(histories))
    found["implicit ALS, folding in"] = {"users_per_second": folded}
    found["implicit ALS, stored factors"] = {"users_per_second": stored}
    factors = als.user_factors[places]
    brute = _users_per_second(lambda: _numpy_search(factors, als.item_factors, asked), len(histories))
    found["NumPy search, stored factors"] = {"users_per_second": brute}
    return found


def _numpy_search(users: NDArray[np.float32], items: NDArray[np.float32], seen: Any, block: int = 256) -> list[NDArray[np.int64]]:
    best = []
    for start in range(0, len(users), block):
        scores = users[start : start + block] @ items.T
        scores[seen[start : start + block].nonzero()] = -np.inf
        first = np.argpartition(-scores, K, axis=1)[:, :K]
        order = np.argsort(-np.take_along_axis(scores, first, axis=1), axis=1)
        best.append(np.take_along_axis(first, order, axis=1))
    return best


def _all_filters(shop: Shop) -> dict[str, Any]:
    """Every filter at once, around the broad topic and the brand of the most bought item."""
    often = max(shop.views.cooccurrence.item_ids, key=shop.views.cooccurrence.baskets_of)
    return {
        "min_price": 0.5,
        "max_price": 20.0,
        "topic": shop.catalog.levels(often)[0],
        "brand": shop.catalog.items[often].brand,
        "exclude": shop.views.cooccurrence.item_ids[:20],
        "only_new": True,
        "diversity": 0.5,
    }


def _audiences(shop: Shop, n: int, draw: np.random.Generator) -> list[Clause]:
    """`n` audiences of twenty clauses: ten interests and seven habits on drawn topics, two traits, not the largest segment."""
    fixed: list[Clause] = [TraitClause(name="brand loyalty", low=20), TraitClause(name="price sensitivity", high=80)]
    fixed += [Not(clause=SegmentClause(name=segment.name)) for segment in list_segments(shop).segments[:1]]
    found: list[Clause] = []
    for _ in range(n):
        topics = _words(shop, 17, draw)
        interests = [InterestClause(topic=name, at_least=0.05) for name in topics[:10]]
        habits = [BehaviourClause(event="purchase", topic=name, times=2, days=90) for name in topics[10:]]
        found.append(Or(clauses=[*interests, *habits, *fixed]))
    return found


def _words(shop: Shop, n: int, draw: np.random.Generator) -> list[str]:
    names = [topic.name for topic in shop.catalog.topics() if topic.is_leaf]
    return [str(name) for name in draw.choice(names, n)]


def _index_seconds(shop: Shop) -> float:
    with TemporaryDirectory() as folder:
        index = TopicIndex(open_chroma(Path(folder)), shop.catalog)
        started = perf_counter()
        index.update(lambda _: None)
        return perf_counter() - started


def _latency(asked: Sequence[Any], ask: Callable[[Any], object]) -> dict[str, float]:
    """Milliseconds of single calls, each made once before."""
    took = []
    for one in asked:
        ask(one)
        started = perf_counter()
        ask(one)
        took.append((perf_counter() - started) * 1000)
    return {"p50_ms": float(np.percentile(took, 50)), "p99_ms": float(np.percentile(took, 99))}


def _users_per_second(serve: Callable[[], object], users: int) -> float:
    took = []
    for _ in range(RUNS):
        started = perf_counter()
        serve()
        took.append(perf_counter() - started)
    return users / median(took)


def _show(title: str, results: Mapping[str, Mapping[str, float]], console: Console) -> None:
    table = Table("row", *(column.replace("_", " ") for column in COLUMNS), title=title)
    for name, row in results.items():
        table.add_row(
            name, *(f"{row[column]:,.{0 if row[column] >= 100 else 1}f}" if column in row else "" for column in COLUMNS)
        )
    console.print(table)
