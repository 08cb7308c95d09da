"""Protects the texts by meaning: the same vectors inside the process and on a real Chroma server, one a distinct text,
and only what changed is embedded. Run: pytest tests/retrieval/test_vectors.py"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from behavior import Catalog, Settings
from retrieval import TopicIndex, open_chroma
from retrieval.search.vectors import TextVectors, of_single_texts, open_encoder
from tests import tiny
from tests.conftest import tiny_shop
from tools import Shop

TEXTS = ["Dog food", "Cat food", "Green tea", "Diapers"]


def quiet(_: str) -> None: ...


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Chroma server started for these tests."""
    chroma = Path(sys.executable).with_name("chroma")
    command = [chroma, "run", "--host", "127.0.0.1", "--port", str(free_port()), "--path", tmp_path_factory.mktemp("server")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            said = ""
            while "listening" not in said:
                line = process.stdout.readline()
                assert line, f"the Chroma server ended: {said}"
                said += line
            Thread(target=process.stdout.read, daemon=True).start()  # it logs each request, and waits when nobody reads
            yield f"http://127.0.0.1:{command[5]}"
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(params=["embedded", "server"])
def vectors(request: pytest.FixtureRequest, tmp_path: Path) -> TextVectors:
    url = request.getfixturevalue("server") if request.param == "server" else None
    return TextVectors(open_chroma(tmp_path, url), "texts")


def test_the_nearest_in_meaning_comes_first(vectors: TextVectors) -> None:
    vectors.update(TEXTS, quiet)
    near = vectors.nearest("puppy chow", 3)
    assert next(iter(near)) == "Dog food"
    assert list(near.values()) == sorted(near.values(), reverse=True)
    assert vectors.nearest("Green tea", 1)["Green tea"] == pytest.approx(1, abs=1e-5)
    assert len(vectors.nearest("tea", 100)) == len(TEXTS)


def test_only_what_is_new_is_embedded_each_text_once_and_what_is_gone_is_dropped(vectors: TextVectors) -> None:
    vectors.update([], quiet)
    assert vectors.nearest("dog food", 3) == {}
    assert vectors.update([*TEXTS, *TEXTS], quiet) == 4
    assert vectors.update(TEXTS, quiet) == 0
    assert vectors.update([*TEXTS[1:], "Dog treats"], quiet) == 1
    assert set(vectors.nearest("Dog food", 10)) == {*TEXTS[1:], "Dog treats"}
    assert vectors.update(TEXTS, quiet) == 1


@pytest.mark.parametrize("text", ["", "a", "frozen pizza for the kids 🍕", "咖啡", "x " * 300])
def test_a_text_alone_has_the_vector_that_it_has_among_others(text: str) -> None:
    encoder = open_encoder().eval()
    alone = of_single_texts(encoder)(encoder.preprocess([text])["input_ids"]).numpy()
    among = encoder.encode([text, "some other text that is longer"], show_progress_bar=False)[0]
    np.testing.assert_allclose(alone[0], among, atol=1e-5)


def test_vectors_stay_for_the_next_start_and_are_made_again_when_they_are_gone(tmp_path: Path) -> None:
    assert TextVectors(open_chroma(tmp_path / "one"), "texts").update(TEXTS, quiet) == 4
    assert TextVectors(open_chroma(tmp_path / "one"), "texts").update(TEXTS, quiet) == 0
    assert TextVectors(open_chroma(tmp_path / "two"), "texts").update(TEXTS, quiet) == 4


def test_a_shop_searches_on_a_server_as_it_does_alone(server: str, tmp_path: Path) -> None:
    alone = tiny_shop(tmp_path / "alone")
    served = Shop.open(Settings(home=tmp_path / "alone", chroma_url=server))
    for query in ("dog food", "kitten food", "something for the baby"):
        assert [name for name, _ in served.topics.search(query)] == [name for name, _ in alone.topics.search(query)]
    assert TopicIndex(open_chroma(tmp_path, server), Catalog(tiny.ITEMS)).update(quiet) == 0
    served.close()
    alone.close()


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host", "http://"])
def test_what_is_no_address_is_quoted(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{url!r} is no address"):
        open_chroma(tmp_path, url)


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ValueError, match=f"no Chroma server answers at {url!r}"):
        open_chroma(tmp_path, url)
