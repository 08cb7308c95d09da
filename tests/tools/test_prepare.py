"""Protects that a demo shop made earlier gets the items and demographics of today without its events being read again.
Run: pytest tests/tools/test_prepare.py"""

from contextlib import closing
from pathlib import Path

import pytest

from behavior import EventStore, Settings
from behavior.importers import completejourney
from behavior.schema import Item
from tests import tiny
from tests.conftest import tiny_shop
from tools import prepare
from tools.prepare import ACCOUNT


def test_items_of_an_earlier_version_are_read_again_and_events_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path)
    tiny_shop(tmp_path).close()
    with closing(EventStore(settings.store_url)) as store:
        store.set(ACCOUNT, "read earlier")

    def items() -> list[Item]:
        also_called = {"also_called": {"Dog food": ["pooch chow"]}}
        return [item.model_copy(update={"attributes": also_called}) if item.item_id == "dogfood" else item for item in tiny.ITEMS]

    def no_items() -> list[Item]:
        raise AssertionError("the items did not change")

    monkeypatch.setattr(completejourney, "items", items)
    with closing(prepare(settings, lambda _: None)) as shop:
        assert shop.topic("pooch chow") == "Dog food"
        assert shop.store.count() == len(tiny.events())
    monkeypatch.setattr(completejourney, "items", no_items)
    prepare(settings, lambda _: None).close()
    monkeypatch.setattr(completejourney, "items_version", lambda: "tomorrow")
    with pytest.raises(AssertionError, match="did not change"):
        prepare(settings, lambda _: None)


def test_a_shop_of_before_gets_the_demographics_once_and_only_of_users_who_are_still_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path)
    tiny_shop(tmp_path).close()
    monkeypatch.setattr(completejourney, "items", lambda: tiny.ITEMS)
    monkeypatch.setattr(completejourney, "users", lambda: {user: {"age": "45-54"} for user in ("dora", "ben", "erased")})
    with closing(EventStore(settings.store_url)) as store:
        store.set(ACCOUNT, "read earlier")
    with closing(prepare(settings, lambda _: None)) as shop:
        assert sorted(shop.store.user_attributes()["user_id"]) == ["ben", "dora"]
        shop.erase("dora")
    for version in (completejourney.items_version(), "tomorrow"):
        monkeypatch.setattr(completejourney, "items_version", lambda version=version: version)
        with closing(prepare(settings, lambda _: None)) as shop:
            assert shop.store.user_attributes()["user_id"].to_list() == ["ben"]


def test_the_demo_knows_801_households_by_what_is_told_of_them() -> None:
    users = completejourney.users()
    assert len(users) == 801
    assert users["1"] == {
        "age": "65+",
        "income": "35-49K",
        "home": "Homeowner",
        "marital status": "Married",
        "household size": "2",
        "kids": "none",
    }
    assert "home" not in users["1003"]


def test_titles_of_the_demo_are_one_line_of_single_spaces() -> None:
    titles = {item.title for item in completejourney.items()}
    assert "Cream cheese, l 8 oz" in titles
    assert all(title == " ".join(title.split()) for title in titles)
