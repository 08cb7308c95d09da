"""Numbers as people write them: "$4.50", "five bucks", "half a dozen", "two weeks", "60%", "four stars"."""

import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from typing import Literal

Kind = Literal["plain", "money", "share", "days", "stars"]
NUMBERS = ("max_price", "k", "min_strength", "days")
"""Arguments of tools that are numbers."""

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve "
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {
    **{word: n for n, word in enumerate(_ONES.split())},
    **{word: 10 * n for n, word in enumerate(_TENS.split(), 2)},
    "couple": 2,
    "pair": 2,
    "dozen": 12,
    "half": 0.5,
    "a": 1,
    "an": 1,
    "hundred": 100,
}
_ALONE = {"couple", "pair", "dozen"}
"""Words that stand for a number with or without "a" before them."""
_BEFORE_ONE = {"", "me", "name", "just", "only", "exactly", "top", "under", "within", "least", "most"}
"""After other words "one" is a pronoun: "the second one"."""
_DAYS = {"day": 1, "week": 7, "fortnight": 14, "month": 30, "quarter": 90, "year": 365}
_MONEY = {"$", "dollar", "dollars", "buck", "bucks", "usd"}
_STARS = {"star", "stars"}
_PARTS = {"quarters": 4, "thirds": 3, "fifths": 5, "tenths": 10}
_TIME_BEFORE = {"last", "past", "previous", "next"}
WORDS_OF_NUMBERS = frozenset([
    *_WORDS, *_DAYS, *(f"{unit}s" for unit in _DAYS), *_MONEY, *_PARTS, *_TIME_BEFORE,
    "fiver", "tenner", "quid", "euro", "euros", "cents", "percent", "point",
])  # fmt: skip
"""What a number may be made of: one misspelt word, and it is not read."""
_UNBOUNDED = {
    "money": re.compile(r"(?<!no )(?<!not )(?<!nothing )\b(?:over|above|more than|at least|from|spent|paid|costs?)\b"),
    "share": re.compile(r"\b(?:off|discounts?|sale|margin|growth|less|at most|under|below)\b"),
    "days": re.compile(r"^(?!.*\b(?:last|past|previous|within|recent|window|period)\b)(?!.*,\s*\d+ days?\s*(?:,|$))"),
}
"""What a line says when its one number of a kind is no upper bound of price, no lower bound of strength, no span back in time."""
_SIZES = "up|ply|packs?|pk|oz|ml|cl|l|lbs?|kg|mg|g|cm|mm|inch"
"""Behind a digit they make it a part of a name: "7up", "a 500ml bottle"."""
_TOKEN = re.compile(
    rf"(?P<digits>(?<![\w.])(?<![A-Za-z]-)(?:\d+(?:,\d{{3}})*(?:\.\d+)?|\.\d+)(?!\d*(?:st|nd|rd|th)\b|\d*for\d|[\d.]*(?:{_SIZES})\b))|(?P<word>[a-z]+)|(?P<sign>[$%])"
)


_COUNTED = re.compile(
    r"\b(\d{1,2}|two|three|four|five|six|seven|eight|nine|ten|a dozen)\s+(?:(?:[a-z'-]+\s+){0,2}?"
    r"(?:ideas?|suggestions?|options?|picks|choices|recommendations?|things|products|items|tips|proposals|alternatives)\b"
    r"|of (?:them|those|these)(?=\s*(?:$|[,.;!?]|please|then|instead|this time))"
    r"|(?:is|are|will be|would be) (?:plenty|enough)\b)"
)
_PRICE_WORD = re.compile(
    r"pric|cheap|deal|bargain|discount|coupon|voucher|sav(?:e|ing|er)|budget|penn(?:y|ies)|sales?\b|frugal|thrift|splurg|premium|"
    r"expens|money|cash|costs?\b|spend|spent|luxur|tight|value|high.end|fancy|tags?\b|sticker|wallet|purse|pockets|afford|clip|"
    r"promo|mark.?downs?|clearance|rich\b|wealth|affluent|loaded|lavish|extravagan|well.(?:off|heeled)|econom|bucks?\b|dollar|"
    r"cents?\b|% ?off|special|offers?\b|flyer|rebate|middle|average|mid.|moderate|ordinary|in.between|posh|up.?market|upscale|"
    r"skint|broke\b|sting|tightwad|miser|haggl|shoestring|quality|cream of|top shelf|pay\b"
)
_LIMIT_WORD = re.compile(
    r"\b(?:under|below|beneath|less|max|maximum|most|more|up to|limit|pay|spend|budget|cheaper|costs?|priced?|over|above|"
    r"between|around|within|have|got|tops?|for|past|beyond|left|only|afford|than|stretch|cap|ceiling|dearer|pricier|higher|"
    r"outside|go|goes|all)\b|[<≤$]"
)
_CHEAPER = re.compile(
    r"\b(?:cheaper|less (?:expensive|pricey|dear)|lower[- ]priced|costs? less|too (?:expensive|pricey|dear|steep))\b"
)
_PRICES = (
    "cheap cheaper cheapest cheaply less lower lowest low dear dearer expensive pricey pricier affordable price priced prices"
)

