"""Protects the merchant's routes: clauses in, audience and proof out, pseudonyms only, refusals that name the clause.
Run: pytest tests/ui/test_merchant_api.py"""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from agent.runtime import Runtime

MILK = {"kind": "interest", "topic": "milk", "at_least": 0.2}
MILK_OR_DIAPERS = {"kind": "or", "clauses": [MILK, {"kind": "interest", "topic": "Diapers", "at_least": 0.2}]}


def test_an_audience_has_a_size_a_histogram_and_members(client: TestClient) -> None:
    answer = client.post("/v1/audiences", json={"clause": MILK_OR_DIAPERS, "limit": 2}).json()
    assert (answer["size"], answer["population"], len(answer["histogram"]), len(answer["members"])) == (10, 12, 10, 2)
    assert answer["in_words"] == "(strength on Milk at least 20%) or (strength on Diapers at least 20%)"
    assert answer["members"][0]["pseudonym"].startswith("shopper-")
    assert answer["members"][0]["user_id"] is None


def test_a_match_is_proved_clause_by_clause(client: TestClient, runtime: Runtime) -> None:
    clause = {"kind": "and", "clauses": [MILK, {"kind": "behaviour", "event": "purchase", "topic": "Tea", "days": 30}]}
    answer = client.post("/v1/audiences/explain", json={"clause": clause, "user": runtime.shop.pseudonym("dora")}).json()
    assert (answer["matches"], answer["nearest_miss"], answer["user_id"]) == (False, ["$.clauses[1]"], None)
    milk, tea = answer["proofs"]
    assert (milk["passes"], milk["evidence"][0]["title"], milk["evidence"][0]["event_id"]) == (
        True,
        "Whole milk, 1 l",
        "dora-0-milk",
    )
    assert (tea["passes"], tea["what_if"]["text"]) == (False, "1 more purchase of Tea today would make 1")


@pytest.mark.parametrize(
    ("path", "body", "status", "quoted"),
    [
        ("", {"clause": {**MILK, "at_least": 7}}, 422, ["at_least", "'7'"]),
        ("", {"clause": {"kind": "and", "clauses": [MILK, {**MILK, "topic": "🐶"}]}}, 422, ["$.clauses[1].topic", "🐶"]),
        ("", {"clause": {"kind": "horoscope"}}, 422, ["horoscope"]),
        ("", {"clause": {"kind": "and", "clauses": [MILK] * 100}}, 422, ["at most 64"]),
        ("", {"clause": MILK, "limit": 1001}, 422, ["limit", "'1001'"]),
        ("", {}, 422, ["clause"]),
        ("/explain", {"clause": MILK, "user": "dora"}, 404, ["'dora'"]),  # an id is no pseudonym
        ("/explain", {"clause": MILK, "user": "‏كلب🐕"}, 404, ["🐕"]),
    ],
)
def test_bad_questions_are_refused_naming_the_clause(
    client: TestClient, path: str, body: dict[str, Any], status: int, quoted: list[str]
) -> None:
    answer = client.post(f"/v1/audiences{path}", json=body)
    assert answer.status_code == status
    assert all(words in answer.json()["error"] for words in quoted), answer.json()


def test_a_body_nested_without_end_is_refused(client: TestClient) -> None:
    for depth in (500, 800, 900, 940, 980, 50_000):
        body = '{"clause":' + '{"kind":"not","clause":' * depth + "{}" + "}" * (depth + 1)
        answer = client.post("/v1/audiences", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422)
