"""Segments: users grouped by what they do and buy, with ids that stay the same when they are fitted again."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import PCA

from retrieval.groups.grouping import Groups, Labels, Points, Trial, choose_groups
from retrieval.groups.user_space import HABITS, UserSpace

SMALLEST = 10
"""Groups of fewer users are not described, so that nobody can be singled out: it is the least size of a segment, too."""
SAMPLE = 5000
"""The grouping is chosen on so many users at most; the others are placed in it."""
SAME = 0.3
"""Two segments are the same when their common users are this share of the users of both (Jaccard)."""


@dataclass(frozen=True)
class Placement:
    """Why a user is in a segment. `gains` says for each habit, and for `topics` as one, by how much it makes `segment` likelier
    than `second`, in log units; None when there is no second. `segment` is None for an outlier."""

    segment: int | None
    second: int | None
    gains: dict[str, float]


@dataclass(frozen=True)
class Segmentation:
    """`numbers` are the segments' ids by group, `axes` (2, dimensions) the plane of the map, `trials` how the groups were chosen.

    `members` has one row per user with a purchase: user_id, segment (Int32, null for an outlier), x and y on the map, and the
    user's `HABITS`. `last` is the greatest id ever given, so that the id of a segment that is gone means nothing else later.
    """

    space: UserSpace
    groups: Groups
    numbers: tuple[int, ...]
    axes: Points
    trials: tuple[Trial, ...]
    members: pl.DataFrame
    last: int

    @classmethod
    def fit(
        cls, habits: pl.DataFrame, features: pl.DataFrame, previous: "Segmentation | None" = None, seed: int = 7
    ) -> "Segmentation":
        """Group the users of `habits_of` by it and their `topic_features`. A segment that shares its users with one of
        `previous` has that one's id."""
        space = UserSpace.fit(habits, features, seed)
        points = space.place(habits, features)
        chosen = np.random.default_rng(seed).permutation(len(points))[:SAMPLE]
        groups, trials = choose_groups(points[np.sort(chosen)], SMALLEST, seed)
        labels = groups.of(points)
        before = None if previous is None else habits.select("user_id").join(previous.members, on="user_id", how="left")
        last = 0 if previous is None else previous.last
        old = np.full(len(labels), -1) if before is None else before["segment"].fill_null(-1).to_numpy()
        numbers = _numbers(labels, len(groups.centres), old, last)
        fitted = cls(space, groups, numbers, _axes(points), tuple(trials), pl.DataFrame(), max((last, *numbers)))
        return replace(fitted, members=fitted._members(habits, points))

    def renewed(self, users: set[str], habits: pl.DataFrame, features: pl.DataFrame) -> "Segmentation":
        """The same segments with `users` placed again, or left out where `habits` has them no more."""
        others = self.members.filter(~pl.col("user_id").is_in(list(users)))
        return replace(self, members=pl.concat([others, self._members(habits, self.space.place(habits, features))]))

    def placement(self, user_id: str, features: pl.DataFrame) -> Placement | None:
        """Why a user of `members` is in its segment, by the user's `topic_features`; None for somebody without a purchase."""
        own = self.members.filter(pl.col("user_id") == user_id)
        if own.is_empty():
            return None
        point = self.space.place(own, features)
        order = np.argsort(-self.groups.scores(point)[0], kind="stable")
        if len(order) < 2:
            return Placement(own["segment"][0], None, {})
        terms = self.groups.terms(point[0])
        gain = terms[order[0]] - terms[order[1]]
        gains = {name: float(gain[at]) for at, name in enumerate(HABITS)}
        return Placement(own["segment"][0], self.numbers[order[1]], {**gains, "topics": float(gain[len(HABITS) :].sum())})

    def save(self, folder: Path) -> None:
        self.space.save(folder)
        arrays: dict[str, NDArray[np.float64]] = {"axes": self.axes, **vars(self.groups)}
        np.savez(folder / "segments.npz", **arrays)  # type: ignore[arg-type]
        values = {"numbers": self.numbers, "last": self.last, "trials": [asdict(trial) for trial in self.trials]}
        (folder / "segments.json").write_text(json.dumps(values), encoding="utf-8")
        self.members.write_parquet(folder / "segments.parquet")

    @classmethod
    def load(cls, folder: Path) -> "Segmentation":
        """Raises OSError when nothing was saved in `folder`."""
        values = json.loads((folder / "segments.json").read_text(encoding="utf-8"))
        with np.load(folder / "segments.npz") as arrays:
            groups = Groups(*(arrays[name] for name in ("centres", "variances", "log_weights", "reach")))
            axes = arrays["axes"]
        members, trials = pl.read_parquet(folder / "segments.parquet"), tuple(Trial(**row) for row in values["trials"])
        return cls(UserSpace.load(folder), groups, tuple(values["numbers"]), axes, trials, members, values["last"])

    def _members(self, habits: pl.DataFrame, points: Points) -> pl.DataFrame:
        numbers = np.array([*self.numbers, -1], np.int32)  # the last one for those in no group, who are labelled -1
        segment = pl.Series("segment", numbers[self.groups.of(points)], pl.Int32)
        x, y = self.axes @ points.T
        return habits.select("user_id", segment.replace(-1, None), pl.Series("x", x), pl.Series("y", y), *HABITS)


def _axes(points: Points) -> Points:
    """The two directions in which the points differ most, (2, dimensions); zeros where there are fewer."""
    size = min(2, len(points) - 1, points.shape[1])
    axes = np.zeros((2, points.shape[1]))
    if size > 0:
        axes[:size] = PCA(size, svd_solver="full").fit(points).components_
    return axes


def _numbers(labels: Labels, n: int, old: Labels, last: int) -> tuple[int, ...]:
    """The id of each group: that of the old segment with which it shares most users, one to one (Kuhn 1955), where they are the
    same; else new ones above `last`, the larger group first."""
    known = [number for number in np.unique(old) if number >= 0]
    likeness = np.zeros((n, len(known)))
    for group, at in np.ndindex(likeness.shape):
        here, there = labels == group, old == known[at]
        likeness[group, at] = (here & there).sum() / max((here | there).sum(), 1)
    pairs = zip(*linear_sum_assignment(-likeness), strict=True)
    taken = {int(group): int(known[at]) for group, at in pairs if likeness[group, at] >= SAME}
    fresh = [
        int(group) for group in np.argsort(-np.bincount(labels[labels >= 0], minlength=n), kind="stable") if group not in taken
    ]
    taken |= {group: last + place for place, group in enumerate(fresh, start=1)}
    return tuple(taken[group] for group in range(n))
