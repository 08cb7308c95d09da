"""The gate: a candidate adapter does what the shipped one does, on the same lines and households, and must not do it worse.

Covered: tool calls on all hand-written lines, and how much of a written profile its digest supports before the guard.
Not covered: the wording of replies, which the guard and `eval grounding` see to.
"""

import asyncio
import hashlib
import random
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest

from agent.chat import Chat, open_sessions
from agent.digest import digest_of
from agent.llm import LLM
from agent.profiler import write
from agent.server import local_server
from behavior import Settings
from eval import tool_calls
from eval.report import Report, printed
from eval.tool_calls import Line
from finetune.profiles import FEWEST_EVENTS
from finetune.split import held_out
from tools import Shop

LEVEL = 0.05
"""A fall of the pairs that is less likely than this by chance is one."""
FLOOR = 0.03
"""The mean may fall by this much; by more it is worse, however few pairs changed."""
AT_ONCE, PATIENCE = 8, 600.0
"""Requests at a time, and seconds for each: a slow machine is not the adapter's fault."""


@dataclass(frozen=True)
class Measured:
    """What a model did with one adapter (its hash, None for the bare base), in the order of lines and households.

    `tool` and `right` have 1.0 or 0.0 for each line: the right tool, and the right arguments as well. `supported` has for each
    household the share in [0, 1] of its sentences that the digest supports, 0.0 where the LLM wrote none that could be read.
    """

    model: str
    adapter: str | None
    tool: list[float]
    right: list[float]
    supported: list[float]

    def figures(self) -> dict[str, float]:
        """The means, four decimals."""
        means = {"tool_accuracy": self.tool, "accuracy": self.right, "supported_claims": self.supported}
        return {name: round(fmean(values), 4) for name, values in means.items()}


def households(shop: Shop, count: int, seed: int) -> list[str]:
    """A sample of the users that training never sees, with 20 events or more. Raises ValueError where there are none."""
    users = [user for user in shop.store.users() if held_out(user) and shop.store.count(user) >= FEWEST_EVENTS]
    if not users:
        raise ValueError(f"no held-out user has {FEWEST_EVENTS} events: an adapter cannot be judged on this shop")
    return random.Random(seed).sample(users, min(count, len(users)))


async def measure(
    settings: Settings, adapter: Path, lines: Sequence[Line], sample: int, seed: int, progress: Callable[[str], None]
) -> Measured:
    """Serve the base with `adapter` (a peft folder; alone where it is absent) and put lines and `sample` households to it.

    Preferences are stated and the model is kept in the home of `settings`: give it a copy of the shop.
    Raises ServerError, WeightsError, StoreError.
    """
    with closing(Shop.open(settings, progress)) as shop, local_server(settings, progress, adapter) as served:
        users = households(shop, sample, seed)
        llm = LLM(served.url, served.model, served.adapter, timeout=PATIENCE)
        supported = await _supported(shop, llm, users, progress)
        async with open_sessions(settings) as saver:
            said = await tool_calls.run(Chat(shop, llm, saver), lines, progress, user_id=users[0], at_once=AT_ONCE)
    outcomes = [turn.outcome for turn in said.turns]
    return Measured(
        served.model, served.adapter, [float(o.tool) for o in outcomes], [float(o.right) for o in outcomes], supported
    )


def verdict(shipped: Measured, candidate: Measured) -> str | None:
    """Why the candidate is worse than the shipped adapter, in a sentence, or None. Either ability alone decides."""
    pairs = {
        "tool calls": (shipped.right, candidate.right),
        "supported claims": (shipped.supported, candidate.supported),
    }
    found = [f"{what} fell {why}" for what, (before, after) in pairs.items() if (why := fall(before, after))]
    return f"the candidate is worse than the shipped adapter: {'; '.join(found)}" if found else None


def fall(before: Sequence[float], after: Sequence[float]) -> str | None:
    """How scores of the same cases fell, in words, or None where they did not.

    The one-sided exact sign test on the pairs that changed, at .05, which on right and wrong is McNemar's test in its exact form
    (McNemar, Psychometrika 12, 1947; Dietterich, Neural Computation 10, 1998, section 3.1); and, as few pairs prove nothing,
    a floor: the mean may not fall by more than .03. The floor errs on the side of the shipped adapter: of two equally good ones
    that differ on a seventh of the lines, one in fifteen candidates is refused.
    Raises ValueError for lists of different length or without a case.
    """
    if len(before) != len(after) or not before:
        raise ValueError(f"{len(before)} and {len(after)} scores are not of the same cases")
    lost = sum(new < old for old, new in zip(before, after, strict=True))
    gained = sum(new > old for old, new in zip(before, after, strict=True))
    drop = fmean(before) - fmean(after)
    chance = float(binomtest(lost, lost + gained, 0.5, alternative="greater").pvalue) if lost + gained else 1.0
    if drop <= 0 or (chance > LEVEL and drop <= FLOOR + 1e-9):
        return None
    return f"from {fmean(before):.1%} to {fmean(after):.1%} ({lost} cases lost, {gained} gained, by chance {chance:.2g})"


def show(rows: dict[str, Measured], worse: str | None, lines: Sequence[Line], sample: int, seed: int, console: Console) -> Report:
    """Print the rows as a table, the verdict, and the JSON line last; its model and adapter are those of the candidate."""
    table = Table("adapter", "hash", "right tool", "and arguments", "supported claims", title="The gate")
    for name, measured in rows.items():
        shares = (f"{value:.1%}" for value in measured.figures().values())
        table.add_row(name, measured.adapter or "none", *shares)
    console.print(table)
    console.print(worse or "the candidate is not worse than the shipped adapter", markup=False, highlight=False, soft_wrap=True)
    asked = "\n".join([*(line.model_dump_json() for line in lines), f"{sample} households"])
    return printed(
        console,
        {name: measured.figures() for name, measured in rows.items()},
        eval="gate",
        data=hashlib.sha256(asked.encode()).hexdigest()[:12],
        model=rows["candidate"].model,
        adapter=rows["candidate"].adapter,
        seed=seed,
    )


async def _supported(shop: Shop, llm: LLM, users: Sequence[str], progress: Callable[[str], None]) -> list[float]:
    free, written = asyncio.Semaphore(AT_ONCE), 0

    async def one(user: str) -> float:
        nonlocal written
        async with free:
            digest = digest_of(shop, user)
            report = (await asyncio.to_thread(write, digest, llm)).report
        written += 1
        progress(f"wrote {written} of {len(users)} profiles")
        return report.supported_raw / report.sentences if report.sentences else 0.0

    return list(await asyncio.gather(*map(one, users)))
