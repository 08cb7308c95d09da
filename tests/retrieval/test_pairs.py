"""Protects the counts of topics two by two: exact for common pairs, silent on pairs of a few baskets.
Run: pytest tests/retrieval/test_pairs.py"""

from pathlib import Path

import pytest

from retrieval.carts.pairs import Pairs
from retrieval.carts.rules import Rule
from tests.retrieval.test_rules import frame

BASKETS = [["tea", "honey"]] * 6 + [["tea", "lemon"]] * 4 + [["milk"]] * 10


@pytest.fixture
def pairs() -> Pairs:
    return Pairs.fit(frame(BASKETS))


def test_a_pair_has_its_baskets(pairs: Pairs) -> None:
    tea, honey = pairs.code_of["tea"], pairs.code_of["honey"]
    assert pairs.rule(tea, honey) == Rule(("tea",), "honey", 6, 10, 6, 20)
    assert pairs.rule(tea, honey).lift == pytest.approx(pairs.rule(honey, tea).lift) == pytest.approx(2.0)
    assert pairs.together([tea])[0].tolist() == [6 if topic == "honey" else 0 for topic in pairs.topics]


def test_a_pair_in_under_five_baskets_is_not_kept_but_its_topics_are(pairs: Pairs) -> None:
    assert pairs.rule(pairs.code_of["tea"], pairs.code_of["lemon"]).baskets == 0
    assert pairs.baskets_of[pairs.code_of["lemon"]] == 4


def test_unknown_topics_have_no_code(pairs: Pairs) -> None:
    assert pairs.codes(["tea", "spaceship", "tea"]) == [pairs.code_of["tea"]]


def test_what_was_saved_is_loaded(pairs: Pairs, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="pairs"):
        Pairs.load(tmp_path)
    pairs.save(tmp_path)
    again = Pairs.load(tmp_path)
    assert (again.topics, again.n_baskets, again.baskets_of.tolist()) == (pairs.topics, 20, pairs.baskets_of.tolist())
    assert (again.matrix() != pairs.matrix()).nnz == 0


def test_no_baskets_are_fine() -> None:
    assert (Pairs.fit(frame([])).topics, Pairs.fit(frame([])).n_baskets) == ([], 0)
