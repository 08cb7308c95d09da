"""A log cut at a date: what was known then, and what each user bought in the days that followed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.interactions import History, Interactions

DAYS = 28
"""How long what is bought next is watched for."""


@dataclass(frozen=True, eq=False)
class Lessons:
    """`known` came before the date, with the users and item codes of the whole log.

    `histories`, `bought` and `new` go together, of the users who bought both before the date and in the days from it: the row
    as of the date, the items of these days, and those of them that were not bought before.
    """

    known: Interactions
    histories: list[History]
    bought: list[NDArray[np.int32]]
    new: list[NDArray[np.int32]]


def lessons(whole: Interactions, since: float) -> Lessons:
    """Cut at `since`, in days since 1970. Raises ValueError for interactions without times."""
    if whole.days is None:
        raise ValueError(f"a cut at day {since!r} needs interactions with times, these have none")
    before = whole.days < since
    within = (whole.days >= since) & (whole.days < since + DAYS)
    indptr = np.concatenate([[0], np.cumsum(before)])[whole.indptr]
    known = Interactions(whole.item_ids, whole.user_ids, indptr, whole.items[before], whole.days[before])
    users, bought, new = [], [], []
    for user in range(whole.n_users):
        row = slice(whole.indptr[user], whole.indptr[user + 1])
        items = np.unique(whole.items[row][within[row]])
        if len(items) and indptr[user] < indptr[user + 1]:
            users.append(user)
            bought.append(items)
            new.append(np.setdiff1d(items, whole.items[row][before[row]]))
    return Lessons(known, known.histories(users), bought, new)
