"""Answers in OpenAI's words, streamed: for callers whose upstream speaks another dialect.

What a stream says again and again (id, date, model) is written once and kept as bytes; an event then costs
one small encoding. The last data event is held back, so that it can carry the metadata. Signatures of
thoughts have no place in this dialect, save Gemini's on tool calls (`extra_content`, as Google has it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from headgate.core.chat import (
    Event,
    Failed,
    Finish,
    FinishReason,
    Logprobs,
    RefusalDelta,
    Spent,
    Start,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    ToolCallStart,
)
from headgate.core.embeddings import Embedded
from headgate.core.usage import Usage, estimate
from headgate.providers.openai import usage as tokens
from headgate.providers.splice import with_metadata
from headgate.providers.sse import frame

_encode = msgspec.json.Encoder().encode

_DONE = b"data: [DONE]\n\n"
_REASONS = {reason: _encode(reason.value) for reason in FinishReason}


class Answering(msgspec.Struct, frozen=True, kw_only=True):
    """What an emitter must know besides the events.

    `model` is what was asked for, shown where the upstream does not say what served; `created` is seconds
    since the epoch; `new_id` gives the id of an answer that came without one; `prompt_chars` is for the
    estimate of usage where none was reported.
    """

    model: str
    created: int
    new_id: Callable[[], str]
    prompt_chars: int
    include_usage: bool = False


def legacy_logprobs(content: Iterable[dict[str, Any]], offset: int) -> dict[str, list[Any]]:
    """Log probabilities as text completions have them; `offset` is the length of the text before."""
    out: dict[str, list[Any]] = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
    for entry in content:
        token = str(entry.get("token", ""))
        out["tokens"].append(token)
        out["token_logprobs"].append(entry.get("logprob"))
        top = entry.get("top_logprobs") or ()
        out["top_logprobs"].append({str(other.get("token", "")): other.get("logprob") for other in top})
        out["text_offset"].append(offset)
        offset += len(token)
    return out


class StreamEmitter:
    """Frames of a stream (`core.call.Emitter`); its subclasses know what a chunk looks like."""

    OBJECT = b""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._chars = 0
        self._usage: Usage | None = None
        self._head = b""
        self._heads: dict[int, bytes] = {}
        self._held = b""
        self._end = b"}\n\n"
        self._tail = b""

    def feed(self, events: Iterable[Event | Embedded]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if type(event) is TextDelta:
                self._text(event.text, event.choice, out)
            elif type(event) is Start:
                self._start(event, out)
            elif type(event) is Finish:
                self._finish(event, out)
            elif type(event) is Spent:
                self._usage = event.usage
            elif not isinstance(event, Failed | Embedded):
                self._other(event, out)
        return out[0] if len(out) == 1 else b"".join(out)

    def tail(self, metadata: bytes | None) -> bytes:
        """The held chunk, or with `include_usage` the chunk of the usage; then `[DONE]`."""
        out: list[bytes] = []
        if not self._head:
            self._start(Start(), out)
        last = self._held
        if self._answering.include_usage:
            self._release(out)
            last = self._usage_chunk()
        elif not last and metadata is not None:
            last = self._head + self._nothing()
        if last:
            out.append(frame(with_metadata(last + b"}", metadata)))
        out.append(_DONE)
        return b"".join(out)

    def _usage_chunk(self) -> bytes:
        used = self._usage or estimate(prompt_chars=self._answering.prompt_chars, output_chars=self._chars)
        return self._head + b'[],"usage":' + _encode(tokens.write(used))
