"""Protects the figures of the numeric profile: the metrics are the field's, and nothing held out is learned from.

Run: pytest tests/eval/test_profile.py
"""

import ir_measures
import numpy as np
import polars as pl
import pytest
from ir_measures import P, R, nDCG

from eval.next_topic import END, STEP, hits, sequence_events, topic_at
from eval.profile import calibration_error, scores


def test_metrics_are_those_of_ir_measures() -> None:
    random = np.random.default_rng(3)
    users, topics = [f"u{n}" for n in range(30)], [f"t{n:02}" for n in range(40)]
    pairs = pl.DataFrame([(u, t) for u in users for t in topics], schema=["user_id", "topic"], orient="row")
    rows = pairs.with_columns(value=pl.Series(random.permutation(len(pairs)) / len(pairs))).filter(
        pl.Series(random.random(len(pairs)) < 0.6)
    )
    bought = pairs.filter(pl.Series(random.random(len(pairs)) < 0.2), pl.col("user_id") != "u7")
    ours = scores(rows, rows["value"], bought)
    qrels = [ir_measures.Qrel(user, topic, 1) for user, topic in bought.iter_rows()]
    found = [ir_measures.ScoredDoc(*row) for row in rows.iter_rows()]
    theirs = ir_measures.calc_aggregate([nDCG @ 10, P @ 10, R @ 10], qrels, found)
    assert [ours["ndcg@10"], ours["precision@10"], ours["recall@10"]] == pytest.approx(
        [theirs[nDCG @ 10], theirs[P @ 10], theirs[R @ 10]]
    )
    assert ours["users"] == 29


def test_a_coin_said_to_land_seven_times_in_ten_is_wrong_by_a_fifth() -> None:
    y = np.array([0.0, 1.0] * 500)
    assert calibration_error(y, np.full(1000, 0.7)) == pytest.approx(0.2)
    assert calibration_error(y, np.full(1000, 0.5)) == pytest.approx(0)
    assert calibration_error(y, y) == 0


def test_a_sequence_ends_on_the_day_of_all_others_with_a_step_between_items() -> None:
    events = sequence_events({"a": ["x", "y", "z"], "b": ["y"]})
    assert events.filter(pl.col("user_id") == "a")["ts"].to_list() == [END - 2 * STEP, END - STEP, END]
    assert events.filter(pl.col("user_id") == "b")["ts"].to_list() == [END]


def test_the_last_item_is_predicted_from_those_before_it() -> None:
    """Users who keep to their topic are right in all cases, users who leave it in none."""
    stay, leave = {f"s{n}": ["x"] * 5 for n in range(6)}, {f"l{n}": ["x"] * 4 + ["y"] for n in range(4)}
    found = hits(sequence_events(stay | leave), {"x": "X", "y": "Y"}, 1, seed=0)
    assert found == {"popularity": 0.6, "frequency": 0.6, "plain estimate": 0.6, "learned": 0.6}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (["OPI", "Makeup", "Nails", "Nail Polish"], ("OPI", "Makeup", "Makeup > Nails")),
        (["Unknown", "Skin Care", "Face"], (None, "Skin Care", "Skin Care > Face")),
        (["Hair Care", "Shampoos"], (None, "Hair Care", "Hair Care > Shampoos")),
        (["Fragrance"], (None, "Fragrance", None)),
    ],
)
def test_levels_are_read_from_a_product_s_attributes(attributes: list[str], expected: tuple[str | None, ...]) -> None:
    assert tuple(topic_at(attributes, level) for level in ("brand", "top category", "second category")) == expected
