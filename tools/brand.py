"""How a brand and a campaign did, counted from the log."""

import polars as pl

from tools.audience import SMALLEST
from tools.errors import ToolError
from tools.results import BrandInsight, CampaignReport
from tools.shop import Shop


def brand_insight(shop: Shop, brand: str) -> BrandInsight:
    """Buyers, spend and main topics of a brand (by name, case aside). Raises ToolError naming the brands there are."""
    brands = sorted({item.brand for item in shop.catalog.items.values() if item.brand})
    name = next((known for known in brands if known.lower() == brand.strip().lower()), None)
    if name is None:
        raise ToolError(f"no brand {brand[:100]!r}, the shop has {', '.join(brands[:20])}")
    bought = shop.store.scan(types=["purchase"]).filter(pl.col("item_id").is_not_null())
    own = bought.filter(pl.col("item_id").is_in(shop.catalog.items_of(name)))
    topics = pl.DataFrame(
        {"topic": [shop.catalog.topic_of(i) for i in own["item_id"]], "price": own["price"]},
        schema={"topic": pl.String, "price": pl.Float64},
    )
    best = (
        topics.drop_nulls("topic").group_by("topic").agg(pl.col("price").sum()).sort("price", "topic", descending=[True, False])
    )
    spend, total = float(own["price"].sum()), float(bought["price"].sum())
    return BrandInsight(
        brand=name,
        buyers=own["user_id"].n_unique(),
        population=bought["user_id"].n_unique(),
        spend=round(spend, 2),
        share_of_spend=spend / total if total else 0.0,
        topics=best["topic"].head(5).to_list(),
    )


def campaign_report(shop: Shop, campaign: str) -> CampaignReport:
    """Who was reached by a campaign and who redeemed, from impressions and coupon redemptions that name it.

    Raises ToolError naming the campaigns there are.
    """
    campaigns = pl.col("attributes").str.json_path_match("$.campaign")
    touched = shop.store.scan(types=["impression", "coupon_redeem"]).with_columns(campaign=campaigns).drop_nulls("campaign")
    wanted = campaign.lower().replace("campaign", "").strip(" #")
    rows = touched.filter(pl.col("campaign").str.to_lowercase() == wanted)
    if rows.is_empty():
        known = sorted(touched["campaign"].unique(), key=lambda name: (len(name), name))
        raise ToolError(f"no campaign {campaign[:100]!r}, there are {', '.join(known) or 'none'}")
    reached = rows.filter(pl.col("type") == "impression")
    redeemed = rows.filter(pl.col("type") == "coupon_redeem")
    people = reached["user_id"].n_unique()
    redeemers = redeemed["user_id"].n_unique()
    few = 0 < redeemers < SMALLEST
    return CampaignReport(
        campaign=rows["campaign"][0],
        reached=people,
        redeemers=0 if few else redeemers,
        redemptions=0 if few else len(redeemed),
        redemption_rate=0.0 if few or not people else redeemers / people,
        start=next(iter(reached.sort("ts")["ts"]), None),
        notes=[f"fewer than {SMALLEST} users redeemed: not described"]
        if few
        else ["counts only, no comparison with users not reached"],
    )
