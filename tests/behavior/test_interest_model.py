"""Protects the learned strengths: they follow what people really do, a user alone is scored as in the batch.

Run: pytest tests/behavior/test_interest_model.py
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from behavior import Catalog, InterestModel, Item, build_interest, build_profile, strength, topic_features
from behavior.drivers import FAMILIES
from behavior.store import EVENT_SCHEMA

END = datetime(2025, 6, 30, 12, tzinfo=UTC)
DAYS, USERS = 330, 400
CHANCES = {"weekly": 0.9, "monthly": 0.2, "rare": 0.03, "never again": 0.0}
"""Chance that a weekly visit has the topic; what is `never again` was bought once, 200 days ago."""


@pytest.fixture(scope="module")
def log() -> pl.DataFrame:
    """Users that come weekly and buy four topics of each kind by chance: the rate of each is known."""
    return simulated(seed=1)


@pytest.fixture(scope="module")
def topics() -> Catalog:
    return Catalog(Item(item_id=f"{kind}-{n}", title=f"{kind}-{n}", path=(f"{kind}-{n}",)) for kind in CHANCES for n in range(20))


@pytest.fixture(scope="module")
def model(log: pl.DataFrame, topics: Catalog) -> InterestModel:
    model = InterestModel.fit(log, topics, END)
    assert model
    return model


def test_a_weekly_habit_beats_a_one_off(log: pl.DataFrame, topics: Catalog, model: InterestModel) -> None:
    rows = topic_features(log, topics, END)
    means = (
        rows.with_columns(strength=strength(rows, model), kind=kind_of("topic")).group_by("kind").agg(pl.col("strength").mean())
    )
    mean = dict(means.iter_rows())
    assert mean["weekly"] > 0.95 > mean["monthly"] > mean["rare"] > mean["never again"]
    assert mean["never again"] < 0.03


def test_strengths_are_the_rates_that_were_simulated(log: pl.DataFrame, topics: Catalog, model: InterestModel) -> None:
    """Four visits in 28 days, each with the topic by chance."""
    rows = topic_features(log, topics, END)
    scored = rows.with_columns(strength=strength(rows, model), kind=kind_of("topic"))
    for kind, chance in CHANCES.items():
        mean = float(scored.filter(pl.col("kind") == kind)["strength"].to_numpy().mean())
        assert mean == pytest.approx(1 - (1 - chance) ** 4, abs=0.03)


def test_one_user_alone_is_scored_as_in_the_batch(log: pl.DataFrame, topics: Catalog, model: InterestModel) -> None:
    batch = topic_features(log, topics, END)
    batch = batch.with_columns(strength=strength(batch, model))
    for user in ("u0", "u7", "u399"):
        alone = topic_features(log.filter(pl.col("user_id") == user), topics, END)
        assert alone.with_columns(strength=strength(alone, model)).equals(batch.filter(pl.col("user_id") == user))


def test_what_was_said_outweighs_what_was_learned(log: pl.DataFrame, topics: Catalog, model: InterestModel) -> None:
    def after(word: str, topic: str) -> float:
        said = frame([("said", "u0", word, None, END, None, f'{{"topic": "{topic}"}}')])
        rows = topic_features(pl.concat([log.filter(pl.col("user_id") == "u0"), said]), topics, END)
        return float(rows.with_columns(strength=strength(rows, model)).filter(pl.col("topic") == topic)["strength"][0])

    before = topic_features(log.filter(pl.col("user_id") == "u0"), topics, END)
    row = (
        before.with_columns(strength=strength(before, model), kind=kind_of("topic"))
        .filter(pl.col("kind") == "monthly")
        .row(0, named=True)
    )
    assert after("dislike", row["topic"]) == 0.01
    assert row["strength"] < after("like", row["topic"]) < 1


def test_a_profile_says_what_drove_a_strength(log: pl.DataFrame, topics: Catalog, model: InterestModel) -> None:
    own = log.filter(pl.col("user_id") == "u3")
    profile = build_profile("u3", own, topics, END, model=model)
    assert profile.model == "learned"
    assert profile.interests[0].topic.startswith("weekly")
    assert "bought often" in profile.interests[0].drivers
    assert build_interest(profile.interests[0].topic, own, topics, END, model) == profile.interests[0]
    assert build_profile("u3", own, topics, END).model == "recency-weighted"
    bare = build_profile("u3", own, topics, END, model=model, with_drivers=False)
    assert bare.interests == [interest.model_copy(update={"drivers": []}) for interest in profile.interests]


def test_every_feature_belongs_to_one_family_of_reasons(model: InterestModel) -> None:
    assert sorted(name for names in FAMILIES.values() for name in names) == sorted(model.booster.feature_name())


def test_a_saved_model_scores_the_same(log: pl.DataFrame, topics: Catalog, model: InterestModel, tmp_path: Path) -> None:
    rows = topic_features(log.filter(pl.col("user_id") == "u5"), topics, END)
    model.save(tmp_path)
    loaded = InterestModel.load(tmp_path)
    assert loaded
    assert strength(rows, loaded).equals(strength(rows, model))


def test_too_short_or_too_thin_a_log_is_not_learned_from(log: pl.DataFrame, topics: Catalog, tmp_path: Path) -> None:
    assert InterestModel.fit(log.filter(pl.col("ts") > END - timedelta(days=80)), topics, END) is None
    assert InterestModel.fit(log.filter(pl.col("user_id").is_in(["u0", "u1"])), topics, END) is None
    assert InterestModel.fit(log.clear(), topics, END) is None
    assert InterestModel.load(tmp_path) is None


def test_nothing_after_the_date_is_learned_from(log: pl.DataFrame, topics: Catalog) -> None:
    """The figures of the eval rest on it."""
    date = END - timedelta(days=56)
    rows = topic_features(log.filter(pl.col("ts") <= date), topics, date)
    whole, past = InterestModel.fit(log, topics, date), InterestModel.fit(log.filter(pl.col("ts") <= date), topics, date)
    assert whole
    assert past
    assert strength(rows, whole).equals(strength(rows, past))


def simulated(seed: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    rows = []
    for user in range(USERS):
        start = int(random.integers(7))
        for kind, chance in CHANCES.items():
            own = random.choice(20, 4, replace=False)
            for topic in own:
                item = f"{kind}-{topic}"
                days = [200] if kind == "never again" else [day for day in range(start, DAYS, 7) if random.random() < chance]
                rows += [
                    (f"{user}-{item}-{day}", f"u{user}", "purchase", item, END - timedelta(days=day), f"u{user}-{day}", "{}")
                    for day in days
                ]
    return frame(rows)


def frame(rows: list[tuple[str, str, str, str | None, datetime, str | None, str]]) -> pl.DataFrame:
    names = ["event_id", "user_id", "type", "item_id", "ts", "session_id", "attributes"]
    known = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
    missing = {name: pl.lit(None) for name in EVENT_SCHEMA if name not in names} | {
        "platform": pl.lit("shop"),
        "quantity": pl.lit(1.0),
        "price": pl.lit(2.0),
    }
    return known.with_columns(**missing).select(pl.col(name).cast(kind) for name, kind in EVENT_SCHEMA.items())


def kind_of(column: str) -> pl.Expr:
    return pl.col(column).str.extract(r"^(.*)-\d+$")
