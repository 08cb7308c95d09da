"""Protects what the tools promise: filters hold, evidence is real, words take effect at once. Run: pytest tests/tools"""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
import torch
from threadpoolctl import threadpool_info

from behavior import Event
from behavior.schema import Item
from tests import tiny
from tools import (
    Shop,
    ToolError,
    UnknownItem,
    UnknownTopic,
    UnknownUser,
    analyze_cart,
    brand_insight,
    build_audience,
    campaign_report,
    cart_of,
    demo_users,
    explain_match,
    explain_recommendation,
    list_segments,
    read_reviews,
    recommend,
    recommend_bundles,
    set_preference,
    show_profile,
    similar_items,
)
from tools.views import Views


def test_recommendations_are_the_user_s_habits_with_the_events_that_show_them(shop: Shop) -> None:
    cards = recommend(shop, "dora", k=4).cards
    assert {card.item_id for card in cards} == {"dogfood", "dogtreat", "milk", "bread"}
    for card in cards:
        assert "every 7 days" in card.reason
        assert len(shop.store.events(card.evidence)) == len(card.evidence) > 0


def test_every_filter_holds(shop: Shop) -> None:
    assert all((card.price or 0) <= 2.0 for card in recommend(shop, "dora", max_price=2.0).cards)
    bought = set(shop.timeline("dora")["item_id"])
    new = recommend(shop, "dora", only_new=True).cards
    assert new
    assert not bought & {card.item_id for card in new}


def test_an_open_shop_answers_on_one_thread(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    recommend(shop, "dora", query="dog food")
    assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}
    used, before, embed = [], torch.get_num_threads(), shop.topics._vectors._one

    def counted(ids: torch.Tensor) -> torch.Tensor:
        used.append(torch.get_num_threads())
        return embed(ids)

    monkeypatch.setattr(shop.topics._vectors, "_one", counted)
    recommend(shop, "dora", query="something to drink")
    assert (used, torch.get_num_threads()) == ([1], before)


def test_words_are_met_by_meaning_or_said_to_fit_nothing(shop: Shop) -> None:
    assert recommend(shop, "dora", query="food for my puppy").cards[0].item_id in {"dogfood", "dogtreat"}
    nothing = recommend(shop, "dora", query="telescope")
    assert (nothing.cards, nothing.notes) == ([], ['nothing in the shop fits "telescope"'])


def test_filters_that_leave_nothing_say_so(shop: Shop) -> None:
    assert recommend(shop, "dora", max_price=0.01).notes == ["nothing is left at most $0.01, without what you dislike"]
    notes = recommend(shop, "dora", max_price=5, topic="Dog food", exclude=["milk"]).notes
    assert notes[1] == '"of Dog food" left nothing'


def test_a_topic_of_which_a_user_reviewed_two_items_badly_is_left_out(shop: Shop) -> None:
    more = Item(item_id="black tea", title="Black tea", path=("Food", "Coffee and tea", "Tea"), brand="Bona", price=3)
    shop.store.save_items([more, more.model_copy(update={"item_id": "red tea"})])
    grown = Shop.open(shop.settings)
    for item, left in [("black tea", ["tea"]), ("red tea", [])]:
        grown.record([Event(event_id=item, user_id="rae", type="review", item_id=item, ts=tiny.END, rating=1, text=item)])
        assert [card.item_id for card in recommend(grown, "rae", topic="Tea").cards] == left
    grown.record([Event(event_id="again", user_id="rae", type="purchase", item_id="tea", ts=tiny.END + timedelta(days=1))])
    assert [card.item_id for card in recommend(grown, "rae", topic="Tea").cards] == ["tea"]


def test_diversity_decides_how_many_are_of_one_topic(shop: Shop) -> None:
    tea = [Item(item_id=f"tea {n}", title="Tea", path=("Food", "Coffee and tea", "Tea"), price=3) for n in range(3)]
    shop.store.save_items(tea)
    shop.record(
        Event(
            event_id=f"{n}-{day}", user_id="ann", type="purchase", item_id=item, session_id=f"{day}", ts=tiny.END - timedelta(day)
        )
        for n, item in enumerate(["tea 0", "tea 1", "tea 2", "milk"])
        for day in range(0, 35, 7)
    )
    grown = Shop.open(shop.settings)
    topics = {d: [card.topic for card in recommend(grown, "ann", k=3, diversity=d).cards] for d in (0.0, 1.0)}
    grown.close()
    assert topics[0.0].count("Tea") >= 2
    assert topics[1.0].count("Tea") == 1


