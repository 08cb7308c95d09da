"""Who to address: the users above a strength on a topic, and whether and why one user is among them."""

import hashlib
from datetime import timedelta
from typing import Literal

import polars as pl

from behavior.interest import build_profile
from tools.errors import ToolError, UnknownUser
from tools.results import Audience, AudienceMember, Match
from tools.segments import segment_of_users
from tools.shop import Shop

SMALLEST = 10
"""Groups of fewer users are not described, so that nobody can be singled out."""
SHOWN = 50

Band = Literal["low", "medium", "high"]
BANDS: dict[Band, tuple[float, float]] = {"low": (0.0, 1 / 3), "medium": (1 / 3, 2 / 3), "high": (2 / 3, 1.01)}


def build_audience(
    shop: Shop,
    topic: str,
    min_strength: float = 0.5,
    price_sensitivity: Band | None = None,
    segment: str | None = None,
    days: int | None = None,
) -> Audience:
    """The users whose strength on `topic` is at least `min_strength` and who do not avoid it, the strongest first.

    `price_sensitivity` is a third of the users by discount share, `segment` a name from `list_segments`, `days` asks for a
    purchase on the topic within so many days. Raises UnknownTopic, and ToolError for a number out of range or an unknown segment.
    """
    if not 0 <= min_strength <= 1:
        raise ToolError(f"min_strength is {min_strength!r}, it lies between 0 and 1")
    if days is not None and days < 1:
        raise ToolError(f"days is {days!r}, it is at least 1")
    name = shop.topic(topic)
    rows = shop.features.filter(pl.col("topic") == name, pl.col("strength") >= min_strength, pl.col("stated").fill_null(1) != -1)
    if days is not None:
        rows = rows.filter(pl.col("last_ts") >= shop.now() - timedelta(days=days))
    if price_sensitivity is not None:
        low, high = BANDS[price_sensitivity]
        rank = (pl.col("discount_share").rank() - 1) / pl.len()
        band = shop.traits.with_columns(rank=rank).filter(pl.col("rank") >= low, pl.col("rank") < high)
        rows = rows.join(band.select("user_id"), on="user_id", how="semi")
    if segment is not None:
        rows = rows.filter(pl.col("user_id").is_in(segment_of_users(shop, segment)))
    population = shop.features["user_id"].n_unique()
    if len(rows) < SMALLEST:
        notes = [f"fewer than {SMALLEST} users: not described"]
        return Audience(topic=name, min_strength=min_strength, size=0, population=population, members=[], notes=notes)
    strongest = rows.sort("strength", "user_id", descending=[True, False]).head(SHOWN).select("user_id", "strength")
    members = [AudienceMember(user_id=user, pseudonym=pseudonym(user), strength=value) for user, value in strongest.iter_rows()]
    return Audience(topic=name, min_strength=min_strength, size=len(rows), population=population, members=members)


def explain_match(shop: Shop, user_id: str, topic: str, min_strength: float = 0.5) -> Match:
    """Whether a user (id or pseudonym) is in the audience of a topic, and the evidence. Raises UnknownUser, UnknownTopic."""
    user_id = resolve(shop, user_id)
    name = shop.topic(topic)
    profile = build_profile(user_id, shop.timeline(user_id), shop.catalog, shop.now(), limit=10_000, levels="all")
    interest = next((i for i in profile.interests if i.topic == name), None)
    matches = interest is not None and interest.polarity == "likes" and interest.strength >= min_strength
    notes = []
    if not matches:
        have = interest.strength if interest else 0.0
        notes = [
            "the user said to avoid it" if interest and interest.polarity == "avoids" else f"short by {min_strength - have:.0%}"
        ]
    return Match(
        user_id=user_id,
        pseudonym=pseudonym(user_id),
        topic=name,
        threshold=min_strength,
        matches=matches,
        interest=interest,
        notes=notes,
    )


def pseudonym(user_id: str) -> str:
    """What a merchant sees instead of a user id."""
    return f"shopper-{hashlib.blake2b(user_id.encode(), digest_size=4).hexdigest()}"


def resolve(shop: Shop, user: str) -> str:
    """The user id behind a pseudonym; an id stays itself. Raises UnknownUser."""
    if shop.store.has_user(user):
        return user
    for user_id in shop.features["user_id"].unique():
        if pseudonym(user_id) == user:
            return str(user_id)
    raise UnknownUser(user)
