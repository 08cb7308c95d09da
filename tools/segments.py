"""Segments of the shop's users: which there are, who they are, who is in one and why."""

import polars as pl

from retrieval.groups.segmentation import SMALLEST
from retrieval.groups.user_space import HABITS, broad
from tools.demographics import telling_demographics
from tools.errors import ToolError, UnknownUser
from tools.insight_results import Segment, SegmentMembership, SegmentPoint, Segments, SegmentTrial
from tools.segment_words import WORDS
from tools.shop import Shop

REASONS = 3

_SEGMENT_ID = pl.format("s{}", "segment")


def list_segments(shop: Shop, name: str | None = None) -> Segments:
    """All segments of at least ten users, the largest first, or those whose id, name or topics hold the words of `name`."""
    fitted = shop.views.segmentation
    ids = fitted.members.select("user_id", segment_id=_SEGMENT_ID)
    demographics = telling_demographics(ids, shop.store.user_attributes())
    found = _holding(shop.views.segments, name or "")
    return Segments(
        segments=[s.model_copy(update={"demographics": demographics.get(s.segment_id, [])}) for s in found],
        trials=[SegmentTrial(**vars(trial)) for trial in fitted.trials],
        notes=_notes(shop),
    )


def segment_of_users(shop: Shop, name: str) -> list[str]:
    """The users of the one segment that `name` or an id names. Raises ToolError listing all when none or several do."""
    everyone = shop.views.segments
    exact = [segment for segment in everyone if name.strip().lower() in (segment.segment_id, segment.name.lower())]
    found = exact or _holding(everyone, name)
    if len(found) != 1:
        known = ", ".join(segment.name for segment in everyone)
        raise ToolError(f"{len(found)} segments are called {name[:100]!r}, there are: {known}")
    members = segment_labels(shop)
    return members.filter(pl.col("segment_id") == found[0].segment_id)["user_id"].to_list()


def segment_labels(shop: Shop) -> pl.DataFrame:
    """user_id and segment_id of each user in a segment."""
    inside = shop.views.segmentation.members.filter(pl.col("segment").is_not_null())
    return inside.select("user_id", segment_id=_SEGMENT_ID)


def segment_map(shop: Shop) -> list[SegmentPoint]:
    """All users with a purchase as points of a plane, in which they differ most; whose they are is not told."""
    members = shop.views.segmentation.members.select("segment", "x", "y").sort("x", "y")
    return [SegmentPoint(segment_id=None if number is None else f"s{number}", x=x, y=y) for number, x, y in members.iter_rows()]


def segment_of(shop: Shop, user_id: str) -> SegmentMembership:
    """The segment of a user and why. Raises UnknownUser."""
    if not shop.store.has_user(user_id):
        raise UnknownUser(user_id)
    own = shop.views.features.select("user_id", "topic", "is_leaf", "baskets").filter(pl.col("user_id") == user_id)
    placed = shop.views.segmentation.placement(user_id, own)
    if placed is None:
        return SegmentMembership(segment_id=None, name=None, reasons=["no purchase yet"])
    segments = {segment.segment_id: segment for segment in shop.views.segments}
    segment, second = segments.get(f"s{placed.segment}"), segments.get(f"s{placed.second}")
    if segment is None:
        return SegmentMembership(segment_id=None, name=None, reasons=["unlike every segment"])
    if second is None:
        return SegmentMembership(segment_id=segment.segment_id, name=segment.name, reasons=["there is no other segment"])
    members = shop.views.segmentation.members
    usual = {
        number: members.filter(pl.col("segment") == number).select(pl.col(HABITS).median()).row(0, named=True)
        for number in (placed.segment, placed.second)
    }
    value = members.filter(pl.col("user_id") == user_id).row(0, named=True)
    bought = set(broad(own)["topic"])
    reasons = []
    for habit in sorted((name for name, gain in placed.gains.items() if gain > 0), key=lambda name: -placed.gains[name]):
        if habit != "topics" and value[habit] is not None:
            here, there = (WORDS[habit].tell(usual[number][habit]) for number in (placed.segment, placed.second))
            reasons.append(
                f"{WORDS[habit].label} {WORDS[habit].tell(value[habit])}: usual here {here}, in {second.name!r} {there}"
            )
        elif shared := [topic for topic in segment.topics if topic in bought]:
            reasons.append(f"buys {', '.join(shared)}, typical here")
    return SegmentMembership(segment_id=segment.segment_id, name=segment.name, reasons=reasons[:REASONS])


def _holding(segments: list[Segment], words: str) -> list[Segment]:
    """Those whose id, name or topics hold all of some words."""
    wanted = words.lower().split()
    return [s for s in segments if all(word in f"{s.segment_id} {s.name} {' '.join(s.topics)}".lower() for word in wanted)]


def _notes(shop: Shop) -> list[str]:
    """What a reader must know of the grouping: whether one could be made, and how many users are in none."""
    fitted, notes = shop.views.segmentation, []
    if not any(trial.chosen for trial in fitted.trials):
        notes.append("no grouping of the users is stable: they are one segment")
    outside = fitted.members["segment"].null_count()
    if outside >= SMALLEST:
        notes.append(f"{outside} users are unlike every segment and in none")
    return notes
