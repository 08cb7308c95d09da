"""The real LLM for the end-to-end tests: one server for the whole run."""

from collections.abc import Iterator

import pytest

from agent.llm import LLM, connect
from behavior import Settings


@pytest.fixture(scope="session")
def llm() -> Iterator[LLM]:
    """The shipped model, started by the first test that asks for it; the weights stay in `INKLING_HOME`, as in use."""
    with connect(Settings()) as connected:
        yield connected
