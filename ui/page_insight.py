"""The merchant's campaigns, brands and bundles: what is asked, and the tool's answer as HTML."""

from collections.abc import Callable
from html import escape
from typing import Any

import gradio as gr
import polars as pl

from tools import Shop, brand_insight, campaign_report, recommend_bundles
from tools.bundles import Order
from tools.insight_results import BrandInsight, CampaignGroup, CampaignReport
from tools.results import Bundles
from ui.page_html import nobody, price, sentence
from ui.page_parts import QUIET, panel, said_plainly
from ui.page_tables import bars, facts, remarks, table

OFFERED = 200
"""Campaigns and brands in a list to choose from at most; any other can be typed."""


def campaigns_tab(shop: Shop, tab: gr.Tab) -> None:
    """A campaign's report, of the campaign chosen or typed."""
    _asked(tab, "ink-campaign", "Campaign", lambda: campaigns(shop), lambda name: campaign_panel(campaign_report(shop, name)))


def brands_tab(shop: Shop, tab: gr.Tab) -> None:
    """How a brand does, of the brand chosen or typed."""
    _asked(tab, "ink-brand-view", "Brand", lambda: brands(shop), lambda name: brand_panel(brand_insight(shop, name)))


def bundles_tab(shop: Shop, tab: gr.Tab) -> None:
    """What sells together, of a topic or of all."""
    with gr.Row():
        topic = gr.Textbox(label="Topic", placeholder="Any, or type one and press Enter", max_lines=1)
        order = gr.Dropdown(["lift", "support", "price"], value="lift", label="Order by")
    shown = panel("ink-bundles", "Bundles")

    def look(words: str, by: Order) -> str:
        with said_plainly():
            return bundles_panel(recommend_bundles(shop, words.strip() or None, order=by))
        return nobody("No bundles to show.")

    for event in (tab.select, topic.submit, order.input):
        event(look, [topic, order], shown, **QUIET)


def campaigns(shop: Shop) -> list[str]:
    """The campaigns of the log, in the order of their numbers."""
    names = shop.views.people.activity["campaign"].drop_nulls().unique().cast(pl.String).to_list()
    return sorted(names, key=lambda name: (len(name), name))[:OFFERED]


def brands(shop: Shop) -> list[str]:
    """The brands of the catalog, those with the most items first."""
    items = pl.Series("brand", [item.brand for item in shop.catalog.items.values() if item.brand], dtype=pl.String)
    return items.value_counts().sort("count", "brand", descending=[True, False])["brand"].head(OFFERED).to_list()


def campaign_panel(report: CampaignReport) -> str:
    """Whom it reached, who redeemed, and how those compare who can be."""
    began = "" if report.start is None else f", from {report.start:%d %b %Y}".replace(" 0", " ")
    told = facts(
        [
            ("reached", f"{report.reached:,}"),
            ("redeemed", f"{report.redeemers:,}"),
            ("of those reached", f"{report.redemption_rate:.1%}"),
            ("redemptions", f"{report.redemptions:,}"),
        ]
    )
    effect = ""
    if (seen := report.effect) is not None:
        effect = f"<h3>The {seen.days} days after, against {seen.matched:,} pairs alike before</h3>" + facts(
            [
                ("spent by those reached", price(seen.reached_spend)),
                ("by those not reached", price(seen.others_spend)),
                ("difference", _signed(seen.difference)),
                ("95% interval", f"{_signed(seen.low)} to {_signed(seen.high)}"),
            ]
        )
        rows = [[row.habit, f"{row.before:+.2f}", f"{row.after:+.2f}"] for row in seen.balance]
        effect += table("How far apart both were, in standard deviations", ["Habit", "All", "Matched"], rows)
    return (
        f"<h2>Campaign {escape(report.campaign)}{began}</h2>{told}{remarks(map(sentence, report.notes))}{effect}"
        f"{bars('Redeemed, by segment', _groups(report.segments))}"
        f"{bars('Redeemed, by decile of strength before the start, 10 the strongest', _groups(report.strength))}"
    )


