"""What the LLM would do with a line: the probability of each tool and of a plain reply, from the first words of its answer."""

import asyncio
from collections.abc import Collection
from math import exp
from typing import Any

from langchain.agents.middleware import ModelRequest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.constants import TAG_NOSTREAM

from agent.line_model import REPLY
from agent.opening import CALL, CONTINUED, WHOLE
from agent.toolbox import Speaker

LIKELIEST = 20
"""How many tokens vLLM tells the probabilities of, at most."""


async def odds(request: ModelRequest[Speaker], tools: Collection[str]) -> dict[str, float]:
    """Probabilities of the tools and of REPLY as the answer to `request`, read off without writing one.

    Two questions of one token each: how the answer begins, and which name follows once a call has begun. The first tokens of the
    names tell the tools of a role apart. Raises what the client raises.
    """
    messages: list[BaseMessage] = [*([request.system_message] if request.system_message else []), *request.messages]
    begins, names = await asyncio.gather(
        _next_token(request, messages, {}),
        _next_token(request, [*messages, AIMessage(CALL)], CONTINUED),
    )
    call = sum(chance for token, chance in begins if token and CALL.startswith(token))
    told = {tool: call * sum(chance for token, chance in names if token and tool.startswith(token)) for tool in tools}
    return told | {REPLY: max(1 - call, 0.0)}


async def _next_token(
    request: ModelRequest[Speaker], messages: list[BaseMessage], extra_body: dict[str, Any]
) -> list[tuple[str, float]]:
    """The likeliest tokens that come next, with their probabilities."""
    quiet = WHOLE | {"max_tokens": 1, "logprobs": True, "top_logprobs": LIKELIEST}
    model: BaseChatModel = request.model.model_copy(update=quiet)
    answer = await model.bind_tools(request.tools, extra_body=extra_body).ainvoke(messages, {"tags": [TAG_NOSTREAM]})
    first = answer.response_metadata["logprobs"]["content"][0]
    return [(one["token"], exp(one["logprob"])) for one in first["top_logprobs"]]
