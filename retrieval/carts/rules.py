"""Association rules: who has these topics in the basket has that one too, mined by FP-growth (Han, Pei and Yin 2000)."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from mlxtend.frequent_patterns import association_rules, fpgrowth
from scipy import sparse

ROUNDING = 1e-9
"""A confidence of four fifths comes out of a division of supports as .7999…, and is meant to reach .8."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Of `antecedent_baskets` baskets with all of `antecedent`, `baskets` hold `consequent` too; `n_baskets` there are in all."""

    antecedent: tuple[str, ...]
    consequent: str
    baskets: int
    antecedent_baskets: int
    consequent_baskets: int
    n_baskets: int

    @property
    def support(self) -> float:
        """Share of all baskets that hold antecedent and consequent."""
        return self.baskets / self.n_baskets

    @property
    def confidence(self) -> float:
        """Share of the baskets with the antecedent that hold the consequent."""
        return self.baskets / self.antecedent_baskets

    @property
    def lift(self) -> float:
        """The confidence over the share of all baskets that hold the consequent: 1 is chance."""
        return self.confidence * self.n_baskets / self.consequent_baskets

    @property
    def topics(self) -> tuple[str, ...]:
        return (*self.antecedent, self.consequent)


class Rules:
    """Rules with one consequent. Build them with `fit`, keep them with `save` and `load`."""

    def __init__(self, rules: list[Rule]) -> None:
        self._rules = rules
        self._by_first: dict[str, list[Rule]] = defaultdict(list)
        for rule in rules:
            self._by_first[rule.antecedent[0]].append(rule)

    @classmethod
    def fit(
        cls, baskets: pl.DataFrame, min_support: float = 0.002, min_confidence: float = 0.1, max_size: int | None = 3
    ) -> "Rules":
        """All rules of `baskets` (columns session_id and topic, a row for each topic in a basket; doubles count once).

        Support is a share of the baskets of the frame, `max_size` the topics of a rule in all. Memory goes with baskets times
        the topics that reach the support, one byte each. Raises ValueError for a bound outside of (0, 1].
        """
        for name, bound in (("min_support", min_support), ("min_confidence", min_confidence)):
            if not 0 < bound <= 1:
                raise ValueError(f"{name} is in (0, 1], not {bound!r}")
        rows = baskets.select("session_id", "topic").drop_nulls().unique()
        n_baskets = rows["session_id"].n_unique()
        sizes = rows.group_by("topic").len().filter(pl.col("len") >= min_support * n_baskets).sort("topic")
        if len(sizes) < 2:
            return cls([])
        itemsets = fpgrowth(_one_hot(rows, sizes["topic"], n_baskets), min_support, use_colnames=True, max_len=max_size)
        found = association_rules(
            itemsets, metric="confidence", min_threshold=min_confidence - ROUNDING, return_metrics=["support", "confidence"]
        )
        baskets_of = dict(sizes.iter_rows())
        rules = []
        for antecedent, consequents, support, confidence in found.itertuples(index=False):
            if len(consequents) == 1:
                (consequent,) = consequents
                baskets_with = (round(support * n_baskets), round(support / confidence * n_baskets), baskets_of[consequent])
                rules.append(Rule(tuple(sorted(antecedent)), consequent, *baskets_with, n_baskets))
        return cls(sorted(rules, key=lambda rule: (rule.antecedent, rule.consequent)))

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def matching(self, topics: Collection[str]) -> Iterator[Rule]:
        """The rules whose antecedent lies within `topics` and whose consequent does not."""
        own = set(topics)
        for first in own & self._by_first.keys():
            for rule in self._by_first[first]:
                if rule.consequent not in own and own.issuperset(rule.antecedent):
                    yield rule

    def save(self, folder: Path) -> None:
        rows = [astuple(rule) for rule in self._rules]
        frame = pl.DataFrame(rows, schema=[field.name for field in fields(Rule)], orient="row") if rows else pl.DataFrame()
        frame.write_parquet(folder / "rules.parquet")

    @classmethod
    def load(cls, folder: Path) -> "Rules":
        """Raises OSError when nothing was saved in `folder`."""
        rows = pl.read_parquet(folder / "rules.parquet").iter_rows()
        return cls([Rule(tuple(antecedent), *rest) for antecedent, *rest in rows])


def _one_hot(rows: pl.DataFrame, topics: pl.Series, n_baskets: int) -> pd.DataFrame:
    """The sparse boolean frame (baskets, topics) that mlxtend reads."""
    kept = rows.with_columns(basket=pl.col("session_id").rank("dense") - 1).filter(pl.col("topic").is_in(topics.implode()))
    cells = (kept["basket"].to_numpy().astype(np.int64), topics.search_sorted(kept["topic"]).to_numpy())
    matrix = sparse.csr_matrix((np.ones(len(kept), np.bool_), cells), shape=(n_baskets, len(topics)))
    return pd.DataFrame.sparse.from_spmatrix(matrix, columns=topics.to_list())
