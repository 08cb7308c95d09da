"""Protects the figures of `inkling eval recommendation`: split, metrics against a library's, the whole on a tiny folder.
Run: pytest tests/eval/test_recommendation.py"""

import io
import json
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from ir_measures import R, nDCG
from rich.console import Console

from eval.recommendation import metrics, read, run


def test_metrics_are_those_of_ir_measures() -> None:
    random = np.random.default_rng(3)
    ranked = np.stack([random.permutation(60)[:20] for _ in range(200)]).astype(np.int32)
    ranked[:20, 5:] = -1  # some users are recommended little
    targets = random.integers(0, 60, 200).astype(np.int32)
    qrels = [ir_measures.Qrel(str(user), str(item), 1) for user, item in enumerate(targets)]
    found = [
        ir_measures.ScoredDoc(str(user), str(item), float(-place))
        for user, row in enumerate(ranked)
        for place, item in enumerate(row)
        if item >= 0
    ]
    theirs = ir_measures.calc_aggregate([R @ 5, R @ 10, R @ 20, nDCG @ 5, nDCG @ 10, nDCG @ 20], qrels, found)
    ours = metrics(ranked, targets)
    for measure, value in theirs.items():
        assert ours[f"{'recall' if measure.NAME == 'R' else 'ndcg'}@{measure['cutoff']}"] == pytest.approx(value)


def test_the_last_item_is_the_test_and_the_one_before_validation(tmp_path: Path) -> None:
    (tmp_path / "sequences.txt").write_text("one a b\nann a b c d\nbob d a c\n")
    (tmp_path / "items.jsonl").write_text('{"item_id": "e", "title": "Tea", "attributes": ["Food", "Hot"], "brand": null}\n')
    data = read(tmp_path)
    assert data.train.item_ids == ["a", "b", "c", "d", "e"]
    assert data.train.user_ids == ["ann", "bob", "one"]
    assert [row.items.tolist() for row in data.train.histories()] == [[0, 1], [3], [0, 1]]
    assert [row.items.tolist() for row in data.known.histories()] == [[0, 1, 2], [3, 0], [0, 1]]
    assert data.validation.tolist() == [2, 0]
    assert data.test.tolist() == [3, 2]
    assert data.texts == ["", "", "", "", "Tea Food Hot"]


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path)
    (tmp_path / "sequences.txt").write_text("ann a b\n")
    with pytest.raises(ValueError, match="no user"):
        read(tmp_path)
    (tmp_path / "sequences.txt").write_text("ann a b c\n")
    (tmp_path / "items.jsonl").write_text('{"item_id": "a"}\n{"title": "b"}\n')
    with pytest.raises(ValueError, match="line 2"):
        read(tmp_path)


@pytest.mark.parametrize("with_texts", [True, False])
def test_every_source_and_the_fusion_find_the_next_of_a_round(tmp_path: Path, with_texts: bool) -> None:
    rows = [" ".join([f"u{n}", *(f"i{(n + step) % 40:02}" for step in range(7))]) for n in range(200)]
    (tmp_path / "sequences.txt").write_text("\n".join(rows))
    if with_texts:
        items = (json.dumps({"item_id": f"i{n:02}", "title": f"shade {n // 10} polish"}) for n in range(40))
        (tmp_path / "items.jsonl").write_text("\n".join(items))
    printed = io.StringIO()
    report = run(tmp_path, Console(file=printed, width=200), lambda _: None)
    line = json.loads(printed.getvalue().splitlines()[-1])
    assert line["results"] == report.results
    sources = {"popularity", "item_knn", "als", "ease", "cooccurrence", "sequential", "fusion", "fusion_train_only"}
    assert set(report.results) == sources | ({"content"} if with_texts else set())
    assert report.results["fusion"]["recall@5"] == 1
    assert report.results["fusion"]["ndcg@10"] > report.results["popularity"]["ndcg@10"]
