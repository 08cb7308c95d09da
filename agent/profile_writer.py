"""Profiles at once, their written part later: a thread writes, what it wrote is laid over the latest numbers."""

import logging
import threading
from collections import OrderedDict
from queue import Full, Queue

from agent.digest import WIDTH, digest_of
from agent.profiler import WritesJson, Writing, apply, write
from behavior import Interest, InterestProfile
from tools import Shop, UnknownUser

SHOWN, KEPT, WAITING = 24, 4096, 64

log = logging.getLogger(__name__)


class ProfileWriter:
    """Writes one profile at a time, in the order asked. What it wrote is kept in memory for the 4,096 users asked for last.

    Use as a context manager, or call `close`.
    """

    def __init__(self, shop: Shop, llm: WritesJson) -> None:
        self._shop, self._llm = shop, llm
        self._written: OrderedDict[str, tuple[int, Writing]] = OrderedDict()
        self._asked: set[tuple[str, int]] = set()
        self._lock = threading.Lock()
        self._queue: Queue[tuple[str, int] | None] = Queue(WAITING)
        self._closing = threading.Event()
        self._worker = threading.Thread(target=self._work, name="profile-writer", daemon=True)
        self._worker.start()

    def __enter__(self) -> "ProfileWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def profile(self, user_id: str) -> InterestProfile:
        """The profile as of now, at once. Raises UnknownUser.

        `summary_status` is `ready` when the written part is of the user's latest event, `pending` while it is being made, and
        `unavailable` when the LLM failed, more than 64 wait, or the writer is closed; the next call then asks again.
        """
        try:
            profile = self._shop.profile(user_id, WIDTH)
        except UnknownUser:
            self.forget(user_id)
            raise
        version, writing = self._latest(user_id)
        current = version == profile.version
        if not (current and writing.report.sentences):
            asked = self._ask(user_id, profile.version)
            writing = Writing(status="pending" if asked and not current else "unavailable")
        return _shown(apply(writing, profile), {topic for topic, _, _ in writing.interests}, profile)

    def writing(self, user_id: str) -> Writing | None:
        """What was written of the user last, with its account of checked sentences, or None."""
        with self._lock:
            return self._written[user_id][1] if user_id in self._written else None

    def forget(self, user_id: str) -> None:
        """Drop what was written of a user."""
        with self._lock:
            self._written.pop(user_id, None)

    def wait(self) -> None:
        """Return when all that was asked for is written."""
        self._queue.join()

    def close(self) -> None:
        """Stop after the profile being written; what still waits is not written."""
        with self._lock:
            if self._closing.is_set():
                return
            self._closing.set()
        self._queue.put(None)
        self._worker.join()

    def _latest(self, user_id: str) -> tuple[int, Writing]:
        with self._lock:
            if user_id not in self._written:
                return -1, Writing()
            self._written.move_to_end(user_id)
            return self._written[user_id]

    def _ask(self, user_id: str, version: int) -> bool:
        """Whether the writing is under way or waits, asked for now or before."""
        with self._lock:
            if self._closing.is_set():
                return False
            if (user_id, version) in self._asked:
                return True
            try:
                self._queue.put_nowait((user_id, version))
            except Full:
                return False
            self._asked.add((user_id, version))
            return True

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            user_id, version = job
            try:
                if not self._closing.is_set():
                    self._keep(user_id, *self._write(user_id))
            except UnknownUser:
                self.forget(user_id)
            except Exception:  # the thread outlives any one profile; the next call asks again
                log.exception("the profile of %r was not written", user_id)
                self._keep(user_id, version, Writing())
            finally:
                with self._lock:
                    self._asked.discard(job)
                self._queue.task_done()
        self._queue.task_done()

    def _write(self, user_id: str) -> tuple[int, Writing]:
        """The version and writing of the profile as it is now, which may hold events later than those asked for."""
        digest = digest_of(self._shop, user_id)
        return digest.version, write(digest, self._llm)

    def _keep(self, user_id: str, version: int, writing: Writing) -> None:
        with self._lock:
            self._written[user_id] = (version, writing)
            self._written.move_to_end(user_id)
            while len(self._written) > KEPT:
                self._written.popitem(last=False)


def _shown(profile: InterestProfile, chosen: set[str], numeric: InterestProfile) -> InterestProfile:
    """The profile cut to what the numeric one shows (all that was stated or is avoided, and the 24 strongest else) and what the
    LLM chose."""
    inferred = [interest.topic for interest in numeric.interests if interest.origin == "inferred"]
    shown = chosen | set(inferred[:SHOWN])

    def keeps(interest: Interest) -> bool:
        return interest.origin == "stated" or interest.polarity == "avoids" or interest.topic in shown

    return profile.model_copy(update={"interests": [interest for interest in profile.interests if keeps(interest)]})
