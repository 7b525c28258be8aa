"""Answers in OpenAI's words, streamed: for callers whose upstream speaks another dialect.

What a stream says again and again (id, date, model) is written once and kept as bytes; an event then costs
one small encoding. The last data event is held back, so that it can carry the metadata. Signatures of
thoughts have no place in this dialect, save Gemini's on tool calls (`extra_content`, as Google has it).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import msgspec

from headgate.core.chat import (
    Event,
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

_encode = msgspec.json.Encoder().encode

_DONE = b"data: [DONE]\n\n"


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


def legacy_logprobs(content: Iterable[dict[str, Any]], offset: int) -> tuple[dict[str, list[Any]], int]:
    """Log probabilities as text completions have them, and the text's length so far (`offset` before)."""
    out: dict[str, list[Any]] = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
    for entry in content:
        token = str(entry.get("token", ""))
        out["tokens"].append(token)
        out["token_logprobs"].append(entry.get("logprob"))
        top = entry.get("top_logprobs") or ()
        out["top_logprobs"].append({str(other.get("token", "")): other.get("logprob") for other in top})
        out["text_offset"].append(offset)
        offset += len(token)
    return out, offset


class StreamEmitter(ABC):
    """Frames of a stream (`core.call.Emitter`); a subclass knows what a choice looks like in a chunk."""

    OBJECT: ClassVar[bytes]
    TEXT: ClassVar[bytes]
    """What comes before the text of a choice, from after its index …"""
    TEXT_END: ClassVar[bytes]
    """… and what after it, up to the next member."""
    NOTHING: ClassVar[bytes]
    """A choice that says nothing."""
    REASONS: ClassVar[dict[FinishReason, bytes]] = {reason: _encode(reason.value) for reason in FinishReason}

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._chars = 0
        self._usage: Usage | None = None
        self._head = b""
        self._texts: dict[int, bytes] = {}
        self._after = b',"usage":null' if answering.include_usage else b""
        self._text_end = self.TEXT_END + b',"logprobs":null,"finish_reason":null}]' + self._after + b"}\n\n"
        self._held = b""

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
            else:
                self._other(event, out)
        return out[0] if len(out) == 1 else b"".join(out)

    def tail(self, metadata: bytes | None) -> bytes:
        """The held chunk, or with `include_usage` the chunk of the usage; then `[DONE]`."""
        out: list[bytes] = []
        self._seen(0, out)
        last = self._held
        if self._answering.include_usage:
            last = self._usage_chunk()
        elif not last and metadata is not None:
            last = self._chunk(0, self.NOTHING)
        if last:
            out.append(with_metadata(last + b"}", metadata) + b"\n\n")
        out.append(_DONE)
        return b"".join(out)

    def _start(self, event: Start, out: list[bytes]) -> None:
        """Writes once what every chunk repeats, and lets the first one leave."""
        if self._head:
            return
        answering = self._answering
        self._head = b'data: {"id":%b,"object":"%b","created":%d,"model":%b,"choices":[' % (
            _encode(event.id or answering.new_id()),
            self.OBJECT,
            answering.created,
            _encode(event.model or answering.model),
        )
        self._seen(0, out)

    def _seen(self, choice: int, out: list[bytes]) -> bytes:
        """What a text chunk of the choice begins with; the choice is introduced where it is new."""
        if not self._head:
            self._start(Start(), out)
        if choice not in self._texts:
            self._texts[choice] = b'%b{"index":%d,%b' % (self._head, choice, self.TEXT)
            self._introduce(choice, out)
        return self._texts[choice]

    def _text(self, text: str, choice: int, out: list[bytes]) -> None:
        self._chars += len(text)
        begin = self._texts.get(choice) or self._seen(choice, out)
        if self._held:
            self._release(out)
        out.append(begin + _encode(text) + self._text_end)

    def _say(self, choice: int, said: bytes, out: list[bytes], logprobs: bytes = b"null") -> None:
        """A chunk of something else than text, now."""
        self._seen(choice, out)
        self._release(out)
        out.append(self._chunk(choice, said, logprobs) + b"}\n\n")

    def _finish(self, event: Finish, out: list[bytes]) -> None:
        """Held back until the next chunk, or the tail; a stream that ends with its usage need not wait."""
        self._seen(event.choice, out)
        self._release(out)
        self._held = self._chunk(event.choice, self.NOTHING, reason=self.REASONS[event.reason])
        if self._answering.include_usage:
            self._release(out)

    def _release(self, out: list[bytes]) -> None:
        if self._held:
            out.append(self._held + b"}\n\n")
            self._held = b""

    def _chunk(self, choice: int, said: bytes, logprobs: bytes = b"null", reason: bytes = b"null") -> bytes:
        """A chunk's frame up to its last brace."""
        return b'%b{"index":%d,%b,"logprobs":%b,"finish_reason":%b}]%b' % (
            self._head,
            choice,
            said,
            logprobs,
            reason,
            self._after,
        )

    def _usage_chunk(self) -> bytes:
        used = self._usage or estimate(prompt_chars=self._answering.prompt_chars, output_chars=self._chars)
        return self._head + b'],"usage":' + _encode(tokens.write(used))

    @abstractmethod
    def _introduce(self, choice: int, out: list[bytes]) -> None:
        """What a choice begins with, where it begins with something."""

    @abstractmethod
    def _other(self, event: Event | Embedded, out: list[bytes]) -> None:
        """Events that only some kinds of answer have a place for."""


