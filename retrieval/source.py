"""The contract of a candidate source, and the one way to turn its scores into recommendations."""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numba import njit, types
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from retrieval.interactions import History, Interactions, joined
from retrieval.threads import one_torch_thread

BLOCK = 256
"""Users scored at once by one thread: memory stays at this many rows of scores, and weights that many ask for are read once."""


class StaleModel(ValueError):
    """What was saved belongs to other data."""


class Contribution(NamedTuple):
    """How much of a score comes from one event of the user (its place in the history), or from what all users did (None)."""

    event: int | None
    amount: float


class Ranking(NamedTuple):
    """Item codes int32 and scores float32, both (users, k), best first; where fewer than k are found, -1 and 0 follow."""

    items: NDArray[np.int32]
    scores: NDArray[np.float32]


class Source(Protocol):
    """A candidate source. Item codes are those of the interactions that it was fitted on.

    `scores` reads the histories that it is given, whether or not their users were in the fit, so a new event counts at once.
    The higher, the likelier; exactly 0 means that the source has nothing to say about the item. Scores of two sources are not
    comparable, those of one source for two users need not be.
    """

    def fit(self, interactions: Interactions) -> Self: ...

    def scores(self, histories: Sequence[History]) -> NDArray[np.float32]:
        """Scores of all items, (users, items). May be a read-only view."""
        ...

    def similar_items(self, item: int, k: int) -> Ranking:
        """The `k` items nearest to one, itself left out, as a ranking with one row."""
        ...

    def explain(self, history: History, item: int) -> list[Contribution]:
        """What the score of an item is made of, the greatest first. They sum to the score unless the source says how not."""
        ...

    def save(self, folder: Path) -> None:
        """Write into a folder of its own, which is made."""
        ...

    @classmethod
    def load(cls, folder: Path, fingerprint: str) -> Self:
        """What was saved there. Raises StaleModel unless it was fitted on interactions with this fingerprint."""
        ...


def recommend(
    source: Source, histories: Sequence[History], k: int, allowed: NDArray[np.bool_] | None = None, seen: bool = False
) -> Ranking:
    """The `k` best items for each history, ties by item code.

    `allowed` is a mask over items, (items,) or (users, items); `seen` lets a user's own items through.
    A user of a batch gets what they would get alone. Blocks of users go to as many threads as there are cores.
    """

    def ranked(start: int) -> Ranking:
        block = histories[start : start + BLOCK]
        mask = allowed[start : start + BLOCK] if allowed is not None and allowed.ndim == 2 else allowed
        return rank(source.scores(block), k, mask, None if seen else block)

    starts = range(0, len(histories), BLOCK)
    if not starts:
        return Ranking(np.zeros((0, k), np.int32), np.zeros((0, k), np.float32))
    if len(starts) == 1:
        return ranked(0)
    with _one_thread_each(), ThreadPoolExecutor(os.cpu_count()) as threads:
        blocks = list(threads.map(ranked, starts))
    return Ranking(np.concatenate([block.items for block in blocks]), np.concatenate([block.scores for block in blocks]))


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """The threads of BLAS and torch would get in the way of those that blocks of users go to."""
    with one_torch_thread(), threadpool_limits(1, "blas"):
        yield


def rank(
    scores: NDArray[np.float32], k: int, allowed: NDArray[np.bool_] | None = None, without: Sequence[History] | None = None
) -> Ranking:
    """The `k` best of each row of scores (users, items), ties by item code.

    Left out are items that score 0 or NaN, those not `allowed`, and the items of the row's history in `without`. Raises
    ValueError for another number of histories than rows, IndexError for an item that there is no column of.
    """
    rows, columns = scores.shape
    found = Ranking(np.full((rows, k), -1, np.int32), np.zeros((rows, k), np.float32))
    passes = np.broadcast_to(np.bool_(True) if allowed is None else allowed, scores.shape)
    if without is not None and len(without) != rows:
        raise ValueError(f"{len(without)} histories for {rows} rows of scores")
    barred, starts = joined(without, columns) if without is not None else (np.zeros(0, np.int32), np.zeros(rows + 1, np.int64))
    if k:
        _find_best(scores, passes, starts, barred, found.items, found.scores)
    return found


@njit(
    types.void(
        types.Array(types.float32, 2, "A", readonly=True),
        types.Array(types.bool_, 2, "A", readonly=True),
        types.int64[::1],
        types.int32[::1],
        types.int32[:, ::1],
        types.float32[:, ::1],
    ),
    nogil=True,
    cache=True,
)  # type: ignore[untyped-decorator]
def _find_best(
    scores: NDArray[np.float32],
    passes: NDArray[np.bool_],
    starts: NDArray[np.int64],
    barred: NDArray[np.int32],
    items: NDArray[np.int32],
    best: NDArray[np.float32],
) -> None:
    """Fill each row of `items` and `best` in one pass over its scores, where few are above the least of the best so far.

    `barred[starts[row] : starts[row + 1]]` are the columns that a row leaves out.
    """
    rows, columns = scores.shape
    k = items.shape[1]
    own = np.zeros(columns, np.bool_)
    for row in range(rows):
        for place in range(starts[row], starts[row + 1]):
            own[barred[place]] = True
        found, least = 0, np.float32(-np.inf)
        for column in range(columns):
            score = scores[row, column]
            if score > least and score != 0 and passes[row, column] and not own[column]:
                place = min(found, k - 1)
                while place and best[row, place - 1] < score:
                    best[row, place], items[row, place] = best[row, place - 1], items[row, place - 1]
                    place -= 1
                best[row, place], items[row, place] = score, column
                found = min(found + 1, k)
                if found == k:
                    least = best[row, k - 1]
        for place in range(starts[row], starts[row + 1]):
            own[barred[place]] = False


def save_arrays(folder: Path, fingerprint: str, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Keep a fitted source: `values` (as JSON) and `arrays` (each a .npy), with the fingerprint of its data."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    (folder / "model.json").write_text(json.dumps({"fingerprint": fingerprint, "arrays": sorted(arrays), **values}))


def load_arrays(folder: Path, fingerprint: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What `save_arrays` wrote, the arrays mapped from disk and copied on write.

    Raises StaleModel, and OSError when nothing was saved there.
    """
    values = json.loads((folder / "model.json").read_text())
    fitted = values.pop("fingerprint")
    if fitted != fingerprint:
        raise StaleModel(f"the model in {str(folder)!r} was fitted on data {fitted!r}, not on {fingerprint!r}: fit it again")
    return values, {name: np.load(folder / f"{name}.npy", mmap_mode="c") for name in values.pop("arrays")}
