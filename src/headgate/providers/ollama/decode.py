"""Reading the answers of an Ollama upstream."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from headgate.core.chat import (
    Event,
    Finish,
    FinishReason,
    Logprobs,
    Spent,
    Start,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    ToolCallStart,
)
from headgate.core.embeddings import Embedded
from headgate.core.errors import UpstreamInterrupted, UpstreamUnavailable
from headgate.core.usage import Usage
from headgate.providers import ndjson, strict
from headgate.providers.ollama.refusal import failed
from headgate.providers.ollama.wire import LINE, VECTORS, Alternative, Line, Message, TokenLogprob, ToolCall

NewId = Callable[[], str]

_NOT_DIGIT = re.compile(r"\D")
_GARBAGE = "The upstream's answer is not in the format of its API."
_BROKEN_OFF = "The upstream's answer broke off."


class Answer:
    """Turns the lines of one answer into events; a document is an answer of one line.

    It is complete with `done`; nothing follows that, or an error. A call without an id gets one of `new_id`,
    or, without that, one made from the time of the answer, so that ids stay distinct over the turns of a
    conversation. The API does not tell tokens of thinking from the others: all of them are output.
    """

    __slots__ = ("_calls", "_new_id", "_stem", "ended", "started")

    def __init__(self, new_id: NewId | None) -> None:
        self.started = False
        self.ended = False
        self._new_id = new_id
        self._stem = ""
        self._calls = 0

    def read(self, line: Line) -> list[Event]:
        """Raises `UpstreamUnavailable` for an object that is no piece of an answer."""
        if self.ended:
            return []
        fault = line.fault()
        if fault is not None:
            self.ended = True
            return [failed(fault)]
        if line.message is None and not line.done:
            raise UpstreamUnavailable(_GARBAGE)
        events: list[Event] = []
        if not self.started:
            self.started = True
            self._stem = _NOT_DIGIT.sub("", line.created_at)
            events.append(Start(model=line.model))
        if line.message is not None:
            self._message(line.message, events)
        if line.logprobs:
            events.append(Logprobs(content=tuple(_entry(token) for token in line.logprobs)))
        if line.done:
            self._done(line, events)
        return events

    def end(self) -> None:
        """Raises `UpstreamInterrupted` where the answer is not complete."""
        if not self.ended:
            raise UpstreamInterrupted(_BROKEN_OFF)

    def _message(self, message: Message, events: list[Event]) -> None:
        if message.thinking:
            events.append(ThoughtDelta(text=message.thinking))
        if message.content:
            events.append(TextDelta(message.content))
        for call in message.tool_calls or ():
            self._call(call, events)

    def _call(self, call: ToolCall, events: list[Event]) -> None:
        index = self._calls
        self._calls += 1
        arguments = msgspec.json.format(bytes(call.function.arguments), indent=-1)
        if not arguments.startswith(b"{"):
            raise UpstreamUnavailable(_GARBAGE)
        events.append(ToolCallStart(index=index, id=call.id or self._id(index), name=call.function.name))
        events.append(ToolCallDelta(index=index, arguments=arguments.decode()))

    def _id(self, index: int) -> str:
        if self._new_id is not None:
            return self._new_id()
        return f"call_{self._stem}_{index}" if self._stem else f"call_{index}"

    def _done(self, line: Line, events: list[Event]) -> None:
        """A model that was only loaded has no counts; a count that is missing beside the other is 0."""
        self.ended = True
        if line.prompt_eval_count is not None or line.eval_count is not None:
            usage = Usage(
                input=line.prompt_eval_count or 0,
                output=line.eval_count or 0,
                estimated=line.prompt_eval_count is None,  # it is left out where a kept prompt was used again
            )
            events.append(Spent(usage))
        events.append(Finish(reason=self._reason(line.done_reason)))

    def _reason(self, said: str | None) -> FinishReason:
        """`stop`, `load`, `unload`, or nothing from older servers; only `length` means that more was due."""
        if said == "length":
            return FinishReason.LENGTH
        return FinishReason.TOOL_CALLS if self._calls else FinishReason.STOP


def _entry(said: TokenLogprob) -> dict[str, Any]:
    return {**_plain(said), "top_logprobs": [_plain(other) for other in said.top_logprobs or ()]}


def _plain(said: Alternative) -> dict[str, Any]:
    return {"token": said.token, "logprob": said.logprob, "bytes": said.bytes}


class StreamDecoder:
    """Reads a stream of lines."""

    __slots__ = ("_answer", "_framer")

    def __init__(self, new_id: NewId | None) -> None:
        self._framer = ndjson.LineFramer()
        self._answer = Answer(new_id)

    def feed(self, chunk: bytes) -> Sequence[Event | Embedded]:
        try:
            lines = self._framer.feed(chunk)
        except ndjson.Overlong as error:
            raise UpstreamUnavailable(f"The upstream sent {error}.") from error
        return [event for line in lines for event in self._answer.read(strict.answer(LINE, line))]

    def close(self) -> Sequence[Event | Embedded]:
        events = [event for line in self._framer.close() for event in self._last(line)]
        self._answer.end()
        return events

    def _last(self, line: bytes) -> list[Event]:
        """A line without its end: whole all the same, or the piece of one that was cut."""
        if self._answer.ended:
            return []
        try:
            return self._answer.read(strict.answer(LINE, line))
        except UpstreamUnavailable:
            if self._answer.started or line.startswith(b"{"):
                raise UpstreamInterrupted(_BROKEN_OFF) from None
            raise


class DocumentDecoder:
    """Reads an answer that is one object: nothing until the end, then everything."""

    __slots__ = ("_answer", "_body")

    def __init__(self, new_id: NewId | None) -> None:
        self._body = strict.Gathered()
        self._answer = Answer(new_id)

    def feed(self, chunk: bytes) -> Sequence[Event | Embedded]:
        self._body.feed(chunk)
        return ()

    def close(self) -> Sequence[Event | Embedded]:
        events = self._answer.read(self._body.read(LINE))
        self._answer.end()
        return events


class VectorsDecoder:
    """Reads `/api/embed`."""

    __slots__ = ("_body",)

    def __init__(self) -> None:
        self._body = strict.Gathered()

    def feed(self, chunk: bytes) -> Sequence[Event | Embedded]:
        self._body.feed(chunk)
        return ()

    def close(self) -> Sequence[Event | Embedded]:
        said = self._body.read(VECTORS)
        count = said.prompt_eval_count
        usage = Usage(estimated=True) if count is None else Usage(input=count)
        return (Embedded(vectors=said.embeddings, usage=usage, model=said.model),)