_DIGIT_WORDS = "|".join(_ONES.split()[1:11])
_CENT_WORDS = rf"(?:(?:{_TENS.replace(' ', '|')})(?:[- ](?:{'|'.join(_ONES.split()[1:10])}))?|ten|fifteen|\d\d)"
_CLAUSE_END = r"(?=\s*(?:$|[.,;!?)]|(?:or|and|tops|max|please|each|for|if|at|is|but)\b))"
_RESPELLED: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
    (re.compile(r"[£€]\s?(?=\d)"), lambda _: "$"),
    (re.compile(r"(?<=\d)\s?(?:€|£|euros?\b|eur\b)"), lambda _: " dollars"),
    (re.compile(r"\s?\bquid\b|(?<=\d)quid\b"), lambda _: " dollars"),
    (re.compile(r"(?<![\d.$])([1-9]\d*\.\d\d)(?![\d.%])(?! ?(?:dollars|bucks|$))"), lambda m: f"{m[1]} dollars"),
    (re.compile(r"\b(?:a |one )?(fiver|tenner)\b"), lambda m: "5 dollars" if m[1] == "fiver" else "10 dollars"),
    (re.compile(r"(?<=\d)p\b"), lambda _: " cents"),
    (re.compile(r"(?<=\d)\s?pct\b"), lambda _: "%"),
    (re.compile(r"(?<=\d)\s?/\s?(?=100?\b)"), lambda _: " out of "),
    (re.compile(r"(?<=\d)\s?(?:wks?|w)\b"), lambda _: " weeks"),
    (re.compile(r"(?<=\d)\s?(?:mths?|mos?)\b"), lambda _: " months"),
    (re.compile(r"(?<=\d)d\b"), lambda _: " days"),
    (
        re.compile(rf"\b(\d+|an?|{_DIGIT_WORDS}) (?:dollars?|bucks?)(?: and)? ({_CENT_WORDS}){_CLAUSE_END}"),
        lambda m: _with_cents(m[1], m[2]),
    ),
    (re.compile(rf"\b(under|up to|at most) (\d+){_CLAUSE_END}"), lambda m: f"{m[1]} {m[2]} dollars"),
    (
        re.compile(rf"\b(under|below|than|over|max|to) ({_DIGIT_WORDS}) ({_CENT_WORDS}){_CLAUSE_END}"),
        lambda m: f"{m[1]} {_with_cents(m[2], m[3])}",
    ),
]
"""Ways to write a number that are brought into one that `_read` knows: "15 quid", "9.99 tops", "under 5", "under four fifty"."""


@dataclass(frozen=True)
class Number:
    """`share` values lie in 0..1 as a rule, `days` are whole days, `money` is in the shop's currency, `stars` are a review's."""

    value: float
    kind: Kind


def numbers_in(text: str) -> list[Number]:
    """The numbers of a text in order, each with the kind that the words around it give. Ordinals and refs are none."""
    return [number for number, _, _ in _read(_tokens(text))]


