"""One ranking out of many sources, by a learned ranker that sees what each says and whom it serves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from retrieval.interactions import History, Interactions
from retrieval.source import Contribution, Ranking, Source, load_arrays, rank, save_arrays
from retrieval.sources.als import ALS
from retrieval.sources.content import Content
from retrieval.sources.decayed import DecayedCooccurrence
from retrieval.sources.ease import EASE
from retrieval.sources.neighbours import ItemKNN
from retrieval.sources.popularity import Popularity
from retrieval.sources.repeat import Repeat
from retrieval.sources.sequential import Sequential

KINDS: tuple[type[Source], ...] = (ALS, Content, DecayedCooccurrence, EASE, ItemKNN, Popularity, Repeat, Sequential)
"""What a fusion can be made of and loaded with."""
BLOCK = 256
"""Users whose sources are asked at once."""
MOST_LESSONS = 25_000
"""Of more users than this, so many drawn at random teach the ranker."""
STOPPING = 0.2
"""Share of the users that says when to stop boosting."""
MOST_TREES, PATIENCE = 600, 40
PARAMETERS = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 20,
    "metric": "ndcg",
    "eval_at": [10],
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "deterministic": True,
    "verbose": -1,
}
FEWEST_LESSONS = 10
"""Users."""
OF_SOURCE = ("rank", "score", "from the mean", "from the best")
OF_USER = ("events", "items", "bought by", "bought before")
EXPECTED = "expected"


class TooFewLessons(ValueError):
    """What users bought next does not suffice to learn from."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Users by their place in the batch, sorted; item codes; and what is known of each pair, (pairs, features)."""

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    features: NDArray[np.float32]


