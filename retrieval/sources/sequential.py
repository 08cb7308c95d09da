"""What comes next: the candidate source of the SASRec family."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from retrieval.interactions import History, Interactions
from retrieval.source import Contribution, Ranking, load_arrays, rank, save_arrays
from retrieval.sources.transformer import Shape, Training, Transformer, expected, table, train


@dataclass
class Sequential:
    """Kang and McAuley, "Self-Attentive Sequential Recommendation" (ICDM 2018), with what was learned since: gated blocks,
    sampled softmax (eSASRec: Tikhonovich et al., RecSys 2025), cosines, averaged weights. It is a little better than replay-rec's
    SasRec on the same items (README), and takes features.

    `features` (items, dimensions), such as vectors of the items' texts, tell it about an item what its few events do not.
    A score is a cosine over the temperature. Items without events have none, unless there are features; nor has any item where
    no user has two events.
    `fit` sets last items aside to stop in time; `refitted` then learns from all items for as many epochs.
    """

    shape: Shape = field(default_factory=Shape)
    training: Training = field(default_factory=Training)
    features: NDArray[np.float32] | None = field(default=None, repr=False)
    progress: Callable[[str], None] | None = field(default=None, repr=False)
    epochs: int = field(default=0, init=False)
    _network: Transformer | None = field(default=None, init=False, repr=False)
    _table: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 1), np.float32), init=False, repr=False)
    _fingerprint: str = field(default="", init=False, repr=False)

    def fit(self, interactions: Interactions) -> "Sequential":
        sequences = [row.items for row in interactions.histories()]
        self._network, self.epochs = train(
            sequences, interactions.n_items, self.shape, self.training, self.features, self.progress
        )
        known = np.full(interactions.n_items, self.features is not None and self.epochs > 0)
        known[interactions.items] = self.epochs > 0
        self._read(self._network, known)
        self._fingerprint = interactions.fingerprint
        return self

    def refitted(self, interactions: Interactions) -> "Sequential":
        """A second one, fitted on these without setting anything aside."""
        training = replace(self.training, epochs=max(self.epochs, 1))
        return Sequential(self.shape, training, self.features, self.progress).fit(interactions)

    def scores(self, histories: Sequence[History]) -> NDArray[np.float32]:
        found = np.zeros((len(histories), len(self._table)), np.float32)
        warm = [n for n, history in enumerate(histories) if len(history.items)]
        if warm and self._network is not None:
            found[warm] = expected(self._network, [histories[n].items for n in warm]).numpy() @ self._table.T
        return found

    def similar_items(self, item: int, k: int) -> Ranking:
        """By the cosine of the embeddings."""
        cosine = self._table @ self._table[item] * self.shape.temperature**2
        return rank(cosine[None], k, np.arange(len(self._table)) != item)

    def explain(self, history: History, item: int) -> list[Contribution]:
        """By leaving out: an event's part is how much the score falls without it. What the parts leave of the score is what
        the events do together, and is given to no event, so that all sum to the score.
        """
        newest = range(max(len(history.items) - self.shape.max_length, 0), len(history.items))
        if not newest:
            return []
        without = [History(np.delete(history.items, event)) for event in newest]
        score, *less = self.scores([history, *without])[:, item]
        parts = [Contribution(event, float(score - left)) for event, left in zip(newest, less, strict=True)]
        together = Contribution(None, float(score) - sum(part.amount for part in parts))
        return sorted((part for part in (*parts, together) if part.amount), key=lambda part: -part.amount)

    def save(self, folder: Path) -> None:
        """Raises ValueError before `fit`."""
        if self._network is None:
            raise ValueError("a source that was not fitted cannot be saved")
        arrays: dict[str, NDArray[Any]] = {name: value.numpy() for name, value in self._network.state_dict().items()}
        arrays["known"] = np.asarray(self._table.any(axis=1))
        values = {"shape": asdict(self.shape), "training": asdict(self.training), "epochs": self.epochs}
        save_arrays(folder, self._fingerprint, values, arrays)

    @classmethod
    def load(cls, folder: Path, fingerprint: str) -> "Sequential":
        values, arrays = load_arrays(folder, fingerprint)
        state = {name: torch.from_numpy(np.array(value)) for name, value in arrays.items() if name != "known"}
        source = cls(Shape(**values["shape"]), Training(**values["training"]))
        features = state["features"]
        network = Transformer(len(features), source.shape, features if features.shape[1] else None)
        network.load_state_dict(state)
        source.features = features.numpy() if features.shape[1] else None
        source.epochs, source._fingerprint = values["epochs"], fingerprint
        source._read(network.eval(), arrays["known"])
        return source

    def _read(self, network: Transformer, known: NDArray[np.bool_]) -> None:
        self._network = network
        self._table = table(network).numpy() * known[:, None]
