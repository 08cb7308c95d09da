"""Protects the ranking of scores: ties, NaN, what is left out. Run: pytest tests/retrieval/test_source.py"""

import numpy as np
import pytest

from retrieval import History, rank

NAN = float("nan")


def best(scores: list[float], k: int, **more: object) -> list[int]:
    items = rank(np.array([scores], np.float32), k, **more).items[0]  # type: ignore[arg-type]
    return [int(item) for item in items]


@pytest.mark.parametrize(
    ("scores", "k", "expected"),
    [
        ([1, 3, 2], 2, [1, 2]),
        ([1, 1, 1, 1], 2, [0, 1]),
        ([1, 2, 1, 2, 1], 4, [1, 3, 0, 2]),
        ([5, 1, 1, 1, 9, 1], 4, [4, 0, 1, 2]),
        ([NAN, 0, -1, 2], 4, [3, 2, -1, -1]),
        ([NAN, NAN], 1, [-1]),
        ([1.0], 3, [0, -1, -1]),
        ([], 2, [-1, -1]),
    ],
)
def test_the_best_come_first_ties_by_code_and_nothing_for_0_and_nan(scores: list[float], k: int, expected: list[int]) -> None:
    assert best(scores, k) == expected


def test_ties_are_stable_among_many_equals() -> None:
    scores = np.tile(np.float32([2, 1]), (50, 500))
    ranking = rank(scores, 510)
    assert (ranking.items[:, :500] == np.arange(0, 1000, 2)).all()
    assert (ranking.items[:, 500:] == np.arange(1, 20, 2)).all()


@pytest.mark.parametrize("k", [1, 10, 60])
def test_the_best_are_those_of_a_whole_sort(k: int) -> None:
    scores = np.random.default_rng(7).integers(-40, 40, (30, 500)).astype(np.float32)
    scores[:5, 3:] = 0
    ranking = rank(scores, k)
    for row, found, best in zip(scores, ranking.items, ranking.scores, strict=True):
        order = np.argsort(-row, kind="stable")
        expected = order[row[order] != 0][:k]
        assert found[: len(expected)].tolist() == expected.tolist()
        assert (found[len(expected) :] == -1).all()
        assert (best[: len(expected)] == row[expected]).all()


def test_infinite_scores_are_scores() -> None:
    assert best([1, np.inf, -np.inf], 3) == [1, 0, -1]


def test_what_is_not_allowed_or_already_there_is_left_out() -> None:
    allowed = np.array([True, True, False, True])
    history = History(np.array([3, 3], np.int32))
    assert best([1, 2, 3, 4], 4, allowed=allowed, without=[history]) == [1, 0, -1, -1]


def test_histories_of_other_rows_or_items_are_refused() -> None:
    with pytest.raises(IndexError, match="item codes from 0 to 4, there are 4 items"):
        best([1, 2, 3, 4], 2, without=[History(np.array([4, 0], np.int32))])
    with pytest.raises(ValueError, match="0 histories for 1 rows of scores"):
        best([1, 2, 3, 4], 2, without=[])


def test_the_scores_are_left_as_they_were() -> None:
    scores = np.array([[1.0, NAN, 0.0]], np.float32)
    ranking = rank(scores, 3)
    np.testing.assert_array_equal(scores, np.array([[1.0, NAN, 0.0]], np.float32))
    assert ranking.scores.tolist() == [[1.0, 0.0, 0.0]]
