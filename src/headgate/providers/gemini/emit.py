"""Writing answers as the Gemini API does: the server's end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from headgate.providers import sse, strict
from headgate.providers.gemini.refusal import STATUS_NAMES
from headgate.providers.gemini.wire import (
    Candidate,
    Chunk,
    Content,
    Fault,
    FunctionCall,
    LogprobsResult,
    Metadata,
    Part,
    TokenLogprob,
    TopCandidates,
    UsageMetadata,
    Vector,
    Vectors,
)

_REASONS = {
    FinishReason.STOP: "STOP",
    FinishReason.TOOL_CALLS: "STOP",
    FinishReason.LENGTH: "MAX_TOKENS",
    FinishReason.CONTENT_FILTER: "SAFETY",
}
BAD_CALL = "MALFORMED_FUNCTION_CALL"
"""What the API says where the arguments a model wrote are no JSON object."""


class _Call:
    """A tool call on its way: it leaves whole, for the API does not stream arguments."""

    __slots__ = ("pieces", "start")

    def __init__(self, start: ToolCallStart) -> None:
        self.start = start
        self.pieces: list[str] = []

    def part(self) -> Part | None:
        """`None` where the arguments are no JSON object: then there is nothing the API could send."""
        text = "".join(self.pieces).strip() or "{}"
        if strict.members(text) is None:
            return None
        call = FunctionCall(id=self.start.id or None, name=self.start.name, args=msgspec.Raw(text))
        return Part(function_call=call, thought_signature=self.start.signature)


class Writer:
    """The answer so far, as candidates: what each event adds, and at the end what closes them."""

    def __init__(self, *, response_id: str, model: str) -> None:
        self.response_id = response_id
        self.model = model
        self._calls: dict[int, dict[int, _Call]] = {}
        self._reasons: dict[int, str] = {}
        self._usage: UsageMetadata | None = None

    def write(self, event: Event | Embedded) -> list[Candidate]:
        """What leaves on this event. Calls wait for the end, which is where all their arguments are known."""
        match event:
            case ToolCallStart():
                self._calls.setdefault(event.choice, {})[event.index] = _Call(event)
            case ToolCallDelta():
                self._calls[event.choice][event.index].pieces.append(event.arguments)
            case TextDelta() | RefusalDelta():
                return [_candidate(event.choice, Part(text=event.text))]
            case ThoughtDelta():
                return [_candidate(event.choice, _thought(event))]
            case Logprobs():
                return [Candidate(index=event.choice, logprobs_result=_logprobs(event.content))]
            case _:
                self._note(event)
        return []

    def _note(self, event: Event | Embedded) -> None:
        match event:
            case Start():
                self.response_id = event.id or self.response_id
                self.model = event.model or self.model
            case Finish():
                self._reasons[event.choice] = _REASONS[event.reason]
            case Spent(usage):
                self._usage = usage_metadata(usage)

    def last(self) -> list[Candidate]:
        """Every candidate's calls and its reason."""
        return [self._closing(choice) for choice in sorted({*self._calls, *self._reasons})]

    def _closing(self, choice: int) -> Candidate:
        parts = [call.part() for _, call in sorted(self._calls.get(choice, {}).items())]
        whole = [part for part in parts if part is not None]
        candidate = _candidate(choice, *whole) if whole else Candidate(index=choice)
        candidate.finish_reason = BAD_CALL if None in parts else self._reasons.get(choice)
        return candidate

    def chunk(self, candidates: list[Candidate], *, final: bool, metadata: bytes | None = None) -> Chunk:
        chunk = Chunk(
            candidates=candidates,
            model_version=self.model,
            response_id=self.response_id,
            usage_metadata=self._usage if final else None,
        )
        chunk.metadata = _raw(metadata)
        return chunk


class StreamEmitter:
    """`core.call.Emitter` for `streamGenerateContent?alt=sse`. The last event closes every candidate;
    an error is the last event."""

    def __init__(self, *, response_id: str, model: str) -> None:
        self._writer = Writer(response_id=response_id, model=model)
        self._failed = False

    def feed(self, events: Iterable[Event | Embedded]) -> bytes:
        return b"".join(self._frame(event) for event in events)

    def _frame(self, event: Event | Embedded) -> bytes:
        if isinstance(event, Failed):
            self._failed = True
            return sse.frame(msgspec.json.encode(Chunk(error=_fault(event))))
        candidates = self._writer.write(event)
        return b"".join(
            sse.frame(msgspec.json.encode(self._writer.chunk([candidate], final=False)))
            for candidate in candidates
        )

    def tail(self, metadata: bytes | None) -> bytes:
        if self._failed:
            return b""
        chunk = self._writer.chunk(self._writer.last(), final=True, metadata=metadata)
        return sse.frame(msgspec.json.encode(chunk))


