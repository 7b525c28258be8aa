"""OpenAI's answers as the hub's events: streams, documents and embeddings."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable, Sequence

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
)
from headgate.core.embeddings import Embedded
from headgate.core.errors import UpstreamError, UpstreamInterrupted, UpstreamUnavailable
from headgate.core.usage import Usage
from headgate.providers.openai import errors, usage, wire
from headgate.providers.openai.calls import ToolCalls
from headgate.providers.sse import Framer, Oversize, data_of
from headgate.providers.strict import MAX_DOCUMENT_BYTES

_FINISH = {
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,  # Mistral
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
}
"""Why a choice ended; every other word (`stop`, `eos`, `abort` …) is STOP."""

_SEED_CHARS = 24
"""So much of an answer's id goes into the ids of its calls that have none."""

_answer = msgspec.json.Decoder(wire.Answer)
_uncounted_answer = msgspec.json.Decoder(wire.UncountedAnswer)
_vectors = msgspec.json.Decoder(wire.VectorList)
_FIELDS = (b":", b"event:", b"id:", b"retry:", b"data:")


def not_of_dialect(cause: Exception | None = None) -> UpstreamUnavailable:
    error = UpstreamUnavailable("The upstream's answer is not of the dialect 'openai'.")
    error.__cause__ = cause
    return error


def usage_of(report: wire.UsageReport) -> Usage | None:
    """A usage report in disjoint classes; `None` where it reports nothing."""
    return usage.read(report)


def failed(error: msgspec.Raw) -> Failed:
    """The member `error` of an answer or a chunk, as an event."""
    return errors.failure(errors.read(b'{"error":' + bytes(error) + b"}") or errors.Said())


def _present(raw: msgspec.Raw) -> bool:
    return bool(raw) and bytes(raw) not in (b"null", b"{}", b'""', b"false")


