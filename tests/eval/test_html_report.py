"""Protects the page of all evals: it stands alone, shows every figure, names what failed.
Run: pytest tests/eval/test_html_report.py"""

from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from eval.html_report import page, shared_metrics
from tests.eval.made_up import ENDED, SEARCH
from tests.ui.chromium import chromium, in_a_browser

PAGE = page(ENDED, datetime(2025, 6, 30, 12, tzinfo=UTC), whole=False)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


class Links(HTMLParser):
    """Whatever a page would load or lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]


def test_it_leads_nowhere_but_to_itself_and_holds_plotly_once() -> None:
    links = Links()
    links.feed(PAGE)
    assert links.found == ["#search", "#tool-calls", "#basket"]
    assert PAGE.count("plotly.js v") == 1
    assert "default-src 'none'" in PAGE


@in_a_browser
def test_it_is_drawn_without_a_network(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(PAGE, encoding="utf-8")
    opened = browser.new_page()
    asked, faults = [], []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.goto((tmp_path / "report.html").as_uri())
    opened.locator(".barlayer").first.wait_for(state="attached")
    assert opened.locator(".barlayer").count() == 3  # two of the search, one of the calls
    assert (asked, faults) == ([(tmp_path / "report.html").as_uri()], [])
    text = opened.locator("main").inner_text()
    assert "ended with code 1: error: <no> shop" in text
    assert "Failed: basket" in text
    assert "Only some of the evals were run." in text
    assert "inkling eval tool-calls --split all" in text
    for figure in ("model smol", "adapter a1b2", "data d1", "seed 7", "commit abc1234", "0.667", "12.5", "<b>one", "gain: 1.200"):
        assert figure in text, figure


def test_only_what_several_rows_have_is_compared() -> None:
    assert shared_metrics(SEARCH.results) == ["ndcg@10_test", "p50_ms"]
