"""Protects the making of a training file: it says what the phrases given say, and nothing where they cannot be read.
Run: pytest tests/finetune/test_data.py"""

import json
from pathlib import Path

import pytest

from agent.prompts import TOOLS
from finetune.data import write
from finetune.phrases import AFTER, PLAIN
from tools import Shop


def own_phrases(folder: Path, phrase: str) -> Path:
    for role, tools in TOOLS.items():
        (folder / role).mkdir(parents=True)
        for name in (*tools, PLAIN, AFTER):
            (folder / role / f"{name}.txt").write_text(phrase if name == PLAIN else "")
    return folder


def test_people_type_what_the_given_phrases_say(shop: Shop, tmp_path: Path) -> None:
    phrases = own_phrases(tmp_path / "phrases", "beam me up => I only help with shopping.\n")
    write(shop, tmp_path / "train.jsonl", lines=20, dialogues=0, profiles=0, rewrites=0, phrases=phrases)
    rows = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert len(rows) == 20
    assert {row["messages"][-1]["content"] for row in rows} == {"I only help with shopping."}


def test_phrases_without_a_phrase_are_refused_by_their_folder(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"phrases/shopper' has no phrase"):
        write(shop, tmp_path / "train.jsonl", phrases=own_phrases(tmp_path / "phrases", ""))
    assert not (tmp_path / "train.jsonl").exists()
