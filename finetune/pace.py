"""How far a training is and how long it will take, said after each step."""

from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class CountsTokens(Protocol):
    """A trainer that counts the tokens it has run since it was made."""

    tokens: int


class Pace(TrainerCallback):
    """Says after each step how far the run is, how fast, and how long it will take."""

    def __init__(self, trainer: CountsTokens, report: Callable[[str], None]) -> None:
        self._trainer, self._report = trainer, report

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._begun, self._first = monotonic(), state.global_step

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        seconds = monotonic() - self._begun
        left = seconds / (state.global_step - self._first) * (state.max_steps - state.global_step)
        speed = f"{self._trainer.tokens / seconds:.0f} tokens/s, {left / 60:.0f} min left"
        self._report(f"step {state.global_step} of {state.max_steps}, {speed}")
