"""Protects the basket eval: a plain habit is found, the future is not looked at, and the line says what was scored.
Run: pytest tests/eval/test_basket.py"""

import json

import numpy as np
import pytest

from eval.basket import chosen_weights, held_out, hits, run
from retrieval.carts.baskets import with_topic
from tests import tiny
from tools import Shop


def test_plain_habits_are_found_and_the_line_says_so(read_shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    run(read_shop, seed=7)
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (report["eval"], report["seed"]) == ("basket", 7)
    assert report["results"]["blend"]["hit@5"] == 1.0
    assert report["results"]["popularity"]["hit@5"] < 1.0
    assert report["results"]["mining"]["rules"] > 0
    assert report["results"]["mining"]["peak_mib"] > 0


def test_only_the_time_before_a_week_is_learned_from(read_shop: Shop) -> None:
    bought = with_topic(read_shop.store.scan(types=["purchase"]), read_shop.catalog)
    middle = tiny.END.replace(month=4)
    held = held_out(read_shop, bought, middle, seed=7)
    before = bought.filter(bought["ts"] < middle)
    assert held.known.pairs.n_baskets == before["session_id"].n_unique()
    assert held.frequency.max() <= before["session_id"].n_unique()
    again = held_out(read_shop, bought.filter(bought["ts"] < middle.replace(month=5)), middle, seed=7)
    assert np.array_equal(held.parts, again.parts)
    assert np.array_equal(held.hidden, again.hidden)


def test_a_hit_is_a_rank_under_k_without_the_cart_and_with_ties_by_popularity(read_shop: Shop) -> None:
    bought = with_topic(read_shop.store.scan(types=["purchase"]), read_shop.catalog)
    held = held_out(read_shop, bought, tiny.END.replace(month=6, day=20), seed=7)
    right = np.zeros_like(held.frequency)
    right[np.arange(len(held.hidden)), held.hidden] = 1
    assert hits(held, right) == {"hit@5": 1.0, "hit@10": 1.0}
    assert hits(held, np.zeros_like(right)) == hits(held, np.broadcast_to(held.popularity, right.shape))
    assert chosen_weights(held).share == 1.0


def test_a_week_without_baskets_is_refused(read_shop: Shop) -> None:
    bought = with_topic(read_shop.store.scan(types=["purchase"]), read_shop.catalog)
    with pytest.raises(ValueError, match="in the week from 2025-07-01"):
        held_out(read_shop, bought, tiny.END.replace(month=7, day=1), seed=7)
    with pytest.raises(ValueError, match="or none before it"):
        held_out(read_shop, bought, tiny.END.replace(year=2024), seed=7)
