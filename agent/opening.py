"""The beginning of an answer that is decided before the LLM is asked: it reads this as its own words and goes on from there.

A token that is read costs a fraction of one that is written, so a call whose tool is known is answered in half the time.
"""

from dataclasses import dataclass
from itertools import chain
from json import JSONDecodeError, JSONDecoder
from typing import Any, cast
from uuid import uuid4

from langchain.agents.middleware import ModelRequest
from langchain_core.messages import AIMessage, ToolCall

CALL = '<tool_call>{"name": "'
"""How a call begins in the chat template; the name of the tool is next."""
END = "}}"
"""Where a call is complete: no argument is an object. What the template has after it need not be written."""
CONTINUED = {"add_generation_prompt": False, "continue_final_message": True}
"""What tells vLLM that the last message is the beginning of the answer."""
WHOLE = {"streaming": False, "disable_streaming": True}
"""What makes a copy of a LangChain model answer in one piece, also where its turn is read as it comes."""


@dataclass(frozen=True)
class Opening:
    """`text` is written already, the beginning of a call of `tool`; `rest` is a regular expression for what comes after it.

    A text ends where a token does: after a colon, without the space, or within a string. Without any of them the LLM is free.
    """

    tool: str | None = None
    text: str = ""
    rest: str | None = None

    @classmethod
    def of_call(cls, tool: str, arguments: str = "", rest: str | None = None) -> "Opening":
        """A call of the tool with the beginning of its arguments."""
        return cls(tool, f'{CALL}{tool}", "arguments":{arguments}', rest)

    def asked(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        """The request for the rest. Nobody reads a call while it is written, so it comes in one piece."""
        extra: dict[str, Any] = {"structured_outputs": {"regex": self.rest}} if self.rest else {}
        if self.tool is None:
            return request.override(model_settings={"extra_body": extra})
        extra |= {**CONTINUED, "stop": [END], "include_stop_str_in_output": True}
        return request.override(
            messages=[*request.messages, AIMessage(self.text)],
            model=request.model.model_copy(update=WHOLE),
            model_settings={"extra_body": extra},
        )

    def first_call(self, answer: AIMessage) -> ToolCall | None:
        """The first call that an answer makes, without arguments where they cannot be read; None if it is a text."""
        if self.tool is not None:
            return ToolCall(name=self.tool, args=self._arguments(answer.text), id=f"call-{uuid4().hex}", type="tool_call")
        broken = (
            ToolCall(name=call["name"] or "", args={}, id=call["id"], type="tool_call") for call in answer.invalid_tool_calls
        )
        return next(chain(answer.tool_calls, broken), None)

    def _arguments(self, rest: str) -> dict[str, Any]:
        try:
            arguments, _ = JSONDecoder().raw_decode((self.text + rest).partition('"arguments":')[2].strip())
        except JSONDecodeError:
            return {}
        return cast(dict[str, Any], arguments) if isinstance(arguments, dict) else {}
