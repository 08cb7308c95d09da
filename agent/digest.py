"""The digest: what the LLM is told of a profile, one fact a line, each line with a ref that it can choose or cite."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

import polars as pl

from agent.rendering import day
from behavior import Catalog, Interest, InterestProfile, Trait
from behavior.expressions import visit
from behavior.interest import times
from tools import Shop

CANDIDATES, STATED, TURNING, SESSIONS = 12, 4, 2, 3
WIDTH = 60
"""How many interests the profile should hold that a digest is made of, so that new and fading ones are among them."""


@dataclass(frozen=True)
class Line:
    """One fact of the digest. `topics` are the catalog topics it is about, `text` all of it but the ref and the topic's name."""

    ref: str
    topics: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Digest:
    """Candidates i1, i2 … in the profile's order, traits t1 … and the latest sessions s1 …, the newest first.

    `interests` has the candidates by ref. `words` are the stems of all words that the catalog's topics are made of, `names` the
    names of all its topics, both in lower case: what a claim may not mention unless the digest does. `version` is that of the
    profile.
    """

    today: str
    lines: tuple[Line, ...]
    interests: dict[str, Interest]
    names: frozenset[str]
    words: frozenset[str]
    version: int

    def text(self) -> str:
        """The message to the LLM."""
        return "\n".join([f"today {self.today}", *(show(line) for line in self.lines)])

    def about(self, ref: str) -> "Digest":
        """The part that a sentence about the candidate `ref` alone may speak of. Raises KeyError for an unknown one."""
        own = tuple(line for line in self.lines if line.ref == ref)
        return replace(self, lines=own, interests={ref: self.interests[ref]})


def make_digest(profile: InterestProfile, timeline: pl.DataFrame, catalog: Catalog) -> Digest:
    """The digest of a profile and the event frame it was made from: 12 candidates, 400 to 600 tokens for a regular customer.

    Candidates are what the user stated (at most 4), then the 2 strongest that are new and the 2 that fade, then the strongest.
    A topic avoided for its reviews is never one: to the LLM, avoided means that the user asked for it.
    """
    chosen = _choose(profile.interests)
    refs = {interest.topic: f"i{n}" for n, interest in enumerate(chosen, 1)}
    candidates = [Line(refs[i.topic], (i.topic,), _facts(i)) for i in chosen]
    traits = [Line(f"t{n}", (), _trait(trait)) for n, trait in enumerate(profile.traits, 1)]
    names, words = _vocabulary(catalog)
    return Digest(
        today=f"{day(profile.as_of)} {profile.as_of.year}",
        lines=(*candidates, *traits, *_sessions(timeline.filter(pl.col("ts") <= profile.as_of), catalog, refs)),
        interests={refs[i.topic]: i for i in chosen},
        names=names,
        words=words,
        version=profile.version,
    )


def digest_of(shop: Shop, user_id: str) -> Digest:
    """The digest of a user of a shop as of now. Raises UnknownUser."""
    return make_digest(shop.profile(user_id, WIDTH, with_drivers=False), shop.timeline(user_id), shop.catalog)


def show(line: Line) -> str:
    """A line as the LLM reads it."""
    name = f" {line.topics[0]}:" if line.ref.startswith("i") else ""
    return f"{line.ref}{name} {line.text}"


def stem(word: str) -> str:
    """A lower-case English word without its plural ending."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


@lru_cache(1)
def _vocabulary(catalog: Catalog) -> tuple[frozenset[str], frozenset[str]]:
    """`Digest.names` and `Digest.words`, the same for all digests of a catalog."""
    names = frozenset(topic.name.lower() for topic in catalog.topics())
    return names, frozenset(map(stem, set(re.findall(r"[a-z]{3,}", " ".join(names)))))


def _choose(interests: list[Interest]) -> list[Interest]:
    stated = [i for i in interests if i.origin == "stated"][:STATED]
    inferred = [i for i in interests if i.origin == "inferred" and i.polarity == "likes"]
    turning = [i for horizon in ("new", "fading") for i in [j for j in inferred if j.horizon == horizon][:TURNING]]
    strongest = [i for i in inferred if i not in turning]
    kept = [*stated, *turning, *strongest][:CANDIDATES]
    return [i for i in interests if i in kept]


def _facts(interest: Interest) -> str:
    stats = interest.stats
    words = [f"said to {'avoid' if interest.polarity == 'avoids' else 'like'} it"] if interest.origin == "stated" else []
    if stats.count and stats.last:
        words.append(times(stats.count))
        if stats.count > 2 and stats.interval_days and stats.interval_days >= 1.5:
            words.append(f"every {stats.interval_days:.0f} days")
        words += [f"last {day(stats.last)}", f"${stats.spend:.0f}"]
    elif not words:
        words.append("looked at, never bought")
    return ", ".join(words if interest.polarity == "avoids" else [*words, interest.horizon.replace("_", " ")])


def _trait(trait: Trait) -> str:
    if trait.percentile is None:
        return f"{trait.name}: {trait.value}"
    than = "longer gaps than" if trait.name == "shopping rhythm" else "more than"
    return f"{trait.name}: {trait.value}, {than} {min(trait.percentile, 99):.0f}% of shoppers"


def _sessions(timeline: pl.DataFrame, catalog: Catalog, refs: dict[str, str]) -> list[Line]:
    """The latest sessions with a purchase: when, how many products, what they cost, which candidates."""
    visits = (
        timeline.filter(pl.col("type") == "purchase")
        .with_columns(visit=visit())
        .group_by("visit")
        .agg(pl.col("ts").max(), pl.col("price").sum(), pl.col("item_id").drop_nulls().unique())
        .sort("ts", "visit", descending=[True, False])
        .head(SESSIONS)
    )
    lines = []
    for n, row in enumerate(visits.iter_rows(named=True), 1):
        bought = {catalog.topic_of(item_id) for item_id in row["item_id"]}
        topics = tuple(topic for topic in refs if topic in bought)
        count = len(row["item_id"])
        shown = " ".join(refs[topic] for topic in topics)
        text = f"{day(row['ts'])}: {count} {'product' if count == 1 else 'products'}, ${row['price']:.0f}"
        lines.append(Line(f"s{n}", topics, f"{text}, {shown}" if shown else text))
    return lines