def test_people_who_buy_alike_are_a_reason_that_names_the_event_it_comes_from(shop: Shop) -> None:
    parts = explain_recommendation(shop, "cat", "coffee").parts
    (alike,) = (part for part in parts if part.source == "people who buy alike")
    (event,) = shop.store.events(alike.evidence)
    assert event.user_id == "cat"
    assert alike.text == f"bought by people who buy {shop.catalog.topic_of(event.item_id or '')}, which you bought"


@pytest.mark.parametrize("words", ["dog food", "Dog"])
def test_a_dislike_is_honoured_at_once_and_taken_back(shop: Shop, words: str) -> None:
    change = set_preference(shop, "dora", words, likes=False)
    assert change.before > 0.5 > change.after
    assert shop.store.events([change.event_id])[0].attributes == {"topic": change.topic}
    assert "dogfood" not in {card.item_id for card in recommend(shop, "dora", k=10).cards}
    assert next(i for i in shop.profile("dora").interests if i.topic == change.topic).polarity == "avoids"
    set_preference(shop, "dora", words, likes=True)
    assert "dogfood" in {card.item_id for card in recommend(shop, "dora", k=10).cards}


def test_an_unknown_topic_is_refused_before_anything_is_written(shop: Shop) -> None:
    before = shop.store.count()
    with pytest.raises(UnknownTopic, match="telescope"):
        set_preference(shop, "dora", "telescope", likes=True)
    with pytest.raises(UnknownUser, match="nobody"):
        set_preference(shop, "nobody", "Dog food", likes=True)
    assert shop.store.count() == before


def test_a_new_event_changes_the_next_answer(shop: Shop) -> None:
    newcomer = Event(event_id="n1", user_id="newcomer", type="cart_add", item_id="diapers", ts=shop.now())
    assert shop.record([newcomer, newcomer]) == [True, False]
    assert recommend(shop, "newcomer").cards[0].item_id == "wipes"
    assert [i.topic for i in shop.profile("newcomer").interests] == ["Diapers"]


def test_a_reason_says_what_the_user_did_with_the_item(shop: Shop) -> None:
    """What lay in the cart was once said to be bought."""
    shop.record([Event(event_id="c-1", user_id="carl", type="cart_add", item_id="diapers", ts=tiny.END)])
    reasons = [part.text for part in explain_recommendation(shop, "carl", "wipes").parts]
    assert any(text.endswith("baskets with Diapers, which you put into the cart") for text in reasons)


def test_an_explanation_sums_to_one(shop: Shop) -> None:
    parts = explain_recommendation(shop, "dora", "dogfood").parts
    assert parts[0].source == "repeat purchase"
    assert sum(part.weight for part in parts) == pytest.approx(1)
    with pytest.raises(UnknownItem, match="spaceship"):
        explain_recommendation(shop, "dora", "spaceship")


def test_similar_items_are_others(shop: Shop) -> None:
    found = similar_items(shop, "dora", "diapers")
    assert found.anchor.item_id == "diapers"
    assert found.cards[0].item_id == "wipes"


def test_a_cart_is_priced_and_misses_what_its_like_hold(shop: Shop) -> None:
    cart = analyze_cart(shop, {"dogfood": 2, "nonsense": 1})
    assert (cart.total, cart.unknown) == (19.8, ["nonsense"])
    assert cart.missing[0].item_id == "dogtreat"
    assert analyze_cart(shop, {}).missing == []
    assert len(analyze_cart(shop, {f"x{n}": 1 for n in range(1000)}).unknown) == 1000


def test_the_cart_follows_its_events(shop: Shop) -> None:
    for n, (kind, item) in enumerate(
        [("cart_add", "tea"), ("cart_add", "milk"), ("cart_remove", "tea"), ("cart_add", "oat"), ("purchase", "milk")]
    ):
        shop.record([Event(event_id=f"c{n}", user_id="dora", type=kind, item_id=item, ts=tiny.END + timedelta(seconds=n))])
    assert cart_of(shop, "dora") == {"oat": 1.0}


def test_a_profile_can_be_read_by_topic(shop: Shop) -> None:
    for words in ("Dog", " dog "):
        assert {i.topic for i in show_profile(shop, "dora", words).interests} == {"Dog food", "Dog treats"}


def test_an_audience_counts_its_users_and_hides_small_ones(shop: Shop) -> None:
    everyone = build_audience(shop, "Dairy", min_strength=0.0)
    dairy = {user for user, (basket, _) in tiny.HABITS.items() if {"milk", "oat", "yogurt"} & set(basket)}
    assert everyone.size == 0 if len(dairy) < 10 else everyone.size == len(dairy)
    assert build_audience(shop, "Cat food").notes == ["fewer than 10 users: not described"]
    with pytest.raises(ToolError, match=r"1\.5"):
        build_audience(shop, "Dairy", min_strength=1.5)
    with pytest.raises(ToolError, match="knights"):
        build_audience(shop, "Dairy", segment="knights")