class ChatStream(StreamEmitter):
    """`chat.completion.chunk`s. Thoughts are `reasoning_content`, as DeepSeek and vLLM have it."""

    OBJECT = b"chat.completion.chunk"
    TEXT = b'"delta":{"content":'
    TEXT_END = b"}"
    NOTHING = b'"delta":{}'

    def _introduce(self, choice: int, out: list[bytes]) -> None:
        self._say(choice, b'"delta":{"role":"assistant","content":"","refusal":null}', out)

    def _other(self, event: Event | Embedded, out: list[bytes]) -> None:
        match event:
            case ToolCallDelta():
                self._chars += len(event.arguments)
                said = b'"delta":{"tool_calls":[{"index":%d,"function":{"arguments":%b}}]}' % (
                    event.index,
                    _encode(event.arguments),
                )
                self._say(event.choice, said, out)
            case ThoughtDelta(text=text, redacted=False) if text:
                self._chars += len(text)
                self._say(event.choice, b'"delta":{"reasoning_content":%b}' % _encode(text), out)
            case ToolCallStart():
                self._say(event.choice, _call(event), out)
            case RefusalDelta():
                self._chars += len(event.text)
                self._say(event.choice, b'"delta":{"refusal":%b}' % _encode(event.text), out)
            case Logprobs():
                logprobs = b'{"content":%b,"refusal":null}' % _encode(event.content)
                self._say(event.choice, self.NOTHING, out, logprobs)


def _call(event: ToolCallStart) -> bytes:
    """The head of a tool call; its arguments follow."""
    seal = b""
    if event.signature is not None:
        seal = b',"extra_content":{"google":{"thought_signature":%b}}' % _encode(event.signature)
    return (
        b'"delta":{"tool_calls":[{"index":%d,"id":%b,"type":"function",'
        b'"function":{"name":%b,"arguments":""}%b}]}'
    ) % (event.index, _encode(event.id), _encode(event.name), seal)


class CompletionStream(StreamEmitter):
    """`text_completion` chunks. Only what is said has a place there: thoughts and tool calls have none."""

    OBJECT = b"text_completion"
    TEXT = b'"text":'
    TEXT_END = b""
    NOTHING = b'"text":""'
    REASONS: ClassVar = {**StreamEmitter.REASONS, FinishReason.TOOL_CALLS: b'"stop"'}

    def __init__(self, answering: Answering) -> None:
        super().__init__(answering)
        self._offsets: dict[int, int] = {}

    def _introduce(self, choice: int, out: list[bytes]) -> None:
        self._offsets[choice] = 0

    def _other(self, event: Event | Embedded, out: list[bytes]) -> None:
        match event:
            case RefusalDelta():
                self._text(event.text, event.choice, out)
            case ThoughtDelta(redacted=False):
                self._chars += len(event.text)
            case Logprobs():
                offset = self._offsets.get(event.choice, 0)
                logprobs, self._offsets[event.choice] = legacy_logprobs(event.content, offset)
                self._say(event.choice, self.NOTHING, out, _encode(logprobs))