def _read(data: bytes) -> wire.Answer:
    try:
        return _answer.decode(data)
    except msgspec.ValidationError as error:
        return _uncounted(data, error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _mended(data, error)


def _uncounted(data: bytes, cause: msgspec.ValidationError) -> wire.Answer:
    """Reads what is sound but for its report of tokens."""
    if not usage.unfit(cause):
        raise not_of_dialect(cause) from None
    try:
        answer = _uncounted_answer.decode(data)
    except msgspec.ValidationError as error:
        raise not_of_dialect(error) from None
    answer.usage = None
    return answer


def _mended(data: bytes, cause: Exception) -> wire.Answer:
    """Reads what holds half a surrogate pair or broken UTF-8: servers cut text in the middle of an emoji."""
    try:
        value = json.loads(data.decode("utf-8", "replace"))
        return _answer.decode(msgspec.json.encode(_sound(value)))
    except (ValueError, RecursionError, msgspec.DecodeError):
        raise not_of_dialect(cause) from None


def _sound(value: object) -> object:
    """The value with U+FFFD for every half of a surrogate pair."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_sound(name): _sound(child) for name, child in value.items()}
    return [_sound(child) for child in value] if isinstance(value, list) else value


class _Reader:
    """Turns answers into events: what a stream's chunks and a whole document have in common."""

    def __init__(self) -> None:
        self.begun = False
        self.failed = False
        self._calls: dict[int, ToolCalls] = {}
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self._seed = ""

    @property
    def finished(self) -> bool:
        """Whether every choice that was seen has ended, and at least one was."""
        return bool(self._finished) and self._open <= self._finished

    def read(self, answer: wire.Answer, data: bytes, out: list[Event]) -> None:
        """Adds what one answer says to `out`."""
        if _present(answer.error):
            self._fail(failed(answer.error), out)
            return
        if not answer.choices and answer.usage is None and answer.x_groq is None:
            self._odd(answer, data, out)
            return
        if not self.begun:
            self._begin(answer, out)
        for choice in answer.choices or ():
            self._choice(choice, out)
        if answer.usage is not None or answer.x_groq is not None:
            self._spent(answer.usage or (answer.x_groq.usage if answer.x_groq else None), out)

    def complete(self, out: list[Event]) -> None:
        """The answer is whole: ends the choices that did not say why they ended."""
        for choice in sorted(self._open - self._finished):
            self._finish(choice, "stop", out)

    def _begin(self, answer: wire.Answer, out: list[Event]) -> None:
        self.begun = True
        self._seed = "".join(c for c in answer.id or "" if c.isascii() and c.isalnum())[-_SEED_CHARS:]
        out.append(Start(id=answer.id or None, model=answer.model or None))

    def _odd(self, answer: wire.Answer, data: bytes, out: list[Event]) -> None:
        """An error in another wrapping, a head without choices (Azure), or garbage.

        Garbage is an answer of another kind where nothing came before, and passed over where something did.
        """
        said = errors.read(data) if answer.choices is None else None
        if said is not None:
            self._fail(errors.failure(said), out)
        elif answer.choices is None and not self.begun:
            raise not_of_dialect()

    def _fail(self, event: Failed, out: list[Event]) -> None:
        self.failed = True
        out.append(event)

    def _spent(self, report: wire.UsageReport | None, out: list[Event]) -> None:
        spent = usage.read(report)
        if spent is not None:
            out.append(Spent(spent))

    def _choice(self, choice: wire.Choice, out: list[Event]) -> None:
        index = choice.index or 0
        self._open.add(index)
        delta = choice.delta or choice.message
        if delta is not None:
            self._said(delta, index, out, whole=choice.message is not None)
        elif choice.text:
            out.append(TextDelta(choice.text, index))
        if choice.logprobs is not None and choice.logprobs.content:
            out.append(Logprobs(content=tuple(choice.logprobs.content), choice=index))
        if choice.usage is not None:
            self._spent(choice.usage, out)
        if _present(choice.error):
            self._fail(failed(choice.error), out)
        elif choice.finish_reason:
            self._finish(index, choice.finish_reason, out)

    def _said(self, delta: wire.Delta, index: int, out: list[Event], *, whole: bool) -> None:
        thought = delta.reasoning_content or delta.reasoning
        if thought:
            out.append(ThoughtDelta(text=thought, choice=index))
        content = delta.content
        if content:
            if isinstance(content, str):
                out.append(TextDelta(content, index))
            else:
                out.extend(_pieces(content, index))
        if delta.refusal:
            out.append(RefusalDelta(delta.refusal, index))
        if delta.tool_calls or delta.function_call:
            self._called(delta, index, out, whole=whole)

    def _called(self, delta: wire.Delta, index: int, out: list[Event], *, whole: bool) -> None:
        calls = self._calls.get(index)
        if calls is None:
            calls = self._calls[index] = ToolCalls(index, self._seed)
        for place, piece in enumerate(delta.tool_calls or ()):
            calls.feed(piece, place if whole else piece.index, out)
        if delta.function_call is not None:
            calls.feed(wire.ToolCall(function=delta.function_call), None, out)

    def _finish(self, index: int, word: str, out: list[Event]) -> None:
        """One end a choice, whatever the server repeats. An end with calls is TOOL_CALLS: some say `stop`."""
        if index in self._finished:
            return
        self._finished.add(index)
        reason = _FINISH.get(word, FinishReason.STOP)
        calls = self._calls.get(index)
        if calls is not None and calls.close(out) and reason is FinishReason.STOP:
            reason = FinishReason.TOOL_CALLS
        out.append(Finish(reason=reason, choice=index))


def _pieces(content: Iterable[wire.Piece], index: int) -> Iterable[Event]:
    for piece in content:
        if piece.thinking:
            text = piece.thinking if isinstance(piece.thinking, str) else _plain(piece.thinking)
            yield ThoughtDelta(text=text, choice=index)
        if piece.text:
            yield TextDelta(piece.text, index)


def _plain(pieces: Iterable[wire.Piece]) -> str:
    return "".join(piece.text or "" for piece in pieces)


# ── decoders ─────────────────────────────────────────────────────────────────────────────────────


class StreamDecoder:
    """A streamed answer. Complete with `[DONE]`, or once every choice has finished."""

    def __init__(self) -> None:
        self._framer = Framer()
        self._reader = _Reader()
        self._done = False

    def feed(self, chunk: bytes) -> Sequence[Event]:
        try:
            return self._events(self._framer.feed(chunk))
        except Oversize as error:
            raise not_of_dialect(error) from error

    def close(self) -> Sequence[Event]:
        reader = self._reader
        try:
            out = self._events(self._framer.close())
        except UpstreamError as error:
            if not reader.begun:
                raise
            if not reader.finished:
                raise UpstreamInterrupted("The upstream's answer broke off.") from error
            return ()  # half of an event after the last that matters
        if not reader.begun and not reader.failed:
            raise not_of_dialect()
        if not (self._done or reader.failed or reader.finished):
            raise UpstreamInterrupted("The upstream's answer broke off.")
        return out

    def _events(self, frames: Iterable[bytes]) -> list[Event]:
        out: list[Event] = []
        reader = self._reader
        for frame in frames:
            data = data_of(frame)
            if self._done or reader.failed:
                break
            if data is None:
                self._dataless(frame, out)
            elif data[:6] == b"[DONE]":
                self._done = True
                reader.complete(out)
            elif data:
                reader.read(_read(data), data, out)
        return out

    def _dataless(self, frame: bytes, out: list[Event]) -> None:
        """A comment, an empty event; or a server that answers with a document after all."""
        text = frame.strip()
        if text.startswith(b"{") and not self._reader.begun:
            self._reader.read(_read(text), text, out)
            self._reader.complete(out)
        elif text and not text.startswith(_FIELDS):
            raise not_of_dialect()


class _Whole:
    """A body that is read when it ends."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Sequence[Event | Embedded]:
        self._size += len(chunk)
        if self._size > MAX_DOCUMENT_BYTES:
            raise not_of_dialect()
        self._pieces.append(chunk)
        return ()

    def _body(self) -> bytes:
        return b"".join(self._pieces).removeprefix(b"\xef\xbb\xbf").strip()


class DocumentDecoder(_Whole):
    """A whole answer: its events come when it ends."""

    def close(self) -> Sequence[Event]:
        body = self._body()
        if body.startswith(_FIELDS):
            return _streamed_after_all(body)
        reader = _Reader()
        out: list[Event] = []
        try:
            reader.read(_read(body), body, out)
        except UpstreamUnavailable as error:
            if body.startswith(b"{") and not body.endswith(b"}"):
                raise UpstreamInterrupted("The upstream's answer broke off.") from error
            raise
        reader.complete(out)
        if not reader.finished and not reader.failed:
            raise not_of_dialect()
        return out


def _streamed_after_all(body: bytes) -> Sequence[Event]:
    """Some servers stream whatever was asked for."""
    decoder = StreamDecoder()
    return [*decoder.feed(body), *decoder.close()]


class EmbeddingsDecoder(_Whole):
    """A list of vectors: one event when it ends. Usage is flagged as estimated where none is reported."""

    def close(self) -> Sequence[Event | Embedded]:
        body = self._body()
        try:
            found = _vectors.decode(body)
            rows = sorted(found.data or (), key=lambda row: row.index or 0)
            vectors = tuple([_vector(row) for row in rows])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, struct.error) as error:
            raise not_of_dialect(error) from error
        if _present(found.error) or not vectors:
            said = errors.read(body)
            if said is None:
                raise not_of_dialect()
            return (errors.failure(said),)
        spent = (usage_of(found.usage) if found.usage else None) or Usage(estimated=True)
        return (Embedded(vectors=vectors, usage=spent, model=found.model or None),)


def _vector(row: wire.Vector) -> tuple[float, ...]:
    """The numbers, or the base64 of 32-bit floats in little-endian order."""
    if not isinstance(row.embedding, str):
        return row.embedding
    data = base64.b64decode(row.embedding, validate=True)
    return struct.unpack(f"<{len(data) // 4}f", data)
