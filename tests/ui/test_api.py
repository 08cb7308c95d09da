"""Protects the JSON API: effect at once, clear refusals, no stack trace. Run: pytest tests/ui/test_api.py"""

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from agent.runtime import NOWHERE, Runtime
from tools import Shop
from ui.api import create_app

GOOD = {"event_id": "api-1", "user_id": "ana", "type": "cart_add", "item_id": "diapers", "ts": "2025-06-30T12:00:00Z"}


def test_each_event_of_a_batch_has_its_outcome_and_takes_effect(client: TestClient) -> None:
    bad = {**GOOD, "event_id": "api-2", "type": "teleport"}
    answer = client.post("/v1/events", json={"events": [GOOD, bad, GOOD]})
    assert [outcome["status"] for outcome in answer.json()["outcomes"]] == ["stored", "rejected", "duplicate"]
    assert "'teleport'" in answer.json()["outcomes"][1]["reason"]
    profile = client.get("/v1/users/ana/profile").json()
    assert [interest["topic"] for interest in profile["interests"]] == ["Diapers"]
    assert profile["interests"][0]["evidence"] == ["api-1"]


def test_an_event_ahead_of_the_shop_s_clock_is_refused(client: TestClient, shop: Shop) -> None:
    before = shop.store.count()
    outcome = client.post("/v1/events", json={"events": [{**GOOD, "ts": "2026-01-01T00:00:00Z"}]}).json()["outcomes"][0]
    assert outcome["status"] == "rejected"
    assert "'2026-01-01T00:00:00+00:00' is ahead of the shop's clock, 2025-06-30" in outcome["reason"]
    assert shop.store.count() == before


def test_recommendations_take_every_filter(client: TestClient) -> None:
    query: dict[str, str | int] = {"query": "dog food", "max_price": 5, "k": 3}
    cards = client.get("/v1/users/dora/recommendations", params=query).json()["cards"]
    assert [card["item_id"] for card in cards] == ["dogtreat"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"min_price": 3, "max_price": 9.9}, ["dogfood", "dogtreat", "coffee", "catfood", "wipes"]),
        ({"topic": "dairy"}, ["milk", "oat"]),
        ({"brand": "wuff"}, ["dogfood", "dogtreat"]),
        ({"topic": "Dog", "exclude": ["dogfood", "no such item"]}, ["dogtreat"]),
        ({"topic": "Bakery", "only_new": True}, ["bagel"]),
    ],
)
def test_recommendations_are_narrowed_by(client: TestClient, filters: dict[str, str], expected: list[str]) -> None:
    cards = client.get("/v1/users/dora/recommendations", params={"k": 10, **filters}).json()["cards"]
    assert {card["item_id"] for card in cards} <= set(expected)
    assert expected[0] in {card["item_id"] for card in cards}


def test_a_filter_that_leaves_nothing_is_named(client: TestClient) -> None:
    answer = client.get("/v1/users/dora/recommendations", params={"max_price": 5, "topic": "Dog food"}).json()
    assert (answer["cards"], answer["notes"][1]) == ([], '"of Dog food" left nothing')


def test_a_cart_is_analyzed(client: TestClient) -> None:
    answer = client.post("/v1/cart/analyze", json={"items": {"dogfood": 1}}).json()
    assert (answer["total"], answer["missing"][0]["item_id"]) == (9.9, "dogtreat")
    assert answer["due"] == []


def test_a_cart_of_a_user_is_analyzed_with_the_user_s_habits(client: TestClient) -> None:
    answer = client.post("/v1/cart/analyze", json={"items": {"dogfood": 1}, "user_id": "dora"}).json()
    treats = next(gap for gap in answer["gaps"] if gap["topic"] == "Dog treats")
    assert treats["habit"] == {"topic": "Dog treats", "baskets": 25, "of_baskets": 25}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "quoted"),
    [
        ("GET", "/v1/users/nobody/profile", None, 404, "nobody"),
        ("GET", "/v1/users/dora/profile?topic=telescope", None, 404, "telescope"),
        ("GET", "/v1/users/dora/recommendations?k=0", None, 422, "'0'"),
        ("GET", "/v1/users/dora/recommendations?max_price=cheap", None, 422, "'cheap'"),
        ("GET", "/v1/users/dora/recommendations?min_price=5&max_price=4", None, 422, "5.0 is above max_price 4.0"),
        ("GET", "/v1/users/dora/recommendations?topic=telescope", None, 404, "telescope"),
        ("GET", "/v1/users/dora/recommendations?diversity=2", None, 422, "'2'"),
        ("POST", "/v1/events", {"events": [{}] * 1001}, 422, "1000"),
        ("POST", "/v1/events", {"events": "all"}, 422, "'all'"),
        ("POST", "/v1/cart/analyze", {"items": {"milk": -1}}, 422, "-1"),
        ("POST", "/v1/cart/analyze", {"items": {"milk": 1}, "user_id": "nobody"}, 404, "nobody"),
    ],
)
def test_bad_input_is_refused_naming_the_value(
    client: TestClient, method: str, path: str, body: dict[str, object] | None, status: int, quoted: str
) -> None:
    answer = client.request(method, path, json=body)
    assert answer.status_code == status
    assert quoted in answer.json()["error"]


def test_another_host_name_is_refused(client: TestClient) -> None:
    assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 400


def test_the_numbers_come_at_once_and_the_words_follow(client: TestClient, runtime: Runtime) -> None:
    at_once = client.get("/v1/users/dora/profile").json()
    assert (at_once["summary_status"], at_once["summary"]) == ("pending", "")
    assert {interest["topic"] for interest in at_once["interests"]} == {"Dog food", "Dog treats", "Milk", "Bread"}
    runtime.profiles.wait()
    later = client.get("/v1/users/dora/profile").json()
    assert later["summary_status"] == "ready"
    assert later["summary"].endswith(" comes first.")
    evidence = [{i["topic"]: i["evidence"] for i in profile["interests"]} for profile in (at_once, later)]
    assert evidence[0] == evidence[1]


def test_a_topic_narrows_the_profile(client: TestClient) -> None:
    profile = client.get("/v1/users/dora/profile", params={"topic": "dog"}).json()
    assert {interest["topic"] for interest in profile["interests"]} == {"Dog food", "Dog treats"}


def test_requests_are_counted_by_route_and_status(client: TestClient) -> None:
    client.get("/v1/users/nobody/profile")
    assert 'inkling_requests_total{route="/v1/users/{user_id}/profile",status="404"} 1.0' in client.get("/metrics").text


def test_health_says_why_the_llm_does_not_answer(runtime: Runtime) -> None:
    gone = replace(runtime, llm=NOWHERE)
    health = TestClient(create_app(gone)).get("/healthz").json()
    assert (health["status"], health["events"], health["llm"]) == ("ok", runtime.shop.store.count(), "unavailable")
    assert "'http://127.0.0.1:1/v1' does not answer" in health["reason"]
    never = replace(gone, no_llm="vLLM is not installed")
    assert TestClient(create_app(never)).get("/healthz").json()["reason"] == "vLLM is not installed"
