"""Several callers' embeddings, or text completions, as one request, and its answer as theirs again.

Numbers are handed on as they were written, never read: vectors have the bits they would have had alone.

Known weakness: a provider counts the tokens of the whole; each caller's part of them is by the length of what
he sent, and together they are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from headgate.core.call import Call, Operation, Payload
from headgate.core.errors import Unsupported
from headgate.core.usage import Usage, apportioned, shared_out
from headgate.providers.openai import usage as usages
from headgate.providers.openai.codec import DIALECT
from headgate.providers.openai.surface import EmbeddingsPayload, OpenAISurface
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
    """One caller's answer, to be told with his metadata (`None`: there is a doubt), and what he used (`None`:
    nobody says)."""

    tail: Callable[[bytes | None], bytes] | None
    usage: Usage | None
    finish: str | None = None


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
    found = surface.parse(Operation.EMBEDDINGS, _encode(members))
    if isinstance(found, EmbeddingsPayload):
        found.several = True
    return found


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


class Choice(msgspec.Struct, kw_only=True):
    """Of a text completion."""

    text: str
    index: int
    logprobs: msgspec.Raw = msgspec.Raw(b"null")
    finish_reason: str | None = None


class Completed(msgspec.Struct, kw_only=True):
    id: str = ""
    object: str = "text_completion"
    created: int = 0
    model: str = ""
    choices: list[Choice]


class _Told(msgspec.Struct, kw_only=True):
    """A part of it, with what is its own."""

    id: str
    object: str
    created: int
    model: str
    choices: list[Choice]
    usage: usages.Report


ALONE = {
    "stream": (b"null", b"false"),
    "stream_options": (b"null",),
    "n": (b"null", b"1"),
    "best_of": (b"null", b"1"),
    "suffix": (b"null", b'""'),
    "echo": (b"null", b"false"),
    "seed": (b"null",),
}
"""A text completion with one of these members goes alone, unless it says the same as without."""
_completed = msgspec.json.Decoder(Completed).decode
_text = msgspec.json.Decoder(str).decode


def completable(payload: Payload) -> tuple[bytes, int] | None:
    """The same of a text completion that asks for one plain text."""
    try:
        members = _asked(payload.raw)
        _text(members["prompt"])
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError):
        return None
    if any(name in members and bytes(members[name]) not in empty for name, empty in ALONE.items()):
        return None
    common = canonical(payload.raw, frozenset({"model", "prompt", "user"}))
    return None if common is None else (b"completion" + common, 1)


def _prompt(payload: Payload) -> str:
    return _text(_asked(payload.raw)["prompt"])


def completions_joined(payloads: Sequence[Payload], surface: OpenAISurface) -> Payload:
    members = _asked(payloads[0].raw)
    members.pop("user", None)
    members["prompt"] = msgspec.Raw(_encode([_prompt(payload) for payload in payloads]))
    return surface.parse(Operation.COMPLETION, _encode(members))


def completions_split(document: bytes, payloads: Sequence[Payload], usage: Usage) -> list[Part]:
    """Each one's choice. Raises `Unsupported` where there is not exactly one for every prompt."""
    try:
        answer = _completed(document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unsupported("The answer to a batch of completions could not be read.") from error
    rows = sorted(answer.choices, key=lambda row: row.index)
    if [row.index for row in rows] != list(range(len(payloads))):
        raise Unsupported(f"{len(rows)} choices came for a batch of {len(payloads)} prompts.")
    shares = shared_out(
        usage, [len(_prompt(payload)) + 1 for payload in payloads], [len(row.text) + 1 for row in rows]
    )
    return [_choice(answer, row, share) for row, share in zip(rows, shares, strict=True)]


def _choice(answer: Completed, row: Choice, share: Usage) -> Part:
    told = _Told(
        id=f"{answer.id}-{row.index}",
        object=answer.object,
        created=answer.created,
        model=answer.model,
        choices=[msgspec.structs.replace(row, index=0)],
        usage=usages.write(share),
    )
    return Part(partial(with_metadata, _encode(told)), share, row.finish_reason)


class TextBatching:
    """`pipeline.batch.Batching` for this dialect's embeddings and text completions; of the latter only where
    every model that may answer `takes` several prompts."""

    def __init__(self, surface: OpenAISurface, takes: Callable[[str], bool]) -> None:
        self._surface = surface
        self._takes = takes

    def common(self, call: Call) -> tuple[bytes, int] | None:
        payload = call.payload
        if payload.operation is Operation.EMBEDDINGS:
            return batchable(payload)
        if payload.operation is not Operation.COMPLETION or payload.dialect != DIALECT:
            return None
        return completable(payload) if all(map(self._takes, call.chain)) else None

    def joined(self, payloads: Sequence[Payload]) -> Payload:
        if payloads[0].operation is Operation.COMPLETION:
            return completions_joined(payloads, self._surface)
        return joined(payloads, self._surface)

    def split(self, document: bytes, payloads: Sequence[Payload], usage: Usage) -> list[Part]:
        if payloads[0].operation is Operation.COMPLETION:
            return completions_split(document, payloads, usage)
        return split(document, payloads)
