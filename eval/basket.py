"""Baskets with one topic hidden: is it among the first that are named as missing?

Scored on the last week of the log, with models fitted on everything before it; the weights of the blend are chosen on the week
before that, with models of their own. Covered: baskets with two topics or more, one topic of each hidden at random, those that
were never bought before among them (nothing finds these). Not covered: the choice of the item within its topic. Beside it: how
often a mission is named and holds the hidden topic, and what mining the rules of the whole log takes.
"""

import hashlib
import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from eval.report import printed, rounded
from retrieval.carts.baskets import MIN_BASKETS, Baskets, several_topics, with_topic
from retrieval.carts.missing import Weights, blend, own_baskets, parts
from retrieval.carts.rules import Rules
from tools import Shop

WEEK = timedelta(days=7)
GRID = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
BASELINES = ("popularity", "lift only", "personal frequency")

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class HeldOut:
    """Baskets of one week, each without a topic, by the topics known before: `carts` and `hidden` are codes, -1 is unknown.

    `parts` (baskets, 3, topics) as `missing.parts` has them; `frequency` (baskets, topics) counts the person's own baskets.
    """

    known: Baskets
    carts: list[list[int]]
    hidden: NDArray[np.int64]
    parts: Scores
    frequency: Scores

    @property
    def popularity(self) -> Scores:
        return (self.known.pairs.baskets_of / self.known.pairs.n_baskets).astype(np.float32)

    def lift(self) -> Scores:
        """The greatest lift from a topic in the cart to each other, over pairs in at least 30 baskets, (baskets, topics)."""
        pairs = self.known.pairs
        scores = np.zeros_like(self.frequency)
        for row, cart in enumerate(self.carts):
            if cart:
                together = pairs.together(cart)
                lift = together * pairs.n_baskets / (pairs.baskets_of[cart, None] * pairs.baskets_of)
                scores[row] = np.where(together >= MIN_BASKETS, lift, 0).max(axis=0)
        return scores


def run(shop: Shop, seed: int) -> Table:
    """Print hit@5 and hit@10 of each method, then the JSON line. Takes minutes on the demo shop: the rules are mined three times.

    Raises ValueError for a log that has no basket with two topics in one of its last two weeks, or none before them.
    """
    bought = with_topic(shop.store.scan(types=["purchase"]), shop.catalog)
    if bought.is_empty():
        raise ValueError("the log has no purchases")
    end = bought["ts"].max()
    assert isinstance(end, datetime)
    end += timedelta(microseconds=1)
    weights = chosen_weights(held_out(shop, bought, end - 2 * WEEK, seed))
    test = held_out(shop, bought, end - WEEK, seed)
    methods = {
        "popularity": np.broadcast_to(test.popularity, test.frequency.shape),
        "lift only": test.lift(),
        "personal frequency": test.frequency,
        "rules": test.parts[:, 1],
        "own baskets": blend(test.parts, Weights(weights.share, 0.0, weights.alike)),
        "blend": blend(test.parts, weights),
    }
    results = {name: hits(test, scores) for name, scores in methods.items()}
    for metric in ("hit@5", "hit@10"):
        best = max(results[name][metric] for name in BASELINES)
        results["blend"][f"{metric} over the best baseline"] = results["blend"][metric] / best - 1 if best else float("nan")
    results["weights"] = {"share": weights.share, "rule": weights.rule, "alike": weights.alike}
    results["missions"] = missions(test)
    results["mining"] = mining(several_topics(bought))
    table = Table("", "what", "figure", title=f"{len(test.hidden)} baskets with one topic hidden")
    for name, row in results.items():
        for metric, value in row.items():
            table.add_row(name, metric, f"{value:,.3f}" if value < 100 else f"{value:,.0f}")
    console = Console()
    console.print(table)
    rows = bought.select("event_id", "topic").sort("event_id").write_csv()
    data = hashlib.blake2b(rows.encode(), digest_size=8).hexdigest()
    printed(console, rounded(results), eval="basket", data=data, seed=seed, model="rules, pairs and own baskets")
    return table


