"""How a brand does: who buys it, how loyally, against whom and at what price, and what could be done, each a computed fact."""

from math import exp, log

import polars as pl

from retrieval.groups.segmentation import SMALLEST
from tools.errors import ToolError
from tools.insight_results import BrandInsight, BrandSegment, BrandSwitch, Suggestion, TopicShare
from tools.segments import list_segments, segment_labels
from tools.shop import Shop

SHOWN = 5
SUGGESTIONS = 3
PRESENT = 0.25
"""A brand with a smaller part of its average share in a topic hardly sells there, and is not told to grow in it."""


def brand_insight(shop: Shop, brand: str) -> BrandInsight:
    """A brand by its name, case aside. Rivals are the brands that sell in the same topics, the narrowest ones.

    Raises ToolError naming the brands there are for an unknown one, and for one of fewer than ten buyers. Topics, changes of
    brand and segments of fewer are left out.
    """
    name = shop.brand(brand)
    activity = shop.views.people.activity.lazy().filter(pl.col("type") == "purchase")
    bought = activity.select("user_id", "topic", "brand", "visit", "spend", "quantity").collect()
    own = (pl.col("brand") == name).fill_null(value=False)
    sold = bought.filter(own, pl.col("topic").is_not_null())["topic"].unique()
    market = bought.filter(pl.col("topic").is_in(sold.implode())).with_columns(own=own)
    users = _users(market)
    buyers = users.filter("buys")
    if len(buyers) < SMALLEST:
        raise ToolError(f"fewer than {SMALLEST} users bought {name!r}: not described")
    shares = _topic_shares(market)
    switches = _switches(market)
    segments = _segments(shop, users)
    spend, rivals, total = float(buyers["spend"].sum()), float(users["others"].sum()), float(bought["spend"].sum())
    share = spend / (spend + rivals) if spend else 0.0
    requirements = buyers.select(pl.col("spend") / (pl.col("spend") + pl.col("others"))).to_series().drop_nans()
    return BrandInsight(
        brand=name,
        buyers=len(buyers),
        population=bought["user_id"].n_unique(),
        spend=round(spend, 2),
        share_of_spend=spend / total if total else 0.0,
        topics=[of_topic.topic for of_topic in shares[:SHOWN]],
        share_of_topics=share,
        topic_shares=shares[:SHOWN],
        loyalty=float(requirements.sum()) / max(len(requirements), 1),
        sole_buyers=int((~buyers["buys_others"]).sum()) / len(buyers),
        repeat_buyers=int(buyers["several"].sum()) / len(buyers),
        switches_from=_partners(switches, name, "before", "brand"),
        switches_to=_partners(switches, name, "brand", "before"),
        price_index=_price_index(shares),
        segments=segments,
        suggestions=_suggestions(name, shares, switches, segments, share),
    )


def _users(market: pl.DataFrame) -> pl.DataFrame:
    """user_id, `spend` on the brand and on `others`, and whether the user `buys` it, in `several` visits, and `buys_others`."""
    visit, spend = pl.col("visit"), pl.col("spend").sum()
    own = market.filter("own").group_by("user_id").agg(spend, several=visit.min() != visit.max(), buys=pl.lit(value=True))
    other = market.filter(~pl.col("own")).group_by("user_id").agg(others=spend, buys_others=pl.lit(value=True))
    users = own.join(other, on="user_id", how="full", coalesce=True)
    return users.with_columns(
        pl.col("spend", "others").fill_null(0.0), pl.col("buys", "several", "buys_others").fill_null(value=False)
    )


def _topic_shares(market: pl.DataFrame) -> list[TopicShare]:
    """The topics in which at least ten users buy the brand, by its spend there."""
    own = pl.col("own")
    parts = {
        f"{side}_{column}": pl.col(column).filter(own if side == "own" else ~own).sum()
        for side in ("own", "other")
        for column in ("spend", "quantity")
    }
    topics = market.group_by("topic").agg(buyers=pl.col("user_id").filter(own).n_unique(), **parts)
    average = _share(topics["own_spend"], topics["other_spend"])
    price = (pl.col("own_spend") / pl.col("own_quantity")) / (pl.col("other_spend") / pl.col("other_quantity"))
    rows = (
        topics.filter(pl.col("buyers") >= SMALLEST, pl.col("own_spend") > 0)
        .with_columns(pl.col("topic").cast(pl.String), total=pl.col("own_spend") + pl.col("other_spend"))
        .with_columns(price=pl.when(price.is_finite(), price > 0).then(price))
        .sort("own_spend", "topic", descending=[True, False])
    )
    return [
        TopicShare(
            topic=topic, spend=round(spend, 2), share=spend / total, at_average=round(average * total, 2), price_index=index
        )
        for topic, spend, total, index in rows.select("topic", "own_spend", "total", "price").iter_rows()
    ]


def _price_index(shares: list[TopicShare]) -> float | None:
    """The geometric mean of the topics' price indices, each weighed by the brand's spend there."""
    known = [(share.spend, share.price_index) for share in shares if share.price_index is not None]
    weight = sum(spend for spend, _ in known)
    return exp(sum(spend * log(index) for spend, index in known) / weight) if known else None


