"""An OpenAI-compatible chat server on a loopback port whose answers a test writes: real HTTP, real streaming, no model.

Any request for a stream gets one; others a whole completion, if the answer is a text. A token is three letters.
Where a call is begun in the request the answer is what completes it: the text as it is, of a call the rest of its arguments.
"""

import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = str | tuple[str, dict[str, Any]]
"""A text, or the name and arguments of a tool call."""


class FakeLLM:
    """Answers come in the order of `answers`, the last one again and again; `requests` are the bodies that were received.

    Who asks for the probabilities of the next token gets them from `odds`, those of the tools that it would call.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[Answer] = ["Hello!"]
        self.requests: list[dict[str, Any]] = []
        self.finish_reason = "stop"
        self.odds: dict[str, float] = {}

    def next_tokens(self, request: dict[str, Any]) -> dict[str, float]:
        """How an answer begins, or with which letters the name of a tool does once a call has begun."""
        self.requests.append(request)
        called = sum(self.odds.values())
        if request["messages"][-1]["role"] == "assistant":
            return {tool[:3]: chance / called for tool, chance in self.odds.items()}
        return {"<": called, "I": 1 - called}

    def next_answer(self, request: dict[str, Any]) -> Answer:
        self.requests.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def prompt(self, at: int = -1) -> list[tuple[str, str]]:
        """Role and text of the messages of a request; a tool call stands as its name and arguments."""
        rows = []
        for message in self.requests[at]["messages"]:
            calls = [f"{call['function']['name']}{call['function']['arguments']}" for call in message.get("tool_calls", [])]
            rows.append((message["role"], "".join([message["content"] or "", *calls])))
        return rows


@contextmanager
def fake_openai() -> Iterator[FakeLLM]:
    """The server, for the length of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    fake = FakeLLM(f"http://127.0.0.1:{server.server_port}/v1")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream" if request.get("stream") else "application/json")
            self.end_headers()
            if request.get("logprobs"):
                self.wfile.write(json.dumps(_completion("<", "length", fake.next_tokens(request))).encode())
                return
            answer = _completed(fake.next_answer(request), request)
            if not request.get("stream"):
                self.wfile.write(json.dumps(_completion(answer, fake.finish_reason)).encode())
                return
            for delta, finish in _deltas(answer, fake.finish_reason):
                choice = {"index": 0, "delta": delta, "finish_reason": finish}
                chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "fake", "choices": [choice]}
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            if request.get("stream_options", {}).get("include_usage"):
                self.wfile.write(f"data: {json.dumps({'choices': [], 'usage': _usage(answer)})}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output quiet."""

    server.RequestHandlerClass = Handler
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _completed(answer: Answer, request: dict[str, Any]) -> Answer:
    """The rest of a call that the request begins, up to where it asks to stop, or the answer as it is."""
    if isinstance(answer, str) or not request.get("continue_final_message"):
        return answer
    begun = request["messages"][-1]["content"].partition('"arguments":')[2]
    whole = f" {json.dumps(answer[1])}}}</tool_call>"
    assert whole.startswith(begun), f"{begun!r} is not how {answer} begins"
    return whole.removeprefix(begun).partition(request["stop"][0])[0] + request["stop"][0]


def _completion(answer: Answer, finish: str, tokens: dict[str, float] | None = None) -> dict[str, Any]:
    """A whole answer, with what might have been its first token if `tokens` are given."""
    assert isinstance(answer, str), answer
    choice: dict[str, Any] = {"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": finish}
    if tokens:
        likeliest = [{"token": token, "logprob": math.log(max(chance, 1e-9)), "bytes": None} for token, chance in tokens.items()]
        choice["logprobs"] = {"content": [likeliest[0] | {"top_logprobs": likeliest}]}
    head = {"id": "c", "object": "chat.completion", "created": 0, "model": "fake"}
    return head | {"choices": [choice], "usage": _usage(answer)}


def _usage(answer: Answer) -> dict[str, int]:
    tokens = -(-len(str(answer)) // 3)
    return {"prompt_tokens": 0, "completion_tokens": tokens, "total_tokens": tokens}


def _deltas(answer: Answer, finish: str) -> Iterator[tuple[dict[str, Any], str | None]]:
    """The pieces of an answer, cut so that words and numbers are split."""
    yield {"role": "assistant", "content": ""}, None
    if isinstance(answer, str):
        for start in range(0, len(answer), 3):
            yield {"content": answer[start : start + 3]}, None
        yield {}, finish
        return
    name, arguments = answer
    call = {"index": 0, "id": f"call-{name}", "type": "function", "function": {"name": name, "arguments": ""}}
    yield {"tool_calls": [call]}, None
    text = json.dumps(arguments)
    for start in range(0, len(text), 5):
        yield {"tool_calls": [{"index": 0, "function": {"arguments": text[start : start + 5]}}]}, None
    yield {}, "tool_calls"
