"""Why a learned strength is what it is: the trees' contributions (SHAP values, Lundberg 2018) by family of features, in words."""

from typing import Any

MOST = 3
LEAST = 0.1
"""Log-odds under which a family is not worth a word."""

FAMILIES = {
    "often": (
        *("simple", "count", "rate_weeks", "rate_recent", "rate_all", "last_28", "last_84", "periods_share", "since_first"),
        *("share", "share_recent", "share_days", "corrected", "rank", "of_best"),
    ),
    "timing": (
        *("since", "interval", "regularity", "due", "due_median", "due_baskets", "baskets_since"),
        *("topic_due", "topic_interval"),
    ),
    "product": ("again", "spend_each", "quantity_each", "rows_each"),
    "offers": ("deal", "saved_share", "user_deal"),
    "pace": ("user_baskets", "user_since", "user_pace", "user_turn", "observed_days", "user_topics", "user_expected"),
    "topic": ("topic_share", "topic_trend", "topic_return", "topic_lift"),
    "related": ("related",),
    "looks": ("looks_recent",),
}
"""Each feature of the model in one family."""


def in_words(contributions: dict[str, float], row: dict[str, Any]) -> list[str]:
    """At most three phrases, the weightiest first, from one row's log-odds by feature and the features themselves."""
    weights = {family: sum(contributions[name] for name in names) for family, names in FAMILIES.items()}
    heaviest = sorted((family for family in weights if abs(weights[family]) >= LEAST), key=lambda family: -abs(weights[family]))
    return [_phrase(family, weights[family] > 0, row) for family in heaviest[:MOST]]


def _phrase(family: str, raises: bool, row: dict[str, Any]) -> str:
    if family == "timing":
        return _timing(raises, row)
    if family == "topic":
        return _topic(raises, row)
    if family == "offers":
        return "mostly bought on offer" if (row["deal"] or 0) > 0.5 else "mostly bought without an offer"
    up, down = {
        "often": ("bought often", "bought seldom"),
        "product": ("the same products again", "seldom the same product"),
        "pace": ("shops a lot", "shops little"),
        "related": ("goes with what else is bought", "does not go with what else is bought"),
        "looks": ("looked at lately", "not looked at lately"),
    }[family]
    return up if raises else down


def _timing(raises: bool, row: dict[str, Any]) -> str:
    due = row["due"]
    if raises:
        return "due again" if due is not None and due >= 0.7 else "bought lately"
    if due is None:
        return "bought only once"
    return "longer ago than usual" if due > 1.3 else "not due yet" if due < 0.5 else "bought at uneven times"


def _topic(raises: bool, row: dict[str, Any]) -> str:
    lift = row["topic_lift"] or 1.0
    if raises:
        return "in season" if lift > 1.25 else "a topic people come back to"
    return "out of season" if lift < 0.8 else "a topic people seldom come back to"
