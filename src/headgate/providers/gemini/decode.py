"""Reading the answers of a Gemini upstream."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

import msgspec

from headgate.core.chat import (
    Event,
    Failed,
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
from headgate.providers import sse, strict
from headgate.providers.gemini.refusal import failed
from headgate.providers.gemini.wire import (
    CHUNK,
    CHUNKS,
    VECTORS,
    Candidate,
    Chunk,
    FunctionCall,
    LogprobsResult,
    Part,
    TokenLogprob,
    UsageMetadata,
)
from headgate.providers.scrub import scrub

NewId = Callable[[], str]

REASONS = {
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    **dict.fromkeys(
        (
            "SAFETY",
            "RECITATION",
            "LANGUAGE",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT",
            "IMAGE_RECITATION",
        ),
        FinishReason.CONTENT_FILTER,
    ),
}
"""Why a candidate is complete. What is not in here (OTHER, and words to come) counts as STOP."""

BROKEN = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "TOO_MANY_TOOL_CALLS",
        "UNEXPECTED_TOOL_CALL",
    }
)
"""Reasons that leave no usable answer: the model tried a tool call and failed at it. They are failures of
the upstream: before the first event somebody else is asked, and an empty answer is never a success."""

_QUIET = (b":", b"event:", b"id:", b"retry:")
_NOT_ID = re.compile(r"[^A-Za-z0-9_-]")


class Answer:
    """Turns the chunks of one answer into events: those of a stream as they come, a document as one.

    A candidate's finish is held back until the end of the answer, for it may be said more than once (older
    models say STOP in every chunk), and a tool call after it makes it another. Usage grows from chunk to
    chunk and is passed on when it has changed. A call without an id gets one of `new_id`, or, without that,
    one made from the answer's own id, so that ids stay distinct over the turns of a conversation.
    """

    __slots__ = ("_calls", "_finishes", "_new_id", "_open", "_stem", "_usage", "failed", "started")

    def __init__(self, new_id: NewId | None) -> None:
        self.started = False
        self.failed = False
        self._new_id = new_id
        self._stem = ""
        self._usage: UsageMetadata | None = None
        self._open: set[int] = set()
        self._calls: dict[int, int] = {}
        self._finishes: dict[int, FinishReason] = {}

    def read(self, chunk: Chunk) -> list[Event]:
        """Nothing follows a `Failed`. Raises `UpstreamUnavailable` for what is no piece of an answer."""
        if self.failed:
            return []
        if chunk.error is not None:
            self.failed = True
            return [failed(chunk.error)]
        if not (chunk.candidates or chunk.usage_metadata or chunk.prompt_feedback or chunk.response_id):
            raise UpstreamUnavailable("The upstream's answer is not in the format of its API.")
        events: list[Event] = []
        if not self.started:
            self._stem = _NOT_ID.sub("", chunk.response_id or "")
            events.append(Start(id=chunk.response_id, model=chunk.model_version))
        for candidate in chunk.candidates:
            self._candidate(candidate, events)
        if chunk.prompt_feedback and chunk.prompt_feedback.block_reason and not chunk.candidates:
            self._finishes[0] = FinishReason.CONTENT_FILTER
        if chunk.usage_metadata is not None and chunk.usage_metadata != self._usage:
            self._usage = chunk.usage_metadata
            events.append(Spent(_usage(self._usage)))
        return self._checked(events)

    def end(self) -> list[Event]:
        """The finishes. Raises `UpstreamInterrupted` where a candidate has none."""
        if self.failed:
            return []
        if not self.complete:
            raise UpstreamInterrupted("The upstream's answer broke off.")
        return [
            Finish(reason=self._reason(choice, reason), choice=choice)
            for choice, reason in sorted(self._finishes.items())
        ]

    @property
    def complete(self) -> bool:
        return bool(self._finishes) and not self._open - self._finishes.keys()

    def _reason(self, choice: int, reason: FinishReason) -> FinishReason:
        called = reason is FinishReason.STOP and choice in self._calls
        return FinishReason.TOOL_CALLS if called else reason

    def _checked(self, events: list[Event]) -> list[Event]:
        """Ends with the first failure. In the first chunk that comes alone: what has not begun may be had
        elsewhere."""
        if self.failed:
            at = next(number for number, event in enumerate(events) if isinstance(event, Failed))
            events = events[0 if self.started else at : at + 1]
        self.started = True
        return events

    def _fail(self, message: str, kind: str, events: list[Event]) -> None:
        self.failed = True
        events.append(Failed(message=message, kind=kind, status=502))

    def _candidate(self, candidate: Candidate, events: list[Event]) -> None:
        choice = candidate.index
        self._open.add(choice)
        if candidate.content is not None:
            for part in candidate.content.parts:
                self._part(part, choice, events)
        if candidate.logprobs_result is not None:
            entries = tuple(_logprobs(candidate.logprobs_result))
            if entries:
                events.append(Logprobs(content=entries, choice=choice))
        reason = candidate.finish_reason
        if reason is not None and reason in BROKEN:
            message = candidate.finish_message or f"The model's answer ended with {reason}."
            self._fail(scrub(message), reason, events)
        elif reason:
            self._finishes[choice] = REASONS.get(reason, FinishReason.STOP)

    def _part(self, part: Part, choice: int, events: list[Event]) -> None:
        text, signature = part.text or "", part.thought_signature
        if part.function_call is not None:
            self._call(part.function_call, signature, choice, events)
        elif part.thought:
            if text or signature:
                events.append(ThoughtDelta(text=text, signature=signature, choice=choice))
        elif part.text is None and (kind := part.foreign()):
            message = f"The upstream answered with a part that a chat cannot carry ({kind})."
            self._fail(message, "unsupported_part", events)
        else:
            if text:
                events.append(TextDelta(text, choice))
            if signature:
                events.append(ThoughtDelta(signature=signature, choice=choice))

    def _call(self, call: FunctionCall, signature: str | None, choice: int, events: list[Event]) -> None:
        index = self._calls.get(choice, 0)
        self._calls[choice] = index + 1
        call_id = call.id or self._id(choice, index)
        events.append(
            ToolCallStart(index=index, id=call_id, name=call.name, choice=choice, signature=signature)
        )
        events.append(ToolCallDelta(index=index, arguments=_arguments(call.args), choice=choice))

    def _id(self, choice: int, index: int) -> str:
        if self._new_id is not None:
            return self._new_id()
        return "_".join(["call", *filter(None, (self._stem, str(choice or ""))), str(index)])


def _arguments(args: msgspec.Raw) -> str:
    """The arguments' text, without the line breaks of a pretty-printed document."""
    text = msgspec.json.format(bytes(args), indent=-1)
    if text == b"null":
        return "{}"
    if not text.startswith(b"{"):
        raise UpstreamUnavailable("The upstream's answer is not in the format of its API.")
    return text.decode()


