"""Several callers' embeddings as one request, and its answer as theirs again.

Numbers are handed on as they were written, never read: an answer has the bits it would have had alone.

Known weakness: a provider counts the tokens of the whole; each caller's part of them is by the length of what
he sent, and together they are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from headgate.core.call import Operation, Payload
from headgate.core.errors import Unsupported
from headgate.core.usage import Usage
from headgate.providers.openai.codec import DIALECT
from headgate.providers.openai.surface import OpenAISurface
from headgate.providers.splice import canonical, with_metadata

IMMATERIAL = frozenset({"model", "input", "user"})
"""Members that requests in one batch may differ in; the model's name is in what they ask for."""


class Vector(msgspec.Struct, kw_only=True):
    embedding: msgspec.Raw
    index: int = 0
    object: str = "embedding"


class Spent(msgspec.Struct, kw_only=True):
    prompt_tokens: int = 0
    total_tokens: int = 0


class Answer(msgspec.Struct, kw_only=True):
    object: str = "list"
    data: list[Vector]
    model: str = ""
    usage: Spent | None = None


class Part(msgspec.Struct, frozen=True):
    """One caller's answer, to be told with his metadata, and what he used; `None` where nobody says."""

    tail: Callable[[bytes | None], bytes]
    usage: Usage | None


_asked = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_texts = msgspec.json.Decoder(str | list[str]).decode
_answer = msgspec.json.Decoder(Answer).decode
_encode = msgspec.json.encode


def batchable(payload: Payload) -> tuple[bytes, int] | None:
    """What requests of one batch have in common, and how many texts this one brings; `None` where it must go
    alone: tokens, or no embeddings."""
    if payload.operation is not Operation.EMBEDDINGS or payload.dialect != DIALECT:
        return None
    try:
        texts = _texts(_asked(payload.raw)["input"])
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError):
        return None
    common = canonical(payload.raw, IMMATERIAL)
    return None if common is None or not texts else (common, 1 if isinstance(texts, str) else len(texts))


def joined(payloads: Sequence[Payload], surface: OpenAISurface) -> Payload:
    """One request for all their texts, in order. They have `batchable` in common."""
    texts = [text for payload in payloads for text in _inputs(payload)]
    members = _asked(payloads[0].raw)
    members.pop("user", None)
    members["input"] = msgspec.Raw(_encode(texts))
    return surface.parse(Operation.EMBEDDINGS, _encode(members))


def _inputs(payload: Payload) -> list[str]:
    texts = _texts(_asked(payload.raw)["input"])
    return [texts] if isinstance(texts, str) else texts


def split(document: bytes, payloads: Sequence[Payload]) -> list[Part]:
    """Each one's part of the answer. Raises `Unsupported` where it has not a vector for every text."""
    counts = [len(_inputs(payload)) for payload in payloads]
    try:
        answer = _answer(document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unsupported("The answer to a batch of embeddings could not be read.") from error
    rows = sorted(answer.data, key=lambda row: row.index)
    if [row.index for row in rows] != list(range(sum(counts))):
        raise Unsupported(f"{len(rows)} vectors came for a batch of {sum(counts)} texts.")
    shares: list[int | None] = [None] * len(payloads)
    if answer.usage:
        weights = [sum(map(len, _inputs(payload))) + 1 for payload in payloads]
        shares = list(apportioned(answer.usage.prompt_tokens, weights))
    parts, at = [], 0
    for count, tokens in zip(counts, shares, strict=True):
        parts.append(_part(answer, rows[at : at + count], tokens))
        at += count
    return parts


def _part(answer: Answer, rows: list[Vector], tokens: int | None) -> Part:
    data = [Vector(embedding=row.embedding, index=at, object=row.object) for at, row in enumerate(rows)]
    spent = None if tokens is None else Spent(prompt_tokens=tokens, total_tokens=tokens)
    told = _encode(Answer(object=answer.object, data=data, model=answer.model, usage=spent))
    return Part(partial(with_metadata, told), None if tokens is None else Usage(input=tokens))


def apportioned(total: int, weights: Sequence[int]) -> list[int]:
    """Whole numbers in proportion to the weights, that add up to the total (largest remainders)."""
    whole = sum(weights)
    shares = [total * weight // whole for weight in weights]
    short = sorted(range(len(weights)), key=lambda at: -(total * weights[at] % whole))
    for at in short[: total - sum(shares)]:
        shares[at] += 1
    return shares


class EmbeddingsBatching:
    """`pipeline.batch.Batching` for this dialect."""

    def __init__(self, surface: OpenAISurface) -> None:
        self._surface = surface

    def common(self, payload: Payload) -> tuple[bytes, int] | None:
        return batchable(payload)

    def joined(self, payloads: Sequence[Payload]) -> Payload:
        return joined(payloads, self._surface)

    def split(self, document: bytes, payloads: Sequence[Payload]) -> list[Part]:
        return split(document, payloads)
