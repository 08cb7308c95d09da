"""The bare LLM server: the requests that Inkling sends, kept as they go out, and sent again with nothing of ours around them.

A repeated prompt would find its prefix cached, so each request goes out again under a cache salt: to vLLM's prefix cache it
is a new prompt, as it was the first time, while what all requests share stays cached on both sides. A server without such a
salt ignores it and is then measured warm.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

import httpx

from agent.llm import LLM

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI

SALT = "bare"

Request = dict[str, Any]
"""The body of a request to /chat/completions."""


@dataclass(frozen=True)
class Heard(LLM):
    """The LLM, keeping each request of a chat as it is sent."""

    requests: list[Request] = field(default_factory=list)

    def chat_model(self, max_tokens: int = 160, temperature: float = 0.0) -> "ChatOpenAI":
        async def keep(request: httpx.Request) -> None:
            self.requests.append(json.loads(request.content))

        model = super().chat_model(max_tokens, temperature)
        client = httpx.AsyncClient(event_hooks={"request": [keep]}, timeout=self.timeout)
        model.root_async_client = model.root_async_client.with_options(http_client=client)
        model.async_client = model.root_async_client.chat.completions
        return model


@dataclass(frozen=True)
class Written:
    """What the profiler needs of an LLM (`WritesJson`), keeping the requests for one profile and their answers in order."""

    llm: LLM
    requests: list[Request] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    def write_json(self, messages: list[dict[str, Any]], schema: dict[str, Any], max_tokens: int) -> str:
        self.requests.append(self.llm.json_request(messages, schema, max_tokens))
        answer = self.llm.write_json(messages, schema, max_tokens)
        self.answers.append(answer)
        return answer


@dataclass(frozen=True)
class Answered:
    """Answers to requests sent one after the other, `tokens` in all of them."""

    texts: list[str]
    tokens: int
    seconds: float


@dataclass(frozen=True)
class Read:
    """Requests sent one after the other, as streams or not.

    `first_token` are the seconds to the first text of the last answer, None if it has none or came whole; `tokens` are those of
    that answer.
    """

    first_token: float | None
    tokens: int
    seconds: float


class Bare:
    """A server by its OpenAI address, asked with plain HTTP. Its methods raise ConnectionError when it does not answer."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def ask(self, requests: Sequence[Request]) -> Answered:
        """The answers, each waited for whole."""
        started = perf_counter()
        replies = [self._whole(request) for request in requests]
        texts = [reply["choices"][0]["message"]["content"] or "" for reply in replies]
        return Answered(texts, sum(reply["usage"]["completion_tokens"] for reply in replies), perf_counter() - started)

    def read(self, requests: Sequence[Request]) -> Read:
        """The answers, each as it was asked for: those of requests with `stream` as they come, the others whole."""
        started = perf_counter()
        first: float | None = None
        tokens = 0
        for request in requests:
            first, tokens = None, 0
            if not request.get("stream"):
                tokens = self._whole(request)["usage"]["completion_tokens"]
                continue
            for part in self._parts(request):
                if first is None and any(choice["delta"].get("content") for choice in part["choices"]):
                    first = perf_counter() - started
                if part.get("usage"):
                    tokens = part["usage"]["completion_tokens"]
        return Read(first, tokens, perf_counter() - started)

    def _whole(self, request: Request) -> dict[str, Any]:
        with _readable():
            reply: dict[str, Any] = (
                self._client.post("chat/completions", json={**request, "cache_salt": SALT}).raise_for_status().json()
            )
        return reply

    def _parts(self, request: Request) -> Iterator[dict[str, Any]]:
        body = {**request, "stream_options": {"include_usage": True}, "cache_salt": SALT}
        with _readable(), self._client.stream("POST", "chat/completions", json=body) as reply:
            reply.raise_for_status()
            for line in reply.iter_lines():
                if line.startswith("data: {"):
                    yield json.loads(line.removeprefix("data: "))


@contextmanager
def bare(llm: LLM) -> Iterator[Bare]:
    with httpx.Client(base_url=llm.url, timeout=llm.timeout) as client:
        yield Bare(client)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        raise ConnectionError(f"the bare LLM server did not answer: {error!r}") from error