@dataclass
class Fusion:
    """The `depth` best items of each source, in the order of a LightGBM ranker (lambdarank: Burges, MSR-TR-2010-82).

    Of a user and an item it sees each source's rank and score, how many events and items the user has, and how often the item
    was bought, by all and by the user: so it trusts the sources differently for a newcomer and a regular. `fit` fits the
    sources, `learn` then teaches the ranker; a later `fit` on more events keeps what was learned. With `seen`, what a user
    bought is a candidate too. A score of 0 is that of an item that is no candidate. `boosting` is what differs from `PARAMETERS`.
    """

    sources: Mapping[str, Source]
    depth: int = 50
    seen: bool = False
    seed: int = 7
    boosting: Mapping[str, float] = field(default_factory=dict)
    _ranker: lightgbm.Booster | None = field(default=None, init=False, repr=False)
    _odds: tuple[float, float] = field(default=(1.0, 0.0), init=False, repr=False)
    _counts: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32), init=False, repr=False)
    _fingerprint: str = field(default="", init=False, repr=False)

    def fit(self, interactions: Interactions) -> "Fusion":
        for source in self.sources.values():
            source.fit(interactions)
        return self.over(interactions)

    def over(self, interactions: Interactions) -> "Fusion":
        """`fit` for sources that were fitted on these already."""
        self._counts = np.bincount(interactions.items, minlength=interactions.n_items).astype(np.float32)
        self._fingerprint = interactions.fingerprint
        return self

    def learn(
        self, histories: Sequence[History], next_items: Sequence[NDArray[np.int32]], fewest: int = FEWEST_LESSONS
    ) -> "Fusion":
        """Teach the ranker what users bought next. No source may have been fitted on it.

        Users of whose next items no source found one teach nothing. Raises TooFewLessons where fewer than `fewest` are left.
        """
        random = np.random.default_rng(self.seed)
        drawn = np.sort(random.permutation(len(histories))[:MOST_LESSONS])
        candidates, right = self._taught([histories[n] for n in drawn], [next_items[n] for n in drawn])
        sizes = np.bincount(candidates.users)[np.unique(candidates.users)]
        if len(sizes) < fewest:
            raise TooFewLessons(f"only {len(sizes)} users bought next what a source had found: too few to learn from")
        shuffled = random.permutation(len(sizes))
        stops = np.zeros(len(sizes), bool)
        stops[shuffled[: max(int(len(sizes) * STOPPING), 1)]] = True
        rows = np.repeat(stops, sizes)
        taught = lightgbm.Dataset(candidates.features[~rows], right[~rows], group=sizes[~stops], free_raw_data=True)
        stopping = lightgbm.Dataset(candidates.features[rows], right[rows], group=sizes[stops], reference=taught)
        stop = lightgbm.early_stopping(PATIENCE, verbose=False)
        self._ranker = lightgbm.train(
            {**PARAMETERS, **self.boosting, "seed": self.seed}, taught, MOST_TREES, valid_sets=[stopping], callbacks=[stop]
        )
        self._odds = _odds(self.predict(candidates.features[rows]), right[rows])
        return self

    def scores(self, histories: Sequence[History]) -> NDArray[np.float32]:
        """Raises ValueError before `learn`."""
        found = np.zeros((len(histories), len(self._counts)), np.float32)
        for start in range(0, len(histories), BLOCK):
            candidates = self.candidates(histories[start : start + BLOCK])
            if len(candidates.users):
                scores = self.predict(candidates.features)
                found[start + candidates.users, candidates.items] = np.where(scores == 0, np.float32(1e-9), scores)
        return found

    def candidates(
        self, histories: Sequence[History], allowed: NDArray[np.bool_] | None = None, also: Sequence[int] = ()
    ) -> Candidates:
        """Of at most a block of users. A rank or score that a source does not give is NaN.

        `allowed` is a mask over items, looked at before a source takes its best. The items `also` are candidates of each user
        whatever the sources say.
        """
        without = None if self.seen else histories
        scores = [source.scores(histories) for source in self.sources.values()]
        best = [rank(of_source, self.depth, allowed, without) for of_source in scores]
        chosen = np.zeros((len(histories), len(self._counts)), bool)
        chosen[:, list(also)] = True
        for ranking in best:
            users, places = np.nonzero(ranking.items >= 0)
            chosen[users, ranking.items[users, places]] = True
        users, items = np.nonzero(chosen)
        columns = [column for said in map(_said, scores, best, repeat(users), repeat(items)) for column in said]
        events = np.array([len(history.items) for history in histories], np.float32)
        kinds = np.array([len(np.unique(history.items)) for history in histories], np.float32)
        own = np.stack([np.bincount(history.items, minlength=len(self._counts)) for history in histories])[users, items]
        columns += [events[users], kinds[users], self._counts[items], own.astype(np.float32)]
        return Candidates(users, items, np.stack(columns, axis=1))

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """The ranker's scores of `candidates`, which compare within one user only. Raises ValueError before `learn`."""
        return np.asarray(self._learned().predict(features, num_threads=1), np.float32)

    def probabilities(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """How likely candidates with these scores are bought next, in (0, 1) and in the same order.

        A logistic curve (Platt, "Probabilistic Outputs for Support Vector Machines", 1999) through the users who said when to
        stop boosting. It is that of users for whom a source found something.
        """
        slope, intercept = self._odds
        return 1 / (1 + np.exp(-(slope * scores.astype(np.float64) + intercept)))

    def similar_items(self, item: int, k: int) -> Ranking:
        """What the fusion recommends to a user with this item alone."""
        alone = [History(np.array([item], np.int32), np.zeros(1))]
        return rank(self.scores(alone), k, without=alone)

    def explain(self, history: History, item: int) -> list[Contribution]:
        """A source's part (`parts`) is shared among the user's events as the source itself does; the rest goes to no event."""
        amounts: dict[int | None, float] = {}
        for name, part in self.parts(history, item).items():
            own = self.sources[name].explain(history, item) if name in self.sources else []
            whole = sum(abs(contribution.amount) for contribution in own)
            for contribution in own or [Contribution(None, 1.0)]:
                share = abs(contribution.amount) / whole if whole else 1.0
                amounts[contribution.event] = amounts.get(contribution.event, 0.0) + part * share
        return sorted((Contribution(event, amount) for event, amount in amounts.items() if amount), key=lambda c: -c.amount)

    def parts(self, history: History, item: int) -> dict[str, float]:
        """How much each source, and what is known of the user and the item ("user"), add to the score, in whose sum they end.

        Those of `contributions`, the expected score with "user". Empty for an item that is no candidate.
        """
        candidates = self.candidates([history])
        row = np.flatnonzero(candidates.items == item)
        if not len(row):
            return {}
        (found,) = self.contributions(candidates.features[row])
        return {name: found[name] for name in self.sources} | {"user": sum(found[name] for name in (*OF_USER, EXPECTED))}

    def contributions(self, features: NDArray[np.float32]) -> list[dict[str, float]]:
        """For each of these candidates what each source, each of `OF_USER` and "expected" add to its score; they sum to it.

        Shapley values of the trees (Lundberg et al., "Consistent Individualized Feature Attribution for Tree Ensembles", 2018),
        from the score that is expected of any candidate.
        """
        values = np.asarray(self._learned().predict(features, pred_contrib=True, num_threads=1))
        sources, rest = np.split(values, [len(self.sources) * len(OF_SOURCE)], axis=1)
        summed = sources.reshape(len(values), len(self.sources), len(OF_SOURCE)).sum(axis=2)
        names = (*self.sources, *OF_USER, EXPECTED)
        return [dict(zip(names, row, strict=True)) for row in np.hstack([summed, rest]).tolist()]

    def importance(self) -> dict[str, float]:
        """Each source's share of what the ranker gained by its splits, and the "user"'s."""
        gains = self._learned().feature_importance("gain")
        each, whole = len(OF_SOURCE), max(float(gains.sum()), 1e-9)
        found = {name: float(gains[n * each : (n + 1) * each].sum()) / whole for n, name in enumerate(self.sources)}
        return found | {"user": float(gains[len(self.sources) * each :].sum()) / whole}

    def save(self, folder: Path) -> None:
        """The ranker, and each source in a folder of its own."""
        kinds = {name: type(source).__name__ for name, source in self.sources.items()}
        values = {"depth": self.depth, "seen": self.seen, "seed": self.seed, "odds": self._odds, "sources": kinds}
        save_arrays(folder, self._fingerprint, values, {"counts": self._counts})
        self._learned().save_model(folder / "ranker.txt")
        for n, source in enumerate(self.sources.values()):
            source.save(folder / str(n))

    @classmethod
    def load(cls, folder: Path, fingerprint: str) -> "Fusion":
        values, arrays = load_arrays(folder, fingerprint)
        kinds = {kind.__name__: kind for kind in KINDS}
        sources = {
            name: kinds[kind].load(folder / str(n), fingerprint) for n, (name, kind) in enumerate(values["sources"].items())
        }
        fusion = cls(sources, values["depth"], values["seen"], values["seed"])
        fusion._counts, fusion._fingerprint = arrays["counts"], fingerprint
        fusion._odds = tuple(values["odds"])
        fusion._ranker = lightgbm.Booster(model_file=folder / "ranker.txt")
        return fusion

    def _learned(self) -> lightgbm.Booster:
        if self._ranker is None:
            raise ValueError("the fusion has learned nothing yet: call learn")
        return self._ranker

    def _taught(
        self, histories: Sequence[History], next_items: Sequence[NDArray[np.int32]]
    ) -> tuple[Candidates, NDArray[np.int8]]:
        """The candidates of all users with a right one among them, and which are right."""
        users, items, features, rights = [], [], [], []
        for start in range(0, len(histories), BLOCK):
            found = self.candidates(histories[start : start + BLOCK])
            bought = np.zeros((len(histories[start : start + BLOCK]), len(self._counts)), bool)
            for row, codes in enumerate(next_items[start : start + BLOCK]):
                bought[row, codes] = True
            right = bought[found.users, found.items]
            teaches = np.isin(found.users, found.users[right])
            users.append(start + found.users[teaches])
            items.append(found.items[teaches])
            features.append(found.features[teaches])
            rights.append(right[teaches])
        if not users:
            raise TooFewLessons("there are no histories to learn from")
        taught = Candidates(np.concatenate(users), np.concatenate(items), np.concatenate(features))
        return taught, np.concatenate(rights).astype(np.int8)


def _odds(scores: NDArray[np.float32], right: NDArray[np.int8]) -> tuple[float, float]:
    """Slope, above 0, and intercept of the logistic curve through scores of which these were right."""
    if right.all():
        return 1.0, 0.0
    curve = LogisticRegression().fit(scores[:, None], right)
    return max(float(curve.coef_[0, 0]), 1e-3), float(curve.intercept_[0])


def _said(
    scores: NDArray[np.float32], best: Ranking, users: NDArray[np.int64], items: NDArray[np.int64]
) -> list[NDArray[np.float32]]:
    """What one source says of each pair: log(1 + rank) among its best, its score, and how far that is from the mean and from
    the greatest of the user's best, in their standard deviations.
    """
    ranks = np.full(scores.shape, np.nan, np.float32)
    found = best.items >= 0
    rows, places = np.nonzero(found)
    ranks[rows, best.items[rows, places]] = np.log1p(places)
    count = np.maximum(found.sum(axis=1), 1)
    mean = best.scores.sum(axis=1) / count
    spread = np.sqrt(np.where(found, (best.scores - mean[:, None]) ** 2, 0).sum(axis=1) / count) + 1e-6
    score = scores[users, items]
    score = np.where(score == 0, np.nan, score)
    return [ranks[users, items], score, (score - mean[users]) / spread[users], (score - best.scores[users, 0]) / spread[users]]
