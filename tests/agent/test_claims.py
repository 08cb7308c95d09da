"""Protects the profile guard: what the digest says passes in other words too, what it does not say fails, with the reason.

Run: pytest tests/agent/test_claims.py
"""

from datetime import timedelta

import pytest

from agent.claims import check_claim
from agent.digest import Digest, make_digest
from behavior import Catalog, Event, EventStore, build_profile, event_frame, trait_values
from tests import tiny


@pytest.fixture
def digest(store: EventStore, catalog: Catalog) -> Digest:
    """Of dora: bread, dog food, milk every 7 days, 25 times until 30 June; she avoids tea; bagels are new since 28 June."""
    moment = tiny.END - timedelta(days=2)
    said = Event(event_id="said", user_id="dora", type="dislike", ts=tiny.END, attributes={"topic": "Tea"})
    bought = Event(event_id="b", user_id="dora", type="purchase", item_id="bagel", ts=moment, price=2.6, session_id="b")
    store.append(event_frame([said, bought]))
    timeline = store.timeline_frame("dora")
    profile = build_profile("dora", timeline, catalog, tiny.END, trait_values(store.scan(), catalog))
    return make_digest(profile, timeline, catalog)


@pytest.mark.parametrize(
    "claim",
    [
        "Dog food was bought 25 times, about every 7 days.",
        "Milk and bread come back every week.",
        "They buy milk weekly.",
        "Bread was bought twenty-five times.",
        "$248 has gone to dog food, last bought on 30 June.",
        "Dog food cost 248 dollars so far.",
        "The last basket, on June 30th, had 4 products for $17.",
        "Bagels are new, bought once on 28 Jun.",
        "They avoid tea.",
        "A discount never mattered: 0% off on average.",
        "Half of the purchases are from one brand.",
        "Most of what they buy is for a dog.",
        "This household keeps buying Dog treats.",
        "In June they took bagels.",
    ],
)
def test_what_the_digest_says_passes(digest: Digest, claim: str) -> None:
    assert check_claim(claim, digest) is None


@pytest.mark.parametrize(
    ("claim", "fault"),
    [
        ("They buy cat food.", "cat"),
        ("They love coffee.", "coffee"),
        ("They like plant milk.", "plant"),
        ("A loyal shopper of Walmart.", "Walmart"),
        ("Dog food was bought 26 times.", "26 times"),
        ("Dog food was bought twenty-six times.", "26 times"),
        ("Dog food was bought a dozen times.", "12 times"),
        ("Milk was bought twice.", "2 times"),
        ("Milk comes back daily.", "1 days"),
        ("Milk comes back every two weeks.", "2 weeks"),
        ("Dog food cost $249.", "$249"),
        ("Dog food cost $25.", "$25"),  # 25 is its number of baskets
        ("Milk cost $248.", "$248"),  # true of another topic
        ("It was bought 25 times.", "25 times"),  # of which topic?
        ("Milk was last bought on 29 June.", "29 june"),
        ("Milk was last bought on June 29.", "june 29"),
        ("Milk was last bought on 2025-06-29.", "2025-06-29"),
        ("Milk was first bought in March.", "march"),
        ("Milk was bought yesterday.", "yesterday"),
        ("Milk is bought on Sundays.", "sundays"),
        ("They save 90% on average.", "90%"),
        ("Milk is fading.", "fading"),
        ("Bread is bought more often lately.", "more often"),
        ("Milk is new.", "new"),
        ("They avoid milk.", "avoid"),
        ("They love tea.", "Tea"),
        ("They are vegan.", "vegan"),
        ("i2 is a habit.", "i2"),
    ],
)
def test_what_the_digest_does_not_say_fails_and_is_quoted(digest: Digest, claim: str, fault: str) -> None:
    assert repr(fault) in (check_claim(claim, digest) or "")


def test_a_sentence_about_one_topic_has_that_topics_numbers_only(digest: Digest) -> None:
    ref = next(ref for ref, interest in digest.interests.items() if interest.topic == "Dog food")
    assert check_claim("bought 25 times, every 7 days, last on 30 Jun", digest.about(ref)) is None
    assert check_claim("$30 spent", digest.about(ref)) is not None  # that is milk
    assert check_claim("goes with milk", digest.about(ref)) is not None
