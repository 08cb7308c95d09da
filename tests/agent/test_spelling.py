"""Protects which words count as misspelt, and what they then mean. Run: pytest tests/agent/test_spelling.py"""

import pytest

from agent.line_model import LineModel
from agent.spelling import mended


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


def test_a_line_is_read_as_meant_and_its_words_stay_where_they_stand() -> None:
    model = LineModel()
    wrong, right = model.tokens("shwo me reveiws of kefir", mend=True), model.tokens("show me reviews of kefir")
    assert wrong.ids == right.ids
    assert wrong.places == right.places
    assert model.tokens("shwo me reveiws of kefir").ids != right.ids
