"""Answers written as the API writes them, which our own decoder reads again."""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.call import Operation
from headgate.core.chat import (
    Chat,
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
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
)
from headgate.core.embeddings import Embedded
from headgate.core.errors import InvalidRequest, RateLimited
from headgate.core.usage import Usage
from headgate.providers.gemini import GeminiCodec, GeminiPayload, GeminiSurface
from headgate.providers.spec import STANDARD

MODEL = "gemini-3-pro-preview"
CHAT_PATH = f"/v1beta/models/{MODEL}:generateContent"
STREAM_PATH = f"/v1beta/models/{MODEL}:streamGenerateContent"
METADATA = b'{"model_id":"gem","attempts":1}'


def surface() -> GeminiSurface:
    numbers = count(1)
    return GeminiSurface(lambda: f"id{next(numbers)}")


def parsed(path: str = CHAT_PATH, **body: Any) -> GeminiPayload:
    return surface().parse_at(path, msgspec.json.encode(body))


def hub(**body: Any) -> Chat:
    value = parsed(**{"contents": [{"parts": [{"text": "hi"}]}], **body}).hub()
    assert isinstance(value, Chat)
    return value


# ── answering ────────────────────────────────────────────────────────────────────────────────────


def answered(events: list[Event], *, stream: bool) -> tuple[bytes, list[Event | Embedded]]:
    """An answer as it leaves, and what our own decoder makes of it."""
    body = {"contents": [{"parts": [{"text": "hi"}]}]}
    emitter = parsed(STREAM_PATH if stream else CHAT_PATH, **body).emitter()
    out = b"".join(emitter.feed([event]) for event in events) + emitter.tail(METADATA)
    decoder = GeminiCodec(STANDARD).decoder(Operation.CHAT, stream=stream)
    return out, [*decoder.feed(out), *decoder.close()]


def gathered(events: list[Any]) -> list[Any]:
    """An answer's substance: neighbouring pieces of text joined, and usage once."""
    joined: list[Any] = []
    for event in events:
        last = joined[-1] if joined else None
        if isinstance(event, TextDelta) and isinstance(last, TextDelta) and last.choice == event.choice:
            joined[-1] = TextDelta(last.text + event.text, event.choice)
        elif not isinstance(event, Spent):
            joined.append(event)
    return joined + [event for event in events if isinstance(event, Spent)][-1:]


WORDS = st.text(min_size=1, max_size=12)
IDS = st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True)
SIGNATURES = st.binary(min_size=1, max_size=9).map(lambda data: data.hex())
CALLS = st.builds(
    ToolCall,
    id=IDS,
    name=IDS,
    arguments=st.dictionaries(WORDS, st.integers(0, 9) | WORDS, max_size=2).map(
        lambda value: msgspec.json.encode(value).decode()
    ),
    signature=st.none() | SIGNATURES,
)
USAGE = st.builds(Usage, input=st.integers(0, 99), cache_read=st.integers(0, 99), output=st.integers(0, 99))


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """An answer as the API gives one: text and thoughts, then whole calls, usage, a reason."""
    events: list[Event] = [Start(id="resp1", model="served")]
    for word in draw(st.lists(WORDS, max_size=3)):
        events.append(TextDelta(word))
    if draw(st.booleans()):
        events.append(ThoughtDelta(text=draw(WORDS), signature=draw(SIGNATURES)))
    calls = draw(st.lists(CALLS, max_size=2))
    for index, call in enumerate(calls):
        events.append(ToolCallStart(index=index, id=call.id, name=call.name, signature=call.signature))
        events.append(ToolCallDelta(index=index, arguments=call.arguments))
    usage = draw(USAGE)
    events.append(Spent(msgspec.structs.replace(usage, reported_total=usage.total)))
    reason = FinishReason.TOOL_CALLS if calls else draw(st.sampled_from(["stop", "length", "content_filter"]))
    return [*events, Finish(reason=FinishReason(reason))]


@given(answers(), st.booleans())
def test_our_decoder_reads_what_we_write(events: list[Event], stream: bool) -> None:
    out, read = answered(events, stream=stream)
    substance = gathered(events)
    assert gathered(read) == substance
    assert METADATA in out
    if stream:
        assert METADATA in out.rstrip().rsplit(b"\n\n", 1)[-1]
        assert all(frame.startswith(b"data: {") for frame in out.rstrip().split(b"\n\n"))


