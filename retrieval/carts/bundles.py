"""Bundles: two or three topics that are bought together more often than chance has it."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.carts.pairs import Pairs
from retrieval.carts.rules import Rules

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "topics": pl.List(pl.String),
    "baskets": pl.Int64,
    "support": pl.Float64,
    "confidence": pl.Float64,
    "lift": pl.Float64,
}

Codes = NDArray[np.int64]


def common_bundles(pairs: Pairs, rules: Rules, min_baskets: int) -> pl.DataFrame:
    """Each pair, and each triple of `rules`, in at least `min_baskets` baskets and with a lift above 1, the greatest lift first.

    `topics` ends with the one that the others lead to: of a pair the more bought, of a triple the one that the other two
    lead to least, so that `confidence` and `lift` of a triple are the weakest of its three rules.
    """
    two = pairs.matrix()
    kept = (two.data >= min_baskets) & (two.row < two.col)
    a, b, baskets = two.row[kept], two.col[kept], two.data[kept].astype(np.int64)
    swap = pairs.baskets_of[a] > pairs.baskets_of[b]
    first, last = np.where(swap, b, a), np.where(swap, a, b)
    found = [_frame(pairs, np.stack([first, last], axis=1), baskets, pairs.baskets_of[first])]
    three = {frozenset(rule.topics): rule.baskets for rule in rules if len(rule.antecedent) == 2 and rule.baskets >= min_baskets}
    if three:
        codes = np.array([sorted(pairs.code_of[topic] for topic in topics) for topics in three])
        counts = np.array(list(three.values()))
        table = two.tocsr()
        splits = [np.roll(codes, turn, axis=1) for turn in range(3)]
        before = [np.asarray(table[split[:, 0], split[:, 1]]).ravel() for split in splits]
        chance = np.stack([n * pairs.baskets_of[split[:, 2]] for n, split in zip(before, splits, strict=True)])
        weakest = np.argmax(chance, axis=0)
        rows = np.arange(len(codes))
        found.append(_frame(pairs, np.stack(splits)[weakest, rows], counts, np.stack(before)[weakest, rows]))
    bundles = pl.concat(found).filter(pl.col("lift") > 1)
    return bundles.sort(pl.col("lift"), pl.col("topics").list.join("\n"), descending=[True, False])


def _frame(pairs: Pairs, codes: Codes, baskets: Codes, before: Codes) -> pl.DataFrame:
    """Bundles from codes (bundles, topics), the last one the consequent, and the baskets of all and of all but the last."""
    names = np.array(pairs.topics, dtype=object)[codes]
    confidence = baskets / before
    columns = {
        "topics": names.tolist(),
        "baskets": baskets,
        "support": baskets / pairs.n_baskets,
        "confidence": confidence,
        "lift": confidence * pairs.n_baskets / pairs.baskets_of[codes[:, -1]],
    }
    return pl.DataFrame(columns, schema=SCHEMA)
