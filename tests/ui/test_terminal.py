"""Protects how a command ends: what is open is closed on a signal, errors take one line. Run: pytest tests/ui/test_terminal.py"""

import asyncio
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import typer

from ui import terminal

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def noted(closed: list[str]) -> Iterator[None]:
    try:
        yield
    finally:
        closed.append("closed")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_closes_what_is_open_while_work_blocks(number: signal.Signals) -> None:
    closed: list[str] = []

    async def work() -> None:
        with noted(closed):
            signal.raise_signal(number)

    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(SystemExit) as end:
        terminal.run(work())
    assert (end.value.code, closed) == (128 + number, ["closed"])
    assert [signal.getsignal(each) for each in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_closes_what_is_open_while_the_loop_waits(number: signal.Signals) -> None:
    closed: list[str] = []

    async def work() -> None:
        with noted(closed):
            asyncio.get_running_loop().call_soon(signal.raise_signal, number)
            await asyncio.Event().wait()

    with pytest.raises(SystemExit) as end:
        terminal.run(work())
    assert (end.value.code, closed) == (128 + number, ["closed"])


@pytest.mark.parametrize(
    "error", [ValueError("'[b]' is none"), OSError("no space left"), sqlite3.OperationalError("disk is full")]
)
def test_an_error_is_one_line_as_it_was_written(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> None:
        raise error

    with pytest.raises(typer.Exit) as end:
        terminal.run(work())
    assert (end.value.exit_code, capsys.readouterr().err) == (1, f"error: {error}\n")


def test_progress_away_from_a_terminal_is_a_line_for_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress() as report:
        for message in ("stored 1,000 rows", "stored 2,000 rows", "fitting"):
            report(message)
    assert capsys.readouterr().err == "stored 1,000 rows\nfitting\n"


def test_a_long_step_says_how_far_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 130.0, 161.0, 161.0])
    monkeypatch.setattr(terminal, "monotonic", lambda: next(clock))
    with terminal.progress() as report:
        for step in (1, 2, 3):
            report(f"step {step} of 900")
    assert capsys.readouterr().err == "step 1 of 900\nstep 3 of 900\n"
