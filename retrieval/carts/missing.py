"""What a basket lacks: rules over its topics and the person's own baskets, blended into one ranking of topics."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrieval.carts.pairs import Pairs
from retrieval.carts.rules import Rule, Rules

HALF_LIFE_DAYS = 120
DOUBT = 10
"""Baskets with the antecedent alone that are added to what was counted, so that few baskets do not speak loud."""


@dataclass(frozen=True)
class Own:
    """A person's baskets with a topic: `baskets` of `n_baskets`.

    `share` is theirs of the person's baskets, each counting half after 120 days; `alike` the same among those baskets that
    hold some of the cart, each by how much of it. One basket without the topic is added to either, as a doubt.
    """

    baskets: int
    n_baskets: int
    share: float
    alike: float


@dataclass(frozen=True)
class Weights:
    """What one unit of each part adds to the score; chosen by `eval/basket.py` on the week before the one it scores."""

    share: float = 1.0
    rule: float = 1.0
    alike: float = 0.5


@dataclass(frozen=True)
class Missing:
    """A topic that a basket lacks. `rule` has the most to say for it, None without one better than chance."""

    topic: str
    score: float
    rule: Rule | None
    own: Own | None


def own_baskets(bought: pl.DataFrame, cart: Collection[str], as_of: datetime) -> dict[str, Own]:
    """A person's habits by topic, from the rows bought before `as_of` (columns session_id, ts and topic)."""
    age = (pl.lit(as_of) - pl.col("ts").max()).dt.total_seconds() / 86_400
    baskets = (
        bought.filter(pl.col("ts") < as_of)
        .group_by("session_id")
        .agg(
            pl.col("topic").drop_nulls().unique(),
            weight=0.5 ** (age / HALF_LIFE_DAYS),
            alike=pl.col("topic").filter(pl.col("topic").is_in(list(cart))).n_unique() / max(len(set(cart)), 1),
        )
    )
    weight, alike = pl.col("weight"), pl.col("weight") * pl.col("alike")
    whole, whole_alike = baskets.select(weight.sum(), alike=alike.sum()).row(0)
    topics = (
        baskets.explode("topic")
        .drop_nulls("topic")
        .group_by("topic")
        .agg(baskets=pl.len(), share=weight.sum() / (whole + 1), alike=alike.sum() / (whole_alike + 1))
    )
    return {topic: Own(n, len(baskets), share, like) for topic, n, share, like in topics.sort("topic").iter_rows()}


def parts(cart: Collection[str], pairs: Pairs, rules: Rules, own: Mapping[str, Own]) -> NDArray[np.float32]:
    """What speaks for each of `pairs.topics`, (3, topics): the person's share, the best rule's added value, the share alike.

    Added value is confidence less the share of all baskets that hold the consequent (Sahar and Mansour 1999).
    """
    found = np.zeros((3, len(pairs.topics)), np.float32)
    if codes := pairs.codes(cart):
        found[1] = np.maximum(_pair_values(codes, pairs).max(axis=0), 0)
    for rule in rules.matching(cart):
        code = pairs.code_of[rule.consequent]
        found[1, code] = max(found[1, code], _added_value(rule))
    for topic, habit in own.items():
        if (known := pairs.code_of.get(topic)) is not None:
            found[0, known], found[2, known] = habit.share, habit.alike
    return found


def blend(values: NDArray[np.float32], weights: Weights) -> NDArray[np.float32]:
    """One score for each topic from its parts, (..., 3, topics) to (..., topics)."""
    return np.asarray(np.array([weights.share, weights.rule, weights.alike], np.float32) @ values)


def missing_topics(
    cart: Collection[str],
    pairs: Pairs,
    rules: Rules,
    own: Mapping[str, Own],
    k: int,
    allowed: Collection[str] | None = None,
    weights: Weights | None = None,
) -> list[Missing]:
    """The `k` topics, of all or of those `allowed`, that `cart` (topics) most likely lacks, ties by name.

    Topics that nothing speaks for are left out: an empty cart of an unknown person lacks none.
    """
    scores = blend(parts(cart, pairs, rules, own), weights or Weights())
    codes = pairs.codes(cart)
    scores[codes] = 0
    if allowed is not None:
        scores[[code for code, topic in enumerate(pairs.topics) if topic not in allowed]] = 0
    best = [int(code) for code in np.argsort(-scores, kind="stable")[:k] if scores[code] > 0]
    speaking: dict[str, list[Rule]] = {pairs.topics[code]: [] for code in best}
    if codes and best:
        strongest = _pair_values(codes, pairs)[:, best].argmax(axis=0)
        for code, row in zip(best, strongest.tolist(), strict=True):
            speaking[pairs.topics[code]].append(pairs.rule(codes[row], code))
    for rule in rules.matching(cart):
        if rule.consequent in speaking:
            speaking[rule.consequent].append(rule)
    found = []
    for code in best:
        topic = pairs.topics[code]
        better = [rule for rule in speaking[topic] if rule.lift > 1]
        found.append(Missing(topic, float(scores[code]), max(better, key=_added_value, default=None), own.get(topic)))
    return found


def _pair_values(codes: list[int], pairs: Pairs) -> NDArray[np.float64]:
    """Added values of the rules from each of `codes` to each topic, (codes, topics)."""
    confidence = pairs.together(codes) / (pairs.baskets_of[codes, None] + DOUBT)
    return np.asarray(confidence - pairs.baskets_of / pairs.n_baskets)


def _added_value(rule: Rule) -> float:
    return rule.baskets / (rule.antecedent_baskets + DOUBT) - rule.consequent_baskets / rule.n_baskets
