"""Points in groups: k-means, a Gaussian mixture or HDBSCAN, whichever gives clear groups that come out again from a sample."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.mixture import GaussianMixture

Method = Literal["k-means", "gaussian mixture", "hdbscan"]
Points = NDArray[np.float64]
Labels = NDArray[np.int64]

SIZES = range(3, 11)
"""Numbers of groups that are tried. Two only tell the busy from the quiet."""
DENSITIES = (0.01, 0.02, 0.04)
"""Smallest groups that HDBSCAN is asked for, as shares of the points."""
RESAMPLES = 10
RESAMPLED = 0.8
STABLE = 0.8
"""Adjusted Rand index from which on a grouping counts as the same again."""
NEARLY = 0.9
"""Share of the best silhouette from which on groups count as clear as the clearest; of those the finest are taken."""
MOST_OUTSIDE = 0.2
"""A grouping that leaves a larger share of the points out is none."""
FLOOR = 0.01
"""Added to the variances of a mixture, so that no group shrinks to a point."""


@dataclass(frozen=True)
class Groups:
    """Groups by `centres` and `variances` (groups, dimensions), `log_weights` and `reach` (groups,), a squared distance.

    A point belongs to the group of the greatest density, normal with a diagonal covariance; to none when it is out of reach
    of that one's centre. With equal variances and weights that is the nearest centre, so a point that comes later is placed
    as the others were, whatever the method.
    """

    centres: Points
    variances: Points
    log_weights: Points
    reach: Points

    def terms(self, point: Points) -> Points:
        """How each dimension of one point speaks for each group, (groups, dimensions)."""
        return np.asarray(-0.5 * ((point - self.centres) ** 2 / self.variances + np.log(self.variances)))

    def scores(self, points: Points) -> Points:
        """Log density up to a constant, (points, groups)."""
        inverse = 1 / self.variances
        square = points**2 @ inverse.T - 2 * points @ (self.centres * inverse).T + (self.centres**2 * inverse).sum(axis=1)
        return np.asarray(self.log_weights - 0.5 * (square + np.log(self.variances).sum(axis=1)))

    def of(self, points: Points) -> Labels:
        """The group of each point, -1 for none."""
        if not len(self.centres):
            return np.full(len(points), -1)
        best = self.scores(points).argmax(axis=1)
        return np.where(((points - self.centres[best]) ** 2).sum(axis=1) <= self.reach[best], best, -1)


@dataclass(frozen=True)
class Trial:
    """A grouping that was tried.

    `stability` is the mean adjusted Rand index (Hubert and Arabie 1985) over all points between it and the same method fitted on
    ten samples of four fifths of them, `silhouette` the mean over all points, 0 for one in no group (Rousseeuw 1987), `smallest`
    the size of its smallest group, `outside` the share of points in none. What a method cannot divide in two has a stability of
    0 and a silhouette of -1.
    """

    method: Method
    groups: int
    stability: float
    silhouette: float
    smallest: int
    outside: float
    chosen: bool = False


def choose_groups(points: Points, smallest: int, seed: int) -> tuple[Groups, list[Trial]]:
    """The finest of the clearest among the stable groupings of points (points, dimensions), and all that were tried.

    Only groupings with `smallest` points in each group and few outside can be chosen. When none of them is stable, or there
    are too few points for any, all are one group.
    """
    tried = [_judge(method, fit, points, seed) for method, fit in _methods(len(points), smallest)]
    stable = [
        at
        for at, (_, trial) in enumerate(tried)
        if trial.stability >= STABLE and trial.smallest >= smallest and trial.outside <= MOST_OUTSIDE
    ]
    if not stable:
        return _around(points, np.zeros(len(points), np.int64)), [trial for _, trial in tried]
    clear = NEARLY * max(tried[at][1].silhouette for at in stable)
    best = max(
        (at for at in stable if tried[at][1].silhouette >= clear), key=lambda at: (tried[at][1].groups, tried[at][1].silhouette)
    )
    return tried[best][0], [replace(trial, chosen=at == best) for at, (_, trial) in enumerate(tried)]


_Fit = Callable[[Points, int], Groups]


def _methods(n_points: int, smallest: int) -> Iterator[tuple[Method, _Fit]]:
    for size in SIZES:
        if size * smallest <= n_points:
            yield "k-means", partial(_k_means, size=size)
            yield "gaussian mixture", partial(_mixture, size=size)
    for share in DENSITIES:
        if 2 * smallest <= n_points:
            yield "hdbscan", partial(_hdbscan, least=max(smallest, round(share * n_points)))


def _k_means(points: Points, seed: int, size: int) -> Groups:
    size = min(size, len(np.unique(points, axis=0)))
    return _equal(KMeans(size, n_init=5, random_state=seed).fit(points).cluster_centers_)


def _mixture(points: Points, seed: int, size: int) -> Groups:
    size = min(size, len(np.unique(points, axis=0)))
    model = GaussianMixture(size, covariance_type="diag", n_init=2, reg_covar=FLOOR, random_state=seed).fit(points)
    return Groups(model.means_, model.covariances_, np.log(model.weights_), np.full(size, np.inf))


def _hdbscan(points: Points, _seed: int, least: int) -> Groups:
    """Groups that reach as far as the farthest of their points."""
    labels = HDBSCAN(min_cluster_size=least, copy=True).fit_predict(points)
    groups = _around(points, labels)
    away = [((points[labels == number] - centre) ** 2).sum(axis=1).max() for number, centre in enumerate(groups.centres)]
    return replace(groups, reach=np.array(away))


def _around(points: Points, labels: Labels) -> Groups:
    """Groups around the means of the points labelled 0, 1 and so on; those labelled less are left out."""
    means = [points[labels == number].mean(axis=0) for number in range(labels.max(initial=-1) + 1)]
    return _equal(np.array(means).reshape(len(means), points.shape[1]))


def _equal(centres: Points) -> Groups:
    n = len(centres)
    return Groups(centres, np.ones_like(centres), np.zeros(n), np.full(n, np.inf))


def _judge(method: Method, fit: _Fit, points: Points, seed: int) -> tuple[Groups, Trial]:
    groups = fit(points, seed)
    if len(groups.centres) < 2:
        return groups, Trial(method, len(groups.centres), 0.0, -1.0, 0, 1.0)
    labels = groups.of(points)
    inside = labels >= 0
    sizes = np.bincount(labels[inside], minlength=len(groups.centres))
    told_apart = 1 < (sizes > 0).sum() < inside.sum()
    rng = np.random.default_rng(seed)
    again = []
    for _ in range(RESAMPLES):
        sample = rng.choice(len(points), round(RESAMPLED * len(points)), replace=False)
        other = fit(points[sample], seed)
        again.append(adjusted_rand_score(labels, other.of(points)) if len(other.centres) else 0.0)
    silhouette = float(silhouette_score(points[inside], labels[inside]) * inside.mean()) if told_apart else -1.0
    outside = float(1 - inside.mean())
    return groups, Trial(method, len(groups.centres), float(np.mean(again)), silhouette, int(sizes.min()), outside)
