"""Protects the page as a person uses it, in headless Chromium. Run: pytest tests/ui/test_browser.py"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from agent.runtime import Runtime
from tests.agent.fake_openai import FakeLLM
from tests.ui.chromium import in_a_browser
from tests.ui.served import scripted, served
from tools import Shop, UnknownUser

SECONDS = 60_000
OAT = ("recommend", {"query": "oat milk"})

pytestmark = in_a_browser


@dataclass(frozen=True)
class Walk:
    """What a walk through the page met: the item put into the cart, the topic corrected, its value before and after."""

    item_id: str
    topic: str
    before: str
    after: str


def walk(page: Page, url: str, user: str, line: str) -> Walk:
    """Chat, see a card, add it to the cart, open an interest's evidence, say it is wrong, see the profile change."""
    page.goto(url)
    choose(page, user)
    ask(page, line)
    expect(page.locator(".thought-group").first).to_be_visible(timeout=SECONDS)
    expect(page.locator("#ink-shelf h2")).to_contain_text("Found", timeout=SECONDS)
    card = page.locator(".ink-card").first
    item_id, title = card.get_attribute("data-item") or "", card.locator(".ink-title").inner_text()
    expect(card.locator(".ink-reason")).not_to_be_empty()
    card.get_by_role("button", name="Add to cart").click()
    expect(page.locator("#ink-cart .ink-line").first).to_contain_text(title, timeout=SECONDS)
    expect(page.locator("#ink-cart .ink-total")).to_contain_text("$")

    topic = page.locator('.ink-interest[data-kind="inferred"]').first.get_attribute("data-topic") or ""
    interest = page.locator(f'.ink-interest[data-topic="{topic}"]')
    before = interest.locator(".ink-value").inner_text()
    interest.locator("summary").click()
    proof = interest.locator(".ink-evidence tbody tr").first
    expect(proof).to_contain_text(re.compile(r"\d{1,2}\s\w{3}\s\d{4}"))
    expect(proof.locator("code")).not_to_be_empty()
    interest.get_by_role("button", name="is not for me").click()
    expect(interest).to_have_attribute("data-kind", "avoids", timeout=SECONDS)
    expect(proof).to_be_visible()
    return Walk(item_id, topic, before, interest.locator(".ink-value").inner_text())


def choose(page: Page, user: str) -> None:
    """Type who is shopping, and wait until the page is theirs."""
    expect(page.locator(".ink-card").first).to_be_visible(timeout=SECONDS)
    picker = page.get_by_label("Who is shopping")
    picker.fill(user)
    picker.press("Enter")
    expect(page.locator(f'#ink-shelf [data-user="{user}"]')).to_be_visible(timeout=SECONDS)


def ask(page: Page, line: str) -> None:
    page.locator(".ink-talk textarea").fill(line)
    page.locator(".ink-talk textarea").press("Enter")


@pytest.fixture
def site(shop: Shop) -> Iterator[tuple[str, Runtime, FakeLLM]]:
    with scripted(shop) as (runtime, fake), served(runtime) as url:
        yield url, runtime, fake


def test_a_walk_through_the_page_changes_what_the_shop_believes(
    browser: Browser, site: tuple[str, Runtime, FakeLLM], shop: Shop
) -> None:
    url, _, fake = site
    fake.answers = [OAT, "Try p1."]
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    done = walk(page, url, "dora", "any oat milk?")
    assert done.before.endswith("%")
    assert done.after == "avoided"
    events = [event for event in shop.store.timeline("dora") if event.event_id.startswith(("page-", "said-"))]
    assert {"impression", "search", "cart_add", "dislike"} <= {event.type for event in events}
    assert [event.query for event in events if event.type == "search"] == ["oat milk"]
    assert [event.item_id for event in events if event.type == "cart_add"] == [done.item_id]
    assert [event.attributes for event in events if event.type == "dislike"] == [{"topic": done.topic}]
    assert next(i for i in shop.profile("dora").interests if i.topic == done.topic).polarity == "avoids"
    expect(page.locator('.ink-status[data-status="ready"]')).to_be_visible(timeout=SECONDS)
    assert {address for address in asked if not address.startswith((url, "data:", "blob:"))} == set()
    page.close()


def test_it_fits_a_phone_and_shows_markup_as_text(browser: Browser, site: tuple[str, Runtime, FakeLLM]) -> None:
    url, _, fake = site
    fake.answers = [OAT, "Try p1."]
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.goto(url)
    choose(page, "ben")
    typed = "<img src=x onerror='window.hit = 1'> **oat** milk?"
    ask(page, typed)
    expect(page.locator(".ink-chat")).to_contain_text(typed, timeout=SECONDS)
    expect(page.locator("#ink-shelf h2")).to_contain_text("Found", timeout=SECONDS)
    assert page.evaluate("window.hit") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_an_unknown_user_is_a_toast_and_deleting_data_asks_first(
    browser: Browser, site: tuple[str, Runtime, FakeLLM], shop: Shop
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(site[0])
    expect(page.locator(".ink-card").first).to_be_visible(timeout=SECONDS)
    picker = page.get_by_label("Who is shopping")
    picker.fill("no <b>body</b>")
    picker.press("Enter")
    expect(page.locator(".toast-wrap")).to_contain_text("no user 'no <b>body</b>' in this shop", timeout=SECONDS)
    expect(page.locator(".ink-card")).to_have_count(0)
    picker.fill("ben")
    picker.press("Enter")
    expect(page.locator('.ink-interest[data-topic="Diapers"]')).to_be_visible(timeout=SECONDS)
    page.get_by_role("button", name="Delete my data").click()
    page.get_by_role("button", name="Keep it").click()
    assert shop.store.has_user("ben")
    page.get_by_role("button", name="Delete my data").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator("#ink-shelf")).to_contain_text("Deleted", timeout=SECONDS)
    with pytest.raises(UnknownUser):
        shop.timeline("ben")
    page.close()


def test_a_merchant_asks_about_shoppers(browser: Browser, site: tuple[str, Runtime, FakeLLM]) -> None:
    url, _, fake = site
    fake.answers = [("build_audience", {"topic": "milk"}), "They buy it often."]
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url)
    page.get_by_role("tab", name="Merchant").click()
    page.get_by_role("button", name="Who is likely to buy milk?").click()
    expect(page.locator(".ink-merchant .thought-group")).to_contain_text("build_audience", timeout=SECONDS)
    assert {tool["function"]["name"] for tool in fake.requests[0]["tools"]} >= {"build_audience", "recommend_bundles"}
    page.close()
