"""Protects what the interest model knows of the population: seasons, returns, and topics that follow each other.

Run: pytest tests/behavior/test_topic_tables.py
"""

from pathlib import Path

import polars as pl
import pytest

from behavior.topic_tables import TopicTables

USERS = [f"u{n}" for n in range(100)]


@pytest.fixture(scope="module")
def tables() -> TopicTables:
    """All 100 were expected to buy milk at .5, half of them bread too; bread's buyers bought butter, which nobody had before."""
    before = pl.DataFrame(
        [(user, topic, 0.5, 1, 7.0) for n, user in enumerate(USERS) for topic in (["milk", "bread"] if n % 2 else ["milk"])],
        schema=["user_id", "topic", "simple", "last_28", "mean_interval_days"],
        orient="row",
    )
    bought = [(user, topic) for n, user in enumerate(USERS) for topic in (["milk", "bread", "butter"] if n % 2 else ["milk"])]
    return TopicTables.fit(before, pl.DataFrame(bought, schema=["user_id", "topic"], orient="row"))


def test_a_topic_bought_more_than_expected_is_in_season(tables: TopicTables) -> None:
    milk = tables.topics.row(by_predicate=pl.col("topic") == "milk", named=True)
    assert (milk["topic_share"], milk["topic_trend"], milk["topic_interval_days"]) == (1, 1, 7)
    assert milk["topic_lift"] > 1.7
    assert milk["topic_return"] > 0.99


def test_the_most_bought_topic_comes_first_and_a_new_one_has_a_row(tables: TopicTables) -> None:
    assert tables.topics["topic"].to_list() == ["milk", "bread", "butter"]


def test_bread_speaks_for_butter_and_milk_does_not(tables: TopicTables) -> None:
    rows = pl.DataFrame(
        {
            "user_id": ["a", "a", "a", "b", "b", "c"],
            "topic": ["bread", "butter", "milk", "butter", "milk", "unheard of"],
            "simple": [0.5, 0.1, 0.5, 0.1, 0.5, 0.9],
        }
    )
    rows = rows.join(tables.coded, on="topic", how="left", maintain_order="left")
    related = dict(zip(zip(rows["user_id"], rows["topic"], strict=True), tables.related(rows), strict=True))
    assert related["a", "butter"] > related["b", "butter"] + 0.2
    assert related["c", "unheard of"] is None
    assert tables.related(rows.filter(pl.col("user_id") == "b")).equals(tables.related(rows).slice(3, 2))


def test_saved_tables_are_the_same(tables: TopicTables, tmp_path: Path) -> None:
    tables.save(tmp_path)
    loaded = TopicTables.load(tmp_path)
    assert loaded.topics.equals(tables.topics)
    assert (loaded.weights == tables.weights).all()
