"""Protects which words count as misspelt, and what they then mean. Run: pytest tests/agent/test_spelling.py"""

import pytest

from agent.line_model import LineModel
from agent.spelling import as_meant, mended


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("reveiws", "reviews"),
        ("shwo", "show"),
        ("audiance", "audience"),
        ("coconutt", "coconut"),
        ("reviews", "reviews"),
        ("avocados", "avocados"),
        ("favourite", "favourite"),
        ("teh", "teh"),
        ("Nutela", "Nutela"),
        ("don't", "don't"),
        ("café", "café"),
        ("咖啡", "咖啡"),
        ("qzxvkw", "qzxvkw"),
        ("", ""),
    ],
)
def test_a_misspelt_word_is_what_it_most_likely_means_and_any_other_stays(word: str, meant: str) -> None:
    assert mended(word) == meant


def test_a_text_as_meant_has_its_misspelt_words_mended_and_the_rest_in_lower_case() -> None:
    assert as_meant("Bargan hunters, undr 20 dolars!") == "bargain hunters, under 20 dollars!"
    assert as_meant("7up & Crème") == "7up & crème"


def test_a_line_is_read_as_meant_and_its_words_stay_where_they_stand() -> None:
    model = LineModel()
    wrong, right = model.tokens("shwo me reveiws of kefir", mend=True), model.tokens("show me reviews of kefir")
    assert wrong.ids == right.ids
    assert wrong.places == right.places
    assert model.tokens("shwo me reveiws of kefir").ids != right.ids
