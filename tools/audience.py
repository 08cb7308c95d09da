"""Who to address: the users that satisfy the clauses of an audience.

Counts are told in whole tens, and not at all under ten. So no count is of fewer than ten users, nor is the difference
of any two counts, as between two audiences that differ by one clause: it is 0, 10, 20 and so on, whether one user or
nineteen stand behind a step of ten. Not protected: whoever may ask often enough can move a bound until a count
steps, and learns that some user lies there, not who; and members and explanations are about single users on purpose,
under pseudonyms. Nor does a pseudonym hide a user from somebody who knows the shop's user ids and hashes them.
"""

from typing import Literal

import polars as pl

from retrieval.groups.segmentation import SMALLEST
from tools.audience_results import Audience, AudienceMember, ClauseAudience, ClauseMember
from tools.clauses import (
    And,
    BadClause,
    BehaviourClause,
    Clause,
    InterestClause,
    Not,
    Or,
    SegmentClause,
    TraitClause,
    in_words,
    leaves,
)
from tools.errors import ToolError, UnknownUser
from tools.matching import clause_values, passes
from tools.people import People
from tools.segments import segment_of_users
from tools.shop import Shop

SHOWN = 50

Band = Literal["low", "medium", "high"]
BANDS: dict[Band, tuple[float, float]] = {"low": (0.0, 100 / 3), "medium": (100 / 3, 200 / 3), "high": (200 / 3, 100.0)}
"""Thirds of the users, as percentiles."""


def audience_of(shop: Shop, clause: Clause, limit: int = SHOWN, show_users: bool = False) -> ClauseAudience:
    """The users that satisfy `clause`, the strongest first, at most `limit` of them by name.

    `show_users` adds the user ids, for a role that may see them. Raises BadClause for an unknown topic, with the nearest
    names, and for an unknown segment.
    """
    clause = with_known_topics(shop, clause)
    members = _members(shop, clause, segments_in(shop, clause))
    named = [
        ClauseMember(pseudonym=shop.pseudonym(user), strength=value, user_id=user if show_users else None)
        for user, value in members.head(limit if len(members) >= SMALLEST else 0).iter_rows()
    ]
    return ClauseAudience(
        in_words=in_words(clause),
        size=_tens(len(members)),
        population=len(shop.views.people.users),
        histogram=_histogram(members),
        members=named,
        notes=_notes(members),
    )


def build_audience(
    shop: Shop,
    topic: str,
    min_strength: float | None = None,
    price_sensitivity: Band | None = None,
    segment: str | None = None,
    days: int | None = None,
) -> Audience:
    """The users whose strength on `topic` is at least `min_strength` and who do not avoid it, the strongest first.

    Without a `min_strength` it is `usual_bound`.
    `price_sensitivity` is a third of the users by discount share, `segment` a name from `list_segments`, `days` asks for a
    purchase on the topic within so many days. Raises UnknownTopic, and ToolError for a number out of range or an unknown segment.
    """
    if min_strength is not None and not 0 <= min_strength <= 1:
        raise ToolError(f"min_strength is {min_strength!r}, it lies between 0 and 1")
    if days is not None and not 1 <= days <= 3650:
        raise ToolError(f"days is {days!r}, it lies between 1 and 3650")
    name = shop.topic(topic)
    min_strength = usual_bound(shop, name) if min_strength is None else min_strength
    clauses: list[Clause] = [InterestClause(topic=name, at_least=min_strength)]
    if days is not None:
        clauses.append(BehaviourClause(event="purchase", topic=name, days=days))
    if price_sensitivity is not None:
        low, high = BANDS[price_sensitivity]
        clauses.append(TraitClause(name="price sensitivity", low=low, high=high))
    if segment is not None:
        clauses.append(SegmentClause(name=segment))
    members = _members(shop, And(clauses=clauses), {} if segment is None else {segment: segment_of_users(shop, segment)})
    shown = members.head(SHOWN if len(members) >= SMALLEST else 0)
    return Audience(
        topic=name,
        min_strength=min_strength,
        size=_tens(len(members)),
        population=len(shop.views.people.users),
        members=[
            AudienceMember(user_id=user, pseudonym=shop.pseudonym(user), strength=value) for user, value in shown.iter_rows()
        ],
        notes=_notes(members),
        histogram=_histogram(members),
    )


