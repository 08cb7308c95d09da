"""How a campaign did: whom it reached, who redeemed, and what users like them spent who were not reached."""

from datetime import UTC, date, datetime, time, timedelta
from math import sqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from retrieval.groups.segmentation import SMALLEST
from tools.errors import ToolError
from tools.insight_results import Balance, CampaignEffect, CampaignGroup, CampaignReport
from tools.segments import list_segments, segment_labels
from tools.shop import Shop

WINDOW_DAYS = 28
HALF_LIFE_DAYS = 120.0
BEFORE_DAYS = 84
"""Days before the start in which users are compared; a campaign with less of the log before it is compared with nobody."""
CALIPER = 0.25
"""Matched users are at most so far apart, in standard deviations of what is compared."""
ALIKE = ("spend", "baskets", "recency")
NOT_CAUSAL = "no proof of cause: users not reached were as alike before as the log can tell, but the shop chose whom to reach"


def campaign_report(shop: Shop, campaign: str) -> CampaignReport:
    """A campaign by its name, from impressions and coupon redemptions that bear it.

    Raises ToolError naming the campaigns there are. Fewer than ten users reached or redeeming are not described.
    """
    activity = shop.views.people.activity
    touched = activity.filter(pl.col("campaign").is_not_null(), pl.col("type").is_in(["impression", "coupon_redeem"]))
    touched = touched.with_columns(pl.col("campaign", "user_id").cast(pl.String))
    wanted = campaign.lower().replace("campaign", "").strip(" #")
    rows = touched.filter(pl.col("campaign").str.to_lowercase() == wanted)
    if rows.is_empty():
        known = sorted(touched["campaign"].unique(), key=lambda name: (len(name), name))
        raise ToolError(f"no campaign {campaign[:100]!r}, there are {', '.join(known) or 'none'}")
    sent = rows.filter(pl.col("type") == "impression")
    redeemed = rows.filter(pl.col("type") == "coupon_redeem")
    redeemers = redeemed["user_id"].unique()
    reached = sent.select(pl.col("user_id").unique(maintain_order=True)).with_columns(
        redeemed=pl.col("user_id").is_in(redeemers.implode())
    )
    start = sent["day"].min()
    assert start is None or isinstance(start, date)
    report = CampaignReport(
        campaign=rows["campaign"][0],
        reached=len(reached),
        redeemers=len(redeemers),
        redemptions=int(redeemed["events"].sum()),
        redemption_rate=len(redeemers) / len(reached) if len(reached) else 0.0,
        start=None if start is None else datetime.combine(start, time(), UTC),
    )
    if 0 < report.redeemers < SMALLEST or 0 < report.reached < SMALLEST:
        report.redeemers, report.redemptions, report.redemption_rate = 0, 0, 0.0
        report.notes.append(f"fewer than {SMALLEST} users redeemed: not described")
    if start is None or report.reached < SMALLEST:
        report.reached = 0
        report.notes = [f"fewer than {SMALLEST} users were reached: not described"]
        return report
    visits = _visits(activity)
    if report.redeemers:
        report.segments = _by_segment(shop, reached)
        report.strength = _by_strength(reached, visits, start)
    days = min(WINDOW_DAYS, (shop.now().date() - start).days + 1)
    if (why := _cannot_compare(visits, start, days)) is None:
        report.effect = _effect(reached["user_id"], visits, start, days)
        why = NOT_CAUSAL if report.effect else f"fewer than {SMALLEST} users not reached were like those reached: not compared"
    report.notes.append(why)
    return report


def _visits(activity: pl.DataFrame) -> pl.DataFrame:
    """user_id, day and spend of each visit with a purchase."""
    bought = activity.lazy().filter(pl.col("type") == "purchase").select("user_id", "visit", "day", "spend").collect()
    visits = bought.group_by("user_id", "visit").agg(pl.col("day").min(), pl.col("spend").sum())
    return visits.with_columns(pl.col("user_id").cast(pl.String))


def _cannot_compare(visits: pl.DataFrame, start: date, days: int) -> str | None:
    """Why nothing can be said against users not reached, if so."""
    first = visits["day"].min()
    if not isinstance(first, date) or (start - first).days < BEFORE_DAYS:
        return f"the log does not reach {BEFORE_DAYS} days before the start: counts only, no comparison with users not reached"
    if days < WINDOW_DAYS:
        return f"{days} of {WINDOW_DAYS} days have passed since the start: counts only, no comparison with users not reached yet"
    return None


def _by_segment(shop: Shop, reached: pl.DataFrame) -> list[CampaignGroup]:
    """The users reached by their segment today; those with fewer than ten redeemers together as others."""
    names = {segment.segment_id: segment.name for segment in list_segments(shop).segments}
    rows = reached.join(segment_labels(shop), on="user_id", how="left")
    counts = rows.group_by("segment_id").agg(reached=pl.len(), redeemers=pl.col("redeemed").sum())
    groups = sorted(
        (CampaignGroup(name=names.get(key, "others"), reached=n, redeemers=k, rate=k / n) for key, n, k in counts.iter_rows()),
        key=lambda group: (group.name != "others", group.redeemers, group.name),
    )
    return _told(groups, "others")[::-1]


