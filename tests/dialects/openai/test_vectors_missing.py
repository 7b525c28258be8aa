"""Whoever asks for embeddings gets a vector for each text, or somebody else is asked."""

from __future__ import annotations

import json

import pytest

from headgate.core.call import Operation, Payload
from headgate.core.errors import Unsupported, UpstreamUnavailable
from headgate.providers.exchange import Link
from headgate.providers.gemini.codec import GeminiCodec
from headgate.providers.openai.batching import joined, split
from headgate.providers.openai.relay import relay
from headgate.providers.spec import STANDARD
from openai_wire import SURFACE


def asked(texts: object) -> Payload:
    return SURFACE.parse(Operation.EMBEDDINGS, json.dumps({"model": "m", "input": texts}).encode())


def relayed(payload: Payload, vectors: int) -> bytes:
    exchange = relay(model="m", rules=STANDARD, completions=True)(payload)
    assert exchange is not None
    data = [{"object": "embedding", "index": at, "embedding": [0.5]} for at in range(vectors)]
    exchange.feed(json.dumps({"object": "list", "data": data, "model": "m"}).encode())
    exchange.close()
    return exchange.tail(None)


@pytest.mark.parametrize(
    ("texts", "vectors"),
    [("a", 0), ("a", 2), (["a", "b"], 1), (["a", "b"], 3), ([1, 2, 3], 3), ([[1], [2]], 1)],
)
def test_another_number_of_vectors_is_no_answer(texts: object, vectors: int) -> None:
    with pytest.raises(UpstreamUnavailable, match=f"sent {vectors} vectors"):
        relayed(asked(texts), vectors)


@pytest.mark.parametrize(
    ("texts", "vectors"), [("a", 1), (["a", "b"], 2), ([1, 2, 3], 1), ([[1], [2]], 2), ([[]], 1), ([""], 1)]
)
def test_as_many_as_there_are_texts_are(texts: object, vectors: int) -> None:
    assert len(json.loads(relayed(asked(texts), vectors))["data"]) == vectors


def test_a_batch_says_itself_what_is_missing() -> None:
    """It is no failure of the provider's: each goes alone then."""
    payloads = [asked("a"), asked("b")]
    with pytest.raises(Unsupported, match="1 vectors came for a batch of 2"):
        split(relayed(joined(payloads, SURFACE), 1), payloads)


def test_so_it_is_where_the_answer_is_translated() -> None:
    exchange = Link(GeminiCodec(STANDARD), model="m").open(asked(["a", "b"]))
    exchange.feed(json.dumps({"embeddings": [{"values": [0.5]}]}).encode())
    with pytest.raises(UpstreamUnavailable, match="sent 1 vectors for 2 texts"):
        exchange.close()
