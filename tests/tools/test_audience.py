"""Protects audiences: who is in one, the proof of each clause, what would change it, and that no small group is described.
Run: pytest tests/tools/test_audience.py"""

from datetime import timedelta

import polars as pl
import pytest

from behavior import Event, strength, topic_features
from tests import tiny
from tools import (
    BadClause,
    Clause,
    Shop,
    ToolError,
    UnknownTopic,
    UnknownUser,
    audience_from_words,
    audience_of,
    build_audience,
    explain_clauses,
    explain_match,
)
from tools.audience import usual_bound
from tools.clauses import And, BehaviourClause, InterestClause, Not, Or, SegmentClause, TraitClause, leaves
from tools.matching import clause_values, passes

DOG, CAT, MILK, DIAPERS = (InterestClause(topic=name, at_least=0.3) for name in ("Dog food", "Cat food", "Milk", "Diapers"))
MILK_OR_DIAPERS = Or(clauses=[MILK, DIAPERS])


def users_in(shop: Shop, clause: Clause, segments: dict[str, list[str]] | None = None) -> set[str]:
    table = clause_values(clause, shop.views.people, segments or {}, shop.catalog, shop.now())
    return set(table.filter(passes(clause))["user_id"].cast(pl.String))


def buyers(*items: str) -> set[str]:
    return {user for user, (basket, _) in tiny.HABITS.items() if set(items) & set(basket)}


def test_each_kind_of_clause_finds_its_users(read_shop: Shop) -> None:
    everyone = set(tiny.HABITS)
    assert users_in(read_shop, InterestClause(topic="Dog food", at_least=0)) == {"dora"}
    assert users_in(read_shop, And(clauses=[MILK, InterestClause(topic="Bread", at_least=0.3)])) == buyers("milk") - {"ben"}
    assert users_in(read_shop, MILK_OR_DIAPERS) == buyers("milk", "diapers")
    assert users_in(read_shop, Not(clause=MILK_OR_DIAPERS)) == everyone - buyers("milk", "diapers")
    assert users_in(read_shop, SegmentClause(name="s"), {"s": ["dora", "ben"]}) == {"dora", "ben"}
    often = TraitClause(name="shopping rhythm", high=10)
    assert users_in(read_shop, often) == {"carl"}  # every five days, the shortest of all pauses
    assert users_in(read_shop, Or(clauses=[often, Not(clause=often)])) == everyone


def test_behaviour_counts_baskets_of_a_whole_topic_within_the_days(read_shop: Shop) -> None:
    def bought(topic: str | None, times: int, days: int) -> set[str]:
        return users_in(read_shop, BehaviourClause(event="purchase", topic=topic, times=times, days=days))

    assert bought("Diapering", 1, 1) == buyers("diapers")  # everyone's last basket was today
    assert "u2" in bought("Diapering", 2, 11)  # every eleven days: today and eleven days ago, diapers and wipes in each
    assert "u2" not in bought("Diapering", 3, 11)
    assert "u2" not in bought("Diapering", 2, 10)
    assert bought("Wuff", 1, 30) == {"dora"}  # a brand
    assert bought(None, 5, 20) == {"carl"}
    assert bought("Tea", 1, 3650) == {"tea-lover"}


def test_the_audience_and_the_proof_agree_on_every_user(read_shop: Shop) -> None:
    clause = Or(
        clauses=[
            And(clauses=[MILK, Not(clause=DOG), TraitClause(name="brand loyalty", low=20, high=90)]),
            BehaviourClause(event="purchase", topic="Coffee and tea", times=3, days=40),
        ]
    )
    members = users_in(read_shop, clause)
    assert 0 < len(members) < len(tiny.HABITS)
    for user in tiny.HABITS:
        match = explain_clauses(read_shop, user, clause)
        assert match.matches == (user in members)
        assert bool(match.nearest_miss) != match.matches
        assert [proof.path for proof in match.proofs] == [path for path, _, _ in leaves(clause)]
        assert all((proof.margin >= 0) == proof.passes for proof in match.proofs)


def test_a_partition_of_the_users_gives_its_part_of_the_answer(read_shop: Shop) -> None:
    clause = And(clauses=[MILK_OR_DIAPERS, TraitClause(name="shopping rhythm", low=30)])
    parts = set()
    for user in tiny.HABITS:
        table = clause_values(clause, read_shop.views.people.only(user), {}, read_shop.catalog, read_shop.now())
        parts |= set(table.filter(passes(clause))["user_id"].cast(pl.String))
    assert parts == users_in(read_shop, clause)