def usual_bound(shop: Shop, topic: str) -> float:
    """Three times the average user's strength on a topic, in whole percents between 1% and 50%."""
    people = shop.views.people
    strengths = people.interests.filter(pl.col("topic") == topic)["strength"].to_numpy()
    average = float(strengths.sum()) / max(len(people.users), 1)
    return min(max(round(3 * average, 2), 0.01), 0.5)


def with_known_topics(shop: Shop, clause: Clause, path: str = "$") -> Clause:
    """The clause with its topics as the catalog writes them. Raises BadClause for an unknown one, with the nearest names."""
    match clause:
        case And() | Or():
            children = [with_known_topics(shop, child, f"{path}.clauses[{at}]") for at, child in enumerate(clause.clauses)]
            return clause.model_copy(update={"clauses": children})
        case Not():
            return Not(clause=with_known_topics(shop, clause.clause, f"{path}.clause"))
        case InterestClause(topic=str(words)) | BehaviourClause(topic=str(words)):
            if topic := shop.catalog.topic(words):
                return clause.model_copy(update={"topic": topic.name})
            near = [name for name, _ in shop.topics.search(words, 3) or shop.catalog.find_topics(words, 3)]
            raise BadClause(f"{path}.topic", f"no topic {words!r}{', nearest are ' if near else ''}{', '.join(near)}")
    return clause


def segments_in(shop: Shop, clause: Clause) -> dict[str, list[str]]:
    """The members of each segment that a clause names. Raises BadClause for an unknown one."""
    members = {}
    for path, leaf, _ in leaves(clause):
        if isinstance(leaf, SegmentClause) and leaf.name not in members:
            try:
                members[leaf.name] = segment_of_users(shop, leaf.name)
            except ToolError as error:
                raise BadClause(f"{path}.name", str(error)) from error
    return members


def values_of(shop: Shop, clause: Clause, people: People, segments: dict[str, list[str]]) -> pl.DataFrame:
    """`clause_values` as of now, with `matches`."""
    return clause_values(clause, people, segments, shop.catalog, shop.now()).with_columns(matches=passes(clause))


def resolve(shop: Shop, user: str) -> str:
    """The user id behind a pseudonym; an id stays itself. Raises UnknownUser."""
    return user if shop.store.has_user(user) else user_behind(shop, user)


def user_behind(shop: Shop, name: str) -> str:
    """The user id behind a pseudonym. Raises UnknownUser, also for a user id."""
    for user_id in shop.views.people.users["user_id"].cast(pl.String):
        if shop.pseudonym(user_id) == name:
            return str(user_id)
    raise UnknownUser(name)


def _members(shop: Shop, clause: Clause, segments: dict[str, list[str]]) -> pl.DataFrame:
    """user_id and strength of those who satisfy a clause, the strongest first."""
    found = (
        values_of(shop, clause, shop.views.people, segments)
        .filter("matches")
        .select(pl.col("user_id").cast(pl.String), "strength")
    )
    return found.sort("strength", "user_id", descending=[True, False])


def _histogram(members: pl.DataFrame) -> list[int]:
    """How many members have a strength in [0, .1), [.1, .2) and so on, 1 being in the last."""
    known = members["strength"].drop_nulls()
    if known.is_empty() or len(members) < SMALLEST:
        return []
    return [_tens(int(known.is_between(k / 10, (k + 1) / 10, closed="both" if k == 9 else "left").sum())) for k in range(10)]


def _tens(count: int) -> int:
    return count - count % SMALLEST


def _notes(members: pl.DataFrame) -> list[str]:
    return [f"fewer than {SMALLEST} users: not described"] if len(members) < SMALLEST else []
