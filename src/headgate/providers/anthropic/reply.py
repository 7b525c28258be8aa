"""Answers of the Messages API, streamed or whole, into hub events
(platform.claude.com/docs/en/build-with-claude/streaming)."""

from __future__ import annotations

import msgspec

from headgate.core.chat import (
    Event,
    Finish,
    FinishReason,
    Spent,
    Start,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    ToolCallStart,
)
from headgate.core.errors import UpstreamInterrupted, UpstreamUnavailable
from headgate.core.usage import Usage
from headgate.providers.anthropic.errors import failed, fault_of
from headgate.providers.anthropic.wire import (
    ANSWER,
    KNOWN_DELTAS,
    KNOWN_EVENTS,
    STREAM_EVENT,
    Answer,
    Block,
    BlockDelta,
    BlockStart,
    BlockStop,
    Counts,
    ErrorEvent,
    JsonPiece,
    MessageDelta,
    MessageStart,
    MessageStop,
    SignaturePiece,
    StreamEvent,
    TextPiece,
    ThinkingPiece,
)
from headgate.providers.sse import Framer, Oversize, data_of
from headgate.providers.strict import Gathered

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_FINISH = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "pause_turn": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.CONTENT_FILTER,
}

_FIELDS = (b":", b"event", b"data", b"id", b"retry")


def finish_of(reason: str, sequence: str | None) -> Finish:
    """A stop reason we do not know yet counts as a natural end."""
    return Finish(reason=_FINISH.get(reason, FinishReason.STOP), stop_sequence=sequence)


def usage_of(counts: Counts, before: Usage) -> Usage:
    """`before`, corrected by what is given: counts are totals so far, and a later one replaces an earlier.

    Anthropic's input classes are disjoint already; its output includes the thinking, taken out here
    where the provider says how much it was.
    """
    details = counts.output_tokens_details
    thinking = before.reasoning
    if details is not None and details.thinking_tokens is not None:
        thinking = details.thinking_tokens
    output = _given(counts.output_tokens, before.completion)
    thinking = min(thinking, output)
    return Usage(
        input=_given(counts.input_tokens, before.input),
        cache_read=_given(counts.cache_read_input_tokens, before.cache_read),
        cache_write=_given(counts.cache_creation_input_tokens, before.cache_write),
        output=output - thinking,
        reasoning=thinking,
    )


def _given(count: int | None, before: int) -> int:
    return before if count is None else count


def _arguments(block: Block) -> str:
    """The arguments a tool_use block carries whole, as JSON text; `{}` where it carries none."""
    raw = bytes(block.input)
    return "{}" if raw in (b"", b"null") else raw.decode()


