"""What fills the slots of a phrase: words of the shop's catalog and of everyday life, and numbers as people write them."""

import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
TENS = {20: "twenty", 30: "thirty", 40: "forty", 50: "fifty", 60: "sixty", 70: "seventy", 80: "eighty", 90: "ninety"}
COUNTS = {"a couple of": 2, "half a dozen": 6, "a dozen": 12, "a pair of": 2}
PERIODS = {
    "a week": 7, "week": 7, "two weeks": 14, "2 weeks": 14, "a fortnight": 14, "three weeks": 21, "3 weeks": 21,
    "four weeks": 28, "month": 30, "a month": 30, "two months": 60, "2 months": 60, "three months": 90, "3 months": 90,
    "quarter": 90, "six months": 180, "6 months": 180, "half a year": 180, "year": 365, "a year": 365, "twelve months": 365,
}  # fmt: skip
SHARE_FROM_CATALOG = 0.45


@dataclass(frozen=True)
class Slot:
    """Words in the line, and the value that an argument takes from them."""

    surface: str
    value: Any


class Slots:
    """Draws fillers. `topics` are names of the catalog, as they stand there."""

    def __init__(self, topics: list[str], folder: Path) -> None:
        self._topics = [topic.lower() for topic in topics]
        self._words = {path.stem: _lines(path) for path in sorted(folder.glob("*.txt"))}

    def draw(self, name: str, rng: random.Random) -> Slot:
        """A filler for the slot `name`. Raises ValueError for a slot that does not exist."""
        match name:
            case "thing" | "thing2":
                word = rng.choice(self._topics if rng.random() < SHARE_FROM_CATALOG else self._words["things"])
                return Slot(word, word)
            case "occasion":
                word = rng.choice(self._words["occasions"])
                return Slot(word, without_article(word))
            case "ref":
                word = rng.choice(self._words["refs"]).replace("{thing}", self.draw("thing", rng).surface)
                return Slot(word, word)
            case "brand" | "segment":
                word = rng.choice(self._words[f"{name}s"])
                return Slot(word, word)
            case "money":
                return _money(rng)
            case "count":
                return _count(rng)
            case "percent":
                return _percent(rng)
            case "days":
                return _days(rng)
            case "user":
                return _user(rng)
            case "campaign":
                kind = rng.random()
                word = str(rng.randint(1, 40)) if kind < 0.5 else rng.choice("ABC" if kind < 0.6 else self._words["campaigns"])
                return Slot(word, word)
        raise ValueError(f"no slot {name!r}")


def without_article(words: str) -> str:
    """`words` without a leading a, an, the, my, our."""
    first, _, rest = words.partition(" ")
    return rest if rest and first.lower() in ("a", "an", "the", "my", "our") else words


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#")]


def number_word(number: int) -> str:
    """0 to 99 in words."""
    if number < len(WORDS):
        return WORDS[number]
    if number < 20:
        return {13: "thirteen", 15: "fifteen", 18: "eighteen"}.get(number, f"{WORDS[number - 10]}teen")
    tens, ones = number // 10 * 10, number % 10
    return TENS[tens] + (f"-{WORDS[ones]}" if ones else "")


def _money(rng: random.Random) -> Slot:
    whole = rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50])
    word = number_word(whole)
    if rng.random() < 0.25:
        cents = rng.choice([25, 49, 50, 75, 95, 99])
        value = whole + cents / 100
        return Slot(rng.choice([f"${value:.2f}", f"{value:.2f}", f"{value:.2f} dollars"]), value)
    if whole <= 10 and rng.random() < 0.15:
        loose = {5: ["a fiver", "a fiver", "5 bucks 50"], 10: ["a tenner", "a tenner", "ten dollars fifty"]}
        form = rng.choice(loose.get(whole, [f"{whole} bucks 50", f"£{whole}", f"{whole} euros"]))
        return Slot(form, whole + 0.5 if form.endswith(("50", "fifty")) else whole)
    unit = "dollar" if whole == 1 else "dollars"
    bucks = "buck" if whole == 1 else "bucks"
    forms = [
        f"${whole}",
        f"${whole}",
        f"{whole} {unit}",
        f"{whole} {bucks}",
        f"{word} {unit}",
        f"{word} {bucks}",
        f"{whole}",
        word,
        f"{whole}$",
    ]
    return Slot(rng.choice(forms), whole)


def _count(rng: random.Random) -> Slot:
    if rng.random() < 0.2:
        return Slot(*rng.choice(list(COUNTS.items())))
    number = rng.randint(2, 10)
    return Slot(rng.choice([str(number), number_word(number)]), number)


def _percent(rng: random.Random) -> Slot:
    number = rng.choice(range(5, 100, 5))
    decimal = f"{number / 100:g}"
    forms = [
        f"{number}%",
        f"{number}%",
        f"{number} percent",
        f"{number_word(number)} percent",
        decimal,
        decimal.removeprefix("0"),
    ]
    forms += [f"{number // 10} in 10", f"{number_word(number // 10)} out of ten"] if number % 10 == 0 else []
    return Slot(rng.choice(forms), number / 100)


def _days(rng: random.Random) -> Slot:
    if rng.random() < 0.6:
        return Slot(*rng.choice(list(PERIODS.items())))
    if rng.random() < 0.4:
        count, unit = rng.choice([(n, unit) for n in range(2, 13) for unit in ("week", "month")])
        return Slot(rng.choice([f"{count} {unit}s", f"{number_word(count)} {unit}s"]), _days_in(count, unit))
    number = rng.choice([3, 5, 7, 10, 14, 20, 21, 28, 30, 45, 60, 90, 100, 120, 180])
    word = number_word(number) if number < 100 and rng.random() < 0.3 else str(number)
    return Slot(f"{word} days", number)


def _days_in(count: int, unit: str) -> int:
    return 7 * count if unit == "week" else 365 if count == 12 else 30 * count


def _user(rng: random.Random) -> Slot:
    number = str(rng.randint(1, 2500))
    pseudonym = f"shopper-{rng.getrandbits(32):08x}"
    return rng.choice(
        [
            Slot(pseudonym, pseudonym),
            Slot(pseudonym, pseudonym),
            Slot(f"household {number}", number),
            Slot(f"user {number}", number),
            Slot(number, number),
            Slot(f"u{(ref := rng.randint(1, 9))}", f"u{ref}"),
        ]
    )


def with_surface(slot: Slot, surface: str) -> Slot:
    """The slot with other words; where the value was copied from the words it follows them."""
    return replace(slot, surface=surface, value=surface if slot.value == slot.surface else slot.value)