def numbers_with_words(text: str) -> list[tuple[Number, list[str], list[str]]]:
    """The numbers of a text in order, each with the words, in small letters, from the number before it and to the next one."""
    tokens = _tokens(text)
    found = list(_read(tokens))
    words = [word for _, word in tokens]
    ends = [0, *(end for _, _, end in found)]
    starts = [*(start for _, start, _ in found), len(words)]
    return [(number, words[ends[n] : start], words[end : starts[n + 1]]) for n, (number, start, end) in enumerate(found)]


def number_of(argument: str, text: str) -> float | None:
    """What words are as the argument `k`, `max_price`, `min_strength` (a share; "7" is .7 and "70" as well) or `days` ("month" is
    the past one); None unless they say just one number that can be that."""
    numbers = numbers_in(text) or (numbers_in(f"past {text}") if argument == "days" else [])
    if len(numbers) != 1:
        return None
    value, kind = numbers[0].value, numbers[0].kind
    match argument, kind:
        case ("k", "plain") | ("days", "days"):
            return int(value)
        case ("max_price", "money" | "plain") | ("min_strength", "share"):
            return value
        case ("min_strength", "plain") if value <= 100:
            return value if value <= 1 else value / (10 if value < 10 else 100)
    return None


def bound_in(text: str, kind: Literal["money", "share", "days"]) -> float | None:
    """The price that is not to be exceeded, the strength to be reached or the days to look back, where a text says just one."""
    values = {number.value for number in numbers_in(text) if number.kind == kind}
    return values.pop() if len(values) == 1 and not _UNBOUNDED[kind].search(text.lower()) else None


def count_in(text: str) -> int | None:
    """How many things a text asks for: "two ideas", "4 dinner suggestions", where it says just one such number."""
    values = {number.value for found in _COUNTED.finditer(text.lower()) for number in numbers_in(found[1])}
    return int(values.pop()) if len(values) == 1 else None


def fraction_in(text: str) -> float | None:
    """The only bare number between 0 and 1 that a text says, as in "0.3 will do"."""
    values = {number.value for number in numbers_in(text) if number.kind == "plain" and 0 < number.value < 1}
    return values.pop() if len(values) == 1 else None


def without_numbers(text: str) -> list[str]:
    """The words of a text, in lower case, that are no numbers, and no units of money behind one."""
    words = re.findall(r"[^\W_][\w'’&.-]*|\$", text.lower())
    units = _MONEY | {"cent", "cents"} if any(word in _WORDS or word[0].isdigit() for word in words) else set()
    return [word for word in words if word not in _WORDS and word not in units and not word.replace(".", "").isdigit()]


def speaks_of_price(text: str) -> bool:
    """Whether a text has any word of prices, deals or means in it."""
    return bool(_PRICE_WORD.search(text.lower()))


def asks_for_cheaper(text: str) -> bool:
    """Whether a text asks for lower prices than what was shown, as in "anything cheaper?"."""
    return bool(_CHEAPER.search(text.lower()))


def only_of_price(words: Set[str]) -> bool:
    """Whether all words, at least one, say how much something may cost and none what it is: "cheaper"."""
    return bool(words) and words <= set(_PRICES.split())


def speaks_of_limit(text: str) -> bool:
    """Whether a text has any word with which a bare number may be a limit of the price."""
    return bool(_LIMIT_WORD.search(text.lower()))


def _with_cents(whole: str, cents: str) -> str:
    def value(words: str) -> float:
        return sum(float(word) if word.isdigit() else _WORDS[word] for word in re.split(r"[- ]", words))

    return f"{value(whole) + value(cents) / 100:.2f} dollars"


def _tokens(text: str) -> list[tuple[str, str]]:
    text = text.lower()
    for pattern, spelled in _RESPELLED:
        text = pattern.sub(spelled, text)
    return [(match.lastgroup or "", match[0]) for match in _TOKEN.finditer(text)]


def _read(tokens: list[tuple[str, str]]) -> Iterator[tuple[Number, int, int]]:
    """The numbers, each with the places of its first token and of the one behind its last, its unit left out."""
    at = 0
    while at < len(tokens):
        number, end = _number(tokens, at)
        if number is not None:
            yield number, at, end
        at = end


