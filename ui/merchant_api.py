"""The merchant's routes: audiences as clauses, and why a user is in one or not. Users are pseudonyms here."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from agent.runtime import Runtime
from tools import ClauseTree, audience_of, explain_clauses
from tools.audience import user_behind
from tools.audience_results import ClauseAudience, ClauseMatch

MAX_MEMBERS = 1000


class AudienceQuestion(BaseModel):
    """Who satisfies `clause`, with the `limit` strongest by pseudonym."""

    clause: ClauseTree
    limit: Annotated[int, Field(ge=0, le=MAX_MEMBERS)] = 50


class MatchQuestion(BaseModel):
    """Whether `user`, a pseudonym, satisfies `clause`."""

    clause: ClauseTree
    user: Annotated[str, Field(min_length=1, max_length=200)]


def merchant_routes(runtime: Runtime) -> APIRouter:
    """The routes over a runtime's shop."""
    routes, shop = APIRouter(), runtime.shop

    @routes.post("/v1/audiences")
    def post_audience(question: AudienceQuestion) -> ClauseAudience:
        """The users that satisfy a tree of clauses: how many in whole tens, how strong, and the strongest.

        Fewer than ten are not described.
        """
        return audience_of(shop, question.clause, question.limit)

    @routes.post("/v1/audiences/explain")
    def post_match(question: MatchQuestion) -> ClauseMatch:
        """Why a user is in an audience or not: of each clause the value, the bound and the events behind it.

        For a user outside, the clauses nearest to holding and what would make them hold.
        """
        return explain_clauses(shop, user_behind(shop, question.user), question.clause)

    return routes
