"""The JSON API, version 1: events in, profiles, recommendations and chat out. OpenAPI at /docs."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.middleware.trustedhost import TrustedHostMiddleware

from agent.runtime import Runtime
from behavior import Event, InterestProfile, Rejection, StoreError
from tools import ToolError, UnknownItem, UnknownTopic, UnknownUser, analyze_cart, recommend, show_profile
from tools.results import CartAnalysis, Recommendations
from ui.chat_api import chat_routes
from ui.insight_api import insight_routes
from ui.merchant_api import merchant_routes
from ui.metrics import Metrics
from ui.review_api import review_routes

MAX_EVENTS = 1000
MAX_CART = 5000
MAX_EXCLUDED = 1000
LOOPBACK = ("127.0.0.1", "localhost")
"""The names that the app binds and answers to."""


class Batch(BaseModel):
    """Events as JSON objects; each is checked on its own, so that a bad one does not hold up the others."""

    events: Annotated[list[dict[str, Any]], Field(max_length=MAX_EVENTS)]


class Outcome(BaseModel):
    event_id: str | None
    status: Literal["stored", "duplicate", "rejected"]
    reason: str | None = None


class Outcomes(BaseModel):
    outcomes: list[Outcome]


class Cart(BaseModel):
    """Quantity by item id, and whose cart it is, where that is known."""

    items: Annotated[dict[str, Annotated[float, Field(gt=0, le=10_000)]], Field(max_length=MAX_CART)]
    user_id: str | None = None


class Erased(BaseModel):
    """How many events were deleted."""

    events: int


class Health(BaseModel):
    """The API is up. `llm` says whether the language model answers; without it all but the written words goes on."""

    status: Literal["ok"] = "ok"
    events: int
    llm: Literal["ok", "unavailable"]
    model: str | None
    adapter: str | None
    reason: str | None = None


def create_app(runtime: Runtime) -> FastAPI:
    """The app over a runtime. It answers requests to loopback names only, as there is no login yet."""
    app = FastAPI(title="Inkling", version="0.1.0", description="An explainable interest agent for online shops.")
    app.state.metrics = metrics = Metrics()
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, "testserver"])
    app.middleware("http")(metrics.request)
    app.include_router(_routes(runtime))
    app.include_router(chat_routes(runtime, metrics))
    app.include_router(merchant_routes(runtime))
    app.include_router(insight_routes(runtime))
    app.include_router(review_routes(runtime))
    app.add_api_route("/metrics", metrics.text, include_in_schema=False)
    for error, status in ((UnknownUser, 404), (UnknownItem, 404), (UnknownTopic, 404), (ToolError, 422), (StoreError, 503)):
        app.add_exception_handler(error, _refusal(status))
    app.add_exception_handler(RequestValidationError, _invalid)
    return app


def _routes(runtime: Runtime) -> APIRouter:
    routes, shop = APIRouter(), runtime.shop

    @routes.post("/v1/events")
    def post_events(batch: Batch) -> Outcomes:
        """Store events; says of each whether it was stored, known already, or rejected and why. They take effect at once."""
        checked = [shop.check(raw) for raw in batch.events]
        stored = iter(shop.record(event for event in checked if isinstance(event, Event)))
        return Outcomes(outcomes=[_outcome(raw, event, stored) for raw, event in zip(batch.events, checked, strict=True)])

    @routes.get("/v1/users/{user_id}/profile")
    def get_profile(user_id: str, topic: Annotated[str | None, Query(max_length=200)] = None) -> InterestProfile:
        """What the shop believes about a user, each interest with its evidence.

        The numbers come at once. The written part follows: ask again while `summary_status` is `pending`.
        With `topic`, the numbers of what lies under it alone.
        """
        return runtime.profiles.profile(user_id) if topic is None else show_profile(shop, user_id, topic)

    @routes.delete("/v1/users/{user_id}")
    async def delete_user(user_id: str) -> Erased:
        """Delete a user everywhere, for good: events, profile, recommendations and chats."""
        return Erased(events=await runtime.erase(user_id))

    @routes.get("/v1/users/{user_id}/recommendations")
    def get_recommendations(
        user_id: str,
        query: Annotated[str | None, Query(max_length=500)] = None,
        min_price: Annotated[float | None, Query(ge=0, le=1e9)] = None,
        max_price: Annotated[float | None, Query(gt=0, le=1e9)] = None,
        topic: Annotated[str | None, Query(max_length=200)] = None,
        brand: Annotated[str | None, Query(max_length=200)] = None,
        exclude: Annotated[list[str] | None, Query(max_length=MAX_EXCLUDED)] = None,
        only_new: bool = False,
        k: Annotated[int, Query(ge=1, le=50)] = 5,
        diversity: Annotated[float | None, Query(ge=0, le=1)] = None,
    ) -> Recommendations:
        """Items for a user, each with a reason and the user's events behind it.

        All filters hold together; `exclude` is repeated for each item id. `diversity` is the share of its score that an item
        loses for each one of its topic before it: 1 for one of a topic, 0 for the scores alone; left out, 1 or with a query 0.5.
        Where nothing is left, `notes` say which filter did it.
        """
        return recommend(
            shop,
            user_id,
            query,
            max_price,
            only_new,
            k,
            min_price=min_price,
            topic=topic,
            brand=brand,
            exclude=exclude or (),
            diversity=diversity,
        )

    @routes.post("/v1/cart/analyze")
    def post_cart(cart: Cart) -> CartAnalysis:
        """Price a cart, name what baskets like it also hold and why, what the trip seems to be for, and bundles.

        With `user_id`, the user's own habits count too and those that are due are listed.
        """
        return analyze_cart(shop, cart.items, cart.user_id)

    @routes.get("/healthz")
    def get_health() -> Health:
        """Whether the app answers, and whether its LLM does."""
        events, llm = shop.store.count(), runtime.llm
        if runtime.no_llm:
            return Health(events=events, llm="unavailable", model=None, adapter=None, reason=runtime.no_llm)
        answers = llm.healthy()
        reason = None if answers else f"the LLM at {llm.url!r} does not answer"
        return Health(events=events, llm="ok" if answers else "unavailable", model=llm.model, adapter=llm.adapter, reason=reason)

    return routes


def _outcome(raw: dict[str, Any], checked: Event | Rejection, stored: Any) -> Outcome:
    event_id = raw.get("event_id")
    name = event_id if isinstance(event_id, str) else None
    if isinstance(checked, Rejection):
        return Outcome(event_id=name, status="rejected", reason=checked.reason)
    return Outcome(event_id=name, status="stored" if next(stored) else "duplicate")


def _refusal(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def refuse(_: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, status)

    return refuse


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return JSONResponse({"error": f"{where}: {first['msg']}, got {str(first['input'])[:100]!r}"}, 422)