def test_evidence_is_the_user_s_own_and_about_the_topic(read_shop: Shop) -> None:
    clause = And(
        clauses=[
            InterestClause(topic="Dog", at_least=0.9),
            BehaviourClause(event="purchase", topic="Milk", days=30),
            TraitClause(name="brand loyalty"),
            TraitClause(name="shopping rhythm"),
        ]
    )
    proofs = explain_clauses(read_shop, "dora", clause).proofs
    about = {"Dog": {"dogfood", "dogtreat"}, "Milk": {"milk"}}
    for proof, topic in zip(proofs, ["Dog", "Milk", None, None], strict=True):
        events = read_shop.store.events([one.event_id for one in proof.evidence])
        assert len(events) == len(proof.evidence) > 0
        assert {event.user_id for event in events} == {"dora"}
        assert [event.ts for event in events] == sorted((event.ts for event in events), reverse=True)
        if topic:
            assert {event.item_id for event in events} <= about[topic]
            assert {one.title for one in proof.evidence} <= {i.title for i in tiny.ITEMS if i.item_id in about[topic]}
    assert proofs[1].value == len(proofs[1].evidence) == 5  # every seven days, today included


def strength_of(timeline: pl.DataFrame, shop: Shop, topic: str) -> float:
    rows = topic_features(timeline, shop.catalog, shop.now())
    return float(rows.with_columns(strength=strength(rows)).filter(pl.col("topic") == topic)["strength"][0])


def test_what_would_lift_a_strength_is_what_those_baskets_do(read_shop: Shop) -> None:
    match = explain_clauses(read_shop, "dora", InterestClause(topic="Coffee", at_least=0.3))
    (proof,) = match.proofs
    assert (match.matches, match.nearest_miss, proof.value, proof.margin, proof.evidence) == (False, ["$"], None, -0.3, [])
    assert proof.what_if
    assert proof.what_if.text.startswith("Coffee in 2 more of the latest baskets would make the strength about 3")
    assert proof.what_if.text.endswith("% instead of 0%")

    timeline = read_shop.timeline("dora")
    latest = timeline.filter(pl.col("item_id") == "milk").sort("ts", descending=True).head(2)
    coffee = latest.with_columns(item_id=pl.lit("coffee"), event_id="if-" + pl.col("event_id"))
    assert proof.what_if.value == pytest.approx(strength_of(pl.concat([timeline, coffee]), read_shop, "Coffee"), abs=1e-5)
    assert proof.what_if.passes


def test_a_strength_that_must_not_be_is_lost_without_the_latest_baskets(read_shop: Shop) -> None:
    (proof,) = explain_clauses(read_shop, "dora", Not(clause=InterestClause(topic="Dog food", at_least=0.93))).proofs
    assert (proof.wanted, proof.passes, proof.path) == (False, True, "$.clause")
    assert proof.what_if
    timeline = read_shop.timeline("dora")
    newest = timeline.filter(pl.col("item_id") == "dogfood").sort("ts", descending=True)["event_id"]
    fewer = {
        n: strength_of(timeline.filter(~pl.col("event_id").is_in(newest.head(n).implode())), read_shop, "Dog food")
        for n in (1, 2, 4, 8)
    }
    reached = next((value for value in fewer.values() if value < 0.93), fewer[8])
    assert proof.what_if.value == pytest.approx(reached, abs=1e-5)
    assert "fewer of the latest baskets would make the strength about" in proof.what_if.text


def test_a_user_who_said_to_avoid_a_topic_never_passes_until_taking_it_back(shop: Shop) -> None:
    def says(kind: str, n: int) -> Event:
        return Event.model_validate(
            {
                "event_id": f"said-{n}",
                "user_id": "dora",
                "type": kind,
                "ts": tiny.END,
                "attributes": {"topic": "Dog food"},
            }
        )

    anyone = InterestClause(topic="Dog food", at_least=0)
    shop.record([says("dislike", 1)])
    assert users_in(shop, anyone) == set()
    (proof,) = explain_clauses(shop, "dora", DOG).proofs
    assert proof.evidence[0].event_id == "said-1"
    assert proof.what_if
    assert proof.what_if.passes
    assert proof.what_if.text.startswith("saying to like Dog food would make it about")
    shop.record([says("like", 2)])
    assert users_in(shop, anyone) == {"dora"}


