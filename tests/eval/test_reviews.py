"""Protects the reviews eval: it scores plain cases right, keeps a user's reviews together, and refuses too small a file.
Run: pytest tests/eval/test_reviews.py"""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from eval.reviews import read_texts, show

SAID = {5: "I love it, wonderful.", 3: "It is a bottle.", 1: "I hate it, horrible."}


class Contrarian:
    """Calls everything negative."""

    def write_json(self, messages: list[dict[str, Any]], schema: dict[str, Any], max_tokens: int) -> str:
        assert schema["properties"]["sentiment"]["enum"] == ["negative", "neutral", "positive"]
        return '{"sentiment": "negative"}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path / "reviews.gz", 20)


def written(path: Path, users: int) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for n in range(users):
            for stars, text in SAID.items():
                review = {"reviewerID": f"u{n}", "asin": "B1", "overall": stars, "unixReviewTime": n, "reviewText": f"{text} {n}"}
                file.write(f"{json.dumps(review)}\n{json.dumps({**review, 'asin': 'B2'})}\n")
    return path


def test_each_method_has_its_row(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(path, 7, Console(width=150), Contrarian(), "contrarian")
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (report["eval"], report["seed"], report["model"].endswith("contrarian")) == ("reviews", 7, True)
    rows = report["results"]
    assert list(rows) == [
        "always positive",
        "vader",
        "vader by sentence",
        "vader tuned",
        "classifier",
        "classifier and lexicon",
        "llm",
    ]
    assert [rows[name]["macro_f1"] for name in rows] == [0.1667, 1.0, 1.0, 1.0, 1.0, 1.0, 0.1667]
    assert (rows["llm"]["f1_negative"], rows["llm"]["f1_positive"]) == (0.5, 0.0)


def test_no_user_is_in_two_parts_and_no_text_is_left_out(path: Path) -> None:
    texts = read_texts(path)
    assert len(texts.texts) == 60  # the second product repeats the reviews
    everything = [n for _, part in texts.parts(texts.places, 5, 0) for n in part]
    assert sorted(everything) == list(range(60))
    for rest, part in texts.parts(texts.places, 5, 0):
        assert not set(texts.users[rest]) & set(texts.users[part])


def test_a_file_with_few_reviews_of_a_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fewer than 20 reviews that are negative and neutral and positive"):
        show(written(tmp_path / "small.gz", 3), 0, Console())
