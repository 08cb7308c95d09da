"""What the LLM is taught to answer when a tool refuses: say so, and ask or offer what is nearest."""

import random
import re

NEAREST = (
    "I can't find that here. Did you mean {}?",
    "That is not in this shop, the nearest is {}.",
    "No luck with that name, maybe {}?",
)
TOLD = {
    "no user was shown": ("Which user do you mean?", "I have shown no user yet, which one do you mean?"),
    "nothing was shown": (
        "I haven't shown you anything yet, which product do you mean?",
        "Which product do you mean? Nothing is on the list yet.",
    ),
    "is not on the list": (
        "My list is not that long, which one do you mean?",
        "There is no such place on the list, could you pick another?",
    ),
    "no user": ("I don't know that user.", "There is no such user in this shop.", "I can't find that user here."),
    "no campaign": ("I can't find that campaign.", "There is no campaign by that name."),
    "no brand": ("I don't know that brand in this shop.", "That brand is not in the catalog."),
    "segments are called": (
        "I can't pin that segment down, ask for the list of segments first.",
        "No single segment goes by that name.",
    ),
    "nothing in the shop": ("The shop has nothing by that name.", "I can't find that in this shop."),
    "did not say": ("What exactly do you mean?", "Could you name it for me?"),
    "is missing": ("What exactly do you mean?", "Could you say which one?"),
}
"""Replies by words of the refusal."""
OTHERWISE = ("That did not work, could you say it in other words?", "I could not do that, please try it another way.")


def reply_to_error(text: str, rng: random.Random) -> str:
    """A reply to a tool message that starts with `error:`."""
    if nearest := re.search(r"nearest are (.+)$", text):
        return rng.choice(NEAREST).format(" or ".join(nearest[1].split(", ")[:2]))
    return rng.choice(next((replies for words, replies in TOLD.items() if words in text), OTHERWISE))
