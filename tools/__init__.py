"""What the agent, the API and the command line can do: plain typed functions over one `Shop`."""

from behavior.opinions import disliked, opinions
from tools.audience import audience_of, build_audience
from tools.brand import brand_insight
from tools.bundles import recommend_bundles
from tools.campaign import campaign_report
from tools.cart import analyze_cart, cart_of
from tools.clauses import BadClause, Clause, ClauseTree, parse_clause
from tools.drafting import audience_from_words
from tools.errors import ToolError, UnknownItem, UnknownTopic, UnknownUser
from tools.prepare import demo_users, prepare
from tools.profile import set_preference, show_profile
from tools.proof import explain_clauses, explain_match
from tools.recommend import explain_recommendation, recommend, similar_items
from tools.reviews import read_reviews
from tools.segments import list_segments, segment_map, segment_of
from tools.shop import Shop

__all__ = [
    "BadClause",
    "Clause",
    "ClauseTree",
    "Shop",
    "ToolError",
    "UnknownItem",
    "UnknownTopic",
    "UnknownUser",
    "analyze_cart",
    "audience_from_words",
    "audience_of",
    "brand_insight",
    "build_audience",
    "campaign_report",
    "cart_of",
    "demo_users",
    "disliked",
    "explain_clauses",
    "explain_match",
    "explain_recommendation",
    "list_segments",
    "opinions",
    "parse_clause",
    "prepare",
    "read_reviews",
    "recommend",
    "recommend_bundles",
    "segment_map",
    "segment_of",
    "set_preference",
    "show_profile",
    "similar_items",
]
