"""Words for what sets a segment apart: each habit with its label, its two directions, and adjectives that make a name."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tools.merchant_results import SegmentDifference

SLIGHT, CLEAR, STRONG = 0.2, 0.5, 0.8
"""Effects from which on a difference is small, medium and large (Cohen 1988)."""


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


def name_of(differences: Sequence[SegmentDifference], topics: Sequence[str], taken: Collection[str]) -> str:
    """A short name made of the two clearest habits of different kinds and the most typical topic, other than those `taken`."""
    adjectives: dict[str, str] = {}
    for difference in differences:
        words = WORDS[difference.habit]
        if abs(difference.effect) >= CLEAR:
            adjectives.setdefault(words.kind, words.named[difference.effect < 0])
    who = f"{', '.join(list(adjectives.values())[:2]) or 'average'} shoppers".capitalize()
    names = [who, *(f"{who}: {', '.join(topics[:n])}" for n in range(1, len(topics) + 1))]
    fitting = names[1:] if len(topics) else names
    return next((name for name in fitting if name not in taken), f"{fitting[-1]}, group {len(taken) + 1}")
