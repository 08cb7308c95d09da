"""Protects bundles: pairs and triples with their counts, the weakest rule of a triple, none in too few baskets.
Run: pytest tests/retrieval/test_bundles.py"""

import pytest

from retrieval.carts.bundles import common_bundles
from retrieval.carts.pairs import Pairs
from retrieval.carts.rules import Rules
from tests.retrieval.test_rules import frame

# Bread is in 50 of 100 baskets, butter in 40 of these, jam in 30 of these; lemon is in 29, with tea.
BASKETS = frame(
    [["bread", "butter", "jam"]] * 30
    + [["bread", "butter"]] * 10
    + [["bread"]] * 10
    + [["tea", "lemon"]] * 29
    + [["tea"]] * 1
    + [["milk"]] * 20
)


def test_pairs_and_triples_have_their_counts_and_those_in_few_baskets_are_left_out() -> None:
    found = common_bundles(Pairs.fit(BASKETS), Rules.fit(BASKETS, 0.1, 0.1), min_baskets=30)
    rows = {tuple(row["topics"]): row for row in found.iter_rows(named=True)}
    assert {frozenset(topics) for topics in rows} == {
        frozenset(topics) for topics in ({"bread", "butter"}, {"bread", "jam"}, {"butter", "jam"}, {"bread", "butter", "jam"})
    }
    pair = rows["butter", "bread"]
    assert (pair["baskets"], pair["support"], pair["confidence"], pair["lift"]) == (40, 0.4, 1.0, pytest.approx(2.0))


def test_a_triple_has_the_lift_of_its_weakest_rule() -> None:
    """Bread and butter lead to jam in 30 of 40, butter and jam to bread in 30 of 30, but half hold that anyway."""
    found = common_bundles(Pairs.fit(BASKETS), Rules.fit(BASKETS, 0.1, 0.1), min_baskets=30)
    (triple,) = [row for row in found.iter_rows(named=True) if len(row["topics"]) == 3]
    assert (triple["topics"][-1], triple["confidence"], triple["lift"]) == ("bread", 1.0, pytest.approx(2.0))


def test_no_baskets_make_no_bundles() -> None:
    assert common_bundles(Pairs.fit(frame([])), Rules([]), min_baskets=30).is_empty()
