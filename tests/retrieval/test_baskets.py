"""Protects what is learned from baskets as one: fitted from events, kept on disk, with offers as the log has them.
Run: pytest tests/retrieval/test_baskets.py"""

from pathlib import Path

import polars as pl
import pytest

from behavior import Catalog, EventStore, Item
from behavior.store import EVENT_SCHEMA
from retrieval.carts.baskets import Baskets, several_topics, with_topic
from retrieval.carts.offers import item_offers


def purchases(rows: list[tuple[str, str, float, str]]) -> pl.DataFrame:
    """Purchase events from session, item, quantity and attributes."""
    columns = {name: EVENT_SCHEMA[name] for name in ("session_id", "item_id", "quantity", "attributes")}
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    named = frame.with_row_index().select(pl.format("e{}", "index").alias("event_id"), pl.all().exclude("index"))
    return pl.concat([pl.DataFrame(schema=EVENT_SCHEMA), named], how="diagonal")


def test_what_was_saved_is_loaded(store: EventStore, catalog: Catalog, tmp_path: Path) -> None:
    baskets = Baskets.fit(store.scan(types=["purchase"]), catalog)
    assert len(baskets.rules) > 0
    assert not baskets.bundles.is_empty()
    with pytest.raises(OSError, match="parquet"):
        Baskets.load(tmp_path)
    baskets.save(tmp_path)
    again = Baskets.load(tmp_path)
    assert list(again.rules) == list(baskets.rules)
    assert again.missions.missions == baskets.missions.missions
    assert again.bundles.equals(baskets.bundles)
    assert again.offers.equals(baskets.offers)


def test_only_baskets_of_several_topics_teach(catalog: Catalog) -> None:
    events = purchases(
        [("a", "milk", 1, "{}"), ("a", "milk", 1, "{}"), ("b", "milk", 1, "{}"), ("b", "tea", 1, "{}"), ("b", "?", 1, "{}")]
    )
    assert several_topics(with_topic(events, catalog)).sort("topic").rows() == [("b", "Milk"), ("b", "Tea")]


def test_a_saving_is_the_discount_on_a_unit_and_unknown_where_none_is_recorded(catalog: Catalog) -> None:
    events = purchases(
        [
            ("a", "milk", 3, '{"discount":1.5}'),
            ("b", "milk", 3, '{"discount":0.0}'),
            ("b", "tea", 2, "{}"),
            ("c", "oat", 0, '{"discount":1.0}'),
        ]
    )
    offers = {row["item_id"]: row for row in item_offers(with_topic(events, catalog)).iter_rows(named=True)}
    assert (offers["milk"]["saving"], offers["milk"]["baskets"], offers["milk"]["topic"]) == (0.25, 2, "Milk")
    assert (offers["tea"]["saving"], offers["oat"]["saving"]) == (None, None)


def test_a_mission_is_named_by_the_everyday_words_of_the_catalog() -> None:
    words = {"good_for": {"Tacos": ("taco night",)}}
    items = [Item(item_id=i, title=i, path=("Food", "Tacos", i), attributes=words) for i in ("shells", "salsa", "beans")]
    catalog = Catalog([*items, *(Item(item_id=i, title=i, path=("Food", "Other", i)) for i in ("milk", "bread", "eggs"))])
    nights = [(f"t{n}", item, 1.0, "{}") for n in range(30) for item in ("shells", "salsa", "beans")]
    mornings = [(f"m{n}", item, 1.0, "{}") for n in range(300) for item in ("milk", "bread", "eggs")]
    names = {mission.name for mission in Baskets.fit(purchases(nights + mornings), catalog).missions.missions}
    assert "taco night" in names


def test_an_empty_log_teaches_nothing(catalog: Catalog) -> None:
    baskets = Baskets.fit(pl.DataFrame(schema=EVENT_SCHEMA), catalog)
    assert (len(baskets.rules), baskets.missions.missions, len(baskets.bundles), len(baskets.offers)) == (0, [], 0, 0)
