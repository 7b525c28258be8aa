"""Answers in OpenAI's own form, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from headgate.core.call import Emitter, Operation
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
from openai_wire import HELLO, parse

START = Start(id="msg_1", model="served")
STOP = Finish(reason=FinishReason.STOP)
SPENT = Spent(Usage(input=10, cache_read=5, cache_write=2, output=3, reasoning=4))
METADATA = b'{"model_id":"a"}'
TOKEN = {
    "token": "Yes",
    "logprob": -0.1,
    "bytes": None,
    "top_logprobs": [{"token": "No", "logprob": -3.0, "bytes": None}],
}
USAGE = {
    "prompt_tokens": 17,
    "completion_tokens": 7,
    "total_tokens": 24,
    "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 4},
}


def emitter(operation: Operation = Operation.CHAT, **members: Any) -> Emitter:
    asked = {"messages": HELLO} if operation is Operation.CHAT else {"prompt": "a"}
    made: Emitter = parse(operation, **{"model": "asked", **asked, **members}).emitter()
    return made


def datas(frames: bytes) -> list[Any]:
    """The data of the frames, decoded; `[DONE]` as it is."""
    assert frames.endswith(b"\n\n") or not frames
    events = frames.decode().split("\n\n")[:-1]
    assert all(event.startswith("data: ") for event in events)
    return [event[6:] if event == "data: [DONE]" else json.loads(event[6:]) for event in events]


def deltas(*events: Event, **members: Any) -> list[dict[str, Any]]:
    """The first choice of every chunk for these events, without the introduction."""
    writer = emitter(stream=True, **members)
    writer.feed([START])
    chunks = datas(writer.feed(events))
    return [chunk["choices"][0] for chunk in chunks]


def document(*events: Event, operation: Operation = Operation.CHAT, **members: Any) -> dict[str, Any]:
    writer = emitter(operation, **members)
    assert writer.feed(events) == b""
    told = json.loads(writer.tail(None))
    assert isinstance(told, dict)
    return told


# ── streams ──────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_is_openais_byte_for_byte() -> None:
    writer = emitter(stream=True)
    head = b'data: {"id":"msg_1","object":"chat.completion.chunk","created":1757000000,"model":"served",'
    assert writer.feed([START]) == (
        head + b'"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},'
        b'"logprobs":null,"finish_reason":null}]}\n\n'
    )
    assert writer.feed([TextDelta('a"\n€')]) == (
        head
        + '"choices":[{"index":0,"delta":{"content":"a\\"\\n€"},'.encode()
        + b'"logprobs":null,"finish_reason":null}]}\n\n'
    )
    assert writer.feed([STOP]) == b""
    assert writer.feed([SPENT]) == b""
    assert writer.tail(METADATA) == (
        head + b'"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],'
        b'"x-routing-metadata":{"model_id":"a"}}\n\ndata: [DONE]\n\n'
    )


def test_with_usage_asked_for_the_last_chunk_is_the_usage() -> None:
    writer = emitter(stream=True, stream_options={"include_usage": True})
    before = datas(writer.feed([START, TextDelta("a"), STOP, SPENT]))
    assert [chunk["usage"] for chunk in before] == [None, None, None]
    assert before[-1]["choices"][0]["finish_reason"] == "stop"
    last, done = datas(writer.tail(METADATA))
    assert (last["choices"], last["usage"], done) == ([], USAGE, "[DONE]")
    assert last["x-routing-metadata"] == {"model_id": "a"}


def test_usage_nobody_reported_is_estimated_and_says_so() -> None:
    writer = emitter(stream=True, stream_options={"include_usage": True})
    writer.feed([START, TextDelta("a" * 400), STOP])
    usage = datas(writer.tail(None))[0]["usage"]
    assert usage["estimated"] is True
    assert usage["completion_tokens"] == 100
    assert usage["prompt_tokens"] > 0


def test_usage_is_not_told_where_nobody_asked() -> None:
    writer = emitter(stream=True)
    frames = writer.feed([START, TextDelta("a"), STOP, SPENT]) + writer.tail(METADATA)
    assert b"usage" not in frames


def test_metadata_is_in_the_last_data_event_whatever_came_before() -> None:
    cases: list[list[Event]] = [[START, STOP], [START, TextDelta("a")], [START], []]
    for events in cases:
        writer = emitter(stream=True)
        *_, last, done = datas(writer.feed(events) + writer.tail(METADATA))
        assert done == "[DONE]"
        assert last["x-routing-metadata"] == {"model_id": "a"}
        assert last["choices"]


def test_without_metadata_nothing_is_made_up() -> None:
    writer = emitter(stream=True)
    writer.feed([START, TextDelta("a")])
    assert writer.tail(None) == b"data: [DONE]\n\n"


def test_what_the_upstream_does_not_say_is_ours() -> None:
    (chunk,) = datas(emitter(stream=True).feed([Start()]))
    assert (chunk["id"], chunk["model"]) == ("chatcmpl-fresh", "asked")


def test_a_tool_call_streams_as_head_and_arguments() -> None:
    call = ToolCallStart(index=1, id="c", name="f")
    first, second = deltas(call, ToolCallDelta(index=1, arguments='{"a'))
    assert first["delta"] == {
        "tool_calls": [
            {"index": 1, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
        ]
    }
    assert second["delta"] == {"tool_calls": [{"index": 1, "function": {"arguments": '{"a'}}]}


def test_geminis_seal_rides_on_the_call_as_google_has_it() -> None:
    call = ToolCallStart(index=0, id="c", name="f", signature="seal")
    (choice,) = deltas(call)
    seal = {"google": {"thought_signature": "seal"}}
    assert choice["delta"]["tool_calls"][0]["extra_content"] == seal
    told = document(START, call, STOP)
    assert told["choices"][0]["message"]["tool_calls"][0]["extra_content"] == seal


def test_thoughts_are_reasoning_content_and_their_seals_are_not_told() -> None:
    thoughts = (
        ThoughtDelta(text="hm"),
        ThoughtDelta(signature="seal"),
        ThoughtDelta(text="opaque", redacted=True),
    )
    (choice,) = deltas(*thoughts)
    assert choice["delta"] == {"reasoning_content": "hm"}
    assert document(START, *thoughts, STOP)["choices"][0]["message"]["reasoning_content"] == "hm"


def test_refusals_and_log_probabilities_have_their_places() -> None:
    refusal, logprobs = deltas(RefusalDelta("No."), Logprobs(content=(TOKEN,)))
    assert refusal["delta"] == {"refusal": "No."}
    assert logprobs["delta"] == {}
    assert logprobs["logprobs"] == {"content": [TOKEN], "refusal": None}


def test_every_choice_is_introduced_and_finishes() -> None:
    writer = emitter(stream=True)
    frames = writer.feed(
        [
            START,
            TextDelta("b", 1),
            Finish(reason=FinishReason.LENGTH, choice=1),
            TextDelta("a"),
            STOP,
        ]
    )
    told = [chunk["choices"][0] for chunk in datas(frames + writer.tail(METADATA))[:-1]]
    assert [(choice["index"], choice["delta"], choice["finish_reason"]) for choice in told] == [
        (0, {"role": "assistant", "content": "", "refusal": None}, None),
        (1, {"role": "assistant", "content": "", "refusal": None}, None),
        (1, {"content": "b"}, None),
        (1, {}, "length"),
        (0, {"content": "a"}, None),
        (0, {}, "stop"),
    ]


def test_a_failure_is_not_the_emitters_to_tell() -> None:
    assert deltas(Failed(message="x")) == []


# ── documents ────────────────────────────────────────────────────────────────────────────────────


def test_a_document_is_openais() -> None:
    assert document(START, TextDelta("a"), TextDelta("b"), STOP, SPENT) == {
        "id": "msg_1",
        "object": "chat.completion",
        "created": 1757000000,
        "model": "served",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "ab", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }


def test_a_document_carries_the_metadata() -> None:
    writer = emitter()
    writer.feed([START, TextDelta("a"), STOP])
    assert json.loads(writer.tail(METADATA))["x-routing-metadata"] == {"model_id": "a"}


def test_content_is_null_only_where_something_else_is_said() -> None:
    def message(*events: Event) -> dict[str, Any]:
        told = document(START, *events)["choices"][0]["message"]
        assert isinstance(told, dict)
        return told

    assert message(ToolCallStart(index=0, id="c", name="f"))["content"] is None
    assert message(RefusalDelta("no")) == {"role": "assistant", "content": None, "refusal": "no"}
    assert message()["content"] == ""
    assert message(ThoughtDelta(text="hm"))["content"] == ""


def test_a_document_without_usage_estimates_it() -> None:
    called = ToolCallStart(index=0, id="c", name="f"), ToolCallDelta(index=0, arguments="x" * 40)
    usage = document(START, TextDelta("a" * 360), *called)["usage"]
    assert (usage["completion_tokens"], usage["estimated"]) == (100, True)


# ── text completions and embeddings ──────────────────────────────────────────────────────────────


def test_a_text_completion_says_text_and_nothing_else() -> None:
    events: Sequence[Event] = [
        Start(),
        ThoughtDelta(text="hm"),
        TextDelta("Yes"),
        Logprobs(content=(TOKEN,)),
        Logprobs(content=(TOKEN,)),
        ToolCallStart(index=0, id="c", name="f"),
        RefusalDelta("no"),
        STOP,
    ]
    logprobs = [
        {
            "tokens": ["Yes"],
            "token_logprobs": [-0.1],
            "top_logprobs": [{"No": -3.0}],
            "text_offset": [offset],
        }
        for offset in (0, 3)
    ]
    writer = emitter(Operation.COMPLETION, stream=True)
    *chunks, done = datas(writer.feed(events) + writer.tail(METADATA))
    assert done == "[DONE]"
    assert {chunk["object"] for chunk in chunks} == {"text_completion"}
    assert {chunk["id"] for chunk in chunks} == {"cmpl-fresh"}
    told = [chunk["choices"][0] for chunk in chunks]
    assert [(choice["text"], choice["logprobs"], choice["finish_reason"]) for choice in told] == [
        ("Yes", None, None),
        ("", logprobs[0], None),
        ("", logprobs[1], None),
        ("no", None, None),
        ("", None, "stop"),
    ]
    (choice,) = document(*events, operation=Operation.COMPLETION)["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("Yesno", "stop")
    assert choice["logprobs"]["text_offset"] == [0, 3]


@pytest.mark.parametrize(("coding", "vector"), [("float", [1.0, 0.125]), ("base64", "AACAPwAAAD4=")])
def test_vectors_are_numbers_or_base64_as_asked(coding: str, vector: object) -> None:
    writer = parse(Operation.EMBEDDINGS, model="asked", input="a", encoding_format=coding).emitter()
    writer.feed([Embedded(vectors=((1.0, 0.125),), usage=Usage(input=3))])
    assert json.loads(writer.tail(METADATA)) == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
        "model": "asked",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
        "x-routing-metadata": {"model_id": "a"},
    }


def test_vectors_without_usage_have_an_estimate() -> None:
    writer = parse(Operation.EMBEDDINGS, model="asked", input="a" * 400).emitter()
    writer.feed([Embedded(vectors=((1e300,),), usage=Usage(estimated=True))])
    usage = json.loads(writer.tail(None))["usage"]
    assert usage["estimated"] is True
    assert usage["prompt_tokens"] >= 100


def test_a_number_beyond_32_bits_does_not_break_base64() -> None:
    writer = parse(Operation.EMBEDDINGS, model="m", input="a", encoding_format="base64").emitter()
    writer.feed([Embedded(vectors=((1e300,),), usage=Usage(input=1))])
    assert json.loads(writer.tail(None))["data"][0]["embedding"] == "AACAfw=="


# ── the official client ──────────────────────────────────────────────────────────────────────────

EVERYTHING: list[Event] = [
    START,
    ThoughtDelta(text="hm"),
    TextDelta("Yes"),
    Logprobs(content=(TOKEN,)),
    RefusalDelta("no"),
    ToolCallStart(index=0, id="c", name="f"),
    ToolCallDelta(index=0, arguments="{}"),
    Finish(reason=FinishReason.TOOL_CALLS),
    SPENT,
]


def test_the_official_clients_types_take_every_answer() -> None:
    for options in (None, {"include_usage": True}):
        writer = emitter(stream=True, stream_options=options)
        for chunk in datas(writer.feed(EVERYTHING) + writer.tail(METADATA))[:-1]:
            ChatCompletionChunk.model_validate(chunk, strict=True)
    told = document(*EVERYTHING)
    assert ChatCompletion.model_validate(told, strict=True).choices[0].message.tool_calls
    completed = document(*EVERYTHING, operation=Operation.COMPLETION)
    assert Completion.model_validate(completed, strict=True).choices[0].finish_reason == "stop"
    vectors = parse(Operation.EMBEDDINGS, model="asked", input="a").emitter()
    vectors.feed([Embedded(vectors=((1.0,),), usage=Usage(input=3))])
    assert CreateEmbeddingResponse.model_validate(json.loads(vectors.tail(None)), strict=True).data
