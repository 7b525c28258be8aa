"""Writing answers as Ollama does: the server's end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
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
from headgate.core.usage import Usage
from headgate.providers import strict

Json = dict[str, Any]

BAD_CALL = "the model's tool call could not be parsed"
_REASONS = {FinishReason.LENGTH: "length"}


class Writer:
    """What both forms of an answer share: its name, its times, and what is kept for the last object.

    `wall` is the time of day in seconds since the epoch; durations are nanoseconds between its readings.
    """

    def __init__(self, *, wall: Callable[[], float], model: str) -> None:
        self.model = model
        self.fault: str | None = None
        self._wall = wall
        self._asked_at = wall()
        self._first_at: float | None = None
        self._calls: dict[int, tuple[ToolCallStart, list[str]]] = {}
        self._reason = FinishReason.STOP
        self._usage: Usage | None = None

    def write(self, event: Event | Embedded) -> Json | None:
        """The message this event adds, if any. Calls are kept for the end: by then they are whole."""
        if self._first_at is None and not isinstance(event, Start):
            self._first_at = self._wall()
        match event:
            case TextDelta(text) | RefusalDelta(text):
                return {"message": _message(text)}
            case ThoughtDelta():
                return {"message": {**_message(""), "thinking": event.text}} if event.text else None
            case Logprobs():
                return {"message": _message(""), "logprobs": list(event.content)}
            case _:
                self._note(event)
        return None

    def _note(self, event: Event | Embedded) -> None:
        match event:
            case Start():
                self.model = event.model or self.model
            case ToolCallStart():
                self._calls[event.index] = (event, [])
            case ToolCallDelta():
                self._calls[event.index][1].append(event.arguments)
            case Finish():
                self._reason = event.reason
            case Spent(usage):
                self._usage = usage
            case Failed():
                self.fault = event.message

    def calls(self) -> list[Json]:
        """The calls, whole. Arguments that are no JSON object make the answer a failure, as they do there."""
        calls = []
        for index, (start, pieces) in sorted(self._calls.items()):
            arguments = "".join(pieces).strip() or "{}"
            if strict.members(arguments) is None:
                self.fault = BAD_CALL
                arguments = "{}"
            function = {"index": index, "name": start.name, "arguments": msgspec.Raw(arguments)}
            named = {"id": start.id} if start.id else {}
            calls.append({**named, "function": function})
        return calls

    def object(self, content: Json, *, done: bool) -> Json:
        return {"model": self.model, "created_at": _moment(self._wall()), **content, "done": done}

    def last(self, message: Json, metadata: bytes | None) -> Json:
        """The object that ends an answer."""
        now = self._wall()
        first = now if self._first_at is None else self._first_at
        usage = self._usage or Usage()
        return {
            **self.object({"message": message}, done=True),
            "done_reason": _REASONS.get(self._reason, "stop"),
            "total_duration": _nanoseconds(now - self._asked_at),
            "load_duration": 0,
            "prompt_eval_count": usage.prompt,
            "prompt_eval_duration": _nanoseconds(first - self._asked_at),
            "eval_count": usage.completion,
            "eval_duration": _nanoseconds(now - first),
            **_member(metadata),
        }


class StreamEmitter:
    """`core.call.Emitter` for a stream: one object a line. An error is the last of them."""

    def __init__(self, *, wall: Callable[[], float], model: str) -> None:
        self._writer = Writer(wall=wall, model=model)
        self._failed = False

    def feed(self, events: Iterable[Event | Embedded]) -> bytes:
        return b"".join(self._line(event) for event in events)

    def _line(self, event: Event | Embedded) -> bytes:
        content = self._writer.write(event)
        if isinstance(event, Failed):
            self._failed = True
            return line({"error": event.message})
        return b"" if content is None else line(self._writer.object(content, done=False))

    def tail(self, metadata: bytes | None) -> bytes:
        calls = self._writer.calls()
        if self._failed:
            return b""
        if self._writer.fault is not None:
            return line({"error": self._writer.fault})
        message = {**_message(""), "tool_calls": calls}
        called = line(self._writer.object({"message": message}, done=False)) if calls else b""
        return called + line(self._writer.last(_message(""), metadata))


class DocumentEmitter:
    """`core.call.Emitter` for an answer that is one object."""

    def __init__(self, *, wall: Callable[[], float], model: str) -> None:
        self._writer = Writer(wall=wall, model=model)
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._logprobs: list[Json] = []

    def feed(self, events: Iterable[Event | Embedded]) -> bytes:
        for event in events:
            content = self._writer.write(event)
            if content is not None:
                self._text.append(content["message"]["content"])
                self._thinking.append(content["message"].get("thinking", ""))
                self._logprobs += content.get("logprobs", ())
        return b""

    def tail(self, metadata: bytes | None) -> bytes:
        message = _message("".join(self._text))
        thinking, calls = "".join(self._thinking), self._writer.calls()
        if self._writer.fault is not None:
            return msgspec.json.encode({"error": self._writer.fault})
        if thinking:
            message["thinking"] = thinking
        if calls:
            message["tool_calls"] = calls
        whole = self._writer.last(message, metadata)
        if self._logprobs:
            whole["logprobs"] = self._logprobs
        return msgspec.json.encode(whole)


class VectorsEmitter:
    """`core.call.Emitter` for `/api/embed`."""

    def __init__(self, *, wall: Callable[[], float], model: str) -> None:
        self._wall = wall
        self._asked_at = wall()
        self._answer = Embedded(vectors=(), usage=Usage(), model=model)

    def feed(self, events: Iterable[Event | Embedded]) -> bytes:
        for event in events:
            if isinstance(event, Embedded):
                model = event.model or self._answer.model
                self._answer = Embedded(vectors=event.vectors, usage=event.usage, model=model)
        return b""

    def tail(self, metadata: bytes | None) -> bytes:
        return msgspec.json.encode(
            {
                "model": self._answer.model,
                "embeddings": self._answer.vectors,
                "total_duration": _nanoseconds(self._wall() - self._asked_at),
                "load_duration": 0,
                "prompt_eval_count": self._answer.usage.prompt,
                **_member(metadata),
            }
        )


def line(content: Json) -> bytes:
    return msgspec.json.encode(content) + b"\n"


def _message(content: str) -> Json:
    return {"role": "assistant", "content": content}


def _member(metadata: bytes | None) -> Json:
    return {} if metadata is None else {"x-routing-metadata": msgspec.Raw(metadata)}


def _moment(wall: float) -> str:
    """RFC 3339 in UTC, microseconds included."""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _nanoseconds(seconds: float) -> int:
    return max(0, round(seconds * 1e9))