def held_out(shop: Shop, bought: pl.DataFrame, since: datetime, seed: int) -> HeldOut:
    """The baskets of the week from `since`, each without a topic, and what the time before says of them."""
    before, week = bought.filter(pl.col("ts") < since), bought.filter(pl.col("ts").is_between(since, since + WEEK, "left"))
    known = Baskets.fit(before, shop.catalog, seed)
    baskets = (
        week.drop_nulls(["topic", "session_id"])
        .group_by("session_id")
        .agg(pl.col("user_id").first(), pl.col("ts").min(), pl.col("topic").unique().sort())
        .filter(pl.col("topic").list.len() > 1)
        .sort("session_id")
    )
    if baskets.is_empty() or not known.pairs.topics:
        raise ValueError(f"no baskets with two topics or more in the week from {since:%Y-%m-%d}, or none before it")
    own_rows = {str(user): rows for (user,), rows in before.group_by("user_id")}
    random = np.random.default_rng(seed)
    shape = (len(baskets), len(known.pairs.topics))
    found, frequency = np.zeros((shape[0], 3, shape[1]), np.float32), np.zeros(shape, np.float32)
    carts, hidden = [], []
    for row, (user, ts, topics) in enumerate(baskets.select("user_id", "ts", "topic").iter_rows()):
        out = topics.pop(int(random.integers(len(topics))))
        hidden.append(known.pairs.code_of.get(out, -1))
        carts.append(known.pairs.codes(topics))
        own = own_baskets(own_rows[user], topics, ts) if user in own_rows else {}
        found[row] = parts(topics, known.pairs, known.rules, own)
        for topic, habit in own.items():
            if (code := known.pairs.code_of.get(topic)) is not None:
                frequency[row, code] = habit.baskets
    return HeldOut(known, carts, np.array(hidden), found, frequency)


def hits(held: HeldOut, scores: Scores) -> dict[str, float]:
    """Share of the baskets whose hidden topic is among the first 5 and 10 by `scores` (baskets, topics), ties by popularity."""
    ranks = np.full(len(held.hidden), np.inf)
    for row, code in enumerate(held.hidden):
        if code >= 0:
            own, popular = scores[row], held.popularity
            before = (own > own[code]) | ((own == own[code]) & (popular > popular[code]))
            before[held.carts[row]] = False
            ranks[row] = before.sum()
    return {f"hit@{k}": float((ranks < k).mean()) for k in (5, 10)}


def chosen_weights(held: HeldOut) -> Weights:
    """The weights of the grid with the greatest hit@5 + hit@10, the smaller ones of equals."""
    tried = [Weights(1.0, rule, alike) for rule, alike in product(GRID, GRID)]
    return max(tried, key=lambda weights: sum(hits(held, blend(held.parts, weights)).values()))


def missions(held: HeldOut) -> dict[str, float]:
    """How often a mission is named for a cart, and how often the hidden topic is typical of it, beside the same by chance."""
    topics = held.known.pairs.topics
    named, right, chance = 0, 0, 0.0
    for cart, hidden in zip(held.carts, held.hidden, strict=True):
        if match := next(iter(held.known.missions.of([topics[code] for code in cart])), None):
            named += 1
            right += hidden >= 0 and topics[hidden] in match.mission.topics
            chance += match.mission.chance
    share = float(named and right / named), float(named and chance / named)
    return {"named": named / len(held.carts), "hidden topic is typical": share[0], "by chance": share[1]}


def mining(baskets: pl.DataFrame) -> dict[str, float]:
    """What mining rules takes: seconds, and the peak memory of a process of its own with all that it imports."""
    with TemporaryDirectory() as folder, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        path = Path(folder) / "baskets.parquet"
        baskets.write_parquet(path)
        seconds, peak, rules = process.submit(_mine, path).result()
    return {"seconds": seconds, "peak_mib": peak, "rules": float(rules), "baskets": float(baskets["session_id"].n_unique())}


def _mine(path: Path) -> tuple[float, float, int]:
    baskets = pl.read_parquet(path)
    start = perf_counter()
    rules = Rules.fit(baskets)
    seconds = perf_counter() - start
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak
    return seconds, int(peak[1]) / 1024, len(rules)
