"""What shopping trips are for: groups of topics that lie in the same baskets, named by an occasion or by their own words."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import log
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom
from sklearn.decomposition import NMF

from retrieval.carts.pairs import Pairs

MISSIONS = 24
TYPICAL = 20
"""At most so many topics make a mission."""
WEAKEST = 0.25
"""Weight of a typical topic at least, over that of the mission's first."""
MIN_SHARE = 0.001
"""Topics in a smaller share of baskets are left out of the factors."""
MIN_TOGETHER = 30
NAMED = 0.4
"""Share of a mission's weight that an occasion must cover to name it."""
BY_CHANCE = 0.01
"""A cart has a mission when chance alone would seldom put so many of its topics in: a binomial tail of at most this."""
MIN_PART = 0.25
"""Share of a cart's topics that must be typical of its mission."""


@dataclass(frozen=True)
class Mission:
    """`topics` are typical of it, the most typical first; `chance` is their share of all that is bought, topic by basket."""

    name: str
    topics: tuple[str, ...]
    chance: float


@dataclass(frozen=True)
class MissionMatch:
    """`topics` of the cart are typical of the mission: `share` of the cart's topics, with probability `tail` by chance alone."""

    mission: Mission
    topics: tuple[str, ...]
    share: float
    tail: float


class Missions:
    """The missions of a shop. Build them with `fit`, keep them with `save` and `load`."""

    def __init__(self, missions: list[Mission]) -> None:
        self.missions = missions

    @classmethod
    def fit(cls, pairs: Pairs, occasions: Mapping[str, Sequence[str]], seed: int, n: int = MISSIONS) -> "Missions":
        """Learn at most `n` missions, and one for three topics at most.

        They are the factors of a non-negative factorisation (Lee and Seung 1999) of the topics' positive pointwise mutual
        information (Church and Hanks 1990), where popularity counts for nothing. A mission bears the name of the occasion that
        most of its weight is good for (words by topic in `occasions`), else of its two first topics.
        """
        often = np.flatnonzero(pairs.baskets_of >= max(MIN_SHARE * pairs.n_baskets, 2))
        factors = min(n, len(often) // 3)
        if factors == 0:
            return cls([])
        information = _information(pairs)[np.ix_(often, often)]
        weights = NMF(factors, init="nndsvda", random_state=seed, max_iter=500, tol=1e-3).fit_transform(information)
        names = [pairs.topics[code] for code in often]
        spread = Counter(word for topic in names for word in set(occasions.get(topic, ())))
        missions: dict[str, Mission] = {}
        for factor in weights.T[np.argsort(-weights.sum(axis=0), kind="stable")]:
            best = [int(code) for code in np.argsort(-factor, kind="stable")[:TYPICAL] if factor[code] > WEAKEST * factor.max()]
            if len(best) < 2:
                continue
            topics = tuple(names[code] for code in best)
            bought = int(pairs.baskets_of[often[best]].sum()) / int(pairs.baskets_of.sum())
            own = f"{topics[0]} and {topics[1]}"
            name = _occasion({names[code]: float(factor[code]) for code in best}, occasions, spread, len(names)) or own
            if name in missions:
                name = f"{name}: {own}"
            missions[name] = Mission(name, topics, bought)
        return cls(list(missions.values()))

    def of(self, cart: Collection[str]) -> list[MissionMatch]:
        """The missions that the topics of a cart speak for, the least likely by chance first; none for most small carts."""
        own = set(cart)
        found = []
        for mission in self.missions:
            topics = tuple(topic for topic in mission.topics if topic in own)
            if len(topics) >= 2:
                tail = float(binom.sf(len(topics) - 1, len(own), mission.chance))
                if tail <= BY_CHANCE and len(topics) / len(own) >= MIN_PART:
                    found.append(MissionMatch(mission, topics, len(topics) / len(own), tail))
        return sorted(found, key=lambda match: (match.tail, match.mission.name))

    def save(self, folder: Path) -> None:
        (folder / "missions.json").write_text(json.dumps([asdict(mission) for mission in self.missions]), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Missions":
        """Raises OSError when nothing was saved in `folder`."""
        rows = json.loads((folder / "missions.json").read_text(encoding="utf-8"))
        return cls([Mission(row["name"], tuple(row["topics"]), row["chance"]) for row in rows])


def _information(pairs: Pairs) -> NDArray[np.float64]:
    """max(0, log(observed / expected)) of each pair of topics in at least 30 baskets (5 in a small shop), 0 elsewhere.

    What is expected follows from the topics' own counts and the number of all pairs in all baskets, so that large baskets
    do not make everything belong together.
    """
    counts = pairs.matrix()
    share = pairs.baskets_of / pairs.baskets_of.sum()
    expected = share[counts.row] * share[counts.col] * counts.data.sum()
    enough = counts.data >= min(MIN_TOGETHER, max(MIN_SHARE * pairs.n_baskets, 5))
    information = np.zeros(counts.shape)
    values = np.maximum(np.log(counts.data / expected), 0)
    information[counts.row[enough], counts.col[enough]] = values[enough]
    return information


def _occasion(
    weights: Mapping[str, float], occasions: Mapping[str, Sequence[str]], spread: Counter[str], n_topics: int
) -> str | None:
    """The occasion that covers much of the weight and is good for few other topics, in its shortest word; None when none is."""
    covered: dict[str, float] = {}
    for topic, weight in weights.items():
        for word in dict.fromkeys(occasions.get(topic, ())):
            covered[word] = covered.get(word, 0.0) + weight / sum(weights.values())
    named = [word for word, share in covered.items() if share >= NAMED]
    return max(named, key=lambda word: (round(covered[word] * log(n_topics / spread[word]), 9), -len(word), word), default=None)