def test_a_user_whose_reviews_are_against_a_topic_never_passes_until_buying_again(shop: Shop) -> None:
    clause, ts = InterestClause(topic="Dog", at_least=0.0), tiny.END - timedelta(days=2)
    bad = [
        Event(event_id=f"bad-{item}", user_id="rae", type="review", item_id=item, ts=ts, rating=1)
        for item in ("dogfood", "dogtreat")
    ]
    shop.record(bad[:1])
    assert explain_clauses(shop, "rae", clause).matches
    shop.record(bad[1:])
    outside = explain_match(shop, "rae", "Dog", min_strength=0.0)
    assert (outside.matches, outside.notes) == (False, ["the user reviewed it badly"])
    assert {e.event_id for e in outside.proofs[0].evidence} == {"bad-dogfood", "bad-dogtreat"}
    again = Event(event_id="again", user_id="rae", type="purchase", item_id="dogfood", ts=tiny.END, price=9.9)
    shop.record([again])
    assert explain_clauses(shop, "rae", clause).matches


def test_counts_and_bands_say_what_is_missing(read_shop: Shop) -> None:
    clauses = And(
        clauses=[
            BehaviourClause(event="purchase", topic="Milk", times=7, days=28),
            TraitClause(name="shopping rhythm", low=0, high=10),
        ]
    )
    match = explain_clauses(read_shop, "dora", clauses)
    assert match.nearest_miss == ["$.clauses[0]", "$.clauses[1]"]
    count, rhythm = match.proofs
    assert count.what_if
    assert (count.value, count.margin, count.what_if.text) == (5, -2, "2 more purchase of Milk today would make 7")
    assert rhythm.what_if
    assert rhythm.what_if.text == "a basket every 5.0 days instead of a basket every 7.0 days would be the 4th percentile"
    (done,) = explain_clauses(
        read_shop, "dora", Not(clause=BehaviourClause(event="purchase", topic="Milk", times=2, days=10))
    ).proofs
    assert done.what_if
    assert done.what_if.text == "without another purchase of Milk there are 1 from 4 Jul 2025 on"


def test_the_nearest_miss_is_the_cheapest_way_in(read_shop: Shop) -> None:
    either = Or(clauses=[And(clauses=[DOG, CAT]), InterestClause(topic="Tea", at_least=0.9)])
    assert explain_clauses(read_shop, "dora", either).nearest_miss == ["$.clauses[0].clauses[1]"]  # .3 away, not .9
    neither = Not(clause=And(clauses=[InterestClause(topic="Milk", at_least=0), InterestClause(topic="Bread", at_least=0.97)]))
    assert explain_clauses(read_shop, "dora", neither).nearest_miss == ["$.clause.clauses[1]"]


def test_events_take_effect_and_erased_users_are_gone(shop: Shop) -> None:
    bought = BehaviourClause(event="purchase", topic="Tea", days=5)
    assert users_in(shop, bought) == {"tea-lover"}
    shop.record([Event(event_id="t", user_id="newcomer", type="purchase", item_id="tea", ts=tiny.END, price=2.9)])
    assert users_in(shop, bought) == {"tea-lover", "newcomer"}
    shop.erase("tea-lover")
    assert users_in(shop, bought) == {"newcomer"}
    with pytest.raises(UnknownUser, match="tea-lover"):
        explain_clauses(shop, "tea-lover", bought)
    assert users_in(Shop.open(shop.settings), bought) == {"newcomer"}


def test_small_groups_are_not_described_nor_told_by_difference(read_shop: Shop) -> None:
    described = audience_of(read_shop, MILK_OR_DIAPERS)
    assert (len(buyers("milk", "diapers")), described.size, described.population) == (11, 10, 12)
    assert len(described.members) == 11
    assert all(count % 10 == 0 for count in described.histogram)
    but_one = audience_of(read_shop, And(clauses=[MILK_OR_DIAPERS, Not(clause=DOG)]))
    assert described.size - but_one.size == 0  # not the one that the clause took out
    for empty in (DOG, And(clauses=[DOG, Not(clause=DOG)])):
        hidden = audience_of(read_shop, empty)
        assert (hidden.size, hidden.histogram, hidden.members) == (0, [], [])
        assert hidden.notes == ["fewer than 10 users: not described"]