def _usage(said: UsageMetadata) -> Usage:
    """Disjoint classes: cached tokens are counted in the prompt there, thoughts beside the candidates."""
    cached = min(said.cached_content_token_count, said.prompt_token_count)
    return Usage(
        input=said.prompt_token_count - cached + said.tool_use_prompt_token_count,
        cache_read=cached,
        output=said.candidates_token_count,
        reasoning=said.thoughts_token_count,
        reported_total=said.total_token_count,
    )


def _logprobs(result: LogprobsResult) -> list[dict[str, Any]]:
    return [
        {**_entry(chosen), "top_logprobs": [_entry(other) for other in tops.candidates] if tops else []}
        for chosen, tops in zip_longest(
            result.chosen_candidates, result.top_candidates[: len(result.chosen_candidates)]
        )
    ]


def _entry(said: TokenLogprob) -> dict[str, Any]:
    return {"token": said.token, "logprob": said.log_probability, "bytes": None}


class StreamDecoder:
    """Reads `streamGenerateContent?alt=sse`. An error in the middle may come as a bare JSON document."""

    __slots__ = ("_answer", "_framer")

    def __init__(self, new_id: NewId | None) -> None:
        self._framer = sse.Framer()
        self._answer = Answer(new_id)

    def feed(self, chunk: bytes) -> Sequence[Event | Embedded]:
        try:
            frames = self._framer.feed(chunk)
        except sse.Oversize as error:
            raise UpstreamUnavailable(f"The upstream sent {error}.") from error
        return [event for frame in frames for piece in _chunks(frame) for event in self._answer.read(piece)]

    def close(self) -> Sequence[Event | Embedded]:
        events = [event for frame in self._framer.close() for event in self._last(frame)]
        return [*events, *self._answer.end()]

    def _last(self, frame: bytes) -> list[Event]:
        """A frame without its end: whole all the same, or the piece of one that was cut."""
        try:
            return [event for piece in _chunks(frame) for event in self._answer.read(piece)]
        except UpstreamUnavailable:
            cut = self._answer.started or frame.startswith(b"data:") or b"data:".startswith(frame.strip())
            if self._answer.complete:
                return []
            if cut:
                raise UpstreamInterrupted("The upstream's answer broke off.") from None
            raise


def _chunks(frame: bytes) -> Sequence[Chunk]:
    data = sse.data_of(frame)
    if data is None:
        lines = frame.strip().split(b"\n")
        if all(line.startswith(_QUIET) for line in lines):
            return ()
        data = frame
    if data.lstrip().startswith(b"["):
        return strict.answer(CHUNKS, data)
    return (strict.answer(CHUNK, data),)


class DocumentDecoder:
    """Reads `generateContent`: nothing until the end, then everything."""

    __slots__ = ("_answer", "_body")

    def __init__(self, new_id: NewId | None) -> None:
        self._body = strict.Gathered()
        self._answer = Answer(new_id)

    def feed(self, chunk: bytes) -> Sequence[Event | Embedded]:
        self._body.feed(chunk)
        return ()

    def close(self) -> Sequence[Event | Embedded]:
        events = self._answer.read(self._body.read(CHUNK))
        return [*events, *self._answer.end()]


class VectorsDecoder:
    """Reads `batchEmbedContents`. Most models there report no usage; it is then marked as estimated."""

    __slots__ = ("_body",)

    def __init__(self) -> None:
        self._body = strict.Gathered()

    def feed(self, chunk: bytes) -> Sequence[Event | Embedded]:
        self._body.feed(chunk)
        return ()

    def close(self) -> Sequence[Event | Embedded]:
        said = self._body.read(VECTORS)
        vectors = said.embeddings if said.embeddings is not None else [said.embedding]
        found = tuple(vector.values for vector in vectors if vector is not None)
        if not found:
            raise UpstreamUnavailable("The upstream's answer holds no embeddings.")
        usage = Usage(estimated=True) if said.usage_metadata is None else _usage(said.usage_metadata)
        return (Embedded(vectors=found, usage=usage),)
