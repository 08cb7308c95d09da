"""Free text to topics: by their words (BM25) and by meaning (embeddings in Chroma), in one ranking."""

from collections import defaultdict
from collections.abc import Callable, Mapping

from chromadb.api import ClientAPI

from behavior.catalog import Catalog, Topic
from retrieval.search.lexical import LexicalIndex
from retrieval.search.vectors import TextVectors

COLLECTION = "topic-texts"
NEAR = 0.4
"""Least cosine at which meaning alone finds a topic."""
SAYS = 0.5
"""Least share of the query's words at which words alone find one."""
FAR, CLOSE = 0.25, 0.85
"""The cosines of all-MiniLM-L6-v2 that count 0 and 1: of unrelated short texts, and of two names of one thing."""
WORDS, MEANING = 0.6, 0.4
BOUGHT = 0.4
"""How much of its score a topic that nobody buys loses."""
NEIGHBOURS = 100


class TopicIndex:
    """The narrow topics of a catalog, by words and by the cosine of all-MiniLM-L6-v2.

    One text a topic is embedded, not one a product: products of a topic differ in size, brand and price, which are filters.
    With the demo's 18,423 distinct titles beside the 3,743 texts of its topics NDCG@10 on the `dev` queries of
    `eval.search` was .687 instead of .677 (titles alone .680), a difference of one query in 64, for six times the index.
    `baskets` is how often each topic is bought, a mild preference among those that fit. The two scores are brought to
    [0, 1] and added with weights, as a convex combination keeps how near each is, which ranks alone forget
    (Bruch, Gai, Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023).
    """

    def __init__(self, chroma: ClientAPI, catalog: Catalog, baskets: Mapping[str, float] | None = None) -> None:
        topics = catalog.topics()
        self._topics_of: dict[str, list[str]] = defaultdict(list)
        for topic in topics:
            if topic.is_leaf:
                self._topics_of[_text(topic)].append(topic.name)
        self._vectors = TextVectors(chroma, COLLECTION)
        self._words = LexicalIndex(topics, baskets or {}, self._vectors.vocabulary)

    def update(self, progress: Callable[[str], None]) -> int:
        """Bring the vectors up to the catalog: call it before a search. Returns how many texts were embedded."""
        return self._vectors.update(self._topics_of, progress)

    def search(self, text: str, k: int = 8) -> list[tuple[str, float]]:
        """The leaf topics that fit `text`, as (topic, score in (0, 1]), best first; empty when nothing is near enough."""
        said = self._words.read(text)
        if not said.stems:
            return []
        words, meaning = self._words.search(said), self.by_meaning(said.text)
        found = {}
        for name in words.keys() | meaning.keys():
            says, cosine = words.get(name, 0.0), meaning.get(name, FAR)
            if says >= SAYS or cosine >= NEAR:
                fit = WORDS * says + MEANING * min(max((cosine - FAR) / (CLOSE - FAR), 0.0), 1.0)
                found[name] = fit * (1 - BOUGHT + BOUGHT * self._words.popularity[name])
        return sorted(found.items(), key=lambda hit: (-hit[1], hit[0]))[:k]

    def by_words(self, text: str) -> dict[str, float]:
        """Leaf topics whose words fit `text`, in (0, 1]."""
        return self._words.search(self._words.read(text))

    def by_meaning(self, text: str, n: int = NEIGHBOURS) -> dict[str, float]:
        """The leaf topics of the `n` texts nearest in meaning, with their cosine."""
        near = self._vectors.nearest(text, n)
        return {name: cosine for words, cosine in near.items() for name in self._topics_of[words]}

    def named(self, text: str) -> str | None:
        """The one topic, broad or narrow, that `text` is a name of: of several the most bought; None when it names none."""
        found = self._words.named(self._words.read(text))
        popularity = self._words.popularity
        return min(found, key=lambda name: (-found[name], -popularity[name], name), default=None)

    def widest(self, topic: str, text: str) -> str:
        """The broadest topic around `topic`, itself included, whose name says all of `text`; `topic` where none does."""
        return self._words.widest(topic, self._words.read(text))


def _text(topic: Topic) -> str:
    return ", ".join(reversed(topic.path[-2:]))
