"""Protects the transformer among the sources: it reads order, takes in features, explains itself and comes back from disk.
Run: pytest tests/retrieval/test_sequential.py"""

from pathlib import Path

import numpy as np
import pytest

from retrieval import Interactions, StaleModel, recommend
from retrieval.sources.sequential import Sequential
from retrieval.sources.transformer import Shape, Training

SMALL = Shape(width=16, blocks=1, heads=2, dropout=0.0, max_length=6)
QUICK = Training(negatives=16, batch=32, learning_rate=1e-2, epochs=40)
ROUND = ["a", "b", "c", "d"]


def walkers() -> Interactions:
    """Some go round a, b, c, d, a and so on, others the other way: who is where tells little, who came from where all."""
    rows = [[ROUND[(start + way * step) % 4] for step in range(5)] for start in range(4) for way in (1, -1) for _ in range(10)]
    return Interactions.from_sequences(rows)


@pytest.fixture(scope="module")
def data() -> Interactions:
    return walkers()


@pytest.fixture(scope="module")
def source(data: Interactions) -> Sequential:
    return Sequential(SMALL, QUICK).fit(data)


@pytest.mark.parametrize(("walked", "next_item"), [("ab", "c"), ("cb", "a"), ("bcd", "a"), ("adc", "b")])
def test_the_way_so_far_says_what_is_next(source: Sequential, data: Interactions, walked: str, next_item: str) -> None:
    best = recommend(source, [data.history_of(list(walked))], 1, seen=True).items[0, 0]
    assert data.item_ids[best] == next_item


def test_only_the_newest_items_are_read(source: Sequential, data: Interactions) -> None:
    short, long = data.history_of(list("dabcda")), data.history_of(list("bbbb" + "dabcda"))
    np.testing.assert_allclose(source.scores([short]), source.scores([long]), rtol=1e-5)


def test_a_batch_is_each_user_alone(source: Sequential, data: Interactions) -> None:
    histories = [data.history_of(list(walked)) for walked in ("a", "dcba", "", "ab")]
    alone = np.concatenate([source.scores([history]) for history in histories])
    np.testing.assert_allclose(source.scores(histories), alone, rtol=1e-4, atol=1e-5)
    assert not source.scores(histories)[2].any()


def test_the_parts_of_the_events_and_what_they_do_together_sum_to_the_score(source: Sequential, data: Interactions) -> None:
    history = data.history_of(list("bcab"))
    for item in range(data.n_items):
        parts = source.explain(history, item)
        assert sum(part.amount for part in parts) == pytest.approx(float(source.scores([history])[0, item]), rel=1e-4)
        assert [part.amount for part in parts] == sorted((part.amount for part in parts), reverse=True)
    assert source.explain(data.empty, 0) == []


def test_an_item_that_nobody_bought_is_found_by_its_features_alone() -> None:
    rows = [["a", "b"] * 3, ["x", "y"] * 3] * 20
    known = Interactions.from_sequences([*rows, ["new"]])
    data = Interactions(known.item_ids, known.user_ids[:-1], known.indptr[:-1], known.items[:-1])
    features = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1]], np.float32)  # a, b, new, x, y
    history, new = [data.history_of(["a", "b"])], data.code_of["new"]
    assert Sequential(SMALL, QUICK).fit(data).scores(history)[0, new] == 0
    scores = Sequential(SMALL, QUICK, features).fit(data).scores(history)[0]
    assert scores[new] > max(scores[data.code_of["x"]], scores[data.code_of["y"]])


def test_it_stops_by_itself_and_learns_again_from_everything(data: Interactions) -> None:
    lines: list[str] = []
    first = Sequential(SMALL, Training(negatives=16, batch=32, max_epochs=6), progress=lines.append).fit(data)
    assert 1 <= first.epochs <= 6
    again = first.refitted(data)
    assert again.epochs == first.epochs


def test_no_time_is_one_step_and_no_pairs_are_none(data: Interactions) -> None:
    assert Sequential(SMALL, Training(negatives=16, seconds=0)).fit(data).epochs == 1
    lonely = Interactions.from_sequences([["a"], ["b"], []])
    assert not Sequential(SMALL, QUICK).fit(lonely).scores(lonely.histories()).any()


def test_one_seed_gives_one_model(data: Interactions, source: Sequential) -> None:
    again = Sequential(SMALL, QUICK).fit(data)
    np.testing.assert_array_equal(again.scores(data.histories([0])), source.scores(data.histories([0])))


def test_neighbours_leave_the_item_itself_out(source: Sequential) -> None:
    near = source.similar_items(0, 4)
    assert 0 not in near.items
    assert near.items.shape == (1, 4)


def test_what_was_saved_answers_as_before_and_is_refused_for_other_data(
    source: Sequential, data: Interactions, tmp_path: Path
) -> None:
    source.save(tmp_path / "model")
    loaded = Sequential.load(tmp_path / "model", data.fingerprint)
    np.testing.assert_array_equal(loaded.scores(data.histories()), source.scores(data.histories()))
    assert (loaded.shape, loaded.training, loaded.epochs) == (SMALL, QUICK, source.epochs)
    with pytest.raises(StaleModel, match="other"):
        Sequential.load(tmp_path / "model", "other")
    with pytest.raises(ValueError, match="not fitted"):
        Sequential().save(tmp_path / "nothing")
