"""What the agent, the API and the command line can do: plain typed functions over one `Shop`."""

from tools.audience import build_audience, explain_match
from tools.brand import brand_insight, campaign_report
from tools.bundles import recommend_bundles
from tools.cart import analyze_cart, cart_of
from tools.errors import ToolError, UnknownItem, UnknownTopic, UnknownUser
from tools.prepare import demo_users, prepare
from tools.profile import set_preference, show_profile
from tools.recommend import explain_recommendation, opinions, recommend, similar_items
from tools.reviews import read_reviews
from tools.segments import list_segments
from tools.shop import Shop

__all__ = [
    "Shop",
    "ToolError",
    "UnknownItem",
    "UnknownTopic",
    "UnknownUser",
    "analyze_cart",
    "brand_insight",
    "build_audience",
    "campaign_report",
    "cart_of",
    "demo_users",
    "explain_match",
    "explain_recommendation",
    "list_segments",
    "opinions",
    "prepare",
    "read_reviews",
    "recommend",
    "recommend_bundles",
    "set_preference",
    "show_profile",
    "similar_items",
]
