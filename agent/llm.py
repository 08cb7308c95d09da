"""The client of the LLM, wherever it runs: any OpenAI-compatible server by URL, or the local vLLM of `agent.server`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import httpx

from agent.server import local_server
from agent.weights import Progress
from behavior import Settings

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI
    from openai import OpenAI


class LLMUnavailable(RuntimeError):
    """The LLM is dead, slow or refuses; one readable line says which."""


@dataclass(frozen=True)
class LLM:
    """A served model. `url` ends in /v1; `adapter` is the hash of the adapter merged or loaded, None if none is known."""

    url: str
    model: str
    adapter: str | None = None
    timeout: float = 60.0  # seconds to wait for the next piece of an answer

    def chat_model(self, max_tokens: int = 160, temperature: float = 0.0) -> "ChatOpenAI":
        """A streaming LangChain model. Its errors are those of `openai`: use it within `readable_errors`."""
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(
            base_url=self.url,
            api_key="none",
            model=self.model,
            max_tokens=max_tokens,
            temperature=temperature,
            streaming=True,
            timeout=self.timeout,
            max_retries=1,
        )

    def write_json(self, messages: list[dict[str, Any]], schema: dict[str, Any], max_tokens: int) -> str:
        """An answer that the server decodes under `schema`, as JSON text.

        Objects of the schema should set additionalProperties to false, or keys of the LLM's own come in.
        Raises LLMUnavailable, also if the answer was not complete within `max_tokens`.
        """
        with self.readable_errors():
            reply = self._client.chat.completions.create(**cast(Any, self.json_request(messages, schema, max_tokens)))
        if isinstance(reply, str) or not reply.choices:  # openai hands on an answer that is no JSON as text
            raise LLMUnavailable(f"the LLM at {self.url!r} answered {_one_line(str(reply))[:80]!r}, which is no completion")
        text = reply.choices[0].message.content or ""
        if reply.choices[0].finish_reason == "length":
            raise LLMUnavailable(f"the LLM's JSON was not complete after {max_tokens} tokens: {text[-80:]!r}")
        return text

    def json_request(self, messages: list[dict[str, Any]], schema: dict[str, Any], max_tokens: int) -> dict[str, Any]:
        """The body of the request that `write_json` sends."""
        answer = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
        return {
            "messages": messages,
            "model": self.model,
            "response_format": answer,
            "max_tokens": max_tokens,
            "temperature": 0.0,
        }

    @cached_property
    def _client(self) -> "OpenAI":
        """Made once, for threads alike: each reads all root certificates anew, 20 ms of CPU time, and connects anew."""
        from openai import OpenAI

        return OpenAI(base_url=self.url, api_key="none", timeout=self.timeout, max_retries=1)

    def healthy(self) -> bool:
        """Whether the server answers within two seconds."""
        try:
            return httpx.get(f"{self.url}/models", timeout=2).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    @contextmanager
    def readable_errors(self) -> Iterator[None]:
        """What `openai` and `httpx` raise within the block becomes LLMUnavailable; it may span awaits."""
        import openai

        try:
            yield
        except (openai.APITimeoutError, httpx.TimeoutException) as error:
            raise LLMUnavailable(f"the LLM at {self.url!r} did not answer within {self.timeout:g} s") from error
        except openai.APIStatusError as error:
            raise LLMUnavailable(f"the LLM at {self.url!r} refused ({error.status_code}): {_one_line(error.message)}") from error
        except (openai.OpenAIError, httpx.HTTPError) as error:
            raise LLMUnavailable(f"the LLM at {self.url!r} cannot be reached: {_one_line(str(error))}") from error


@contextmanager
def connect(settings: Settings, progress: Progress = lambda message: None) -> Iterator[LLM]:
    """The LLM of these settings for the length of the block: the server at `llm_url`, else a local vLLM started here.

    Raises LLMUnavailable, ServerError or WeightsError before the block.
    """
    if settings.llm_url:
        url = settings.llm_url.rstrip("/")
        url = url if url.endswith("/v1") else f"{url}/v1"
        yield LLM(url, settings.llm_model or _first_model(url))
        return
    with local_server(settings, progress) as served:
        yield LLM(served.url, served.model, served.adapter)


def _first_model(url: str) -> str:
    try:
        listed = httpx.get(f"{url}/models", timeout=5).raise_for_status().json()
        return str(listed["data"][0]["id"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, LookupError, TypeError) as error:
        raise LLMUnavailable(f"INKLING_LLM_URL is {url!r}, but no model is served there: {_one_line(str(error))}") from error


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
