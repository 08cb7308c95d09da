"""What buyers said: how many were pleased, with what, in their own words; and which of their reviews serve one person most."""

from typing import Any

import polars as pl

from behavior.sentiment import NEGATIVE, POSITIVE, sentences
from tools.results import Aspect, Quote, Reviews, UsefulReview
from tools.review_index import aspects_in
from tools.shop import Shop

SHOWN = 5
ASPECTS = 8
MIN_REVIEWS = 3
"""Reviews that must mention an aspect before it is said of an item or a topic."""
SAME = 0.6
"""Share of a word's reviews from which on a pair of words stands for the word."""
INTERESTS = 24
QUOTED = 2_000
"""Characters of a review that are quoted at most."""


def read_reviews(shop: Shop, about: str, user_id: str | None = None) -> Reviews:
    """The reviews of an item (by its id) or of all items of a topic: counts, stars, aspects, and the newest in their words.

    Who says the same of several items is quoted once. With `user_id` also the reviews most useful to this person: by others,
    about what this person's own reviews are about and the topics that this person buys. Everything is empty when nobody
    wrote one. Raises UnknownTopic, and UnknownUser.
    """
    item = None if shop.catalog.topic(about) else shop.catalog.item(about)
    name = (shop.catalog.topic_of(about) or item.title) if item else shop.topic(about)
    wanted = [item.item_id] if item else shop.catalog.items_of(name)
    rows = shop.views.reviews.rows.filter(pl.col("item_id").is_in(wanted)).sort("ts", "event_id", descending=True)
    told = rows.filter(pl.col("text").str.strip_chars() != "").unique(["user_id", "text"], keep="first", maintain_order=True)
    mentions = shop.views.reviews.mentions.filter(pl.col("event_id").is_in(told["event_id"].to_list()))
    return Reviews(
        about=name,
        quotes=[_quote(shop, row) for row in told.head(SHOWN).iter_rows(named=True)],
        item_id=item.item_id if item else None,
        reviews=len(rows),
        sentiments=dict(rows.group_by("sentiment").len().sort("sentiment").iter_rows()),
        mean_stars=_mean_stars(rows),
        aspects=_aspects(told, mentions),
        useful=[] if user_id is None else _useful(shop, user_id, told, mentions),
    )


def _mean_stars(rows: pl.DataFrame) -> float | None:
    stars = rows["rating"].drop_nulls()
    return None if stars.is_empty() else round(float(stars.sum()) / len(stars), 2)


def _quote(shop: Shop, row: dict[str, Any]) -> Quote:
    item = shop.catalog.item(row["item_id"])
    known = {name: row[name] for name in ("event_id", "item_id", "rating", "sentiment")}
    return Quote(**known, title=item.title if item else None, text=_shortened(row["text"]))


def _shortened(text: str) -> str:
    """At most 2,000 characters, up to the last space among them, where there is one."""
    return text if len(text) <= QUOTED else f"{text[:QUOTED].rsplit(maxsplit=1)[0]} …"


def _aspects(rows: pl.DataFrame, mentions: pl.DataFrame) -> list[Aspect]:
    """The aspects that most reviews mention; a review is pleased with one if its sentences on it are so on average."""
    by_review = mentions.group_by("stem", "event_id").agg(pl.col("score").mean(), pl.col("words").first())
    found = (
        by_review.join(rows.select("event_id", "ts"), on="event_id")
        .sort("ts", "event_id", descending=True)
        .group_by("stem", maintain_order=True)
        .agg(
            reviews=pl.len(),
            positive=(pl.col("score") >= POSITIVE).sum(),
            negative=(pl.col("score") <= NEGATIVE).sum(),
            name=pl.col("words").mode().min(),
            evidence=pl.col("event_id").head(SHOWN),
        )
        .filter(pl.col("reviews") >= MIN_REVIEWS)
        .sort("reviews", "stem", descending=[True, False])
    )
    often = dict(found.select("stem", "reviews").iter_rows())
    pairs = [stem for stem in often if " " in stem]
    covered = {word for pair in pairs for word in pair.split() if often[pair] >= SAME * often[word]}
    shown = found.filter(~pl.col("stem").is_in(list(covered))).head(ASPECTS)
    return [_aspect(row, rows, mentions) for row in shown.iter_rows(named=True)]


def _aspect(row: dict[str, Any], rows: pl.DataFrame, mentions: pl.DataFrame) -> Aspect:
    newest, felt = pl.col("event_id") == row["evidence"][0], row["positive"] + row["negative"]
    number = mentions.filter(newest, pl.col("stem") == row["stem"])["sentence"][0]
    return Aspect(
        **{name: row[name] for name in ("name", "reviews", "positive", "negative", "evidence")},
        share_positive=row["positive"] / felt if felt else None,
        quote=sentences(rows.filter(newest)["text"][0])[number],
    )


def _useful(shop: Shop, user_id: str, rows: pl.DataFrame, mentions: pl.DataFrame) -> list[UsefulReview]:
    """Reviews by others that mention what this person cares about: interest times rarity of each aspect, summed, over the root
    of how many aspects the review has, so that length alone is no use."""
    cares = pl.DataFrame(list(_cares(shop, user_id).items()), schema={"stem": pl.String, "care": pl.Float64}, orient="row")
    rarity = (1 + len(rows) / pl.len().over("stem")).log()
    others = rows.filter(pl.col("user_id") != user_id)
    ranked = (
        mentions.unique(["event_id", "stem"])
        .with_columns(length=pl.len().over("event_id").sqrt())
        .join(cares, on="stem")
        .with_columns(worth=pl.col("care") * rarity / pl.col("length"))
        .join(others.select("event_id", "ts"), on="event_id")
        .sort("worth", "stem", descending=[True, False])
        .group_by("event_id", "ts", maintain_order=True)
        .agg(pl.col("worth").sum(), because=pl.col("words").head(SHOWN))
        .sort("worth", "ts", "event_id", descending=True)
        .head(SHOWN)
    )
    said = {row["event_id"]: row for row in others.join(ranked, on="event_id", how="semi").iter_rows(named=True)}
    return [
        UsefulReview(quote=_quote(shop, said[event_id]), because=because)
        for event_id, because in ranked.select("event_id", "because").iter_rows()
    ]


def _cares(shop: Shop, user_id: str) -> dict[str, float]:
    """Stems of what a person cares about, with how much, in (0, 1]: aspects of own reviews 1, topics liked their strength."""
    interests = shop.profile(user_id, INTERESTS, with_drivers=False).interests
    own = shop.views.reviews.rows.filter(pl.col("user_id") == user_id)
    cares = dict.fromkeys(shop.views.reviews.mentions.join(own, on="event_id", how="semi")["stem"], 1.0)
    for interest in interests:
        for stem in aspects_in(interest.topic, shop.views.reviews.judge.lexicon):
            if interest.polarity == "likes":
                cares[stem] = max(cares.get(stem, 0.0), interest.strength)
    return cares