def _switches(market: pl.DataFrame) -> pl.DataFrame:
    """topic, user_id, `before` and `brand` of each purchase of another brand than the user's last one on the topic.

    Visits in which somebody bought several brands of a topic say nothing of an order and are left out. A user's rows on a
    topic stay together in `market`, by day, so a row's predecessor is the one above.
    """
    user, topic, visit = (pl.col(name).to_physical() for name in ("user_id", "topic", "visit"))
    brand = pl.col("brand").to_physical()
    rows = market.filter(pl.col("brand").is_not_null()).select("user_id", "topic", "visit", "brand")
    follows = (user == user.shift()) & (topic == topic.shift())
    beside = (follows & (visit == visit.shift()) & (brand != brand.shift())).fill_null(value=False)
    single = rows.filter(~(beside | beside.shift(-1).fill_null(value=False)))
    return single.with_columns(before=pl.col("brand").shift()).filter(follows & (brand != brand.shift()))


def _partners(switches: pl.DataFrame, name: str, side: str, other: str) -> list[BrandSwitch]:
    """The brands at `other` of the changes that have the brand at `side`, the most changes first."""
    changed = switches.filter(pl.col(side) == name).group_by(pl.col(other).cast(pl.String))
    counts = changed.agg(switches=pl.len(), users=pl.col("user_id").n_unique()).filter(pl.col("users") >= SMALLEST)
    ranked = counts.sort("switches", other, descending=[True, False]).head(SHOWN)
    return [BrandSwitch(brand=brand, switches=number, users=users) for brand, number, users in ranked.iter_rows()]


def _segments(shop: Shop, users: pl.DataFrame) -> list[BrandSegment]:
    """The segments with at least ten buyers, that in which the brand is strongest first."""
    labels = segment_labels(shop).with_columns(pl.col("user_id").cast(pl.Categorical))
    sums = (pl.col("spend").sum(), pl.col("others").sum(), pl.col("buys").sum().alias("buyers"))
    groups = users.join(labels, on="user_id").group_by("segment_id").agg(*sums)
    names = {segment.segment_id: segment.name for segment in list_segments(shop).segments}
    overall = _share(users["spend"], users["others"])
    found = [
        BrandSegment(
            segment_id=number,
            name=names[number],
            buyers=buyers,
            share=spend / (spend + others),
            index=spend / (spend + others) / overall,
        )
        for number, spend, others, buyers in groups.iter_rows()
        if buyers >= SMALLEST and number in names and spend > 0
    ]
    return sorted(found, key=lambda segment: (-segment.index, segment.segment_id))


def _suggestions(
    name: str, shares: list[TopicShare], switches: pl.DataFrame, segments: list[BrandSegment], average: float
) -> list[Suggestion]:
    """Where the brand is weak, loses buyers, or is dear, as far as the log shows it."""
    found = []
    present = [share for share in shares if share.share >= PRESENT * average]
    weak = max(present, key=lambda share: share.at_average - share.spend, default=None)
    if weak and weak.at_average > weak.spend:
        more = weak.at_average - weak.spend
        text = (
            f"grow in {weak.topic}: {name} takes {weak.share:.0%} there and {average:.0%} of all its topics; "
            f"at that share it would sell ${more:,.0f} more"
        )
        found.append(Suggestion(kind="grow", text=text, facts={"share": weak.share, "average": average, "more": round(more, 2)}))
    left, came = (pl.col(side) == name for side in ("before", "brand"))
    lost = (
        switches.filter(left | came)
        .group_by(pl.col("topic").cast(pl.String))
        .agg(left=left.sum(), came=came.sum(), users=pl.col("user_id").filter(left).n_unique())
        .filter(pl.col("users") >= SMALLEST, pl.col("left") > pl.col("came"))
        .sort(pl.col("left").cast(pl.Int64) - pl.col("came"), "topic", descending=[True, False])
    )
    for topic, gone, back, users in lost.head(1).iter_rows():
        text = (
            f"win back in {topic}: {users} users changed from {name} to another brand {gone} times, and {back} changes came back"
        )
        found.append(Suggestion(kind="win back", text=text, facts={"left": gone, "came": back, "users": users}))
    if segments and segments[-1].index < 1:
        low = segments[-1]
        text = f"address {low.name!r}: {low.share:.0%} of what these users spend in its topics, {average:.0%} of what all do"
        facts = {"share": low.share, "average": average, "buyers": low.buyers}
        found.append(Suggestion(kind="address", text=text, facts=facts))
    dear = [share for share in shares if share.price_index and share.price_index > 1 and share.share < average]
    if dear:
        high = max(dear, key=lambda share: (share.at_average - share.spend, share.topic))
        index = high.price_index or 1.0
        text = (
            f"look at the price in {high.topic}: {index - 1:.0%} more for a unit than other brands, and {high.share:.0%} of spend"
        )
        found.append(Suggestion(kind="price", text=text, facts={"price_index": index, "share": high.share}))
    return found[:SUGGESTIONS]


def _share(own: pl.Series, others: pl.Series) -> float:
    """The part of one sum in both together, 0 where there is nothing."""
    first, second = float(own.sum()), float(others.sum())
    return first / (first + second) if first + second > 0 else 0.0