def _number(tokens: list[tuple[str, str]], at: int) -> tuple[Number | None, int]:
    """The number that starts at a token, if any, and where the tokens go on."""
    dollar = tokens[at][1] == "$"
    value, after = _value(tokens, at + dollar)
    if value is None:
        following = tokens[at + 1][1] if tokens[at][1] in ("last", "past", "previous", "this") and tokens[at + 1 :] else ""
        days = _days(1, following)
        return Number(days, "days") if days else None, at + 1
    unit = tokens[after][1] if after < len(tokens) else ""
    cents = unit in ("cent", "cents")
    number: Number | None = None
    if dollar or unit in _MONEY or cents:
        number = Number(round(value / 100, 2) if cents else value, "money")
    elif unit in ("%", "percent") or (unit == "per" and tokens[after + 1 : after + 2] == [("word", "cent")]):
        number = Number(round(value / 100, 4), "share")
    elif unit in _PARTS and value < _PARTS[unit] and not (at and tokens[at - 1][1] in _TIME_BEFORE):
        number = Number(round(value / _PARTS[unit], 2), "share")
    elif chances := _chances(tokens, after, value):
        whole, after = chances
        number = Number(round(value / whole, 2), "share")
    elif value < 10 and tokens[at][0] == "word" and at and tokens[at - 1][1] == "point":
        number = Number(value / 10, "share")
    elif days := _days(value, unit):
        number = Number(days, "days")
    elif unit in _STARS and tokens[at][1] not in ("a", "an"):
        number = Number(value, "stars")
    elif tokens[at] == ("word", "half") and after == at + 1 and unit not in ("price", "and"):
        number = Number(0.5, "share")
    elif after > at + 1 or not _is_article(tokens, at):
        number = Number(value, "plain")
    return number, max(after, at + 1)


def _value(tokens: list[tuple[str, str]], at: int) -> tuple[float | None, int]:
    """The number that starts at a token, and where the tokens go on."""
    if at >= len(tokens):
        return None, at
    group, text = tokens[at]
    if group != "digits" and (group != "word" or text not in _WORDS):
        return None, at
    value = float(text.replace(",", "")) if group == "digits" else _WORDS[text]
    at += 1
    if text == "half" and tokens[at : at + 1] and tokens[at][1] in ("a", "an"):
        at += 1
    while group == "word" and at < len(tokens) and (word := tokens[at][1]) in _WORDS and word not in ("a", "an", "half"):
        step = _WORDS[word]
        if word == "hundred" or word in _ALONE:
            value *= step
        elif value >= 100 or (value >= 20 and step < 10 and value % 10 == 0):
            value += step
        else:
            break
        at += 1
    if [word for _, word in tokens[at : at + 3]] == ["and", "a", "half"]:
        return value + 0.5, at + 3
    if at < len(tokens) and tokens[at][1] == "of" and tokens[at - 1][1] in _ALONE:
        at += 1
    return value, at


def _is_article(tokens: list[tuple[str, str]], at: int) -> bool:
    """Whether "a", "an" or "one" stands here for no number in particular."""
    word, before = tokens[at][1], tokens[at - 1][1] if at else ""
    return word in ("a", "an") or (word == "one" and before not in _BEFORE_ONE)


def _chances(tokens: list[tuple[str, str]], after: int, value: float) -> tuple[float, int] | None:
    """The whole of "one in three" or "8 out of 10" and where the tokens go on, None where it is no share."""
    out = tokens[after : after + 1] == [("word", "out")]
    if tokens[after + out : after + out + 1] not in ([("word", "in")], [("word", "of")]):
        return None
    whole, end = _value(tokens, after + out + 1)
    return (whole, end) if whole is not None and value < whole <= 100 else None


def _days(count: float, unit: str) -> int:
    """Whole days in so many weeks, months (30 days) or years (365); 0 when the unit is none of time."""
    unit = unit.removesuffix("s")
    if unit == "year" and count < 1:
        count, unit = 12 * count, "month"
    if unit == "month" and count % 12 == 0:
        count, unit = count / 12, "year"
    return round(count * _DAYS.get(unit, 0))
