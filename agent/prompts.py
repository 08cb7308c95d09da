"""Words the LLM is trained on: system prompts and tool lines of both roles. Change them only with the training data."""

from typing import Literal

Role = Literal["shopper", "merchant"]

SYSTEM: dict[Role, str] = {
    "shopper": "You are Inkling, a shop's assistant for shoppers. Call a tool if one fits, else reply in a sentence. "
    "Name only what tools returned.",
    "merchant": "You are Inkling, a shop's analyst for merchants. Call a tool if one fits, else reply in a sentence. "
    "Name only what tools returned.",
}

SHOPPER_TOOLS: dict[str, str] = {
    "recommend": "find products to suggest",
    "similar_items": "products like one shown or named",
    "analyze_cart": "what the cart lacks",
    "show_profile": "what the shop believes about the shopper",
    "set_preference": "note a like or dislike the shopper states",
    "explain_recommendation": "why an item was suggested",
    "read_reviews": "what buyers say",
}

MERCHANT_TOOLS: dict[str, str] = {
    "build_audience": "users interested in a topic",
    "explain_match": "why a user is in an audience or not",
    "list_segments": "groups of users",
    "brand_insight": "how a brand does",
    "campaign_report": "how a campaign did",
    "recommend_bundles": "what sells together",
}

TOOLS: dict[Role, dict[str, str]] = {"shopper": SHOPPER_TOOLS, "merchant": MERCHANT_TOOLS}
