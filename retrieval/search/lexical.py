"""Topics by their words: BM25 over each topic's name, path and everyday words, and topics by their very name."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from math import log, log1p

import bm25s
import numpy as np

from behavior.catalog import Topic
from retrieval.search.words import Said, Vocabulary, content, phrase_tokens, split, stemmed, whole_token

K1, B = 1.2, 0.1
OWN, PARENT, USE = 4, 1, 1
"""How often a document repeats what the topic is called, what its parent is called, and what either is good for."""
SAME_NAME = 0.75
"""From this share of common words on, a text names a topic."""
AS_MUCH = 0.5
"""Share of a broad topic's popularity from which on a topic within it takes its own name from it: "lemons" from Citrus."""
SHORTLIST = 100


class LexicalIndex:
    """The leaf topics of a catalog by BM25 (Lucene's variant, of bm25s), and all topics by their names.

    `baskets` is how often each topic is bought: of two that fit alike, people mean the one that people buy.
    Words of `english` are never taken for misspelt ones.
    """

    def __init__(self, topics: Iterable[Topic], baskets: Mapping[str, float], english: Collection[str] = ()) -> None:
        known = {topic.path: topic for topic in topics}
        most = log1p(max(baskets.values(), default=0.0)) or 1.0
        self.popularity = {topic.name: log1p(baskets.get(topic.name, 0.0)) / most for topic in known.values()}
        self._vocabulary = Vocabulary(_weights(known.values(), self.popularity), english)
        self.leaves = sorted(topic.name for topic in known.values() if topic.is_leaf)
        self._topics = {topic.name: topic for topic in known.values()}
        documents = [_document(topic, known.get(topic.path[:-1])) for topic in (self._topics[name] for name in self.leaves)]
        self._words = [frozenset(document) for document in documents]
        self._found_in = Counter(word for words in self._words for word in words)
        self._bm25 = bm25s.BM25(k1=K1, b=B, method="lucene")
        if documents:
            self._bm25.index(documents, show_progress=False)
        self._named = _names(known.values())
        self._naming: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for stems in self._named:
            for stem in stems:
                self._naming[stem].add(stems)

    def read(self, text: str) -> Said:
        return self._vocabulary.read(text)

    def search(self, said: Said) -> dict[str, float]:
        """Leaf topics and how well their words fit, in (0, 1]: the share of the query they say, times BM25 beside the best's."""
        if not said.stems or not self.leaves:
            return {}
        scores = self._bm25.get_scores(list(said.tokens))
        top = np.argsort(-scores, kind="stable")[:SHORTLIST]
        best = float(scores[top[0]])
        return {self.leaves[i]: self._share(said, i) * float(scores[i]) / best for i in top if scores[i] > 0}

    def named(self, said: Said) -> dict[str, float]:
        """Topics of any breadth whose name or other name a text says, with the share of words in common (Dice), at least 0.75.

        Where a topic has a name that a broader one above it is also called, the text means the narrow one, if people buy it.
        """
        nearby = {stems for stem in said.whole for stems in self._naming.get(stem, ())}
        found: dict[str, float] = {}
        for stems in nearby:
            common = 2 * len(set(stems) & set(said.whole)) / (len(set(stems)) + len(set(said.whole)))
            if common >= SAME_NAME:
                for name in self._named[stems]:
                    found[name] = max(common, found.get(name, 0.0))
        very = [self._topics[name] for name in found if _very_name(self._topics[name]) == said.whole]
        return {name: common for name, common in found.items() if not any(self._gives_way(name, topic) for topic in very)}

    def widest(self, name: str, said: Said) -> str:
        """The broadest topic around `name`, itself included, that has all words of a text in what it is called: "dogs" means
        Dog foods, of which Dog treats are a part. `name` where none has."""
        own = self._topics[name]
        names = (stems for stem in said.whole[:1] for stems in self._naming.get(stem, ()) if set(said.whole) <= set(stems))
        say_it = (self._topics[topic] for stems in names for topic in self._named[stems])
        around = (topic for topic in say_it if topic.path == own.path[: len(topic.path)])
        return min(around, key=lambda topic: len(topic.path), default=own).name

    def _gives_way(self, name: str, narrow: Topic) -> bool:
        broad = self._topics[name]
        above = broad.path != narrow.path and broad.path == narrow.path[: len(broad.path)]
        bought = self.popularity[narrow.name] >= AS_MUCH * self.popularity[name]
        return above and bought and _very_name(broad) != _very_name(narrow)

    def _share(self, said: Said, document: int) -> float:
        """The share of a query's stems that a document says, rare ones counting more; all of it for a phrase it holds."""
        words = self._words[document]
        if whole_token(said.whole) in words:
            return 1.0
        rarity = {stem: log(1 + len(self.leaves) / (1 + self._found_in[stem])) for stem in said.stems}
        return sum(weight for stem, weight in rarity.items() if stem in words) / sum(rarity.values())


def _document(topic: Topic, parent: Topic | None) -> list[str]:
    fields = [(topic.path[-1:], OWN), (topic.also_called, OWN), (topic.good_for, USE), (topic.path[:-2], 1)]
    fields += [(topic.path[-2:-1], PARENT)]
    if parent is not None:
        fields += [(parent.also_called, PARENT), (parent.good_for, USE)]
    return [
        token
        for phrases, times in fields
        for phrase in phrases
        for token in phrase_tokens(stemmed(content(phrase)))
        for _ in range(times)
    ]


def _very_name(topic: Topic) -> tuple[str, ...]:
    return tuple(stemmed(split(topic.path[-1])))


def _weights(topics: Iterable[Topic], popularity: Mapping[str, float]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for topic in topics:
        for phrase in (*topic.path, *topic.also_called, *topic.good_for):
            weights[phrase] = max(popularity[topic.name], weights.get(phrase, 0.0))
    return weights


def _names(topics: Iterable[Topic]) -> dict[tuple[str, ...], list[str]]:
    """Topics by the stems of what they are called."""
    named: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for topic in topics:
        for phrase in (topic.path[-1], topic.name, *topic.also_called):
            stems = tuple(stemmed(content(phrase))) or tuple(split(phrase))
            if topic.name not in named[stems]:
                named[stems].append(topic.name)
    return named
