"""What is fitted from a shop's log and kept: the models of all users together, and what each user's own events say."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from behavior import MODEL_ONLY, Catalog, InterestModel, strength, topic_features, trait_values
from retrieval import Cooccurrence, Shelf
from retrieval.carts.baskets import Baskets
from retrieval.groups.segmentation import Segmentation
from retrieval.groups.user_space import habits_of
from tools.alike import Alike
from tools.insight_results import Segment
from tools.likely import Likely
from tools.people import People, activity_of
from tools.review_index import ReviewIndex
from tools.segment_facts import described
from tools.segment_names import load_names, save_names

VERSION = 13
"""Version of what is fitted and kept; views of another one are fitted anew."""

STATE = "fitted.json"


@dataclass(frozen=True)
class Views:
    """Made by `fit`, kept by `save`; `renewed` takes in what some users did since.

    `features` has one row per (user, topic) with its `strength`, `traits` one per user, `people` is what audiences are made
    from, `reviews` what buyers wrote. `baskets` is what was learned from all baskets, `segmentation` the groups of users,
    `interest_model` what gives the strengths of the narrowest topics, None where the log is too short to learn from. `likely`
    ranks what is bought next; a shop too small to learn it has `alike`, who buys alike, instead, and each is None where the
    other is. `segment_names` are those chosen for segments, by segment id.
    """

    interest_model: InterestModel | None
    features: pl.DataFrame
    traits: pl.DataFrame
    people: People
    cooccurrence: Cooccurrence
    baskets: Baskets
    likely: Likely | None
    alike: Alike | None
    reviews: ReviewIndex
    segmentation: Segmentation
    segment_names: dict[str, str]

    @classmethod
    def fit(
        cls,
        log: pl.DataFrame,
        catalog: Catalog,
        shelf: Shelf,
        now: datetime,
        progress: Callable[[str], None],
        previous: Segmentation | None = None,
        segment_names: Mapping[str, str] | None = None,
    ) -> "Views":
        """From an event frame that holds the whole log. Segments keep the ids of the `previous` ones that they are like."""
        progress("learning which interests last")
        last = log["ts"].max()
        model = InterestModel.fit(log, catalog, last if isinstance(last, datetime) else now, progress)
        how = "by the learned model" if model else "by recency, the log being too short to learn from"
        progress(f"computing each user's interests, {how}")
        features = _with_strength(topic_features(log, catalog, now), model)
        traits = trait_values(log, catalog)
        people = People.of(features, traits, activity_of(log, catalog))
        progress("counting what is bought together")
        listed = [item_id for item_id in log["item_id"].drop_nulls().unique() if catalog.levels(item_id)]
        bought = log.filter(pl.col("type") == "purchase", pl.col("item_id").is_in(listed))
        cooccurrence, baskets = Cooccurrence.fit(bought), Baskets.fit(bought, catalog)
        progress("learning what is bought next")
        likely = Likely.fit(bought, shelf)
        alike = None if likely else Alike.fit(bought, shelf)
        progress("reading what reviews say")
        reviews = ReviewIndex.of(log)
        progress("grouping the users")
        segmentation = Segmentation.fit(habits_of(log, traits, now), features, previous)
        return cls(
            interest_model=model,
            features=features,
            traits=traits,
            people=people,
            cooccurrence=cooccurrence,
            baskets=baskets,
            likely=likely,
            alike=alike,
            reviews=reviews,
            segmentation=segmentation,
            segment_names=dict(segment_names or {}),
        )

    def renewed(self, users: set[str], log: pl.DataFrame, catalog: Catalog, now: datetime) -> "Views":
        """With what these users did as of now: `log` holds the whole timelines of those of them that have one."""
        others = ~pl.col("user_id").is_in(list(users))
        fresh = _with_strength(topic_features(log, catalog, now), self.interest_model)
        traits = pl.concat([self.traits.filter(others), trait_values(log, catalog).select(self.traits.columns)])
        return replace(
            self,
            features=pl.concat([self.features.filter(others), fresh.select(self.features.columns)]),
            traits=traits,
            people=self.people.renewed(users, fresh, traits, activity_of(log, catalog)),
            reviews=self.reviews.renewed(users, log),
            segmentation=self.segmentation.renewed(users, habits_of(log, traits, now), fresh),
        )

    @cached_property
    def segments(self) -> list[Segment]:
        """Every segment that is told of, the largest first, without demographics; described once, when first asked for."""
        return described(self.segmentation.members, self.features, self.segment_names)

    def save(self, folder: Path, state: dict[str, Any]) -> None:
        """Into an empty folder, with the `state` of the log that they were fitted on."""
        self.cooccurrence.save(folder)
        self.baskets.save(folder)
        if self.alike:
            self.alike.save(folder)
        if self.likely:
            self.likely.save(folder)
        if self.interest_model:
            self.interest_model.save(folder)
        self.segmentation.save(folder)
        self.features.write_parquet(folder / "features.parquet")
        self.traits.write_parquet(folder / "traits.parquet")
        self.people.activity.write_parquet(folder / "activity.parquet")
        self.reviews.save(folder)
        save_names(self.segment_names, folder)
        write_state(folder, state)

    @classmethod
    def load(cls, folder: Path, shelf: Shelf) -> "Views":
        """What `save` wrote. Raises OSError when nothing was."""
        features, traits = pl.read_parquet(folder / "features.parquet"), pl.read_parquet(folder / "traits.parquet")
        likely = Likely.load(folder, shelf)
        return cls(
            interest_model=InterestModel.load(folder),
            features=features,
            traits=traits,
            people=People.of(features, traits, pl.read_parquet(folder / "activity.parquet")),
            cooccurrence=Cooccurrence.load(folder),
            baskets=Baskets.load(folder),
            likely=likely,
            alike=None if likely else Alike.load(folder, shelf),
            reviews=ReviewIndex.load(folder),
            segmentation=Segmentation.load(folder),
            segment_names=load_names(folder),
        )


def read_state(folder: Path) -> dict[str, Any] | None:
    """The state of the log that the views in `folder` were fitted on; None where there are none, or those of another version."""
    file = folder / STATE
    state: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return state if state.pop("version", None) == VERSION else None


def write_state(folder: Path, state: dict[str, Any]) -> None:
    (folder / STATE).write_text(json.dumps({"version": VERSION, **state}))


def _with_strength(features: pl.DataFrame, model: InterestModel | None) -> pl.DataFrame:
    return features.with_columns(strength=strength(features, model)).drop(MODEL_ONLY)
