"""The catalog: items, and the topics (taxonomy nodes and brands) that interests are about."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rapidfuzz import fuzz, process, utils

from behavior.schema import Item


@dataclass(frozen=True)
class Topic:
    """A taxonomy node, or a brand. `name` is unique in the catalog and readable.

    `also_called` are other names of the node itself ("soda"), `good_for` occasions and needs it serves ("taco night").
    """

    name: str
    path: tuple[str, ...]
    is_leaf: bool
    kind: Literal["taxonomy", "brand"]
    also_called: tuple[str, ...] = ()
    good_for: tuple[str, ...] = ()


class Catalog:
    """Items by id, topics by name, and the way from one to the other.

    A topic is a node of depth 2 or more (depth 1 where an item's path has one level). Its name is the node's own,
    with the parent in brackets where several nodes share it. Items with `attributes["listed"] == False` are known,
    so that their events keep a title, but have no topic and are never recommended. `attributes["also_called"]` and
    `attributes["good_for"]` of an item give words by the name of a level of its path; one item of a topic is enough.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self.items: dict[str, Item] = {item.item_id: item for item in items}
        paths = {item_id: _nodes(item.path) for item_id, item in self.items.items() if item.attributes.get("listed") is not False}
        leaves = {nodes[-1] for nodes in paths.values() if nodes}
        names = _names(Counter(node for nodes in paths.values() for node in nodes))
        called, good = (_words(self.items, paths, attribute) for attribute in ("also_called", "good_for"))
        self._topics = {
            name: Topic(name, node, node in leaves, "taxonomy", called.get(node, ()), good.get(node, ()))
            for node, name in names.items()
        }
        self._levels = {item_id: tuple(names[node] for node in nodes) for item_id, nodes in paths.items()}
        self._below: dict[str, list[str]] = {name: [name] for name in self._topics}
        for node, name in names.items():
            for depth in range(1, len(node)):
                if above := names.get(node[:depth]):
                    self._below[above].append(name)
        self._items_of: dict[str, list[str]] = defaultdict(list)
        for item_id, levels in self._levels.items():
            for topic in levels:
                self._items_of[topic].append(item_id)
            brand = self.items[item_id].brand
            if brand and brand not in self._topics:
                self._topics[brand] = Topic(brand, (brand,), False, "brand")
            if brand and self._topics[brand].kind == "brand":
                self._items_of[brand].append(item_id)
        self._by_lower = {name.lower(): topic for name, topic in self._topics.items()}
        self._search = {name: " ".join(topic.path[-2:]) for name, topic in self._topics.items()}

    def item(self, item_id: str) -> Item | None:
        return self.items.get(item_id)

    def levels(self, item_id: str) -> tuple[str, ...]:
        """Topics of an item, the broadest first; empty for an unknown or unlisted item."""
        return self._levels.get(item_id, ())

    def topic_of(self, item_id: str) -> str | None:
        """The narrowest topic of an item."""
        levels = self.levels(item_id)
        return levels[-1] if levels else None

    def topics(self) -> list[Topic]:
        return list(self._topics.values())

    def topic(self, name: str) -> Topic | None:
        """The topic of this name, case aside."""
        return self._topics.get(name) or self._by_lower.get(name.strip().lower())

    def items_of(self, topic: str) -> list[str]:
        """Ids of the listed items under a topic, empty for an unknown one."""
        return self._items_of.get(topic, [])

    def below(self, topic: str) -> list[str]:
        """A topic's own name and those of all topics below it; a brand has none below."""
        return self._below.get(topic, [topic])

    def find_topics(self, text: str, k: int = 5) -> list[tuple[str, float]]:
        """The `k` topics whose words are nearest to `text`, as (name, score in 0..100), best first."""
        words = utils.default_process(text)
        if not words:
            return []
        found = process.extract(words, self._search, scorer=_likeness, limit=k * 4)
        ranked = sorted(found, key=lambda hit: (-hit[1], not self._topics[hit[2]].is_leaf, -len(self.items_of(hit[2]))))
        return [(name, score) for _, score, name in ranked[:k]]


def _likeness(query: str, words: str, *, score_cutoff: float | None = None) -> float:
    """Whole words first: how much of the query the topic says, then how little else it says."""
    words = utils.default_process(words)
    return 0.85 * fuzz.partial_token_sort_ratio(query, words) * _shared(query, words) + 0.15 * fuzz.token_sort_ratio(query, words)


def _shared(query: str, words: str) -> float:
    stems = {word.rstrip("s") for word in words.split()}
    asked = [word.rstrip("s") for word in query.split()]
    best = (max((fuzz.ratio(word, stem) for stem in stems), default=0.0) for word in asked)
    return sum(score / 100 if score >= 75 else 0.0 for score in best) / len(asked)


def _nodes(path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The nodes of a path that are topics, broadest first; a level that repeats its parent's name is no level."""
    levels = tuple(level for i, level in enumerate(path) if level and (i == 0 or level.lower() != path[i - 1].lower()))
    return [levels[: depth + 1] for depth in range(1, len(levels))] or ([levels] if levels else [])


def _words(
    items: dict[str, Item], paths: dict[str, list[tuple[str, ...]]], attribute: str
) -> dict[tuple[str, ...], tuple[str, ...]]:
    """The words that items carry for a node in `attribute`, each once, in the order of the items."""
    found: dict[tuple[str, ...], dict[str, None]] = defaultdict(dict)
    for item_id, nodes in paths.items():
        for level, words in items[item_id].attributes.get(attribute, {}).items():
            for node in nodes:
                if node[-1] == level:
                    found[node].update(dict.fromkeys(words))
    return {node: tuple(words) for node, words in found.items()}


def _names(sizes: Counter[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """A unique name for each node, given its number of items: the largest of those that share a name has it bare."""
    names: dict[tuple[str, ...], str] = {}
    taken: set[str] = set()
    for node in sorted(sizes, key=lambda node: (-sizes[node], node)):
        own, parent = node[-1], node[-2] if len(node) > 1 else ""
        name = next(name for name in (own, f"{own} ({parent})", " / ".join(node), repr(node)) if name not in taken)
        taken.add(name)
        names[node] = name
    return names
