"""Protects the search eval: it scores against hand-made judgments, refuses topics that are none, and its queries are well formed.
Run: pytest tests/eval/test_search.py"""

import json

import pytest
from rich.console import Console

from eval.search import Query, read_queries, show
from tools import Shop


def test_a_right_answer_scores_1_and_a_wrong_one_0(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    queries = [
        Query(query="dog food", relevant={"Dog food": 2}, kind="topic", split="dev"),
        Query(query="dog food", relevant={"Tea": 2}, kind="topic", split="test"),
    ]
    show(shop, queries, Console(width=150))
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["eval"] == "search"
    assert set(report["results"]) == {"bm25", "bm25_lexicon", "embeddings", "hybrid"}
    for row in report["results"].values():
        assert {name: row[name] for name in row if name.startswith("ndcg")} == {
            "ndcg@10_dev": 1.0,
            "ndcg@10_dev_topic": 1.0,
            "ndcg@10_test": 0.0,
            "ndcg@10_test_topic": 0.0,
        }
        assert 0 < row["p50_ms"] <= row["p99_ms"]


def test_a_topic_that_the_shop_lacks_is_named(shop: Shop) -> None:
    with pytest.raises(ValueError, match="Telescopes"):
        show(shop, [Query(query="stars", relevant={"Telescopes": 2}, kind="topic", split="dev")], Console())


def test_the_queries_are_many_and_each_has_an_answer() -> None:
    queries = read_queries()
    assert len(queries) >= 80
    assert all(query.relevant for query in queries)
    assert {query.split for query in queries} == {"dev", "test"}
