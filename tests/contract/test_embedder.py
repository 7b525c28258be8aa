"""`ports.embedder`: one suite over every local embedder, one over remote ones, against a real server."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.adapters.embed import AUTO, HASHED, SENTENCE, WORDLLAMA, local
from headgate.adapters.embed.remote import BATCH, Remote
from headgate.adapters.embed.sentence import Sentence
from headgate.adapters.http import http_transport
from headgate.core.errors import UpstreamError, UpstreamUnavailable
from headgate.ports.codec import Codec
from headgate.ports.embedder import Embedder
from headgate.ports.transport import Outgoing
from headgate.providers.ollama.codec import OllamaCodec
from headgate.providers.openai.codec import OpenAICodec
from headgate.providers.simulated import Settings
from headgate.providers.spec import Rules
from simserver import Server


class Letters:
    """A model of sentence-transformers, as far as the adapter knows one: counts letters."""

    def encode(self, sentences: list[str], /, *, show_progress_bar: bool) -> Any:
        assert not show_progress_bar
        return [[sentence.lower().count(chr(97 + at)) for at in range(26)] for sentence in sentences]

    def get_sentence_embedding_dimension(self) -> int:
        return 26


MAKERS: dict[str, Callable[[], Embedder]] = {
    WORDLLAMA: lambda: local(WORDLLAMA),
    HASHED: lambda: local(HASHED),
    "sentence": lambda: Sentence(Letters(), "letters"),
}
TEXTS = st.lists(st.text(st.characters(), max_size=60), max_size=5)


@pytest.fixture(scope="module", params=MAKERS)
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return MAKERS[request.param]()


@settings(max_examples=60)
@given(texts=TEXTS)
def test_a_row_a_text_of_length_one_or_nothing(embedder: Embedder, texts: list[str]) -> None:
    rows = embedder.embed(texts)
    assert rows.shape == (len(texts), embedder.dimension)
    assert rows.dtype == np.float32
    lengths = np.linalg.norm(rows, axis=1)
    assert all(length == pytest.approx(1, abs=1e-5) or length == 0 for length in lengths)


@settings(max_examples=40)
@given(texts=TEXTS)
def test_a_text_has_its_row_whatever_else_is_embedded(embedder: Embedder, texts: list[str]) -> None:
    together = embedder.embed(texts)
    for text, row in zip(texts, together, strict=True):
        assert np.array_equal(embedder.embed([text])[0], row)


def test_nothing_has_no_direction(embedder: Embedder) -> None:
    assert not embedder.embed(["", " \n\t "]).any()
    assert embedder.embed([]).shape == (0, embedder.dimension)


def test_the_id_tells_the_dimension(embedder: Embedder) -> None:
    assert embedder.id.endswith(f":{embedder.dimension}")


@pytest.mark.parametrize(
    "text", ["\ud800 alone", "a" * 1_000_000, "word " * 200_000, "列" * 100_000, "\x00\x1f"]
)
def test_any_text_is_taken(embedder: Embedder, text: str) -> None:
    assert np.isfinite(embedder.embed([text])).all()


@pytest.mark.parametrize("name", [WORDLLAMA, HASHED])
def test_texts_that_share_words_lie_closer(name: str) -> None:
    rows = local(name).embed(["sort a list in python", "sorting lists in python", "a recipe for onion soup"])
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2


def test_word_vectors_know_what_spelling_does_not() -> None:
    rows = local(WORDLLAMA).embed(
        ["the physician examined her", "a doctor treats people", "tax on fuel rises"]
    )
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.1


@pytest.mark.parametrize("name", [WORDLLAMA, HASHED])
def test_the_same_in_every_process(name: str) -> None:
    """Hashes of Python's own differ from process to process; ours may not."""
    script = (
        "import sys; from headgate.adapters.embed import local;"
        f"sys.stdout.write(local({name!r}).embed(['how do I rename a branch?'])[0].tobytes().hex())"
    )
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert local(name).embed(["how do I rename a branch?"])[0].tobytes().hex() == other