def test_a_match_shows_evidence_and_a_miss_how_far(shop: Shop) -> None:
    match = explain_match(shop, shop.pseudonym("dora"), "Dog")
    assert match.matches
    assert match.interest
    assert shop.store.events(match.interest.evidence)
    miss = explain_match(shop, "dora", "Cat food", min_strength=0.5)
    assert (miss.matches, miss.interest, miss.notes) == (False, None, ["short by 50%"])


def test_segments_hold_everyone_once(shop: Shop) -> None:
    segments = list_segments(shop).segments
    assert sum(segment.size for segment in segments) == len(tiny.HABITS)


def test_brand_and_campaign_are_counted_from_the_log(shop: Shop) -> None:
    with pytest.raises(ToolError, match="fewer than 10 users bought 'Wuff'"):
        brand_insight(shop, "wuff")
    with pytest.raises(ToolError, match="Acme"):
        brand_insight(shop, "Acme")
    users = list(tiny.HABITS)
    for kind, reached in (("impression", users), ("coupon_redeem", users[:10])):
        shop.record(
            [Event(event_id=f"{kind}-{u}", user_id=u, type=kind, ts=tiny.END, attributes={"campaign": "18"}) for u in reached]
        )
    report = campaign_report(shop, "campaign 18")
    assert (report.reached, report.redeemers) == (12, 10)
    assert report.redemption_rate == pytest.approx(10 / 12)
    with pytest.raises(ToolError, match="99"):
        campaign_report(shop, "99")


def test_bundles_have_thirty_baskets(shop: Shop) -> None:
    bundles = recommend_bundles(shop).bundles
    assert bundles
    assert all(bundle.baskets >= 30 and bundle.lift > 0 for bundle in bundles)


def test_reviews_are_quoted_or_said_to_be_missing(shop: Shop) -> None:
    assert read_reviews(shop, "Tea").quotes == []
    shop.record([Event(event_id="r", user_id="dora", type="review", item_id="tea", ts=shop.now(), rating=5, text="很香 🍵")])
    assert [quote.text for quote in read_reviews(shop, "Tea").quotes] == ["很香 🍵"]


def test_erasing_a_user_erases_the_views(shop: Shop) -> None:
    assert shop.erase("dora") == 100
    assert "dora" not in set(shop.views.features["user_id"]) | set(shop.views.traits["user_id"])
    with pytest.raises(UnknownUser, match="dora"):
        shop.profile("dora")


def test_what_was_fitted_with_an_erased_user_is_never_loaded_again(shop: Shop) -> None:
    """Not even when as many events have come in since as were erased."""
    erased = shop.erase("dora")
    late = {"user_id": "ben", "type": "view", "item_id": "tea", "ts": shop.now()}
    shop.record(Event(event_id=f"late-{n}", **late) for n in range(erased))
    saved = shop.settings.home / "models" / "views"
    assert not [file for file in saved.iterdir() if b"dora" in file.read_bytes()]
    steps: list[str] = []
    again = Shop.open(shop.settings, steps.append)
    assert "reading the log" in steps
    assert "dora" not in set(again.views.features["user_id"])


def test_what_is_fitted_while_a_user_is_erased_is_fitted_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app serves and erases while `inkling prepare` runs in a process of its own."""
    shop.record([Event(event_id="late", user_id="ben", type="view", item_id="tea", ts=shop.now())])
    fit, fitted = Views.fit, []

    def slowly(log: pl.DataFrame, *rest: Any) -> Views:
        fitted.append(set(log["user_id"].unique()))
        if "dora" in fitted[-1]:
            shop.erase("dora")
        return fit(log, *rest)

    monkeypatch.setattr(Views, "fit", slowly)
    again = Shop.open(shop.settings, growth=0.0)
    assert [("dora" in users) for users in fitted] == [True, False]
    assert "dora" not in set(again.views.features["user_id"])
    saved = shop.settings.home / "models" / "views"
    assert not [file for file in saved.iterdir() if file.is_file() and b"dora" in file.read_bytes()]


def test_the_fitted_views_are_loaded_and_follow_events_recorded_since(shop: Shop) -> None:
    shop.record([Event(event_id="later", user_id="dora", type="purchase", item_id="tea", ts=shop.now(), price=2.9)])
    steps: list[str] = []
    again = Shop.open(shop.settings, steps.append)
    assert "loading the fitted models" in steps
    assert (
        again.views.features.sort("user_id", "topic")["topic"].to_list()
        == shop.views.features.sort("user_id", "topic")["topic"].to_list()
    )
    assert demo_users(again, 3)
