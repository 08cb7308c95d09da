"""Everyday words for topics of the demo shop ("soda", "taco night"), put on its items so that they travel with the catalog."""

from collections import defaultdict
from collections.abc import Iterable
from importlib.resources import files

from behavior.schema import Item

Words = dict[tuple[str, ...], tuple[str, ...]]
"""By the end of a path (its levels in lower case)."""


def add_everyday_words(items: Iterable[Item]) -> list[Item]:
    """The items, of which one of each path now says what people call the levels of the path and what they are good for.

    Raises ValueError naming the topics of the file that no listed item has.
    """
    also_called, good_for = parse(files("behavior.importers").joinpath("everyday.txt").read_text(encoding="utf-8"))
    named: set[tuple[str, ...]] = set()
    seen: set[tuple[str, ...]] = set()
    out = []
    for item in items:
        if item.attributes.get("listed") is not False and item.path not in seen:
            seen.add(item.path)
            words = {"also_called": _of(item.path, also_called, named), "good_for": _of(item.path, good_for, named)}
            item = item.model_copy(
                update={"attributes": {**item.attributes, **{name: own for name, own in words.items() if own}}}
            )
        out.append(item)
    if unknown := sorted(" > ".join(end) for end in {*also_called, *good_for} - named):
        raise ValueError(f"everyday.txt names topics that no item has: {unknown!r}")
    return out


def parse(text: str) -> tuple[Words, Words]:
    """What `topic: word, word` lines say (other names) and what `word, word = topic; topic` lines say (occasions).

    `#` starts a comment line. Raises ValueError quoting a line that is neither.
    """
    also_called: dict[tuple[str, ...], list[str]] = defaultdict(list)
    good_for: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        words, is_occasion, topics = line.partition(" = ")
        if is_occasion:
            for topic in topics.split(";"):
                good_for[_end(topic)] += _phrases(words)
            continue
        topic, is_name, words = line.partition(": ")
        if not is_name:
            raise ValueError(f"{line!r} is neither 'topic: words' nor 'words = topics'")
        also_called[_end(topic)] += _phrases(words)
    return _distinct(also_called), _distinct(good_for)


def _of(path: tuple[str, ...], words: Words, named: set[tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The words of each level of a path, by the level's name; what was found is added to `named`."""
    lower = tuple(level.lower() for level in path)
    found: dict[str, tuple[str, ...]] = {}
    for depth in range(2, len(path) + 1):
        ends = [lower[start:depth] for start in range(depth) if lower[start:depth] in words]
        named.update(ends)
        if own := tuple(word for end in ends for word in words[end]):
            found[path[depth - 1]] = own
    return found


def _end(topic: str) -> tuple[str, ...]:
    return tuple(level.strip().lower() for level in topic.split(" > "))


def _phrases(words: str) -> list[str]:
    return [phrase.strip() for phrase in words.split(",") if phrase.strip()]


def _distinct(words: dict[tuple[str, ...], list[str]]) -> Words:
    return {end: tuple(dict.fromkeys(phrases)) for end, phrases in words.items()}
