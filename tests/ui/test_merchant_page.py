"""Protects the merchant's page: an audience from words, who and why with evidence, why not, the file, maps and reports, escaping.
Run: pytest tests/ui/test_merchant_page.py"""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import tiny_shop
from tests.ui.chromium import in_a_browser
from tests.ui.served import scripted, served
from tools import Shop, ToolError, audience_of, explain_clauses, list_segments, parse_clause, segment_map, segment_of
from tools.audience_results import ClauseAudience, ClauseMatch, ClauseMember, Evidence, Proof, TopicChoice, TopicScore
from tools.insight_results import CampaignGroup, CampaignReport, Demographic, Segment, SegmentMembership, Segments
from tools.results import Bundle, Bundles
from ui.page_audience import bounds, read, swapped, with_bound, with_topic, written
from ui.page_charts import plane, strengths
from ui.page_insight import brands, bundles_panel, campaign_panel, campaigns
from ui.page_members import audience_panel, choices_panel, members_csv, members_panel
from ui.page_proof import proof_panel
from ui.page_segments import segments_panel

SECONDS = 60_000
MARKUP = "<script>x</script>\"'"
MILK = {"kind": "interest", "topic": "Milk", "at_least": 0.2}
EITHER = {"kind": "or", "clauses": [MILK, {"kind": "interest", "topic": "Diapers", "at_least": 0.2}]}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page over a shop of its own: a visit to it is written into the log."""
    with (
        closing(tiny_shop(tmp_path_factory.mktemp("desk") / "home")) as shop,
        scripted(shop) as (runtime, _),
        served(runtime) as url,
    ):
        yield url


def at_the_desk(browser: Browser, url: str, width: int = 1280) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(url)
    page.get_by_role("tab", name="Merchant").click()
    expect(page.locator(".ink-tools textarea").first).to_be_visible(timeout=SECONDS)
    return page


def ask(page: Page, words: str) -> None:
    page.locator(".ink-tools textarea").first.fill(words)
    page.locator(".ink-tools textarea").first.press("Enter")


def set_bound(page: Page, value: str) -> None:
    number = page.locator(".ink-bound input[type=number]")
    number.fill(value)
    number.press("Tab")


@in_a_browser
def test_a_merchant_builds_an_audience_reads_why_and_why_not_and_exports(browser: Browser, url: str) -> None:
    page = at_the_desk(browser, url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    set_bound(page, "0.2")
    ask(page, "milk or diapers")
    expect(page.locator(".ink-bound input[type=number]")).not_to_have_value("0.2", timeout=SECONDS)  # it follows the draft
    expect(page.locator("#ink-audience [data-size='10']")).to_be_visible(timeout=SECONDS)
    expect(page.locator("#ink-choices [data-act=keep]")).to_have_text(["Milk", "Diapers"])
    expect(page.locator(".ink-chart .plotly").first).to_be_visible(timeout=SECONDS)
    expect(page.locator(".toast-body")).to_have_count(0)  # a bound set before any words was a failure once

    member = page.locator("#ink-members [data-act=why]").first
    name = member.inner_text()
    assert re.fullmatch(r"shopper-[0-9a-f]{8}", name)
    member.click()
    expect(page.locator("#ink-proof h2")).to_have_text(f"{name} is in the audience", timeout=SECONDS)
    event = page.locator("#ink-proof .ink-timeline li").first
    expect(event).to_contain_text(re.compile(r"\d{1,2}\s\w{3}\s2025"))
    expect(event.locator("code")).not_to_be_empty()

    with page.expect_download() as download:
        page.get_by_text("Export all members").click()
    names, *lines = Path(download.value.path()).read_text().splitlines()
    assert (download.value.suggested_filename, names) == ("audience.csv", "pseudonym,strength")
    assert len(lines) >= 10
    assert all(re.fullmatch(r"shopper-[0-9a-f]{8},[01]\.\d{4}", line) for line in lines)

    page.get_by_label("Why somebody is in it, or not").fill("tea-lover")
    page.get_by_label("Why somebody is in it, or not").press("Enter")
    expect(page.locator("#ink-proof h2")).to_have_text(re.compile(r"shopper-[0-9a-f]{8} is not in the audience"), timeout=SECONDS)
    expect(page.locator("#ink-proof .ink-miss").first).to_be_visible()
    expect(page.locator("#ink-proof")).to_contain_text("What would change it")
    assert {address for address in asked if not address.startswith((url, "data:", "blob:"))} == set()
    page.close()


@in_a_browser
def test_a_click_corrects_a_topic_and_a_mistake_is_one_line(browser: Browser, url: str) -> None:
    page = at_the_desk(browser, url, width=390)
    ask(page, "milk")
    other = page.locator("#ink-choices [data-act=instead]").first
    expect(other).to_be_visible(timeout=SECONDS)
    topic = other.inner_text()
    other.click()
    expect(page.locator("#ink-choices [data-act=keep]")).to_have_text(topic, timeout=SECONDS)
    expect(page.locator("#ink-audience")).to_contain_text(f"on {topic} at least 50%", timeout=SECONDS)
    ask(page, "<b>🐶</b> qqxzzy")
    expect(page.locator(".toast-wrap")).to_contain_text("qqxzzy", timeout=SECONDS)
    expect(page.locator(".toast-wrap")).not_to_contain_text("Traceback")
    expect(page.locator("#ink-audience")).to_contain_text("No audience yet", timeout=SECONDS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


@in_a_browser
def test_segments_campaigns_brands_and_bundles_are_drawn_when_opened(browser: Browser, url: str) -> None:
    page = at_the_desk(browser, url)
    page.get_by_role("tab", name="Segments").click()
    expect(page.locator("#ink-segments .ink-card").first).to_contain_text("users", timeout=SECONDS)
    expect(page.locator(".ink-chart .scatterlayer .point").first).to_be_attached(timeout=SECONDS)
    page.get_by_role("tab", name="Bundles").click()
    expect(page.locator("#ink-bundles tbody tr").first).to_contain_text(" + ", timeout=SECONDS)
    page.get_by_role("tab", name="Campaigns").click()
    expect(page.locator("#ink-campaign")).to_contain_text("Nothing to show", timeout=SECONDS)
    page.get_by_role("tab", name="Brands").click()  # of which the tiny shop has none with ten buyers
    expect(page.locator(".toast-wrap")).to_contain_text("fewer than 10 users bought", timeout=SECONDS)
    page.close()


def test_the_panels_say_what_the_tools_found(read_shop: Shop) -> None:
    clause = parse_clause(EITHER)
    audience = audience_of(read_shop, clause, 10_000)
    assert 'data-size="10"' in audience_panel(audience)
    assert members_panel(audience).count('data-act="why"') == len(audience.members) >= 10
    assert not {"dora", "ben", "carl"} & set(re.findall(r"\w+", members_panel(audience) + members_csv(audience.members)))
    proof = proof_panel(explain_clauses(read_shop, "dora", clause), clause, segment_of(read_shop, "dora"))
    assert 'data-matches="true"' in proof
    assert "Whole milk, 1 l" in proof
    assert sum(strengths(audience.histogram).data[0].y) == sum(audience.histogram)
    found = list_segments(read_shop)
    assert segments_panel(found).count("data-segment=") == len(found.segments)
    dots = plane(segment_map(read_shop), found.segments).data
    assert sum(len(trace.x) for trace in dots[:-1]) == len(segment_map(read_shop))
    assert campaigns(read_shop) == []
    assert brands(read_shop)[:1] == ["Soft"]


def test_too_few_are_not_described(read_shop: Shop) -> None:
    shown = audience_of(read_shop, parse_clause({**MILK, "at_least": 0.99}), 10_000)
    assert "Fewer than 10</b> of 12" in audience_panel(shown)
    assert "download" not in audience_panel(shown)
    assert members_panel(shown) == ""


def test_a_bound_and_a_topic_are_changed_where_they_are_asked() -> None:
    tree = parse_clause({"kind": "and", "clauses": [MILK, {"kind": "not", "clause": {**MILK, "topic": "Tea"}}]})
    milk, no_tea = json.loads(written(with_bound(tree, 0.7)))["clauses"]
    assert (milk["at_least"], no_tea["clause"]["at_least"]) == (0.7, 0.2)
    assert bounds(with_bound(tree, 0.7)) == [0.7]
    assert bounds(parse_clause({"kind": "not", "clause": EITHER})) == []
    milk, no_tea = json.loads(written(with_topic(tree, "Tea", "Coffee")))["clauses"]
    assert (milk["topic"], no_tea["clause"]["topic"]) == ("Milk", "Coffee")
    choice = TopicChoice(
        words="milk", negated=False, topic="Milk", score=1.0, alternatives=[TopicScore(topic="Plant milk", score=0.6)]
    )
    assert (swapped(choice, 0).topic, swapped(swapped(choice, 0), 0)) == ("Plant milk", choice)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("{", "no JSON"), ("[" * 100_000, "no JSON"), ('{"kind": "horoscope"}', "horoscope"), ('{"kind": "segment"}', "name")],
)
def test_clauses_that_cannot_be_read_say_why(text: str, quoted: str) -> None:
    with pytest.raises(ToolError, match=quoted):
        read(text)


def test_every_text_from_the_shop_is_escaped() -> None:
    choice = TopicChoice(words=MARKUP, negated=True, topic=MARKUP, score=1.0, alternatives=[TopicScore(topic=MARKUP, score=0.5)])
    audience = ClauseAudience(
        in_words=MARKUP,
        size=10,
        population=12,
        histogram=[],
        members=[ClauseMember(pseudonym=MARKUP, strength=1.0)],
        notes=[MARKUP],
    )
    event = Evidence(event_id=MARKUP, type="purchase", ts=datetime(2025, 6, 30, tzinfo=UTC), item_id=MARKUP, title=MARKUP)
    proof = Proof(path="$", in_words=MARKUP, wanted=True, passes=False, value=0.1, threshold=0.2, margin=-0.1, evidence=[event])
    match = ClauseMatch(pseudonym=MARKUP, in_words=MARKUP, matches=False, proofs=[proof], nearest_miss=["$"])
    group = CampaignGroup(name=MARKUP, reached=20, redeemers=10, rate=0.5)
    told = Demographic(attribute=MARKUP, value=MARKUP, share=0.5, overall=0.2, known=20)
    segment = Segment(segment_id=MARKUP, name=MARKUP, size=10, share=1.0, topics=[MARKUP], demographics=[told])
    campaign = CampaignReport(
        campaign=MARKUP,
        reached=20,
        redeemers=10,
        redemptions=10,
        redemption_rate=0.5,
        start=None,
        notes=[MARKUP],
        segments=[group],
    )
    bundle = Bundle(topics=[MARKUP], baskets=30, support=0.1, confidence=0.1, lift=2.0)
    pages = [
        choices_panel([choice, choice.model_copy(update={"topic": None})]),
        audience_panel(audience),
        members_panel(audience),
        proof_panel(match, parse_clause(MILK), SegmentMembership(segment_id="s1", name=MARKUP, reasons=[MARKUP])),
        segments_panel(Segments(segments=[segment], notes=[MARKUP])),
        campaign_panel(campaign),
        bundles_panel(Bundles(topic=None, bundles=[bundle])),
    ]
    assert "for 50% of 20 (20% of all known)" in segments_panel(Segments(segments=[segment]))
    for page in pages:
        assert "&lt;script&gt;" in page
        assert "<script>" not in page
        assert "\"'" not in page
    assert "<" not in "".join(trace.hovertemplate.removesuffix("<extra></extra>") for trace in plane([], [segment]).data)
