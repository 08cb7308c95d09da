"""Protects what is said of segments: who is in one, what sets it apart, why, and that it stays the same.
Run: pytest tests/tools/test_segments.py"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import tiny
from tests.tools import crowd
from tools import Shop, ToolError, UnknownUser, list_segments, segment_map, segment_of
from tools.insight_results import Segment, SegmentDifference
from tools.segment_names import named
from tools.segment_words import in_words, name_of, names_for
from tools.segments import segment_of_users


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with closing(crowd.open_crowd(tmp_path_factory.mktemp("crowd"), [])) as shop:
        yield shop


def of_kind(shop: Shop, kind: str) -> list[Segment]:
    """The segments that hold users of a kind."""
    ids = {segment_of(shop, f"{kind}-{who}").segment_id for who in range(crowd.EACH)}
    return [segment for segment in list_segments(shop).segments if segment.segment_id in ids]


def test_each_segment_holds_one_kind_of_user_and_says_what_sets_it_apart(crowded: Shop) -> None:
    weekly, monthly = of_kind(crowded, "weekly"), of_kind(crowded, "monthly")
    assert not {s.segment_id for s in weekly} & {s.segment_id for s in monthly}
    assert sum(segment.size for segment in weekly) == crowd.EACH - 2
    for segment in weekly:
        baskets = next(difference for difference in segment.differences if difference.habit == "baskets")
        assert (baskets.inside, baskets.effect > 0.8) == (22, True)
        assert "large difference" in baskets.text
        assert "frequent" in segment.name.lower() or "small-basket" in segment.name.lower()
    for segment in monthly:
        assert segment.topics[0] == "Bakery"
        assert segment.typical[0].lift > 1
        assert segment.typical[0].users >= 10


def test_outliers_stay_out(crowded: Shop) -> None:
    assert segment_of(crowded, "weekly-0").segment_id is None
    assert segment_of(crowded, "weekly-0").reasons == ["unlike every segment"]
    assert sum(point.segment_id is None for point in segment_map(crowded)) == 2


def test_how_the_segments_were_chosen_is_told(crowded: Shop) -> None:
    trials = list_segments(crowded).trials
    assert {trial.method for trial in trials} == {"k-means", "gaussian mixture", "hdbscan"}
    assert [trial.stability >= 0.8 for trial in trials if trial.chosen] == [True]


def test_a_segment_is_found_by_id_by_name_or_by_words(crowded: Shop) -> None:
    segments = list_segments(crowded).segments
    assert len({segment.name for segment in segments}) == len(segments)
    for segment in segments:
        assert len(segment_of_users(crowded, segment.segment_id)) == segment.size
        assert len(segment_of_users(crowded, segment.name.upper())) == segment.size
    assert list_segments(crowded, "bakery").segments == [s for s in segments if "Bakery" in s.topics]
    with pytest.raises(ToolError, match="0 segments are called 'knights', there are: ") as error:
        segment_of_users(crowded, "knights")
    assert all(segment.name in str(error.value) for segment in segments)


def test_demographics_are_told_where_known_and_go_with_the_erased(tmp_path: Path) -> None:
    with closing(crowd.open_crowd(tmp_path, crowd.weekly("guest", 1.01))) as shop:
        assert not any(segment.demographics for segment in list_segments(shop).segments)
        young = {f"weekly-{who}": {"age": "19-24"} for who in range(2, 11)} | {"guest": {"age": "19-24"}}
        shop.store.save_users(young | {f"monthly-{who}": {"age": "65+"} for who in range(9)})
        told = [one for segment in list_segments(shop).segments for one in segment.demographics]
        assert [(one.value, one.share, one.known) for one in told] == [("19-24", 1.0, 10)]
        shop.erase("guest")
        assert not any(segment.demographics for segment in list_segments(shop).segments)


def test_the_map_has_everyone_and_names_nobody(crowded: Shop) -> None:
    points = segment_map(crowded)
    assert len(points) == 2 * crowd.EACH
    assert {point.segment_id for point in points} <= {None, *(s.segment_id for s in list_segments(crowded).segments)}
    assert not any("weekly" in point.model_dump_json() for point in points)


def test_a_newcomer_is_placed_at_once_with_the_reasons_and_leaves_when_erased(crowded: Shop) -> None:
    before = {segment.segment_id: segment.size for segment in list_segments(crowded).segments}
    crowded.record(crowd.weekly("new", 1.01))
    placed = segment_of(crowded, "new")
    assert placed.segment_id in {segment.segment_id for segment in of_kind(crowded, "weekly")}
    assert "usual here" in placed.reasons[0]
    crowded.erase("new")
    assert {segment.segment_id: segment.size for segment in list_segments(crowded).segments} == before
    with pytest.raises(UnknownUser, match="new"):
        segment_of(crowded, "new")


def test_segments_are_the_same_when_the_shop_is_opened_again_and_keep_their_ids_when_fitted_anew(tmp_path: Path) -> None:
    with closing(crowd.open_crowd(tmp_path, [])) as shop:
        before = [(s.segment_id, s.name, s.size, s.topics) for s in list_segments(shop).segments]
        with closing(Shop.open(shop.settings)) as again:
            assert [(s.segment_id, s.name, s.size, s.topics) for s in list_segments(again).segments] == before
        shop.erase("weekly-0")  # so that what was fitted with this user is not loaded
        with closing(Shop.open(shop.settings)) as anew:
            assert {s.segment_id for s in list_segments(anew).segments} == {number for number, *_ in before}


def test_a_group_of_few_users_is_not_divided(read_shop: Shop) -> None:
    (only,) = list_segments(read_shop).segments
    assert (only.size, only.differences) == (len(tiny.HABITS), [])
    assert "no grouping of the users is stable: they are one segment" in list_segments(read_shop).notes
    assert segment_of(read_shop, "dora").reasons == ["there is no other segment"]


def test_a_name_is_made_of_what_is_clear_and_is_given_once() -> None:
    assert name_of([], [], []) == "Average shoppers"
    assert name_of([], [], ["Average shoppers"]) == "Average shoppers, group 2"
    assert name_of([], ["Tea", "Cake"], ["Average shoppers: Tea"]) == "Average shoppers: Cake"
    assert in_words("baskets", -0.6, 9, 52) == "come less often: baskets 9, others 52, a medium difference"


def apart(**effects: float) -> list[SegmentDifference]:
    return [SegmentDifference(habit=habit, text="", effect=effect, inside=1, outside=2) for habit, effect in effects.items()]


def test_the_facts_allow_only_names_of_clear_habits_that_agree() -> None:
    facts = apart(baskets=-1.9, discount_share=0.9, rhythm=-0.8, deal_share=-0.7, basket_value=0.6, recency=0.4)
    assert names_for(facts, ["Tea", "Cake", "Milk", "Rolls"]) == [
        f"{who} shoppers{about}"
        for who in ("Occasional, bargain", "Occasional, big-basket", "Bargain, big-basket")
        for about in (": Tea", ": Cake", ": Milk", "")
    ]
    assert names_for(apart(baskets=0.9, spend=0.8), []) == ["Frequent shoppers", "High-spending shoppers"]
    every = apart(spend=2, baskets=1.9, recency=-1.8, basket_value=1.7, discount_share=1.6, top_brand_share=1.5)
    assert len(names_for(every, ["Tea", "Cake", "Milk"])) == 24


def test_a_chosen_name_is_shown_and_found_while_the_facts_allow_it(tmp_path: Path) -> None:
    with closing(crowd.open_crowd(tmp_path, [])) as shop:
        first, *others = list_segments(shop).segments
        chosen = names_for(first.differences, first.topics)[-1]
        assert chosen != first.name
        shop.name_segments({first.segment_id: chosen, **{other.segment_id: "Royal shoppers" for other in others}, "s99": "Gone"})
        assert [segment.name for segment in list_segments(shop).segments] == [chosen, *(other.name for other in others)]
        assert len(segment_of_users(shop, chosen.upper())) == first.size
        assert list_segments(shop, chosen).segments[0].segment_id == first.segment_id
        member = segment_of_users(shop, chosen)[0]
        assert segment_of(shop, member).name == chosen
        with closing(Shop.open(shop.settings)) as again:
            assert list_segments(again).segments[0].name == chosen


def test_chosen_names_outlive_a_new_fit_but_not_an_erasure(tmp_path: Path) -> None:
    with closing(crowd.open_crowd(tmp_path, [])) as shop:
        first = list_segments(shop).segments[0]
        chosen = names_for(first.differences, first.topics)[-1]
        shop.name_segments({first.segment_id: chosen})
        shop.record([event for n in range(3) for event in crowd.weekly(f"later-{n}", 1.01)])  # enough to be fitted anew
        with closing(Shop.open(shop.settings)) as anew:
            assert anew.views.segment_names == {first.segment_id: chosen}
            anew.erase("weekly-0")
            with closing(Shop.open(shop.settings)) as without:
                assert without.views.segment_names == {}


def test_two_segments_never_share_a_name() -> None:
    alike = [Segment(segment_id=f"s{n}", name="", size=10, share=0.3, topics=["Tea", "Cake"]) for n in range(1, 4)]
    assert [one.name for one in named(alike, {})] == [
        "Average shoppers: Tea",
        "Average shoppers: Cake",
        "Average shoppers",
    ]
    kept = {"s2": "Average shoppers: Tea", "s3": "Average shoppers: Tea"}
    assert [one.name for one in named(alike, kept)] == [
        "Average shoppers: Cake",
        "Average shoppers: Tea",
        "Average shoppers",
    ]
