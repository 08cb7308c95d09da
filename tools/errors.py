"""What a tool refuses, in words that a person or the LLM can act on."""

from collections.abc import Sequence


class ToolError(ValueError):
    """A tool cannot do what was asked; the message quotes the value and says what would be right."""


class UnknownUser(ToolError):
    def __init__(self, user_id: str) -> None:
        super().__init__(f"no user {user_id[:100]!r} in this shop")


class UnknownItem(ToolError):
    def __init__(self, item_id: str) -> None:
        super().__init__(f"no item {item_id[:100]!r} in the catalog")


class UnknownTopic(ToolError):
    def __init__(self, topic: str, nearest: Sequence[str]) -> None:
        near = f", nearest are {', '.join(nearest)}" if nearest else ""
        super().__init__(f"no topic {topic[:100]!r}{near}")
