"""The merchant's routes about groups: segments, brands and campaigns. No route describes fewer than ten users."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from agent.runtime import Runtime
from tools import brand_insight, campaign_report, list_segments, segment_map, segment_of
from tools.audience import user_behind
from tools.insight_results import BrandInsight, CampaignReport, SegmentMembership, SegmentPoint, Segments

Name = Annotated[str, Path(min_length=1, max_length=200)]


def insight_routes(runtime: Runtime) -> APIRouter:
    """The routes over a runtime's shop."""
    routes, shop = APIRouter(), runtime.shop

    @routes.get("/v1/segments")
    def get_segments(name: Annotated[str | None, Query(max_length=200)] = None) -> Segments:
        """Groups of users, what sets each apart, what it buys, and how the grouping was chosen.

        With `name`, those whose id, name or topics hold its words.
        """
        return list_segments(shop, name)

    @routes.get("/v1/segments/map")
    def get_map() -> list[SegmentPoint]:
        """Each user with a purchase as a point of the plane in which users differ most."""
        return segment_map(shop)

    @routes.get("/v1/segments/of/{user}")
    def get_segment_of(user: Name) -> SegmentMembership:
        """The segment of a user, given by pseudonym, and what speaks for it."""
        return segment_of(shop, user_behind(shop, user))

    @routes.get("/v1/brands/{brand}")
    def get_brand(brand: Name) -> BrandInsight:
        """Buyers, loyalty, changes to and from other brands, price, segments, and what could be done."""
        return brand_insight(shop, brand)

    @routes.get("/v1/campaigns/{campaign}")
    def get_campaign(campaign: Name) -> CampaignReport:
        """Whom a campaign reached, who redeemed, and what users like them spent who were not reached."""
        return campaign_report(shop, campaign)

    return routes
