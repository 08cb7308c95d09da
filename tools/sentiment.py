"""The sentiment of reviews without stars: learned from a shop's own reviews with stars, or else by the lexicon."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression

from behavior.sentiment import Lexicon, Sentiment
from retrieval.search.vectors import open_encoder

CLASSES: tuple[Sentiment, ...] = ("negative", "neutral", "positive")
MIN_EACH = 40
"""Reviews of each class from which on a classifier is fitted; with fewer, nothing shows that it beats the lexicon."""
FITTED_ON = 20_000
"""Reviews that a classifier is fitted on at most, the newest."""
REGULARIZATION, BALANCE = 0.1, 0.75
"""C of the logistic regression, and the power of the inverse class frequency that weighs its examples: what validation
users chose in `inkling eval reviews`."""
READ = 2_000
"""Characters of a text that are embedded; the model reads no more than 256 tokens."""

Vectors = NDArray[np.float32]


class TextSentiment:
    """Says what texts feel like. `weights` (386, 3), the last row the intercept, are those of a logistic regression on
    `features`; without them the lexicon decides. It always decides what is `unknown`: the vectors are of English."""

    def __init__(self, weights: NDArray[np.float64] | None = None) -> None:
        self.weights = weights
        self.lexicon = Lexicon()

    @classmethod
    def fit(cls, texts: Sequence[str], sentiments: Sequence[Sentiment]) -> "TextSentiment":
        """From texts, the newest first, whose sentiment is known; the lexicon alone when one class has fewer than 40."""
        model, kept = cls(), list(zip(texts, sentiments, strict=True))[:FITTED_ON]
        known = [sentiment for _, sentiment in kept]
        if min(known.count(name) for name in CLASSES) >= MIN_EACH:
            model.weights = fit_weights(model.features([text for text, _ in kept]), known)
        return model

    @classmethod
    def load(cls, folder: Path) -> "TextSentiment":
        path = folder / "sentiment.npy"
        return cls(np.load(path) if path.exists() else None)

    def save(self, folder: Path) -> None:
        if self.weights is not None:
            np.save(folder / "sentiment.npy", self.weights)

    def of(self, texts: Sequence[str]) -> list[Sentiment]:
        """The sentiment of each text as a whole."""
        if self.weights is None or not texts:
            return [self.lexicon.sentiment(text) for text in texts]
        judged = judge(self.weights, self.features(texts))
        known = [self.lexicon.score(text) is not None for text in texts]
        return [sentiment if is_known else "unknown" for sentiment, is_known in zip(judged, known, strict=True)]

    def features(self, texts: Sequence[str]) -> Vectors:
        """(texts, 385): a vector of all-MiniLM-L6-v2, of length 1, and the lexicon's score, 0 where it is unknown.

        The model is loaded when it is first needed.
        """
        vectors = self._encoder.encode([text[:READ] for text in texts], show_progress_bar=False)
        return np.column_stack([vectors, [self.lexicon.score(text) or 0.0 for text in texts]]).astype(np.float32)

    @cached_property
    def _encoder(self) -> SentenceTransformer:
        return open_encoder()


def fit_weights(
    vectors: Vectors, sentiments: Sequence[Sentiment], regularization: float = REGULARIZATION, balance: float = BALANCE
) -> NDArray[np.float64]:
    """Weights for `judge`, (n + 1, 3); every class must occur. `balance` 0 takes the classes as often as they come, 1 alike."""
    counts = {name: sentiments.count(name) for name in CLASSES}
    weight = {name: (len(sentiments) / (len(CLASSES) * count)) ** balance for name, count in counts.items()}
    model = LogisticRegression(C=regularization, class_weight=weight, max_iter=1000).fit(vectors, sentiments)
    order = [list(model.classes_).index(name) for name in CLASSES]
    return np.vstack([model.coef_[order].T, model.intercept_[order]])


def judge(weights: NDArray[np.float64], vectors: Vectors) -> list[Sentiment]:
    """The likeliest class of each row of `vectors`, (texts, n)."""
    return [CLASSES[best] for best in (vectors @ weights[:-1] + weights[-1]).argmax(axis=1)]
