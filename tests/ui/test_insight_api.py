"""Protects the merchant's routes about segments, brands and campaigns: typed answers, pseudonyms only, clear refusals.
Run: pytest tests/ui/test_insight_api.py"""

import pytest
from fastapi.testclient import TestClient

from agent.runtime import Runtime
from tests import tiny
from tools import Shop


def test_segments_and_their_map(client: TestClient) -> None:
    (segment,) = client.get("/v1/segments").json()["segments"]
    assert (segment["segment_id"], segment["size"]) == ("s1", len(tiny.HABITS))
    assert client.get("/v1/segments", params={"name": "knights"}).json()["segments"] == []
    points = client.get("/v1/segments/map").json()
    assert [point["segment_id"] for point in points] == ["s1"] * len(tiny.HABITS)


def test_a_user_s_segment_is_asked_by_pseudonym_only(client: TestClient, runtime: Runtime) -> None:
    assert client.get(f"/v1/segments/of/{runtime.shop.pseudonym('dora')}").json()["segment_id"] == "s1"
    assert client.get("/v1/segments/of/dora").status_code == 404


def test_a_campaign_is_reported(client: TestClient, shop: Shop) -> None:
    users = list(tiny.HABITS)
    raw = {"type": "impression", "ts": tiny.END.isoformat(), "attributes": {"campaign": "18"}}
    client.post("/v1/events", json={"events": [{**raw, "event_id": f"i-{user}", "user_id": user} for user in users]})
    answer = client.get("/v1/campaigns/18").json()
    assert (answer["reached"], answer["redeemers"], answer["start"]) == (12, 0, "2025-06-30T00:00:00Z")


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        ("/v1/brands/Acme", "no brand 'Acme', the shop has Alm, Bona"),
        ("/v1/brands/Wuff", "fewer than 10 users bought 'Wuff'"),
        ("/v1/campaigns/99", "no campaign '99', there are none"),
        (f"/v1/brands/{'x' * 300}", "200"),
    ],
)
def test_a_refusal_says_what_would_be_right(client: TestClient, path: str, quoted: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 422
    assert quoted in answer.json()["error"]
