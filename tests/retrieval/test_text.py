"""Protects the text search: everyday words, occasions, misspellings and meaning find topics, and nonsense finds none.
Run: pytest tests/retrieval/test_text.py"""

from pathlib import Path

import pytest

from behavior import Catalog
from behavior.schema import Item
from retrieval import TopicIndex, open_chroma
from retrieval.search.words import Vocabulary
from tests import tiny

SODA = Item(
    item_id="cola",
    title="Cola, 2 l",
    path=("Food", "Soft drinks", "Two liter bottles"),
    attributes={
        "also_called": {"Soft drinks": ["soda", "fizzy drinks"]},
        "good_for": {"Soft drinks": ["game day"]},
    },
)
MORE = [
    SODA,
    Item(item_id="can", title="Cola, 6 cans", path=("Food", "Soft drinks", "Cans")),
    Item(item_id="rising", title="Baking soda", path=("Food", "Baking", "Baking powder and soda")),
    Item(
        item_id="tp", title="Tissue", path=("Home", "Paper", "Bath tissue"), attributes={"also_called": {"Bath tissue": ["tp"]}}
    ),
]
BASKETS = {"Cans": 900.0, "Two liter bottles": 20.0, "Soft drinks": 910.0, "Baking powder and soda": 5.0}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> TopicIndex:
    index = TopicIndex(open_chroma(tmp_path_factory.mktemp("chroma")), Catalog([*tiny.ITEMS, *MORE]), BASKETS)
    index.update(lambda _: None)
    return index


def found(index: TopicIndex, text: str, k: int = 3) -> list[str]:
    return [topic for topic, _ in index.search(text, k)]


def test_an_everyday_word_of_a_category_finds_its_narrow_topics_the_most_bought_first(index: TopicIndex) -> None:
    assert found(index, "soda") == ["Cans", "Two liter bottles", "Baking powder and soda"]


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("TP", "Bath tissue"),
        ("something for game day please", "Cans"),
        ("doog food", "Dog food"),
        ("yoghurt", "Yogurt"),
        ("game day sunday", "Cans"),
        ("dog food for two dogs", "Dog food"),
        ("dogfood", "Dog food"),
        ("bag els", "Bagels"),
        ("kitten food", "Cat food"),
        ("Bágels!", "Bagels"),
    ],
)
def test_words_as_people_type_them_find_the_topic(index: TopicIndex, text: str, topic: str) -> None:
    assert found(index, text)[0] == topic


@pytest.mark.parametrize("text", ["telescope", "xyzzy", "", " !! ", "the", "a" * 5000])
def test_what_the_shop_does_not_sell_finds_nothing(index: TopicIndex, text: str) -> None:
    assert index.search(text) == []


def test_scores_lie_between_0_and_1_and_fall(index: TopicIndex) -> None:
    scores = [score for _, score in index.search("milk", 10)]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("soda", "Soft drinks"),
        ("fizzy drink", "Soft drinks"),
        ("soft drinks", "Soft drinks"),
        ("dairy", "Dairy"),
        ("oat milk", None),
        ("game day", None),
        ("", None),
    ],
)
def test_a_name_means_the_topic_as_a_whole_and_an_occasion_names_none(index: TopicIndex, text: str, topic: str | None) -> None:
    assert index.named(text) == topic


def test_a_narrow_topic_keeps_its_own_name_unless_nobody_buys_it(tmp_path: Path) -> None:
    called = {"also_called": {"Citrus": ["lemons", "limes"]}}
    items = [
        Item(item_id="1", title="Lemon", path=("Food", "Citrus", "Lemons"), attributes=called),
        Item(item_id="2", title="Lime", path=("Food", "Citrus", "Limes")),
    ]
    index = TopicIndex(open_chroma(tmp_path), Catalog(items), {"Citrus": 90.0, "Lemons": 80.0, "Limes": 0.0})
    assert (index.named("lemons"), index.named("limes"), index.named("citrus")) == ("Lemons", "Citrus", "Citrus")


def test_of_two_topics_of_one_name_the_most_bought_is_meant(tmp_path: Path) -> None:
    items = [Item(item_id=str(n), title="Rye", path=("Shop", place, "Bread")) for n, place in enumerate(["Deli", "Bakery"])]
    names = [topic.name for topic in Catalog(items).topics() if topic.is_leaf]
    for name in names:
        assert TopicIndex(open_chroma(tmp_path), Catalog(items), {name: 10.0}).named("bread") == name


def test_words_that_several_topics_share_mean_the_broadest_that_says_them_all(tmp_path: Path) -> None:
    paths = [("Shop", "Dog foods", "Dog treats"), ("Shop", "Dog foods", "Dog treats", "Chews"), ("Shop", "Hot dogs")]
    index = TopicIndex(open_chroma(tmp_path), Catalog([Item(item_id=str(n), title="-", path=p) for n, p in enumerate(paths)]))
    assert [index.widest("Chews", words) for words in ("a dog", "dog treats", "chews", "dog chews", "!")] == [
        "Dog foods",
        "Dog treats",
        "Chews",
        "Chews",
        "Chews",
    ]
    assert index.widest("Hot dogs", "dogs") == "Hot dogs"


def test_topics_follow_the_catalog(tmp_path: Path) -> None:
    def updated(items: list[Item]) -> tuple[TopicIndex, int]:
        index = TopicIndex(open_chroma(tmp_path), Catalog(items))
        return index, index.update(lambda _: None)

    assert updated(tiny.ITEMS)[1] == 14
    moved = [
        item.model_copy(update={"path": ("Food", "Breakfast", "Bagels")}) if item.item_id == "bagel" else item
        for item in tiny.ITEMS
    ]
    assert updated(moved)[1] == 1
    index, embedded = updated(tiny.ITEMS[:5])
    assert embedded == 1
    assert found(index, "dog food") == []


def test_topics_that_read_alike_share_a_vector_and_are_both_found(tmp_path: Path) -> None:
    items = [Item(item_id=str(n), title="Rye", path=("Shop", place, "Bakery", "Bread")) for n, place in enumerate("AB")]
    index = TopicIndex(open_chroma(tmp_path), Catalog(items))
    assert index.update(lambda _: None) == 1
    assert sorted(index.by_meaning("loaf of bread")) == sorted(topic.name for topic in Catalog(items).topics() if topic.is_leaf)


def test_an_empty_catalog_finds_nothing(tmp_path: Path) -> None:
    index = TopicIndex(open_chroma(tmp_path), Catalog([]))
    assert index.update(lambda _: None) == 0
    assert index.search("milk") == []
    assert index.named("milk") is None


def test_short_and_known_words_are_not_mended() -> None:
    vocabulary = Vocabulary({"pears": 1.0, "beer": 0.5, "tea": 1.0})
    assert vocabulary.read("beer").text == "beer"
    assert vocabulary.read("pea").text == "pea"
    assert vocabulary.read("paers").text == "pears"


def test_an_english_word_is_no_misspelling_of_a_word_of_the_catalog() -> None:
    phrases = {"hair ties": 1.0}
    assert Vocabulary(phrases).read("tires").text == "ties"
    assert Vocabulary(phrases, {"tires"}).read("tires").text == "tires"
