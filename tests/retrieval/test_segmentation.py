"""Protects the grouping of users: obvious groups are found, the same from the same seed, and keep their ids when fitted again.
Run: pytest tests/retrieval/test_segmentation.py"""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from retrieval.groups.grouping import Points, choose_groups
from retrieval.groups.segmentation import Segmentation
from retrieval.groups.user_space import HABITS

KINDS = {"busy": (1.0, 100.0, "Dairy"), "rare": (90.0, 3.0, "Pets"), "middle": (10.0, 25.0, "Baby")}
"""Days since the last basket, baskets, and the one topic of each kind of user."""
PER_KIND = 20


def clouds(*centres: tuple[float, float], each: int = 40, spread: float = 0.1) -> Points:
    rng = np.random.default_rng(3)
    return np.vstack([centre + spread * rng.standard_normal((each, 2)) for centre in np.array(centres)])


def users(each: int = PER_KIND, kinds: tuple[str, ...] = tuple(KINDS)) -> tuple[pl.DataFrame, pl.DataFrame]:
    """habits and topic features of users who are of one kind each, a little apart."""
    habits, features = [], []
    for kind in kinds:
        recency, baskets, topic = KINDS[kind]
        for n in range(each):
            own = baskets * (1 + n / 200)
            habits.append((f"{kind}-{n}", recency, own, 10 * own, 10.0, 300 / own, 0.1, 0.5, None))
            features.append((f"{kind}-{n}", topic, False, round(own)))
    columns = {"user_id": pl.String, "topic": pl.String, "is_leaf": pl.Boolean, "baskets": pl.Int64}
    return (
        pl.DataFrame(habits, schema={"user_id": pl.String, **dict.fromkeys(HABITS, pl.Float64)}, orient="row").sort("user_id"),
        pl.DataFrame(features, schema=columns, orient="row"),
    )


def kinds_by_segment(fitted: Segmentation) -> dict[int, set[str]]:
    kinds = fitted.members.drop_nulls("segment").with_columns(kind=pl.col("user_id").str.split("-").list.first())
    return {number: set(rows["kind"]) for (number,), rows in kinds.group_by("segment")}


def test_obvious_groups_are_found_stable_and_clear() -> None:
    groups, trials = choose_groups(clouds((0, 0), (5, 0), (0, 5), (5, 5)), smallest=10, seed=1)
    chosen = [trial for trial in trials if trial.chosen]
    assert [trial.groups for trial in chosen] == [4]
    assert chosen[0].stability > 0.95
    assert chosen[0].silhouette > 0.9
    assert {trial.method for trial in trials} == {"k-means", "gaussian mixture", "hdbscan"}
    assert len(set(groups.of(np.array([[0, 0.2], [4.8, 0], [0, 5], [5, 5]])))) == 4


def test_a_group_that_cannot_be_repeated_is_not_told_apart() -> None:
    groups, trials = choose_groups(np.random.default_rng(0).uniform(size=(200, 5)), smallest=10, seed=1)
    assert trials
    assert not any(trial.chosen for trial in trials)
    assert set(groups.of(np.zeros((3, 5)))) == {0}


def test_no_group_is_smaller_than_asked() -> None:
    points = np.vstack([clouds((0, 0), (5, 0), (0, 5)), clouds((50, 50), each=4)])
    _, trials = choose_groups(points, smallest=10, seed=1)
    assert all(trial.smallest >= 10 for trial in trials if trial.chosen)


@pytest.mark.parametrize("n", [0, 1, 12])
def test_few_users_are_one_segment(n: int) -> None:
    habits, features = users()
    few = habits.head(n)
    fitted = Segmentation.fit(few, features.filter(pl.col("user_id").is_in(few["user_id"].implode())))
    assert fitted.trials == ()
    assert fitted.members["segment"].to_list() == [1] * n


def test_the_kinds_of_users_are_told_apart_the_same_from_the_same_seed() -> None:
    one, again = (Segmentation.fit(*users()) for _ in range(2))
    assert sorted(kinds_by_segment(one).values(), key=min) == [{"busy"}, {"middle"}, {"rare"}]
    assert one.members.equals(again.members)


def test_ids_stay_when_more_users_come_and_are_not_given_again() -> None:
    first = Segmentation.fit(*users())
    grown = Segmentation.fit(*users(PER_KIND + 5), first, seed=8)
    assert kinds_by_segment(grown) == kinds_by_segment(first)
    other = {"busy": "new1", "middle": "new2", "rare": "new3"}
    habits, features = (frame.with_columns(pl.col("user_id").str.replace_many(other)) for frame in users())
    assert set(Segmentation.fit(habits.sort("user_id"), features, grown).numbers) == {4, 5, 6}


def test_a_new_user_is_placed_with_the_reasons() -> None:
    fitted = Segmentation.fit(*users())
    habits, features = (frame.filter(pl.col("user_id") == "busy-3").with_columns(user_id=pl.lit("new")) for frame in users())
    grown = fitted.renewed({"new"}, habits, features)
    placed = grown.placement("new", features)
    assert placed
    assert kinds_by_segment(fitted)[placed.segment or 0] == {"busy"}
    assert placed.gains["baskets"] > 0
    assert placed.gains["topics"] > 0
    assert placed.gains["discount_share"] == pytest.approx(0)
    assert grown.renewed({"new"}, habits.clear(), features.clear()).members.equals(fitted.members)
    assert fitted.placement("new", features) is None


def test_what_is_loaded_is_what_was_saved(tmp_path: Path) -> None:
    fitted = Segmentation.fit(*users())
    fitted.save(tmp_path)
    loaded = Segmentation.load(tmp_path)
    assert loaded.members.equals(fitted.members)
    assert (loaded.trials, loaded.numbers, loaded.last) == (fitted.trials, fitted.numbers, fitted.last)
    assert loaded.placement("busy-1", users()[1]) == fitted.placement("busy-1", users()[1])
