"""Answers in OpenAI's words, whole: for callers whose upstream speaks another dialect."""

from __future__ import annotations

import base64
import sys
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

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
from headgate.providers.openai.emit import Answering, legacy_logprobs
from headgate.providers.splice import with_metadata

_encode = msgspec.json.Encoder().encode


class _Function(msgspec.Struct):
    name: str
    arguments: str


class _Call(msgspec.Struct):
    id: str
    type: str
    function: _Function
    extra_content: dict[str, dict[str, str]] | UnsetType = UNSET


class _Message(msgspec.Struct):
    role: str
    content: str | None
    refusal: str | None
    reasoning_content: str | UnsetType
    tool_calls: list[_Call] | UnsetType


class _Logprobs(msgspec.Struct):
    content: list[dict[str, Any]]
    refusal: None = None


class _ChatChoice(msgspec.Struct):
    index: int
    message: _Message
    logprobs: _Logprobs | None
    finish_reason: str


class _TextChoice(msgspec.Struct):
    text: str
    index: int
    logprobs: dict[str, list[Any]] | None
    finish_reason: str


class _Answer(msgspec.Struct):
    id: str
    object: str
    created: int
    model: str
    choices: list[_ChatChoice] | list[_TextChoice]
    usage: tokens.Report


class _Choice:
    """What one choice has said so far."""

    __slots__ = ("calls", "finish", "logprobs", "refusal", "text", "thoughts")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.refusal: list[str] = []
        self.thoughts: list[str] = []
        self.calls: dict[int, tuple[ToolCallStart, list[str]]] = {}
        self.logprobs: list[dict[str, Any]] = []
        self.finish = "stop"

    @property
    def chars(self) -> int:
        arguments = [piece for _, pieces in self.calls.values() for piece in pieces]
        return sum(map(len, [*self.text, *self.refusal, *self.thoughts, *arguments]))


class DocumentEmitter(ABC):
    """Gathers an answer (`core.call.Emitter`); a subclass writes its choices."""

    OBJECT = ""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._choices: dict[int, _Choice] = {}
        self._start = Start()
        self._usage: Usage | None = None

    def feed(self, events: Iterable[Event | Embedded]) -> bytes:
        for event in events:
            if isinstance(event, Start):
                self._start = event
            elif isinstance(event, Spent):
                self._usage = event.usage
            else:
                self._gather(event)
        return b""

    def tail(self, metadata: bytes | None) -> bytes:
        answering = self._answering
        if not self._choices:
            self._choices[0] = _Choice()
        answer = _Answer(
            self._start.id or answering.new_id(),
            self.OBJECT,
            answering.created,
            self._start.model or answering.model,
            self._written(),
            tokens.write(self._usage or self._estimate()),
        )
        return with_metadata(_encode(answer), metadata)

    def _gather(self, event: Event | Embedded) -> None:
        match event:
            case TextDelta(text, index):
                self._choice(index).text.append(text)
            case ThoughtDelta(redacted=False):
                self._choice(event.choice).thoughts.append(event.text)
            case RefusalDelta(text, index):
                self._choice(index).refusal.append(text)
            case ToolCallStart():
                self._choice(event.choice).calls[event.index] = (event, [])
            case ToolCallDelta():
                self._choice(event.choice).calls[event.index][1].append(event.arguments)
            case Logprobs():
                self._choice(event.choice).logprobs.extend(event.content)
            case Finish():
                self._choice(event.choice).finish = event.reason.value

    def _choice(self, index: int) -> _Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        return choice

    def _estimate(self) -> Usage:
        chars = sum(choice.chars for choice in self._choices.values())
        return estimate(prompt_chars=self._answering.prompt_chars, output_chars=chars)

    @abstractmethod
    def _written(self) -> list[_ChatChoice] | list[_TextChoice]:
        """The choices as the document has them."""


class ChatDocument(DocumentEmitter):
    """A `chat.completion`. `content` is null only where there is something else instead."""

    OBJECT = "chat.completion"

    def _written(self) -> list[_ChatChoice]:
        return [_chat_choice(index, choice) for index, choice in sorted(self._choices.items())]


def _chat_choice(index: int, choice: _Choice) -> _ChatChoice:
    text, refusal, thoughts = "".join(choice.text), "".join(choice.refusal), "".join(choice.thoughts)
    message = _Message(
        role="assistant",
        content=None if not text and (choice.calls or refusal) else text,
        refusal=refusal or None,
        reasoning_content=thoughts or UNSET,
        tool_calls=[_call(start, pieces) for _, (start, pieces) in sorted(choice.calls.items())] or UNSET,
    )
    return _ChatChoice(index, message, _Logprobs(choice.logprobs) if choice.logprobs else None, choice.finish)


def _call(start: ToolCallStart, pieces: list[str]) -> _Call:
    seal = {"google": {"thought_signature": start.signature}} if start.signature is not None else UNSET
    return _Call(start.id, "function", _Function(start.name, "".join(pieces)), seal)


class CompletionDocument(DocumentEmitter):
    """A `text_completion`. Only what is said has a place there: thoughts and tool calls have none."""

    OBJECT = "text_completion"

    def _written(self) -> list[_TextChoice]:
        return [_text_choice(index, choice) for index, choice in sorted(self._choices.items())]


def _text_choice(index: int, choice: _Choice) -> _TextChoice:
    logprobs = legacy_logprobs(choice.logprobs, 0)[0] if choice.logprobs else None
    finish = "stop" if choice.finish == FinishReason.TOOL_CALLS else choice.finish
    return _TextChoice("".join([*choice.text, *choice.refusal]), index, logprobs, finish)


# ── embeddings ───────────────────────────────────────────────────────────────────────────────────


class _Vector(msgspec.Struct):
    object: str
    index: int
    embedding: tuple[float, ...] | str


class _Vectors(msgspec.Struct):
    object: str
    data: list[_Vector]
    model: str
    usage: tokens.EmbeddingsReport


class EmbeddingsEmitter:
    """A `list` of `embedding`s: numbers, or as OpenAI's own clients ask, base64 of 32-bit floats."""

    def __init__(self, answering: Answering, *, as_base64: bool) -> None:
        self._answering = answering
        self._as_base64 = as_base64
        self._embedded = Embedded(vectors=(), usage=Usage(estimated=True))

    def feed(self, events: Iterable[Event | Embedded]) -> bytes:
        for event in events:
            if isinstance(event, Embedded):
                self._embedded = event
        return b""

    def tail(self, metadata: bytes | None) -> bytes:
        embedded = self._embedded
        write = _packed if self._as_base64 else tuple
        used = embedded.usage
        if used.estimated and not used.total:
            used = estimate(prompt_chars=self._answering.prompt_chars, output_chars=0)
        vectors = _Vectors(
            "list",
            [_Vector("embedding", index, write(vector)) for index, vector in enumerate(embedded.vectors)],
            embedded.model or self._answering.model,
            tokens.write_embeddings(used),
        )
        return with_metadata(_encode(vectors), metadata)


def _packed(vector: tuple[float, ...]) -> str:
    """32-bit floats in little-endian order, as base64."""
    floats = array("f", vector)
    if sys.byteorder == "big":
        floats.byteswap()
    return base64.b64encode(floats).decode()
