"""Runs a command that may not outlive us: `python -m agent.keeper COMMAND ...`, with standard input as the lifeline.

It leads a process group in which the command and all that it starts live. When the lifeline closes, which it does
however its holder ends, SIGKILL included, the whole group is stopped: SIGTERM, then SIGKILL for what is left after `GRACE`.
When the command ends by itself the rest of the group gets SIGTERM and the keeper exits with the command's code (128 + signal).
vLLM needs this: its engine processes stay when its API server is killed. Linux only (pidfd, prctl), as vLLM is.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from types import FrameType

GRACE = 5.0  # seconds
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def run(command: list[str]) -> int:
    """Run the command until it ends or standard input closes; its exit code, negative for a signal."""
    signal.signal(signal.SIGTERM, _ignore)  # a handler, unlike SIG_IGN, is not handed on to the command
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent)
    ended = os.pidfd_open(process.pid)
    ready, _, _ = select.select([sys.stdin.fileno(), ended], [], [])
    os.killpg(0, signal.SIGTERM)
    if ended not in ready:
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        os.killpg(0, signal.SIGKILL)  # us too: nobody is left to ask for the exit code
    return process.wait()


def _ignore(number: int, frame: FrameType | None) -> None:
    pass


def _die_with_parent() -> None:
    """For the case that the keeper itself is killed; whoever started it then ends the group."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    if os.getpgrp() != os.getpid():
        sys.exit("agent.keeper must lead its process group: start it with process_group=0")
    code = run(sys.argv[1:])
    sys.exit(code if code >= 0 else 128 - code)