def _by_strength(reached: pl.DataFrame, visits: pl.DataFrame, start: date) -> list[CampaignGroup]:
    """The users reached by deciles of their baskets before the start, which count half after 120 days, weakest first."""
    age = (pl.lit(start) - pl.col("day")).dt.total_days()
    before = visits.filter(pl.col("day") < start).group_by("user_id").agg(strength=(0.5 ** (age / HALF_LIFE_DAYS)).sum())
    order = reached.join(before, on="user_id", how="left").sort(pl.col("strength").fill_null(0.0), "user_id")
    deciles = order.with_columns(decile=(10 * pl.int_range(1, pl.len() + 1) / pl.len()).ceil().cast(pl.Int64))
    counts = deciles.group_by("decile").agg(reached=pl.len(), redeemers=pl.col("redeemed").sum()).sort("decile")
    return _told([CampaignGroup(name=str(at), reached=n, redeemers=k, rate=k / n) for at, n, k in counts.iter_rows()])


def _told(groups: list[CampaignGroup], rest: str | None = None) -> list[CampaignGroup]:
    """Neighbours told as one until each has ten redeemers, those left over with the last; nothing when all are one.

    What is told as one is called `rest`, or by its range.
    """
    parts: list[list[CampaignGroup]] = []
    for group in groups:
        if parts and sum(member.redeemers for member in parts[-1]) < SMALLEST:
            parts[-1].append(group)
        else:
            parts.append([group])
    if len(parts) > 1 and sum(member.redeemers for member in parts[-1]) < SMALLEST:
        last = parts.pop()
        parts[-1] += last
    told = []
    for part in parts:
        reached, redeemers = sum(group.reached for group in part), sum(group.redeemers for group in part)
        name = part[0].name if len(part) == 1 else rest or f"{part[0].name} to {part[-1].name}"
        told.append(CampaignGroup(name=name, reached=reached, redeemers=redeemers, rate=redeemers / reached))
    return told if len(told) > 1 else []


def _effect(reached: pl.Series, visits: pl.DataFrame, start: date, days: int) -> CampaignEffect | None:
    """Each user reached against the one not reached who was most like him before the start, if near enough.

    One user may stand for several; the interval counts these as one (cluster-robust, Liang and Zeger 1986). None when fewer
    than ten of either can be compared.
    """
    since = start - timedelta(days=BEFORE_DAYS)
    age = (pl.lit(start) - pl.col("day")).dt.total_days()
    before = visits.filter(pl.col("day").is_between(since, start, closed="left")).group_by("user_id")
    after = visits.filter(pl.col("day").is_between(start, start + timedelta(days=days), closed="left")).group_by("user_id")
    users = (
        before.agg(pl.col("spend").sum(), baskets=pl.len(), recency=age.min())
        .join(after.agg(outcome=pl.col("spend").sum()), on="user_id", how="left")
        .with_columns(pl.col("outcome").fill_null(0.0), reached=pl.col("user_id").is_in(reached.implode()))
        .sort("user_id")
    )
    was = users["reached"].to_numpy()
    if min(was.sum(), (~was).sum()) < SMALLEST:
        return None
    points = users.select(pl.col(ALIKE).cast(pl.Float64).log1p()).to_numpy()
    points = (points - points.mean(axis=0)) / np.maximum(points.std(axis=0), 1e-9)
    away, nearest = NearestNeighbors(n_neighbors=1).fit(points[~was]).kneighbors(points[was])
    near = away[:, 0] <= CALIPER
    partner = nearest[near, 0]
    if near.sum() < SMALLEST or len(np.unique(partner)) < SMALLEST:
        return None
    outcome = users["outcome"].to_numpy()
    one, other = outcome[was][near], outcome[~was][partner]
    difference = float((one - other).mean())
    error = _clustered_error(one - other, partner)
    ours, theirs = points[was], points[~was]
    gaps = zip(
        ALIKE, ours.mean(axis=0) - theirs.mean(axis=0), ours[near].mean(axis=0) - theirs[partner].mean(axis=0), strict=True
    )
    return CampaignEffect(
        matched=int(near.sum()),
        days=days,
        reached_spend=float(one.mean()),
        others_spend=float(other.mean()),
        difference=difference,
        low=difference - 1.96 * error,
        high=difference + 1.96 * error,
        balance=[Balance(habit=habit, before=float(raw), after=float(matched)) for habit, raw, matched in gaps],
    )


def _clustered_error(values: NDArray[np.float64], cluster: NDArray[np.int64]) -> float:
    """Standard error of the mean of values that depend on one another within a cluster."""
    return sqrt(float((np.bincount(cluster, weights=values - values.mean()) ** 2).sum())) / len(values)
