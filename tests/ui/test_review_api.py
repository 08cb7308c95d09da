"""Protects the route of reviews: a summary with evidence out, unknown topics and users refused.
Run: pytest tests/ui/test_review_api.py"""

import pytest
from fastapi.testclient import TestClient

REVIEW = {"type": "review", "item_id": "tea", "ts": "2025-06-30T12:00:00Z"}


def test_reviews_come_with_counts_quotes_and_what_serves_the_user(client: TestClient) -> None:
    events = [
        {**REVIEW, "event_id": "r1", "user_id": "dora", "rating": 5, "text": "Lovely with milk 🍵"},
        {**REVIEW, "event_id": "r2", "user_id": "ben", "rating": 1, "text": "太苦了"},
    ]
    client.post("/v1/events", json={"events": events})
    answer = client.get("/v1/reviews", params={"about": "Tea", "user_id": "ben"}).json()
    assert (answer["about"], answer["reviews"], answer["mean_stars"]) == ("Tea", 2, 3.0)
    assert answer["sentiments"] == {"negative": 1, "positive": 1}
    assert [(quote["event_id"], quote["text"]) for quote in answer["quotes"]] == [("r2", "太苦了"), ("r1", "Lovely with milk 🍵")]
    assert [(one["quote"]["event_id"], one["because"]) for one in answer["useful"]] == [("r1", ["milk"])]
    assert "user_id" not in str(answer)


def test_a_topic_that_nobody_reviewed_is_empty(client: TestClient) -> None:
    answer = client.get("/v1/reviews", params={"about": "Milk"}).json()
    assert (answer["reviews"], answer["quotes"], answer["mean_stars"], answer["useful"]) == (0, [], None, [])


@pytest.mark.parametrize(
    ("params", "status", "quoted"),
    [
        ({"about": "telescope"}, 404, "'telescope'"),
        ({"about": "Tea", "user_id": "nobody"}, 404, "'nobody'"),
        ({"about": ""}, 422, "about"),
        ({"about": "x" * 201}, 422, "about"),
        ({}, 422, "about"),
    ],
)
def test_bad_questions_are_refused_naming_the_value(client: TestClient, params: dict[str, str], status: int, quoted: str) -> None:
    answer = client.get("/v1/reviews", params=params)
    assert answer.status_code == status
    assert quoted in answer.json()["error"]