@pytest.mark.parametrize("name", [WORDLLAMA, HASHED])
def test_meeting_more_words_than_are_kept_changes_nothing(name: str) -> None:
    embedder = local(name)
    before = embedder.embed(["how do I rename a branch?"])
    embedder.embed([" ".join(f"word{at}x{part}" for at in range(300)) for part in range(40)])
    assert np.array_equal(before, embedder.embed(["how do I rename a branch?"]))


def test_loading_leaves_logging_and_the_library_alone() -> None:
    """Importing wordllama would configure logging for the whole process."""
    script = (
        "import logging, sys; from headgate.adapters.embed import local; local('wordllama');"
        "assert not logging.getLogger().handlers and 'wordllama' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert not any(handler.formatter for handler in logging.getLogger("wordllama").handlers)


def test_names() -> None:
    assert local(AUTO).id == local(WORDLLAMA).id
    with pytest.raises(ValueError, match="no embedder is called 'word2vec'"):
        local("word2vec")
    with pytest.raises(ImportError, match="pip install sentence-transformers"):
        local(f"{SENTENCE}all-MiniLM-L6-v2")


# ── over the network ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    try:
        yield running
    finally:
        running.stop()


class Refused:
    """A transport that answers with one document."""

    def __init__(self, body: bytes) -> None:
        self.body, self.status = body, 200

    def __call__(self, request: Outgoing, *, stream: bool) -> Any:
        return self

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *ending: object) -> None: ...

    def header(self, name: str) -> None: ...

    async def read(self) -> bytes:
        return self.body


CODECS: dict[str, tuple[str, Callable[[], Codec]]] = {
    "openai": ("/v1", lambda: OpenAICodec(Rules())),
    "ollama": ("", lambda: OllamaCodec(Rules())),
}


@pytest.fixture(scope="module", params=["openai", "ollama"])
def ask(request: pytest.FixtureRequest, server: Server) -> Callable[[list[str], int], Any]:
    """Embeds on a loop of its own: a transport belongs to the loop it was built in."""
    path, codec = CODECS[request.param]

    def asked(texts: list[str], dimension: int) -> Any:
        async def main() -> Any:
            url = f"{server.url}{path}"
            transport = http_transport(url, headers={"authorization": "Bearer sk-x"}, connect_s=1, total_s=5)
            return await Remote(codec(), transport, model="m", dimension=dimension, wall=lambda: 0.0).embed(
                texts
            )

        return asyncio.run(main())

    return asked


def test_remote_rows_are_as_local_ones(ask: Callable[[list[str], int], Any]) -> None:
    texts = ["one", "", "two", *(f"text {at}" for at in range(BATCH)), "\ud800", "long " * 9_000]
    rows = ask(texts, Settings().dimensions)
    assert rows.shape == (len(texts), Settings().dimensions)
    assert rows.dtype == np.float32
    assert not rows[1].any()
    assert np.linalg.norm(np.delete(rows, 1, axis=0), axis=1) == pytest.approx(1, abs=1e-5)
    assert np.allclose(ask(["two"], Settings().dimensions)[0], rows[2], atol=1e-6)


def test_another_dimension_than_configured_is_an_error(ask: Callable[[list[str], int], Any]) -> None:
    with pytest.raises(UpstreamUnavailable, match="dimensions for 1 texts"):
        ask(["one"], 7)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b'{"object": "list", "data": [], "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}',
        b'{"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}], "model": "m"}',
        b'{"data": [{"index": 0, "embedding": []}], "model": "m"}',
    ],
)
def test_what_is_no_answer_is_an_upstream_error(body: bytes) -> None:
    remote = Remote(OpenAICodec(Rules()), Refused(body), model="m", dimension=1, wall=lambda: 0.0)
    with pytest.raises(UpstreamError):
        asyncio.run(remote.embed(["one"]))


def test_a_refusal_is_the_dialects_own() -> None:
    transport = Refused(b'{"error": {"message": "no such model", "type": "invalid_request_error"}}')
    transport.status = 404
    remote = Remote(OpenAICodec(Rules()), transport, model="m", dimension=1, wall=lambda: 0.0)
    with pytest.raises(UpstreamError, match="no such model"):
        asyncio.run(remote.embed(["one"]))