def test_the_last_event_of_a_stream_closes_it() -> None:
    usage = Usage(input=3, cache_read=2, output=1, reasoning=4)
    out, _ = answered([Start(), TextDelta("Hi"), Spent(usage), Finish(reason=FinishReason.STOP)], stream=True)
    frames = [msgspec.json.decode(frame.removeprefix(b"data: ")) for frame in out.strip().split(b"\n\n")]
    assert frames == [
        {
            "candidates": [{"content": {"parts": [{"text": "Hi"}], "role": "model"}}],
            "modelVersion": MODEL,
            "responseId": "id1",
        },
        {
            "candidates": [{"finishReason": "STOP"}],
            "usageMetadata": {
                "promptTokenCount": 5,
                "cachedContentTokenCount": 2,
                "candidatesTokenCount": 1,
                "thoughtsTokenCount": 4,
                "totalTokenCount": 10,
            },
            "modelVersion": MODEL,
            "responseId": "id1",
            "x-routing-metadata": {"model_id": "gem", "attempts": 1},
        },
    ]


@pytest.mark.parametrize("stream", [True, False])
def test_two_candidates_logprobs_and_a_refusal(stream: bool) -> None:
    entry = {"token": "A", "logprob": -0.5, "bytes": None}
    events: list[Event] = [
        Start(id="r", model="m"),
        RefusalDelta("No."),
        TextDelta("A", 1),
        Logprobs(content=({**entry, "top_logprobs": [entry]},), choice=1),
        Finish(reason=FinishReason.STOP),
        Finish(reason=FinishReason.LENGTH, choice=1),
    ]
    _, read = answered(events, stream=stream)
    assert read == [events[0], TextDelta("No."), *events[2:]]


@pytest.mark.parametrize("stream", [True, False])
def test_arguments_that_are_no_object_are_a_malformed_call(stream: bool) -> None:
    events: list[Event] = [
        TextDelta("x"),
        ToolCallStart(index=0, id="a", name="w"),
        ToolCallDelta(index=0, arguments='{"x": '),
        Finish(reason=FinishReason.TOOL_CALLS),
    ]
    _, read = answered(events, stream=stream)
    assert isinstance(read[-1], Failed)
    assert read[-1].kind == "MALFORMED_FUNCTION_CALL"


def test_a_call_without_an_id_leaves_without_one() -> None:
    events: list[Event] = [
        ToolCallStart(index=0, id="", name="w"),
        Finish(reason=FinishReason.TOOL_CALLS),
    ]
    out, _ = answered(events, stream=False)
    assert b'"functionCall":{"name":"w","args":{}}' in out


@pytest.mark.parametrize("stream", [True, False])
def test_an_error_inside_an_answer_ends_it(stream: bool) -> None:
    failed = Failed(message="Overloaded.", kind="UNAVAILABLE", status=503)
    out, read = answered([Start(id="r", model="m"), failed], stream=stream)
    assert read == [failed]
    assert METADATA not in out


@pytest.mark.parametrize(
    ("method", "member"), [("batchEmbedContents", "embeddings"), ("embedContent", "embedding")]
)
def test_embeddings_are_answered(method: str, member: str) -> None:
    one = {"model": "models/e", "content": {"parts": [{"text": "a"}]}}
    body = {"requests": [one]} if member == "embeddings" else one
    emitter = parsed(f"/v1beta/models/e:{method}", **body).emitter()
    answer = Embedded(vectors=((0.5, 1.0),), usage=Usage(input=3, reported_total=3))
    assert emitter.feed([answer]) == b""
    out = emitter.tail(METADATA)
    assert member in msgspec.json.decode(out)
    assert METADATA in out
    decoder = GeminiCodec(STANDARD).decoder(Operation.EMBEDDINGS, stream=False)
    decoder.feed(out)
    assert decoder.close() == (answer,)


def test_errors_are_googles_and_read_back_as_what_they_were() -> None:
    error = RateLimited("Slow down.", retry_after_s=7.5)
    document = surface().error(error, 429, "req_1")
    assert msgspec.json.decode(document) == {
        "error": {
            "code": 429,
            "message": "Slow down.",
            "status": "RESOURCE_EXHAUSTED",
            "details": [
                {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "req_1"},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7.5s"},
            ],
        }
    }
    refusal = GeminiCodec(STANDARD).refusal(429, lambda _: None, document, 0.0)
    assert refusal.retry_after_s == 7.5
    assert surface().error_event(error, 429, "req_1") == b"data: " + document + b"\n\n"
    wrong = surface().error(InvalidRequest("No.", param="contents"), 400, "")
    assert GeminiCodec(STANDARD).refusal(400, lambda _: None, wrong, 0.0).param == "contents"
