"""Text search: on queries as shoppers type them, does the shop find the topics that a careful person would?

Covered: the ranking of leaf topics by `TopicIndex.search`, beside BM25 and embeddings alone. Not covered: which products
of a topic are shown, and the line of talk around the query.

What was tuned on what: the weights and thresholds of `retrieval.search` on the `dev` half alone. The everyday words are
written by hand, once, for shoppers in general; of the queries 34 of 64 in `dev` and 30 of 63 in `test` stand among them, stems
compared, so `bm25_lexicon` shows what such a list gives and `hybrid` what the search adds to it.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Literal

import bm25s
import ir_measures
import numpy as np
from ir_measures import nDCG
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from Stemmer import Stemmer

from behavior.catalog import Catalog, Topic
from eval.report import Report, printed
from retrieval.search.vectors import MODEL
from tools import Shop

QUERIES = Path(__file__).parent / "lines" / "search_queries.jsonl"
K = 10
MEASURE = nDCG @ K
"""Sum of grade / log2(rank + 1), over that of the ideal ranking (Järvelin and Kekäläinen 2002), by trec_eval."""
Split = Literal["dev", "test"]


class Query(BaseModel, extra="forbid"):
    """What a shopper types, and the leaf topics that answer it: 2 is what is meant, 1 acceptable."""

    query: str
    relevant: dict[str, Literal[1, 2]]
    kind: str
    split: Split


Search = Callable[[str], dict[str, float]]
"""Topics with their scores, the higher the better."""


def read_queries(path: Path = QUERIES) -> list[Query]:
    """The queries of a file. Raises ValueError for a line that is none."""
    return [Query.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()]


def show(shop: Shop, queries: Sequence[Query], console: Console) -> Report:
    """Print NDCG@10 and milliseconds a query of each method, and the JSON line last.

    Raises ValueError for a relevant topic that is no leaf of this shop.
    """
    leaves = [topic for topic in shop.catalog.topics() if topic.is_leaf]
    if strange := sorted({name for query in queries for name in query.relevant} - {topic.name for topic in leaves}):
        raise ValueError(f"the queries ask for topics that are no leaf topics of this shop: {strange[:5]!r}")
    above = _parents(shop.catalog)
    methods: dict[str, Search] = {
        "bm25": _bm25(leaves, lambda topic: topic.path),
        "bm25_lexicon": _bm25(leaves, lambda topic: _all_words(topic, above)),
        "embeddings": lambda text: shop.topics.by_meaning(text, K),
        "hybrid": lambda text: dict(shop.topics.search(text, K)),
    }
    results = {name: _metrics(queries, search) for name, search in methods.items()}
    kinds = sorted({query.kind for query in queries})
    table = Table(
        "method", "dev", "test", *kinds, "p50 ms", "p99 ms", title=f"{MEASURE} of {len(queries)} queries; by kind: test"
    )
    for name, row in results.items():
        figures = [row.get(f"ndcg@{K}_{group}") for group in ("dev", "test", *(f"test_{kind}" for kind in kinds))]
        shown = ["" if figure is None else f"{figure:.3f}" for figure in figures]
        table.add_row(name, *shown, f"{row['p50_ms']:.1f}", f"{row['p99_ms']:.1f}")
    console.print(table)
    asked = "\n".join(query.model_dump_json() for query in queries)
    return printed(console, results, eval="search", data=hashlib.sha256(asked.encode()).hexdigest()[:12], model=MODEL)


def _metrics(queries: Sequence[Query], search: Search) -> dict[str, float]:
    """Mean NDCG of each half and of each kind in it, and the time of a query after the first, which warms up."""
    search(queries[0].query)
    groups: dict[str, list[float]] = {}
    seconds = []
    for query in queries:
        start = perf_counter()
        found = search(query.query)
        seconds.append(perf_counter() - start)
        for group in (query.split, f"{query.split}_{query.kind}"):
            groups.setdefault(group, []).append(_ndcg(query, found))
    means = {f"ndcg@{K}_{group}": round(float(np.mean(groups[group])), 4) for group in sorted(groups)}
    return means | {f"p{p}_ms": round(1000 * float(np.percentile(seconds, p)), 2) for p in (50, 99)}


def _ndcg(query: Query, found: dict[str, float]) -> float:
    if not found:
        return 0.0
    return float(ir_measures.calc_aggregate([MEASURE], {"q": dict(query.relevant)}, {"q": found})[MEASURE])


def _bm25(topics: list[Topic], words: Callable[[Topic], tuple[str, ...]]) -> Search:
    """BM25 as it comes: bm25s with its stop words, Snowball stems and default k1 and b."""
    stemmer = Stemmer("english")

    def tokens(texts: list[str]) -> list[list[str]]:
        return list(bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False))

    index = bm25s.BM25()
    index.index(tokens([" ".join(words(topic)) for topic in topics]), show_progress=False)

    def search(text: str) -> dict[str, float]:
        asked = tokens([text])[0]
        if not asked:
            return {}
        scores = index.get_scores(asked)
        best = sorted(range(len(topics)), key=lambda i: (-scores[i], topics[i].name))[:K]
        return {topics[i].name: float(scores[i]) for i in best if scores[i] > 0}

    return search


def _parents(catalog: Catalog) -> dict[tuple[str, ...], Topic]:
    return {topic.path: topic for topic in catalog.topics() if topic.kind == "taxonomy"}


def _all_words(topic: Topic, above: dict[tuple[str, ...], Topic]) -> tuple[str, ...]:
    """The path of a topic with the everyday words of the topic and of its parent."""
    parent = above.get(topic.path[:-1])
    return (*topic.path, *(word for node in (topic, parent) if node for word in (*node.also_called, *node.good_for)))
