"""Fits the router: `inkling finetune router`. The same phrases that the LLM is trained on, filled several times each."""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from agent.prompts import TOOLS, Role
from agent.router import GOES_ON, REPLY, Features, Linear, Router, class_of, opined_on
from agent.toolbox import wanted_by
from agent.weights import Progress, digest
from finetune.noise import Noise
from finetune.overlap import Reserved
from finetune.phrases import FOLDER, Line, checked, fill, read_follow_ups, read_patterns
from finetune.slots import Slots

COPIES = 4
"""Times that each phrase is filled, with other words and other slips."""
CHOICE, ARGUMENT = 4.0, 1.0
"""C of the logistic regressions of tools and of arguments."""


def fit_router(
    topics: list[str],
    test_lines: Iterable[str] = (),
    seed: int = 7,
    phrases: Path = FOLDER,
    progress: Progress = lambda message: None,
) -> Router:
    """The router fitted on all phrases of `phrases`, without the wording of `test_lines`; slots take the names of `topics`.

    Logistic regressions, every class of the same weight: of the tools on all lines, of an argument on those of its tool. Two
    minutes on two cores. Raises ValueError for phrases that cannot be read or leave nothing to tell apart, OSError where a
    file of them is missing.
    """
    rng, slots, reserved, features = random.Random(seed), Slots(topics, FOLDER), Reserved(test_lines), Features()
    idf: dict[Role, NDArray[np.float32]] = {}
    choices: dict[Role, Linear] = {}
    arguments: dict[str, Linear] = {}
    for role in TOOLS:
        lines = [drawn for drawn in _lines(role, phrases, slots, rng) if not reserved.holds(drawn[0].text)]
        progress(f"reading {len(lines):,} lines of a {role}")
        texts = [line.text for line, _ in lines]
        counts = features.counts(texts)
        idf[role] = features.idf(counts)
        read = features.of(texts, idf[role], counts)
        progress(f"fitting the choices of a {role}")
        choices[role] = _fit(role, read, [choice for _, choice in lines], CHOICE)
        for tool in TOOLS[role]:
            rows = [n for n, (_, choice) in enumerate(lines) if choice == tool]
            for name in opined_on(tool):
                classes = [class_of(name, lines[n][0].arguments.get(name)) for n in rows]
                arguments[f"{tool} {name}"] = _fit(f"{tool} {name}", read[rows], classes, ARGUMENT)
    return Router(idf, choices, arguments, fingerprint(phrases), features)


def fingerprint(phrases: Path = FOLDER) -> str:
    """12 hex digits over all files of a phrase folder and those that fill its slots."""
    files = sorted({*phrases.glob("*/*.txt"), *FOLDER.glob("*.txt")})
    return digest(*(file.read_bytes() for file in files))


def _lines(role: Role, phrases: Path, slots: Slots, rng: random.Random) -> Iterator[tuple[Line, str]]:
    """Filled phrases, each with the choice that it teaches."""
    noise = Noise()
    for pattern in checked(read_patterns(role, phrases)):
        for _ in range(COPIES):
            if line := fill(pattern, slots, noise, rng):
                yield line, line.tool or REPLY
    for pattern in checked(read_follow_ups(role, phrases)):
        before = dict.fromkeys(wanted_by(pattern.tool), "") if pattern.tool else None
        for _ in range(COPIES):
            if line := fill(pattern, slots, noise, rng, before):
                yield line, GOES_ON


def _fit(name: str, features: sparse.csr_matrix, classes: list[str], strength: float) -> Linear:
    if len(set(classes)) < 2:
        raise ValueError(f"{name}: the phrases say {classes[:1]} alone, there is nothing to tell apart")
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=300, tol=1e-3).fit(features, classes)
    names = [str(one) for one in model.classes_]
    coefficients, intercepts = model.coef_.astype(np.float32), model.intercept_.astype(np.float32)
    if len(names) == 2:  # one row of log-odds for the second
        coefficients, intercepts = np.vstack([0 * coefficients, coefficients]), np.append(0, intercepts).astype(np.float32)
    return Linear(names, coefficients, intercepts)
