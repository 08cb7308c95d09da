"""Words for what sets a segment apart: each habit with its label, its two directions, and adjectives that make names."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tools.insight_results import SegmentDifference

SLIGHT, CLEAR, STRONG = 0.2, 0.5, 0.8
"""Effects from which on a difference is small, medium and large (Cohen 1988)."""
PAIRS, TOPICS = 6, 3
"""The clearest pairs of adjectives and the most typical topics, so many at most, that names are made of."""


@dataclass(frozen=True)
class Habit:
    """`more` and `less` go on from "they"; `named` are the adjectives for much more and much less. Habits of one `kind` say
    nearly the same, so a name takes one of them."""

    label: str
    unit: str
    more: str
    less: str
    named: tuple[str, str]
    kind: str

    def tell(self, value: float) -> str:
        """A value of the habit with its unit."""
        return self.unit.format(value)


WORDS = {
    "recency": Habit("last here", "{:.0f} days ago", "were here longer ago", "were here lately", ("lapsing", "current"), "often"),
    "baskets": Habit("baskets", "{:.0f}", "come more often", "come less often", ("frequent", "occasional"), "often"),
    "spend": Habit("spend", "${:,.0f}", "spend more", "spend less", ("high-spending", "low-spending"), "often"),
    "basket_value": Habit("a basket", "${:.2f}", "buy more at once", "buy less at once", ("big-basket", "small-basket"), "size"),
    "rhythm": Habit("between baskets", "{:.1f} days", "wait longer", "wait less", ("occasional", "frequent"), "often"),
    "discount_share": Habit("off the price", "{:.0%}", "get more off", "get less off", ("bargain", "full-price"), "price"),
    "deal_share": Habit("on offer", "{:.0%}", "buy more on offer", "buy less on offer", ("bargain", "full-price"), "price"),
    "top_brand_share": Habit("one brand", "{:.0%}", "keep to one brand", "mix brands", ("one-brand", "many-brand"), "brand"),
}  # fmt: skip


def in_words(habit: str, effect: float, inside: float, outside: float) -> str:
    """A difference in facts: which way, both medians, and how large it is."""
    words = WORDS[habit]
    size = "large" if abs(effect) >= STRONG else "medium" if abs(effect) >= CLEAR else "small"
    direction = words.more if effect > 0 else words.less
    return f"{direction}: {words.label} {words.tell(inside)}, others {words.tell(outside)}, a {size} difference"


def names_for(differences: Sequence[SegmentDifference], topics: Sequence[str]) -> list[str]:
    """The names that the facts of a segment allow, at most 24, what sets it apart most first.

    Each says two clear habits of different kinds, or one where all are of a kind, and a typical topic or none.
    """
    kinds = _adjectives(differences)
    found = list(kinds)
    pairs = [f"{one}, {two}" for n, two in enumerate(found) for one in found[:n] if kinds[one] != kinds[two]]
    who = [f"{words} shoppers".capitalize() for words in pairs[:PAIRS] or found or ["average"]]
    return [f"{words}{about}" for words in who for about in (*(f": {topic}" for topic in topics[:TOPICS]), "")]


def name_of(differences: Sequence[SegmentDifference], topics: Sequence[str], taken: Collection[str]) -> str:
    """The first name that the facts allow other than those `taken`; a number tells apart where all of them are."""
    names = names_for(differences, topics)
    return next((name for name in names if name not in taken), f"{names[0]}, group {len(taken) + 1}")


def _adjectives(differences: Sequence[SegmentDifference]) -> dict[str, str]:
    """The kind of habit by each adjective that is clear, the clearest first; of two that contradict each other the clearer."""
    found: dict[str, str] = {}
    for difference in differences:
        words = WORDS[difference.habit]
        said, opposite = words.named if difference.effect > 0 else words.named[::-1]
        if abs(difference.effect) >= CLEAR and opposite not in found:
            found.setdefault(said, words.kind)
    return found