class DocumentEmitter:
    """`core.call.Emitter` for `generateContent`: pieces of one kind are put together again."""

    def __init__(self, *, response_id: str, model: str) -> None:
        self._writer = Writer(response_id=response_id, model=model)
        self._candidates: dict[int, Candidate] = {}
        self._failed: Fault | None = None

    def feed(self, events: Iterable[Event | Embedded]) -> bytes:
        for event in events:
            if isinstance(event, Failed):
                self._failed = _fault(event)
            for candidate in self._writer.write(event):
                self._add(candidate)
        return b""

    def tail(self, metadata: bytes | None) -> bytes:
        if self._failed is not None:
            return msgspec.json.encode(Chunk(error=self._failed))
        for candidate in self._writer.last():
            self._add(candidate)
        candidates = [candidate for _, candidate in sorted(self._candidates.items())]
        return msgspec.json.encode(self._writer.chunk(candidates, final=True, metadata=metadata))

    def _add(self, more: Candidate) -> None:
        whole = self._candidates.setdefault(
            more.index, Candidate(index=more.index, content=Content(role="model"))
        )
        if more.content is not None and whole.content is not None:
            for part in more.content.parts:
                _append(whole.content.parts, part)
        whole.finish_reason = more.finish_reason or whole.finish_reason
        if more.logprobs_result is not None:
            known = whole.logprobs_result = whole.logprobs_result or LogprobsResult()
            known.chosen_candidates = [*known.chosen_candidates, *more.logprobs_result.chosen_candidates]
            known.top_candidates = [*known.top_candidates, *more.logprobs_result.top_candidates]


class VectorsEmitter:
    """`core.call.Emitter` for `batchEmbedContents`, and for `embedContent` where `single`."""

    def __init__(self, *, single: bool) -> None:
        self._single = single
        self._vectors = Vectors(embeddings=None if single else [])

    def feed(self, events: Iterable[Event | Embedded]) -> bytes:
        for event in events:
            if isinstance(event, Embedded):
                found = [Vector(values=vector) for vector in event.vectors]
                self._vectors = Vectors(
                    embeddings=None if self._single else found,
                    embedding=found[0] if self._single else None,
                    usage_metadata=usage_metadata(event.usage),
                )
        return b""

    def tail(self, metadata: bytes | None) -> bytes:
        self._vectors.metadata = _raw(metadata)
        return msgspec.json.encode(self._vectors)


def usage_metadata(usage: Usage) -> UsageMetadata:
    """What was written to a cache is prompt there: the API caches unasked and charges nothing for it."""
    return UsageMetadata(
        prompt_token_count=usage.prompt,
        cached_content_token_count=usage.cache_read,
        candidates_token_count=usage.output,
        thoughts_token_count=usage.reasoning,
        total_token_count=usage.total,
    )


def _raw(metadata: bytes | None) -> Metadata:
    return msgspec.UNSET if metadata is None else msgspec.Raw(metadata)


def _candidate(choice: int, *parts: Part) -> Candidate:
    return Candidate(index=choice, content=Content(parts=[*parts], role="model"))


def _thought(event: ThoughtDelta) -> Part:
    """A signature alone closes a part without words."""
    thought = bool(event.text)
    return Part(text=event.text, thought=thought, thought_signature=event.signature)


def _append(parts: list[Part], part: Part) -> None:
    last = parts[-1] if parts else None
    alike = (
        last is not None
        and last.text is not None
        and part.text is not None
        and last.thought == part.thought
        and last.thought_signature is None
    )
    if alike and last is not None:
        parts[-1] = Part(
            text=f"{last.text}{part.text}", thought=part.thought, thought_signature=part.thought_signature
        )
    else:
        parts.append(part)


def _logprobs(entries: Sequence[Mapping[str, Any]]) -> LogprobsResult:
    return LogprobsResult(
        chosen_candidates=[_token(entry) for entry in entries],
        top_candidates=[
            TopCandidates(candidates=[_token(other) for other in entry.get("top_logprobs") or ()])
            for entry in entries
        ],
    )


def _token(entry: Mapping[str, Any]) -> TokenLogprob:
    return TokenLogprob(token=entry["token"], log_probability=entry["logprob"])


def _fault(event: Failed) -> Fault:
    status = event.status or 500
    return Fault(
        code=status, message=event.message, status=event.kind or STATUS_NAMES.get(status, "INTERNAL")
    )