def test_users_are_pseudonyms_unless_they_may_be_seen(read_shop: Shop) -> None:
    hidden, shown = (audience_of(read_shop, MILK_OR_DIAPERS, 3, show_users=may) for may in (False, True))
    assert [member.user_id for member in hidden.members] == [None] * 3
    assert [member.pseudonym for member in hidden.members] == [
        read_shop.pseudonym(str(member.user_id)) for member in shown.members
    ]
    assert [m.strength for m in shown.members] == sorted((m.strength or 0 for m in shown.members), reverse=True)
    assert explain_clauses(read_shop, "dora", DOG).user_id is None
    assert explain_clauses(read_shop, "dora", DOG, show_users=True).user_id == "dora"


def test_an_audience_without_an_interest_has_no_strengths(read_shop: Shop) -> None:
    everyone = audience_of(read_shop, BehaviourClause(event="purchase", days=30))
    assert (everyone.size, everyone.histogram, everyone.members[0].strength) == (10, [], None)


@pytest.mark.parametrize("topic", ["telescopes", "🐶🍖", "كلاب", "dgo food"])
def test_an_unknown_topic_is_refused_with_its_path_and_the_nearest_names(read_shop: Shop, topic: str) -> None:
    clause = And(clauses=[MILK, Not(clause=BehaviourClause(event="view", topic=topic, days=3))])
    with pytest.raises(BadClause) as refused:
        audience_of(read_shop, clause)
    assert str(refused.value).startswith(f"$.clauses[1].clause.topic: no topic {topic!r}")
    if topic == "dgo food":
        assert "nearest are Dog food" in str(refused.value)


def test_an_unknown_segment_is_refused_with_its_path(read_shop: Shop) -> None:
    with pytest.raises(BadClause, match=r"^\$\.clauses\[1\]\.name: .*'knights'"):
        audience_of(read_shop, And(clauses=[MILK, SegmentClause(name="knights")]))


def test_the_tools_of_the_chat_are_small_compositions(read_shop: Shop) -> None:
    dog = explain_match(read_shop, read_shop.pseudonym("dora"), "Dog", min_strength=0.4)
    assert dog.interest
    assert (dog.matches, dog.proofs[0].threshold, dog.proofs[0].value) == (True, 0.4, dog.interest.strength)
    assert build_audience(read_shop, "Milk", min_strength=0.0).notes  # eight users
    with pytest.raises(ToolError, match="4000"):
        build_audience(read_shop, "Milk", days=4000)


def test_words_become_clauses_with_the_choice_shown(read_shop: Shop) -> None:
    def usual(topic: str) -> InterestClause:
        return InterestClause(topic=topic, at_least=usual_bound(read_shop, topic))

    draft = audience_from_words(read_shop, "dog food and milk but not diapers, or green tea")
    assert draft.clause == Or(
        clauses=[
            And(
                clauses=[
                    usual("Dog food"),
                    usual("Milk"),
                    Not(clause=usual("Diapers")),
                ]
            ),
            usual("Tea"),
        ]
    )
    first = draft.choices[0]
    assert (first.words, first.topic, first.score, first.negated) == ("dog food", "Dog food", 1.0, False)
    assert first.alternatives
    assert all(0 < near.score <= 1 and near.topic != "Dog food" for near in first.alternatives)
    assert audience_from_words(read_shop, "Coffee and tea").clause == usual("Coffee and tea")


def test_words_that_mean_nothing_here_are_left_out_or_refused(read_shop: Shop) -> None:
    draft = audience_from_words(read_shop, "telescopes, milk")
    assert draft.clause == InterestClause(topic="Milk")
    assert [choice.topic for choice in draft.choices] == [None, "Milk"]
    for words in ("🔭", "تلسكوب", "telescopes", "and", ","):
        with pytest.raises(UnknownTopic):
            audience_from_words(read_shop, words)
    for words in (" ", "milk " * 101):
        with pytest.raises(ToolError, match="500"):
            audience_from_words(read_shop, words)


def test_the_usual_bound_is_three_times_the_average_and_half_at_most(shop: Shop) -> None:
    strengths = shop.views.features.filter(pl.col("topic") == "Dog food")["strength"]
    average = strengths.sum() / shop.views.people.users.height
    assert usual_bound(shop, "Dog food") == pytest.approx(min(3 * average, 0.5), abs=0.005)
    assert all(0.01 <= usual_bound(shop, topic.name) <= 0.5 for topic in shop.catalog.topics())
    assert build_audience(shop, "Dog food").min_strength == usual_bound(shop, "Dog food")
