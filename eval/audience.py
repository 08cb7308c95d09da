"""Audiences against what then happened: who bought a topic, and who redeemed a campaign's coupons, ranked by what was known.

Buyers: for the 60 most bought product types all households are ranked by their strength on the first of December 2017, and
scored on who bought in the next 28 days. Redeemers: see `eval/campaigns.py`. Covered is the ranking alone; where to cut
it, and whether mailing somebody changes what they do, is not.
"""

import hashlib
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import average_precision_score

from behavior import Catalog, InterestModel, strength, topic_features
from eval.campaigns import redeemers
from eval.report import printed, rounded
from tools import Shop

AS_OF = datetime(2017, 12, 1, tzinfo=UTC)
AHEAD = timedelta(days=28)
TOPICS = 60
TYPE_A = ("8", "13", "18")
Floats = NDArray[np.float64]


def run(shop: Shop, seed: int) -> Table:
    """Print how well each method ranks buyers and redeemers, then the JSON line. Takes some minutes on the demo shop.

    `seed` is the report's; nothing is drawn. Raises ValueError for a shop without purchases before and after the date,
    or without those campaigns: the data is that of the demo shop.
    """
    log = shop.store.scan()
    results = {
        **{f"buyers: {name}": row for name, row in buyers(log, shop.catalog, AS_OF).items()},
        **{f"redeemers: {name}": row for name, row in redeemers(log, shop.catalog, TYPE_A).items()},
    }
    metrics = list(dict.fromkeys(metric for row in results.values() for metric in row))
    table = Table("method", *metrics, title=f"Audiences: {TOPICS} topics as of {AS_OF:%Y-%m-%d}, campaigns {', '.join(TYPE_A)}")
    for name, row in results.items():
        table.add_row(name, *(f"{row[metric]:.3f}" if metric in row else "" for metric in metrics))
    console = Console()
    console.print(table)
    ids = log.select(pl.col("event_id").hash(seed=0).sum(), pl.len()).row(0)
    data = hashlib.blake2b(repr(ids).encode(), digest_size=8).hexdigest()
    printed(console, rounded(results), eval="audience", data=data, seed=seed, model="none")
    return table


def buyers(log: pl.DataFrame, catalog: Catalog, as_of: datetime, topics: int = TOPICS) -> dict[str, dict[str, float]]:
    """By method, the mean over the most bought leaf topics of the average precision and of the lift in the top decile.

    All users of `log` are ranked, those who never bought the topic too. Raises ValueError when no topic was bought before
    `as_of` and again in the 28 days from it.
    """
    before = log.filter(pl.col("ts") < as_of)
    features = topic_features(before, catalog, as_of)
    features = features.with_columns(strength=strength(features, InterestModel.fit(before, catalog, as_of)))
    later = log.filter(pl.col("type") == "purchase", pl.col("ts") >= as_of, pl.col("ts") < as_of + AHEAD)
    users = log.select("user_id").unique().sort("user_id")
    visits = features.filter(~pl.col("is_leaf")).group_by("user_id").agg(visits=pl.col("baskets").sum())
    trips = users.join(visits, on="user_id", how="left")["visits"].fill_null(0).to_numpy()
    sizes = features.filter(pl.col("is_leaf")).group_by("topic").agg(pl.col("baskets").sum())
    scored: dict[str, list[tuple[float, float]]] = {}
    for topic in sizes.sort("baskets", "topic", descending=[True, False]).head(topics)["topic"]:
        bought = later.filter(pl.col("item_id").is_in(catalog.items_of(topic)))["user_id"].unique()
        truth = users["user_id"].is_in(bought.implode()).to_numpy()
        if not truth.any():
            continue
        known = users.join(features.filter(pl.col("topic") == topic), on="user_id", how="left")
        methods = {
            "strength": known["strength"],
            "frequency": known["baskets"],
            "recency": known["decayed"],
            "popularity": pl.Series(trips),
        }
        for name, values in methods.items():
            scores = values.fill_null(0).cast(pl.Float64).to_numpy()
            scored.setdefault(name, []).append((float(average_precision_score(truth, scores)), lift(truth, scores)))
        scored.setdefault("chance", []).append((float(truth.mean()), 1.0))
    if not scored:
        raise ValueError(f"the log has no topic bought before {as_of:%Y-%m-%d} and in the 28 days from it")
    return {
        name: {"map": float(np.mean([ap for ap, _ in values])), "lift@10%": float(np.mean([up for _, up in values]))}
        for name, values in scored.items()
    }


def lift(truth: NDArray[np.bool_], scores: Floats, share: float = 0.1) -> float:
    """How much more often the best `share` of the users is right than all are; users of equal score count in part."""
    n = int(np.ceil(share * len(scores)))
    bar = np.sort(scores)[-n]
    above, level = scores > bar, scores == bar
    hits = truth[above].sum() + (n - above.sum()) * truth[level].mean()
    return float(hits / n / truth.mean())
