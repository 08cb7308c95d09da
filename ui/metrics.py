"""What an app counts, in the text format of Prometheus."""

from collections.abc import AsyncIterator, Awaitable, Callable
from time import perf_counter

from fastapi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

from agent.chat import ChatEvent, Done
from agent.prompts import Role

SECONDS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 21, 34, 60)


class Metrics:
    """The counters of one app."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter("inkling_requests", "Requests answered", ["route", "status"], registry=self._registry)
        self._seconds = Histogram("inkling_request_seconds", "Seconds until a response began", ["route"], registry=self._registry)
        self._turns = Counter("inkling_chat_turns", "Chat turns by outcome", ["role", "status"], registry=self._registry)
        self._calls = Counter("inkling_chat_tool_calls", "Tools called in chat", ["tool"], registry=self._registry)
        self._dropped = Counter(
            "inkling_chat_dropped_sentences", "Sentences of the LLM that the guard held back", registry=self._registry
        )
        self._first_token = Histogram(
            "inkling_chat_first_token_seconds",
            "Seconds to the first checked piece of a reply",
            buckets=SECONDS,
            registry=self._registry,
        )
        self._turn = Histogram("inkling_chat_turn_seconds", "Seconds of a chat turn", buckets=SECONDS, registry=self._registry)

    async def request(self, request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        """A middleware that counts requests under the pattern of their route."""
        started = perf_counter()
        response = await call(request)
        route = request.scope.get("route")
        path = route.path if route else "unknown"
        self._requests.labels(path, str(response.status_code)).inc()
        self._seconds.labels(path).observe(perf_counter() - started)
        return response

    async def counted(self, turn: AsyncIterator[ChatEvent], role: Role) -> AsyncIterator[ChatEvent]:
        """The events of a chat turn, which is counted when it comes to its end, or an error ends it."""
        try:
            async for event in turn:
                if event.kind == "done":
                    self._count(role, event)
                yield event
        except Exception:
            self._turns.labels(role, "error").inc()
            raise

    def _count(self, role: Role, done: Done) -> None:
        self._turns.labels(role, done.status).inc()
        self._dropped.inc(done.dropped)
        self._turn.observe(done.seconds)
        for call in done.tool_calls:
            self._calls.labels(call.name).inc()
        if done.seconds_to_first_token is not None:
            self._first_token.observe(done.seconds_to_first_token)

    def text(self) -> Response:
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)
