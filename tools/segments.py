"""Groups of users with a like mix of topics: k-means over the share of baskets per broad topic."""

import numpy as np
import polars as pl
from sklearn.cluster import KMeans
from sklearn.preprocessing import normalize

from tools.errors import ToolError
from tools.results import Segment, Segments
from tools.shop import Shop

GROUPS = 8
SEED = 7


def list_segments(shop: Shop, name: str | None = None) -> Segments:
    """All segments, the largest first, or those whose name or topics hold the words of `name`. A name is made of the two topics
    that set a segment apart most."""
    labels = _labels(shop)
    segments = []
    for (number,), rows in labels.group_by("segment", maintain_order=True):
        topics = _distinctive(shop, rows["user_id"], labels["user_id"])
        title = " and ".join(topics[:2]) or "Everyone else"
        segments.append(
            Segment(segment_id=f"s{number}", name=title, size=len(rows), share=len(rows) / len(labels), topics=topics)
        )
    segments.sort(key=lambda segment: (-segment.size, segment.segment_id))
    if name is None:
        return Segments(segments=segments)
    words = name.lower().split()
    return Segments(
        segments=[s for s in segments if all(w in f"{s.segment_id} {s.name} {' '.join(s.topics)}".lower() for w in words)]
    )


def segment_of_users(shop: Shop, name: str) -> list[str]:
    """The users of the one segment that `name` or an id names. Raises ToolError listing all when none or several do."""
    found = list_segments(shop, name).segments
    if len(found) != 1:
        known = ", ".join(segment.name for segment in list_segments(shop).segments)
        raise ToolError(f"{len(found)} segments are called {name!r}, there are: {known}")
    return _labels(shop).filter(pl.format("s{}", "segment") == found[0].segment_id)["user_id"].to_list()


def _labels(shop: Shop) -> pl.DataFrame:
    """user_id and segment (int) of each user with a purchase, sorted by user_id."""
    broad = shop.features.filter(~pl.col("is_leaf"), pl.col("baskets") > 0)
    mix = broad.pivot("topic", index="user_id", values="baskets").fill_null(0).sort("user_id")
    if mix.is_empty():
        return pl.DataFrame(schema={"user_id": pl.String, "segment": pl.Int32})
    points = normalize(mix.drop("user_id").to_numpy().astype(float))
    model = KMeans(n_clusters=min(GROUPS, len(np.unique(points, axis=0))), n_init=4, random_state=SEED)
    labels = model.fit_predict(points)
    return mix.select("user_id", segment=pl.Series(labels, dtype=pl.Int32))


def _distinctive(shop: Shop, members: pl.Series, everyone: pl.Series, k: int = 5) -> list[str]:
    """The broad topics that a larger share of `members` than of `everyone` buys regularly, the largest difference first."""
    regular = shop.features.filter(~pl.col("is_leaf"), pl.col("baskets") >= 3)
    inside = regular.filter(pl.col("user_id").is_in(members.implode())).group_by("topic").agg(inside=pl.len() / len(members))
    overall = regular.group_by("topic").agg(overall=pl.len() / len(everyone))
    gap = inside.join(overall, on="topic").with_columns(gap=pl.col("inside") - pl.col("overall")).filter(pl.col("gap") > 0)
    return gap.sort("gap", "topic", descending=[True, False]).head(k)["topic"].to_list()
