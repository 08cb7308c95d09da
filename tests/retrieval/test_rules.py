"""Protects association rules: their counts are exact, on baskets that can be counted by hand and on a published set.
Run: pytest tests/retrieval/test_rules.py"""

from pathlib import Path

import polars as pl
import pytest

from retrieval.carts.rules import Rule, Rules

GROCERIES = Path(__file__).parents[3] / "shared" / "data" / "groceries_baskets" / "baskets.csv"

# Of ten baskets six hold bread, five of these butter too, four of these jam as well.
BASKETS = [["bread", "butter", "jam"]] * 4 + [["bread", "butter"], ["bread"]] + [["milk"]] * 4


def frame(baskets: list[list[str]]) -> pl.DataFrame:
    rows = [(f"b{n}", topic) for n, topics in enumerate(baskets) for topic in topics]
    return pl.DataFrame(rows, schema={"session_id": pl.String, "topic": pl.String}, orient="row")


@pytest.fixture(scope="module")
def groceries() -> pl.DataFrame:
    if not GROCERIES.exists():
        pytest.skip(f"the benchmark data is not here: {GROCERIES}")
    return frame([line.split(",") for line in GROCERIES.read_text().splitlines()])


def test_a_rule_counts_its_baskets() -> None:
    rules = {(rule.antecedent, rule.consequent): rule for rule in Rules.fit(frame(BASKETS), 0.4, 0.5)}
    rule = rules[("bread", "butter"), "jam"]
    assert rule == Rule(("bread", "butter"), "jam", 4, 5, 4, 10)
    assert (rule.support, rule.confidence, rule.lift) == (0.4, 0.8, 2.0)
    assert rules[("bread",), "butter"].confidence == pytest.approx(5 / 6)
    assert not any("milk" in rule.topics for rule in rules.values())


def test_a_confidence_that_is_just_reached_counts() -> None:
    """Four fifths came out of the library as .7999…, and four of the 410 rules on the groceries were lost."""
    found = {(rule.antecedent, rule.consequent) for rule in Rules.fit(frame(BASKETS), 0.4, 0.8)}
    assert (("bread", "butter"), "jam") in found
    assert (("butter",), "jam") in found


def test_doubles_count_once_and_rows_without_a_topic_not_at_all() -> None:
    rows = frame(BASKETS)
    more = pl.concat([rows, rows, pl.DataFrame({"session_id": ["b0", None], "topic": [None, "jam"]}, schema=rows.schema)])
    assert list(Rules.fit(more, 0.4, 0.5)) == list(Rules.fit(rows, 0.4, 0.5))


def test_rules_match_a_cart_that_holds_the_antecedent_and_lacks_the_consequent() -> None:
    rules = Rules.fit(frame(BASKETS), 0.4, 0.5)
    assert {(rule.antecedent, rule.consequent) for rule in rules.matching({"bread", "butter"})} == {
        (("bread", "butter"), "jam"),
        (("bread",), "jam"),
        (("butter",), "jam"),
    }
    assert list(rules.matching({"spaceship"})) == list(rules.matching(())) == []


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    for number, rules in enumerate((Rules.fit(frame(BASKETS), 0.4, 0.5), Rules([]))):
        folder = tmp_path / str(number)
        folder.mkdir()
        rules.save(folder)
        assert list(Rules.load(folder)) == list(rules)
    with pytest.raises(OSError, match=r"rules\.parquet"):
        Rules.load(tmp_path)


def test_no_baskets_make_no_rules_and_a_wrong_bound_is_named() -> None:
    assert len(Rules.fit(frame([]))) == len(Rules.fit(frame([["milk"]]))) == 0
    with pytest.raises(ValueError, match=r"min_support is in \(0, 1\], not 0"):
        Rules.fit(frame(BASKETS), 0)
    with pytest.raises(ValueError, match=r"min_confidence is in \(0, 1\], not 1\.5"):
        Rules.fit(frame(BASKETS), 0.4, 1.5)


def test_the_groceries_have_410_rules_of_support_001_and_confidence_8(groceries: pl.DataFrame) -> None:
    assert len(Rules.fit(groceries, 0.001, 0.8, max_size=None)) == 410


def test_the_groceries_have_463_rules_of_support_006_and_confidence_25(groceries: pl.DataFrame) -> None:
    assert len(Rules.fit(groceries, 0.006, 0.25, max_size=None)) == 463