class StreamDecoder:
    """Reads a stream of named events.

    Unknown events, deltas and blocks are passed over, as the API's versioning asks of its clients;
    among them the work of Anthropic's own server tools, which only a relayed request can ask for.
    A tool call whose arguments came whole with its start, or that has none, gets them at its end.
    """

    __slots__ = ("_begun", "_calls", "_done", "_finished", "_framer", "_held", "_usage")

    def __init__(self) -> None:
        self._framer = Framer()
        self._usage = Usage()
        self._calls: dict[int, int] = {}
        self._held: dict[int, str] = {}
        self._begun = False
        self._finished = False
        self._done = False

    def feed(self, chunk: bytes) -> list[Event]:
        out: list[Event] = []
        try:
            for raw in self._framer.feed(chunk):
                self._read(raw, out)
        except Oversize as error:
            raise UpstreamUnavailable(f"The upstream sent {error}.") from error
        return out

    def close(self) -> list[Event]:
        out: list[Event] = []
        try:
            for raw in self._framer.close():
                self._read(raw, out)
        except UpstreamUnavailable:
            pass  # half an event: whether that matters is decided by what came before it
        if not (self._finished or self._done):
            raise UpstreamInterrupted("The upstream's answer broke off.")
        return out

    def _read(self, raw: bytes, out: list[Event]) -> None:
        data = data_of(raw)
        if self._done:
            return
        if data is None:
            if not raw.lstrip(b"\n").startswith(_FIELDS):
                raise UpstreamUnavailable("The upstream's answer is not an event stream.")
            return
        try:
            event = STREAM_EVENT.decode(data)
        except _UNREADABLE as error:
            self._odd(data, error, out)
            return
        if type(event) is BlockDelta:
            self._delta(event, out)
        else:
            self._other(event, out)

    def _odd(self, data: bytes, error: Exception, out: list[Event]) -> None:
        """What does not decode: an error that a proxy put in without its type, or an event of the future."""
        fault = fault_of(data)
        if fault.type or fault.message:
            self._done = True
            out.append(failed(fault))
        elif not _unknown(data):
            raise UpstreamUnavailable("The upstream sent an event that is not of its API.") from error

    def _delta(self, event: BlockDelta, out: list[Event]) -> None:
        piece = event.delta
        if type(piece) is TextPiece:
            if piece.text:
                out.append(TextDelta(piece.text))
        elif type(piece) is JsonPiece:
            call = self._calls.get(event.index)
            if piece.partial_json and call is not None:
                self._held.pop(event.index, None)
                out.append(ToolCallDelta(index=call, arguments=piece.partial_json))
        elif type(piece) is ThinkingPiece:
            if piece.thinking:
                out.append(ThoughtDelta(text=piece.thinking))
        elif type(piece) is SignaturePiece and piece.signature:
            out.append(ThoughtDelta(signature=piece.signature))

    def _other(self, event: StreamEvent, out: list[Event]) -> None:
        match event:
            case MessageStart(message):
                self._start(message, out)
            case BlockStart(index, block):
                self._open(index, block, out)
            case BlockStop(index):
                self._release(index, out)
            case MessageDelta():
                self._end(event, out)
            case MessageStop():
                self._done = True
            case ErrorEvent(fault):
                self._done = True
                out.append(failed(fault))

    def _start(self, message: Answer, out: list[Event]) -> None:
        self._begun = True
        out.append(Start(id=message.id, model=message.model))
        if message.usage is not None:
            self._usage = usage_of(message.usage, self._usage)
            out.append(Spent(self._usage))

    def _open(self, index: int, block: Block, out: list[Event]) -> None:
        if not self._begun:
            self._begun = True
            out.append(Start())
        if block.type == "tool_use":
            call = self._calls[index] = len(self._calls)
            out.append(ToolCallStart(index=call, id=block.id or "", name=block.name or ""))
            self._held[index] = _arguments(block)
        else:
            out.extend(_said(block))

    def _release(self, index: int, out: list[Event]) -> None:
        held = self._held.pop(index, None)
        if held is not None:
            out.append(ToolCallDelta(index=self._calls[index], arguments=held))

    def _end(self, event: MessageDelta, out: list[Event]) -> None:
        reason = event.delta.stop_reason
        if reason is not None and not self._finished:
            for index in sorted(self._held):
                self._release(index, out)
            self._finished = True
            out.append(finish_of(reason, event.delta.stop_sequence))
        if event.usage is not None:
            self._usage = usage_of(event.usage, self._usage)
            out.append(Spent(self._usage))


def _unknown(data: bytes) -> bool:
    """Whether an event that does not decode is merely one from the future."""
    try:
        event = msgspec.json.decode(data)
    except _UNREADABLE:
        return False
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        return False
    if event["type"] not in KNOWN_EVENTS:
        return True
    delta = event.get("delta")
    return (
        event["type"] == "content_block_delta"
        and isinstance(delta, dict)
        and isinstance(delta.get("type"), str)
        and delta["type"] not in KNOWN_DELTAS
    )


def _said(block: Block) -> list[Event]:
    """What a block that is not a tool call carries, as far as the hub has words for it."""
    if block.type == "text" and block.text:
        return [TextDelta(block.text)]
    if block.type == "thinking" and (block.thinking or block.signature):
        return [ThoughtDelta(text=block.thinking or "", signature=block.signature or None)]
    if block.type == "redacted_thinking" and block.data:
        return [ThoughtDelta(text=block.data, redacted=True)]
    return []


class DocumentDecoder:
    """Reads an answer that comes whole: one message, or an error in its place."""

    __slots__ = ("_gathered",)

    def __init__(self) -> None:
        self._gathered = Gathered()

    def feed(self, chunk: bytes) -> list[Event]:
        self._gathered.feed(chunk)
        return []

    def close(self) -> list[Event]:
        answer = self._gathered.read(ANSWER)
        if answer.error is not None:
            return [failed(answer.error)]
        if answer.content is None:
            raise UpstreamUnavailable("The upstream's answer is not in the format of its API.")
        return self._events(answer, answer.content)

    def _events(self, answer: Answer, content: list[Block]) -> list[Event]:
        out: list[Event] = [Start(id=answer.id, model=answer.model)]
        calls = 0
        for block in content:
            if block.type == "tool_use":
                out.append(ToolCallStart(index=calls, id=block.id or "", name=block.name or ""))
                out.append(ToolCallDelta(index=calls, arguments=_arguments(block)))
                calls += 1
            else:
                out.extend(_said(block))
        out.append(finish_of(answer.stop_reason or "end_turn", answer.stop_sequence))
        if answer.usage is not None:
            out.append(Spent(usage_of(answer.usage, Usage())))
        return out
