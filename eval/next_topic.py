"""The numeric profile on reviews in sequence: is the topic of a user's last item among the first of the profile made before it?

Amazon Reviews 2014, Beauty, 5-core. Its sequences have no dates, so each item stands 28 days after the one before, and all end on
one day: the next 28 days are the next item, and features, trees and fitting are those of the shop with nothing tuned. Topics are
one level of the taxonomy at a time, or the brands. A profile speaks of topics that the user had before; where they are fewer than
the guesses, the most popular topics follow, for the model as for the baselines. The last item of each user is never learned from.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from behavior import Catalog, InterestModel, Item, strength, topic_features
from behavior.store import EVENT_SCHEMA
from eval.report import Report, printed, rounded

END = datetime(2014, 7, 1, tzinfo=UTC)
STEP = timedelta(days=28)
TOP = ("Skin Care", "Hair Care", "Makeup", "Tools & Accessories", "Bath & Body", "Fragrance")
LEVELS = {"top category": 1, "second category": 3, "brand": 5}
"""What is predicted, and how many guesses there are."""


def run(folder: Path, console: Console, seed: int) -> Report:
    """Print the table and the JSON line; takes minutes. `folder` has sequences.txt (a user, then items, oldest first) and
    items.jsonl, whose attributes are the brand, if any, then the path."""
    sequences = [line.split() for line in (folder / "sequences.txt").read_text().splitlines()]
    attributes = {str(row["item_id"]): row["attributes"] for row in map(json.loads, (folder / "items.jsonl").open())}
    events = sequence_events({user: items for user, *items in sequences})
    results: dict[str, dict[str, float]] = {}
    for level, k in LEVELS.items():
        named = {item: topic for item, own in attributes.items() if (topic := topic_at(own, level))}
        for method, value in hits(events, named, k, seed).items():
            results.setdefault(method, {})[f"{level} hit@{k}"] = value
    results = rounded(results)
    metrics = list(results["popularity"])
    table = Table("", *metrics, title=f"The topic of the last item of {len(sequences):,} users")
    for method, row in results.items():
        table.add_row(method, *(f"{row[metric]:.4f}" for metric in metrics))
    console.print(table)
    data = hashlib.blake2b((folder / "sequences.txt").read_bytes(), digest_size=8).hexdigest()
    return printed(console, results, eval="next topic", data=data, seed=seed, model="none")


def sequence_events(sequences: dict[str, list[str]]) -> pl.DataFrame:
    """An event frame of purchases, each user's 28 days apart and the last of all on one day."""
    rows = [
        (f"{user}-{n}", user, item, END - STEP * (len(items) - 1 - n))
        for user, items in sequences.items()
        for n, item in enumerate(items)
    ]
    frame = pl.DataFrame(rows, schema=["event_id", "user_id", "item_id", "ts"], orient="row")
    rest = {"platform": "reviews", "type": "purchase", "quantity": 1.0, "price": None, "attributes": "{}"}
    empty = dict.fromkeys(("query", "text", "rating"))
    filled = frame.with_columns(session_id="event_id", **{name: pl.lit(value) for name, value in (rest | empty).items()})
    return filled.select(pl.col(name).cast(kind) for name, kind in EVENT_SCHEMA.items())


def topic_at(attributes: list[str], level: str) -> str | None:
    """The brand, or the topic of a level of the path; None where there is none, or the brand is unknown."""
    start = 0 if attributes[0] in TOP else 1
    if level == "brand":
        return attributes[0] if start and attributes[0] != "Unknown" else None
    path = attributes[start:]
    if level == "top category":
        return path[0] if path else None
    return " > ".join(path[:2]) if len(path) > 1 else None


def hits(events: pl.DataFrame, named: dict[str, str], k: int, seed: int) -> dict[str, float]:
    """By method, of the users whose last item has a topic, the share that has it among the first `k`; ties by popularity."""
    catalog = Catalog(Item(item_id=item, title=topic, path=(topic,)) for item, topic in named.items())
    history, last = events.filter(pl.col("ts") < END), events.filter(pl.col("ts") == END)
    topics = pl.DataFrame({"item_id": list(named), "target": list(named.values())})
    targets = last.join(topics, on="item_id").select("user_id", "target")
    model = InterestModel.fit(history, catalog, END - STEP, seed=seed)
    rows = topic_features(history, catalog, END - STEP)
    rows = rows.with_columns(popular=pl.col("baskets").sum().over("topic"), plain=strength(rows), learned=strength(rows, model))
    order = rows.group_by("topic").agg(pl.col("popular").first()).sort("popular", "topic", descending=[True, False])
    filling = targets.select("user_id").join(order.head(k), how="cross").join(rows, on=["user_id", "topic"], how="anti")
    filling = filling.select("user_id", "topic", "popular", value=pl.lit(-1.0))
    found = {"popularity": len(targets.filter(pl.col("target").is_in(order["topic"].head(k).to_list()))) / len(targets)}
    for method, column in {"frequency": "baskets", "plain estimate": "plain", "learned": "learned"}.items():
        own = rows.select("user_id", "topic", "popular", value=pl.col(column).cast(pl.Float64))
        ranked = pl.concat([own, filling]).sort("value", "popular", "topic", descending=[True, True, False])
        first = ranked.group_by("user_id", maintain_order=True).head(k)
        found[method] = len(first.join(targets, left_on=["user_id", "topic"], right_on=["user_id", "target"])) / len(targets)
    return found