def brand_panel(brand: BrandInsight) -> str:
    """Who buys it, how loyally, against whom, and what could be done."""
    told = facts(
        [
            ("buyers", f"{brand.buyers:,} of {brand.population:,}"),
            ("spend", f"${brand.spend:,.0f}"),
            ("of its topics", f"{brand.share_of_topics:.1%}"),
            ("of its buyers' spend there", f"{brand.loyalty:.0%}"),
            ("buy no other there", f"{brand.sole_buyers:.0%}"),
            ("came back", f"{brand.repeat_buyers:.0%}"),
            ("price index", "unknown" if brand.price_index is None else f"{brand.price_index:.2f}"),
        ]
    )
    advice = [[item.kind, sentence(item.text)] for item in brand.suggestions]
    topics = [
        [
            topic.topic,
            f"${topic.spend:,.0f}",
            f"{topic.share:.0%}",
            "" if topic.price_index is None else f"{topic.price_index:.2f}",
        ]
        for topic in brand.topic_shares
    ]
    came = [[row.brand, f"{row.switches:,}", f"{row.users:,}"] for row in brand.switches_from]
    left = [[row.brand, f"{row.switches:,}", f"{row.users:,}"] for row in brand.switches_to]
    segments = [(row.name, row.share, f"{row.buyers:,} buyers, index {row.index:.2f}") for row in brand.segments]
    return (
        f"<h2>{escape(brand.brand)}</h2>{told}{table('What could be done', ['', 'Because'], advice)}"
        f"{table('Its topics', ['Topic', 'Spend', 'Share', 'Price index'], topics)}"
        f"{bars('Its share by segment; an index above 1 is more than usual', segments)}"
        f"{table('Changed to it from', ['Brand', 'Changes', 'Users'], came)}"
        f"{table('Changed from it to', ['Brand', 'Changes', 'Users'], left)}"
    )


def bundles_panel(found: Bundles) -> str:
    """The bundles as a table, each with its best sellers."""
    if not found.bundles:
        return f"<h2>Bundles</h2>{nobody('Nothing sells together in 30 baskets or more.')}"
    rows = [
        [
            " + ".join(bundle.topics),
            f"{bundle.lift:.1f}",
            f"{bundle.baskets:,}",
            f"{bundle.support:.2%}",
            f"{bundle.confidence:.0%}",
            price(bundle.price),
            price(bundle.saving),
            ", ".join(card.title for card in bundle.items),
        ]
        for bundle in found.bundles
    ]
    head = ["Topics", "Lift", "Baskets", "Support", "Confidence", "Price", "Usually off", "Best sellers"]
    return f"<h2>Bundles</h2>{table('What sells together', head, rows)}"


def _asked(tab: gr.Tab, name: str, label: str, known: Callable[[], list[str]], told: Callable[[str], str]) -> None:
    """A choice that is offered when `tab` is opened, and a panel that tells of the one chosen."""
    choice = gr.Dropdown(label=label, info="Pick one, or type it and press Enter", allow_custom_value=True)
    shown = panel(name, label)

    def offer(chosen: str | None) -> tuple[Any, ...]:
        names = known()
        first = chosen or next(iter(names), None)
        return gr.Dropdown(choices=names, value=first), tell(first)

    def tell(chosen: str | None) -> str:
        with said_plainly():
            if chosen:
                return told(chosen)
        return nobody("Nothing to show.")

    tab.select(offer, choice, [choice, shown], **QUIET)
    choice.input(tell, choice, shown, **QUIET)


def _groups(groups: list[CampaignGroup]) -> list[tuple[str, float, str]]:
    return [(group.name, group.rate, f"{group.redeemers:,} of {group.reached:,}") for group in groups]


def _signed(amount: float) -> str:
    return f"{'-' if amount < 0 else '+'}{price(abs(amount))}"
