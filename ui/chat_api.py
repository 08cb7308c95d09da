"""`POST /v1/chat`: a turn of the chat as server-sent events, each named by its kind with its model as JSON data."""

import logging
from collections.abc import AsyncIterator
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field, model_validator

from agent.prompts import Role
from agent.runtime import Runtime
from behavior import StoreError
from behavior.schema import Id
from tools import ToolError, UnknownUser
from ui.metrics import Metrics


class Turn(BaseModel, extra="forbid"):
    """A line of a session. Shoppers have a `user_id`, merchants none; a session belongs to its role and user."""

    line: Annotated[str, Field(max_length=100_000)]
    role: Role = "shopper"
    user_id: Id | None = None
    session_id: Id

    @model_validator(mode="after")
    def _user_of_role(self) -> Self:
        if (self.role == "shopper") != (self.user_id is not None):
            raise ValueError(f"a {self.role} turn takes {'a' if self.role == 'shopper' else 'no'} user_id")
        return self


class Failed(BaseModel):
    """The last event of a turn that could not be finished; nothing of it was saved."""

    kind: Literal["error"] = "error"
    error: str


def chat_routes(runtime: Runtime, metrics: Metrics) -> APIRouter:
    """The chat's route over a runtime."""
    routes = APIRouter()

    def known(turn: Turn) -> Turn:
        """Before the stream begins, as a status can be answered only then."""
        if turn.user_id is not None and not runtime.shop.store.has_user(turn.user_id):
            raise UnknownUser(turn.user_id)
        return turn

    @routes.post("/v1/chat", response_class=EventSourceResponse)
    async def post_chat(turn: Annotated[Turn, Depends(known)]) -> AsyncIterator[ServerSentEvent]:
        """Say a line; events as they happen: `tool`, `cards`, `token`, and `done` (or `error`) last."""
        said = runtime.chat.stream(turn.line, role=turn.role, user_id=turn.user_id, session_id=turn.session_id)
        try:
            async for event in metrics.counted(said, turn.role):
                yield ServerSentEvent(event=event.kind, data=event)
        except (ToolError, StoreError) as error:
            yield ServerSentEvent(event="error", data=Failed(error=str(error)))
        except Exception:  # the status is sent already: what went wrong is for the log, not for the reader
            logging.getLogger(__name__).exception("a turn of session %r failed", turn.session_id)
            yield ServerSentEvent(event="error", data=Failed(error="the turn could not be finished, the log says why"))

    return routes
