"""How many threads torch computes with: one, where the pieces are too small to be shared."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Within the block torch computes on the calling thread alone.

    Threads that share an operation wait for each other at its end. A short text has hundreds of operations of microseconds; while
    another process, such as the LLM server, keeps a core busy, most of these waits are as long as the scheduler's slice.
    A thread that uses torch for the first time meanwhile keeps to one thread as well.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
