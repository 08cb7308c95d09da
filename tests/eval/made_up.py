"""Reports with made-up figures, as evals print them."""

from eval.report import Report
from eval.suite import Ended

MADE = {"data": "d1", "seed": 7, "commit": "abc1234", "machine": "2 cores"}
SEARCH = Report(
    eval="search",
    model="minilm",
    adapter=None,
    results={"bm25": {"ndcg@10_test": 0.3, "p50_ms": 2.0}, "hybrid": {"ndcg@10_test": 0.6667, "p50_ms": 12.5, "gain": 1.2}},
    **MADE,
)
CALLS = Report(
    eval="tool_calls",
    model="smol",
    adapter="a1b2",
    results={"agent": {"accuracy": 0.895}, "agent, sampled": {"accuracy": 0.87, "pass^4": 0.8}, "<b>one": {"accuracy": 0.1}},
    **MADE,
)
ENDED = [
    Ended("search", ("search",), 34.0, SEARCH),
    Ended("tool-calls", ("tool-calls", "--split", "all"), 200.0, CALLS),
    Ended("basket", ("basket",), 1.0, None, "ended with code 1: error: <no> shop"),
]
