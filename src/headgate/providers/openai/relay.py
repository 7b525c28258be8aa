"""OpenAI's dialect on both sides: bytes are relayed and only observed, never decoded and encoded again.

A request goes out with its model replaced and the provider's rules applied. A stream's events pass one by
one as they came, each glanced at for usage and finish; an event that finishes a choice is held until the
next, so that the last data event before `[DONE]` can carry the metadata.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

import msgspec

from headgate.core.call import Operation, Payload, Seen
from headgate.core.errors import UpstreamError, UpstreamInterrupted, UpstreamUnavailable
from headgate.core.usage import CHARS_PER_TOKEN, believable
from headgate.ports.codec import Exchange
from headgate.ports.transport import Outgoing
from headgate.providers.exchange import Relay, complete_vectors, failure, wanted
from headgate.providers.openai import usage
from headgate.providers.openai.reply import failed
from headgate.providers.openai.wire import UsageReport
from headgate.providers.spec import Rules
from headgate.providers.splice import Rewrite, with_metadata
from headgate.providers.sse import Framer, Oversize, data_of, frame

_DONE = b"[DONE]"
_EMBEDDINGS = Operation.EMBEDDINGS
_PATHS = {
    Operation.CHAT: "/chat/completions",
    Operation.COMPLETION: "/completions",
    Operation.EMBEDDINGS: "/embeddings",
}


class _Said(msgspec.Struct, gc=False):
    content: Any = None
    reasoning_content: str | None = None
    reasoning: Any = None
    refusal: str | None = None
    tool_calls: msgspec.Raw = msgspec.Raw()


class _Choice(msgspec.Struct, gc=False):
    delta: _Said | None = None
    message: _Said | None = None
    text: str | None = None
    finish_reason: str | None = None


class _Glance(msgspec.Struct, gc=False):
    """As much of a chunk or a document as a gateway must know."""

    model: str | None = None
    choices: list[_Choice] | None = None
    data: list[msgspec.Raw] | None = None
    usage: UsageReport | None = None
    error: msgspec.Raw = msgspec.Raw()


class _Uncounted(_Glance, gc=False):
    """Of one whose report of tokens cannot be read."""

    usage: Any = None


_DECLINES = re.compile(rb'"refusal":\s*"')
"""In what the model says it would be written with backslashes."""

_glance = msgspec.json.Decoder(_Glance).decode
_uncounted = msgspec.json.Decoder(_Uncounted).decode


class AsksForUsage(Protocol):
    """What a relay must know of an OpenAI payload beyond the port."""

    @property
    def include_usage(self) -> bool: ...


def relay(*, model: str, rules: Rules, completions: bool) -> Relay:
    """The relay towards `model`. Without `completions` the provider has no such endpoint: those are
    translated to chat."""
    more = {"stream_options": {"include_usage": True}} if rules.stream_usage else {}
    rewrite = Rewrite(model=model, rules=rules, put=more)

    def open_(payload: Payload) -> Exchange | None:
        if not completions and payload.operation is Operation.COMPLETION:
            return None
        stream = payload.stream
        outgoing = Outgoing(_PATHS[payload.operation], rewrite(payload.raw, put=stream))
        return StreamRelay(payload, outgoing) if stream else DocumentRelay(payload, outgoing)

    return open_


def _read(data: bytes) -> _Glance:
    try:
        try:
            return _glance(data)
        except msgspec.ValidationError as error:
            if not usage.unfit(error):
                raise
            glance = _uncounted(data)
            glance.usage = None
            return glance
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamUnavailable("The upstream's answer is not of its dialect.") from error


def _note(seen: Seen, glance: _Glance) -> bool:
    """Keeps the books; tells whether a choice has finished."""
    if glance.error and bytes(glance.error) != b"null":
        raise _error(glance, begun=seen.started)
    seen.started = True
    seen.model = seen.model or glance.model
    counted = None
    if glance.usage is not None:
        seen.usage = counted = believable(usage.read(glance.usage))
    finished = False
    for choice in glance.choices or ():
        if counted is None:
            seen.output_chars += _chars(choice)
        if choice.finish_reason:
            seen.finish = choice.finish_reason
            finished = True
        said = choice.delta or choice.message
        if said is not None and said.refusal:
            seen.keepable = False
    return finished


def _error(glance: _Glance, *, begun: bool) -> UpstreamError:
    return failure(failed(glance.error), begun=begun)


def _chars(choice: _Choice) -> int:
    said = choice.delta or choice.message
    if said is None:
        return len(choice.text or "")
    texts = (said.content, said.reasoning_content, said.reasoning)
    return sum(len(text) for text in texts if isinstance(text, str)) + len(bytes(said.tool_calls))


class StreamRelay:
    """A streamed answer, relayed."""

    stream = True

    def __init__(self, payload: Payload, outgoing: Outgoing) -> None:
        self.outgoing = outgoing
        self.seen = Seen(len(payload.raw))
        self._wants_usage = bool(getattr(payload, "include_usage", False))
        self._framer = Framer()
        self._held = b""
        self._done = False
        self._overhead = 0

    def feed(self, chunk: bytes) -> bytes:
        if self._plain(chunk):
            self.seen.output_chars += max(CHARS_PER_TOKEN, len(chunk) - self._overhead)
            return chunk
        try:
            events = self._framer.feed(chunk)
        except Oversize as error:
            raise UpstreamUnavailable("The upstream's answer is not of its dialect.") from error
        if len(events) == 1:
            return self._pass(events[0])
        return b"".join([self._pass(event) for event in events])

    def close(self) -> bytes:
        out = b"".join([self._pass(event) for event in self._framer.close()])
        if not self._done and self.seen.finish is None:
            raise UpstreamInterrupted("The upstream broke off in the middle of its answer.")
        if self.seen.tape is not None and _DECLINES.search(b"".join(self.seen.tape.pieces)):
            self.seen.keepable = False  # of events that are told at sight nobody has read this
        return out

    def tail(self, metadata: bytes | None) -> bytes:
        done = frame(_DONE)
        if metadata is None:
            return self._held + done
        last = data_of(self._held) or b'{"object":"chat.completion.chunk","choices":[]}'
        last = last.replace(b"\n", b" ")  # an event may spread its JSON over several lines
        return frame(with_metadata(last, metadata)) + done

    def _plain(self, chunk: bytes) -> bool:
        """Whether this is one event in the middle of an answer, told at sight: it says that no choice has
        finished, and neither usage nor error. Most events are; reading them would cost more than the rest of
        their way. What they say is estimated by their length, for a provider that reports no usage."""
        return (
            self.seen.started
            and not self._held
            and not self._framer.rest
            and chunk.startswith(b"data:")
            and chunk.endswith(b"\n\n")
            and chunk.count(b"\n") == 2
            and chunk.count(b'"finish_reason"') == chunk.count(b'"finish_reason":null') == 1
            and chunk.count(b'"usage"') == chunk.count(b'"usage":null')
            and b'"error"' not in chunk
        )

    def _pass(self, event: bytes) -> bytes:
        """What may leave because of this event: it, the one held before it, both or neither."""
        data = data_of(event)
        if data is None:
            return event
        if data == _DONE:
            self._done = self.seen.complete = True
            return b""
        glance, before = _read(data), self.seen.output_chars
        finished = _note(self.seen, glance)
        self._overhead = len(event) - (self.seen.output_chars - before)
        is_usage = glance.usage is not None and not glance.choices
        if is_usage and not self._wants_usage:
            return b""
        held, self._held = self._held, b""
        if finished or is_usage:
            self._held = event
            return held
        return held + event if held else event


class DocumentRelay:
    """A non-streamed answer, relayed."""

    stream = False

    def __init__(self, payload: Payload, outgoing: Outgoing) -> None:
        self.outgoing = outgoing
        self.seen = Seen(len(payload.raw))
        self._operation = payload.operation
        self._vectors = wanted(payload)
        self._document = b""

    def feed(self, chunk: bytes) -> bytes:
        self._document = self._document + chunk if self._document else chunk
        return b""

    def close(self) -> bytes:
        glance = _read(self._document)
        _note(self.seen, glance)
        complete = glance.data is not None if self._operation is _EMBEDDINGS else bool(glance.choices)
        if not complete:
            raise UpstreamUnavailable("The upstream's answer is not of its dialect.")
        if self._vectors is not None:
            complete_vectors(len(glance.data or ()), self._vectors)
        return b""

    def tail(self, metadata: bytes | None) -> bytes:
        return with_metadata(self._document, metadata)
