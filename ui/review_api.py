"""The route of reviews: what buyers said of an item or a topic."""

from typing import Annotated

from fastapi import APIRouter, Query

from agent.runtime import Runtime
from tools import read_reviews
from tools.results import Reviews


def review_routes(runtime: Runtime) -> APIRouter:
    """The route over a runtime's shop."""
    routes, shop = APIRouter(), runtime.shop

    @routes.get("/v1/reviews")
    def get_reviews(
        about: Annotated[str, Query(min_length=1, max_length=200)],
        user_id: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    ) -> Reviews:
        """The reviews of an item, by its id, or of a topic: counts by sentiment, mean stars, aspects, and quotes with event ids.

        With `user_id`, also those that say most about what this user cares about.
        """
        return read_reviews(shop, about, user_id)

    return routes
