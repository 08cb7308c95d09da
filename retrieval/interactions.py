"""Who bought what, in time order: the one input of every candidate source, and one user's row of it."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

_DAY_US = 86_400e6

FORGOTTEN = 2.0**-10
"""An event that would count less than this beside the newest event's 1 counts nothing. On the demo that leaves a third fewer to
sum, and of the ten best by EASE with a half-life of three visits 4 in 1,000 are others."""


@dataclass(frozen=True, eq=False)
class History:
    """One user's row: item codes, the oldest first, each as often as it was bought.

    `ages` are days before now, falling, or None where only the order is known.
    """

    items: NDArray[np.int32]
    ages: NDArray[np.float64] | None = None

    @cached_property
    def steps(self) -> NDArray[np.int64]:
        """How many visits ago each event was, 0 for the newest. Events of one age are one visit; without ages each is its own."""
        if self.ages is None:
            return np.arange(len(self.items))[::-1]
        visit = np.cumsum(np.diff(self.ages, prepend=self.ages[:1]) != 0)
        return np.asarray(visit[-1:].sum() - visit, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Interactions:
    """A log as sequences: `items[indptr[u] : indptr[u + 1]]` are the item codes of user `u`, the oldest first.

    A code is the place in `item_ids`. `days` are the times of the events in days since 1970, or None where only the order is
    known; `now` is the time that ages count from.
    """

    item_ids: list[str]
    user_ids: list[str]
    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    days: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, frame: pl.DataFrame) -> "Interactions":
        """The rows of a frame with columns user_id, item_id and, if times are known, ts; without ts, rows count as in time order.

        Rows without a user or an item are left out. Items and users are sorted by id, and so are a user's items of one time.
        """
        rows = frame.drop_nulls(["user_id", "item_id"])
        item_ids, user_ids = rows["item_id"].unique().sort(), rows["user_id"].unique().sort()
        rows = rows.with_columns(
            item=item_ids.search_sorted(rows["item_id"]).cast(pl.Int32), user=user_ids.search_sorted(rows["user_id"])
        ).sort(["user", "ts", "item"] if "ts" in rows.columns else ["user"], maintain_order=True)
        indptr = np.searchsorted(rows["user"].to_numpy(), np.arange(len(user_ids) + 1))
        days = rows["ts"].dt.timestamp("us").to_numpy() / _DAY_US if "ts" in rows.columns else None
        return cls(item_ids.to_list(), user_ids.to_list(), indptr.astype(np.int64), rows["item"].to_numpy().copy(), days)

    @classmethod
    def from_sequences(cls, sequences: Iterable[Sequence[str]], user_ids: Sequence[str] | None = None) -> "Interactions":
        """Item ids of each user, the oldest first. Users without `user_ids` are called "0", "1" and so on."""
        rows = list(sequences)
        item_ids = sorted({item for row in rows for item in row})
        code = {item: n for n, item in enumerate(item_ids)}
        indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        items = np.fromiter((code[item] for row in rows for item in row), np.int32, int(indptr[-1]))
        return cls(item_ids, list(user_ids) if user_ids is not None else [str(n) for n in range(len(rows))], indptr, items)

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    @cached_property
    def now(self) -> float:
        """The time of the last event in days since 1970; 0 without times."""
        return float(self.days.max()) if self.days is not None and len(self.days) else 0.0

    @cached_property
    def code_of(self) -> dict[str, int]:
        return {item_id: code for code, item_id in enumerate(self.item_ids)}

    @cached_property
    def user_code_of(self) -> dict[str, int]:
        return {user_id: code for code, user_id in enumerate(self.user_ids)}

    @cached_property
    def fingerprint(self) -> str:
        """The same for the same ids, rows and times. What was fitted is refused where it differs."""
        digest = hashlib.blake2b(digest_size=8)
        for ids in (self.item_ids, self.user_ids):
            digest.update("\0".join(ids).encode("utf-8", "surrogatepass"))
            digest.update(b"\1")
        for array in (self.indptr, self.items, self.days):
            digest.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def history(self, user_id: str) -> History:
        """A user's row, as of `now`; empty for an unknown user."""
        user = self.user_code_of.get(user_id)
        return self.empty if user is None else self.histories([user])[0]

    def histories(self, users: Iterable[int] | None = None) -> list[History]:
        """The rows of users by code, of all without `users`."""
        found = []
        for user in range(self.n_users) if users is None else users:
            row = slice(self.indptr[user], self.indptr[user + 1])
            found.append(History(self.items[row], None if self.days is None else self.now - self.days[row]))
        return found

    def history_of(self, item_ids: Sequence[str], ages: Sequence[float] | None = None) -> History:
        """A row from outside, the oldest first, for users or events that came after the fit. Unknown items are left out."""
        kept = [n for n, item_id in enumerate(item_ids) if item_id in self.code_of]
        items = np.array([self.code_of[item_ids[n]] for n in kept], np.int32)
        return History(items, None if ages is None else np.array([ages[n] for n in kept], np.float64))

    @property
    def empty(self) -> History:
        return History(np.zeros(0, np.int32), None if self.days is None else np.zeros(0))

    def of_users(self, users: Sequence[int]) -> "Interactions":
        """These users' rows alone, the items with the same codes: a segment to count in."""
        rows = [slice(self.indptr[user], self.indptr[user + 1]) for user in users]
        indptr = np.concatenate([[0], np.cumsum([row.stop - row.start for row in rows])]).astype(np.int64)
        take = np.concatenate([np.arange(row.start, row.stop) for row in rows]) if rows else np.zeros(0, np.int64)
        return Interactions(
            self.item_ids,
            [self.user_ids[user] for user in users],
            indptr,
            self.items[take],
            None if self.days is None else self.days[take],
        )

    def counts(self) -> sparse.csr_matrix:
        """Events by user and item, float32 (users, items)."""
        ones = np.ones(len(self.items), np.float32)
        matrix = sparse.csr_matrix((ones, self.items, self.indptr), (self.n_users, self.n_items), copy=True)
        matrix.sum_duplicates()
        return matrix

    def save(self, folder: Path) -> None:
        """Write into a folder of its own, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        pl.DataFrame({"item_id": self.item_ids}, schema={"item_id": pl.String}).write_parquet(folder / "items.parquet")
        pl.DataFrame({"user_id": self.user_ids}, schema={"user_id": pl.String}).write_parquet(folder / "users.parquet")
        np.save(folder / "indptr.npy", self.indptr)
        np.save(folder / "items.npy", self.items)
        if self.days is not None:
            np.save(folder / "days.npy", self.days)

    @classmethod
    def load(cls, folder: Path) -> "Interactions":
        """Raises OSError when nothing was saved in `folder`."""
        days = folder / "days.npy"
        return cls(
            pl.read_parquet(folder / "items.parquet")["item_id"].to_list(),
            pl.read_parquet(folder / "users.parquet")["user_id"].to_list(),
            np.load(folder / "indptr.npy"),
            np.load(folder / "items.npy"),
            np.load(days) if days.exists() else None,
        )


def joined(histories: Sequence[History], n_items: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The items of histories one after the other, and where each begins and the last ends, (histories + 1,).

    Raises IndexError for a code of none of `n_items`, by which compiled code would reach beyond its memory.
    """
    items = np.concatenate([np.zeros(0, np.int32), *(history.items for history in histories)])
    if len(items) and not 0 <= items.min() <= items.max() < n_items:
        raise IndexError(f"item codes from {items.min()} to {items.max()}, there are {n_items} items")
    return items, np.cumsum([0, *(len(history.items) for history in histories)])


def event_weights(history: History, half_life: float | None) -> NDArray[np.float32]:
    """What each event counts: half for every `half_life` visits that it is ago, down to `FORGOTTEN`; 1 without a half-life."""
    if half_life is None:
        return np.ones(len(history.items), np.float32)
    weights = np.exp2(-history.steps / half_life).astype(np.float32)
    weights[weights < FORGOTTEN] = 0
    return weights


def rows_of(histories: Sequence[History], n_items: int, half_life: float | None = None) -> sparse.csr_matrix:
    """Histories as a sparse float32 matrix (users, items) of the summed weights of their events."""
    items, starts = joined(histories, n_items)
    weights = np.concatenate([np.zeros(0, np.float32), *(event_weights(history, half_life) for history in histories)])
    matrix = sparse.csr_matrix((weights, items, starts), (len(histories), n_items))
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix
