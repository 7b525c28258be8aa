"""What an Anthropic client is told, whatever dialect the answer came in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from headgate.core.call import Emitter, Operation
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
from headgate.core.usage import Usage
from headgate.providers.anthropic import AnthropicCodec, AnthropicSurface
from headgate.providers.spec import STANDARD

SURFACE = AnthropicSurface(lambda: "made")
SDK_EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)
STOP = Finish(reason=FinishReason.STOP)
SPENT = Spent(Usage(input=3, cache_read=4, cache_write=5, output=6, reasoning=7))
METADATA = b'{"model_id":"sonnet","attempts":1}'


def emitter(*, stream: bool) -> Emitter:
    body = {"model": "auto", "max_tokens": 9, "stream": stream, "messages": [{"role": "user", "content": "x"}]}
    return SURFACE.parse(Operation.CHAT, msgspec.json.encode(body)).emitter()


def streamed(events: Iterable[Event | Embedded], metadata: bytes | None = None) -> list[dict[str, Any]]:
    """The data of every event, each fed alone; the names are checked on the way."""
    out = emitter(stream=True)
    wire = b"".join(out.feed([event]) for event in events) + out.tail(metadata)
    told = []
    for block in wire.decode().removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        told.append(msgspec.json.decode(data.removeprefix("data: ")))
        assert name == f"event: {told[-1]['type']}"
    return told


def document(events: Iterable[Event | Embedded], metadata: bytes | None = None) -> dict[str, Any]:
    out = emitter(stream=False)
    assert b"".join(out.feed([event]) for event in events) == b""
    told: dict[str, Any] = msgspec.json.decode(out.tail(metadata))
    return told


def kinds(told: Sequence[dict[str, Any]]) -> list[tuple[str, Any]]:
    return [(event["type"], event.get("index")) for event in told]


def gathered(told: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The content blocks of a stream, put together as a client does; the rules of the order are checked."""
    blocks: list[dict[str, Any]] = []
    open_: set[int] = set()
    for event in told:
        index = event.get("index")
        match event["type"]:
            case "content_block_start":
                assert index == len(blocks)
                blocks.append(dict(event["content_block"]))
                open_.add(index)
            case "content_block_delta":
                assert index in open_
                _grow(blocks[index], event["delta"])
            case "content_block_stop":
                open_.remove(index)
    assert not open_
    for block in blocks:
        if block["type"] == "tool_use":
            text = block.pop("json", "")
            block["input"] = msgspec.json.decode(text) if text else {}
    return blocks


def _grow(block: dict[str, Any], delta: dict[str, Any]) -> None:
    match block["type"], delta["type"]:
        case "text", "text_delta":
            block["text"] += delta["text"]
        case "thinking", "thinking_delta":
            assert not block["signature"]
            block["thinking"] += delta["thinking"]
        case "thinking", "signature_delta":
            block["signature"] += delta["signature"]
        case "tool_use", "input_json_delta":
            block["json"] = block.get("json", "") + delta["partial_json"]
        case pair:
            raise AssertionError(f"{pair} do not belong together")


# ── streams ──────────────────────────────────────────────────────────────────────────────────────


def test_a_plain_stream() -> None:
    told = streamed(
        [Start(id="c-1", model="gpt"), TextDelta("Hel"), TextDelta('lo "\n'), STOP, SPENT], METADATA
    )
    usage = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 5,
        "cache_read_input_tokens": 4,
        "output_tokens": 13,
        "output_tokens_details": {"thinking_tokens": 7},
    }
    assert told == [
        {
            "type": "message_start",
            "message": {
                "id": "c-1",
                "type": "message",
                "role": "assistant",
                "model": "gpt",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {
                    "input_tokens": 0,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0,
                    "output_tokens": 0,
                },
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 'lo "\n'}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": usage,
        },
        {"type": "message_stop", "x-routing-metadata": {"model_id": "sonnet", "attempts": 1}},
    ]


def test_text_leaves_at_once_and_the_end_waits_for_the_tail() -> None:
    out = emitter(stream=True)
    assert b"message_start" in out.feed([Start()])
    assert b'"text":"a"' in out.feed([TextDelta("a")])
    assert b"content_block_stop" in out.feed([STOP])
    assert out.feed([SPENT]) == b""
    assert out.feed([]) == b""
    end = out.tail(None)
    assert end.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    assert b'"output_tokens":13' in end


def test_usage_known_at_the_start_is_told_at_the_start() -> None:
    out = emitter(stream=True)
    assert b'"input_tokens":3' in out.feed([Start(), SPENT])


def test_an_answer_without_id_or_model_is_given_them() -> None:
    message = streamed([TextDelta("x")])[0]["message"]
    assert (message["id"], message["model"]) == ("msg_made", "auto")


def test_missing_usage_is_estimated_and_says_so() -> None:
    usage = streamed([Start(), TextDelta("x" * 40), STOP])[-2]["usage"]
    assert usage["output_tokens"] == 10
    assert usage["input_tokens"] > 0
    assert usage["estimated"] is True
    whole = document([Start(), TextDelta("x" * 40), STOP])["usage"]
    assert (whole["output_tokens"], whole["estimated"]) == (10, True)


def test_blocks_follow_each_other() -> None:
    told = streamed(
        [
            Start(),
            ThoughtDelta(text="hm"),
            ThoughtDelta(text="!", signature="sig"),
            ThoughtDelta(text="again"),
            TextDelta("a"),
            ToolCallStart(index=0, id="t0", name="f"),
            ToolCallDelta(index=0, arguments='{"x":'),
            ToolCallDelta(index=0, arguments="1}"),
            ToolCallStart(index=1, id="t1", name="g"),
            ToolCallDelta(index=1, arguments="{}"),
            TextDelta("b"),
            ThoughtDelta(text="c2VjcmV0", redacted=True),
            Finish(reason=FinishReason.TOOL_CALLS),
        ]
    )
    assert kinds(told) == [
        ("message_start", None),
        ("content_block_start", 0),
        ("content_block_delta", 0),
        ("content_block_delta", 0),
        ("content_block_delta", 0),
        ("content_block_stop", 0),
        ("content_block_start", 1),
        ("content_block_delta", 1),
        ("content_block_stop", 1),
        ("content_block_start", 2),
        ("content_block_delta", 2),
        ("content_block_stop", 2),
        ("content_block_start", 3),
        ("content_block_delta", 3),
        ("content_block_delta", 3),
        ("content_block_stop", 3),
        ("content_block_start", 4),
        ("content_block_delta", 4),
        ("content_block_stop", 4),
        ("content_block_start", 5),
        ("content_block_delta", 5),
        ("content_block_stop", 5),
        ("content_block_start", 6),
        ("content_block_stop", 6),
        ("message_delta", None),
        ("message_stop", None),
    ]
    assert gathered(told) == [
        {"type": "thinking", "thinking": "hm!", "signature": "sig"},
        {"type": "thinking", "thinking": "again", "signature": ""},
        {"type": "text", "text": "a"},
        {"type": "tool_use", "id": "t0", "name": "f", "input": {"x": 1}},
        {"type": "tool_use", "id": "t1", "name": "g", "input": {}},
        {"type": "text", "text": "b"},
        {"type": "redacted_thinking", "data": "c2VjcmV0"},
    ]


def test_parallel_calls_written_in_turns_keep_their_own_index() -> None:
    told = streamed(
        [
            Start(),
            ToolCallStart(index=0, id="t0", name="f"),
            ToolCallStart(index=1, id="t1", name="g"),
            ToolCallDelta(index=0, arguments='{"a"'),
            ToolCallDelta(index=1, arguments='{"b"'),
            ToolCallDelta(index=0, arguments=":1}"),
            ToolCallDelta(index=1, arguments=":2}"),
            Finish(reason=FinishReason.TOOL_CALLS),
        ]
    )
    assert [block["input"] for block in gathered(told)] == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("events", "reason", "sequence"),
    [
        ([TextDelta("x"), STOP], "end_turn", None),
        ([Finish(reason=FinishReason.LENGTH)], "max_tokens", None),
        ([Finish(reason=FinishReason.CONTENT_FILTER)], "refusal", None),
        ([RefusalDelta("I won't."), STOP], "refusal", None),
        ([Finish(reason=FinishReason.STOP, stop_sequence="END")], "stop_sequence", "END"),
        ([ToolCallStart(index=0, id="t", name="f"), STOP], "tool_use", None),
        ([TextDelta("x")], None, None),
    ],
)
def test_stop_reasons(events: list[Event], reason: str | None, sequence: str | None) -> None:
    expected = {"stop_reason": reason, "stop_sequence": sequence}
    assert streamed([Start(), *events])[-2]["delta"] == expected
    whole = document([Start(), *events])
    assert {name: whole[name] for name in expected} == expected


def test_a_refusal_is_told_as_text() -> None:
    events = [Start(), RefusalDelta("I "), RefusalDelta("won't."), STOP]
    assert gathered(streamed(events)) == document(events)["content"] == [{"type": "text", "text": "I won't."}]


def test_only_the_first_choice_is_told() -> None:
    events = [
        Start(),
        TextDelta("a"),
        TextDelta("b", choice=1),
        ThoughtDelta(text="hm", choice=1),
        RefusalDelta("no", choice=1),
        ToolCallStart(index=0, id="t", name="f", choice=1),
        ToolCallDelta(index=0, arguments="{}", choice=1),
        Logprobs(content=({"token": "a"},)),
        STOP,
        Finish(reason=FinishReason.LENGTH, choice=1),
    ]
    assert gathered(streamed(events)) == [{"type": "text", "text": "a"}]
    assert streamed(events)[-2]["delta"]["stop_reason"] == "end_turn"
    assert document(events)["content"] == [{"type": "text", "text": "a"}]


def test_empty_pieces_open_no_block() -> None:
    events = [Start(), TextDelta(""), STOP]
    assert gathered(streamed(events)) == document(events)["content"] == []


# ── documents ────────────────────────────────────────────────────────────────────────────────────


def test_a_document() -> None:
    events = [
        Start(id="c-1", model="gpt"),
        ThoughtDelta(text="hm"),
        ThoughtDelta(signature="sig"),
        TextDelta("Hel"),
        TextDelta("lo"),
        ToolCallStart(index=0, id="t0", name="f"),
        ToolCallDelta(index=0, arguments='{"x": '),
        ToolCallDelta(index=0, arguments="1}"),
        Finish(reason=FinishReason.TOOL_CALLS),
        Spent(Usage(input=1, output=2)),
    ]
    assert document(events, METADATA) == {
        "id": "c-1",
        "type": "message",
        "role": "assistant",
        "model": "gpt",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": "t0", "name": "f", "input": {"x": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 1,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 2,
        },
        "x-routing-metadata": {"model_id": "sonnet", "attempts": 1},
    }


@pytest.mark.parametrize(
    ("pieces", "told"), [([], {}), (["{}"], {}), (['{"a":'], {"INVALID_JSON": '{"a":'}), (["[1]"], {"INVALID_JSON": "[1]"})]
)
def test_arguments_of_a_document_are_always_an_object(pieces: list[str], told: dict[str, Any]) -> None:
    deltas = [ToolCallDelta(index=0, arguments=piece) for piece in pieces]
    events: list[Event] = [Start(), ToolCallStart(index=0, id="t", name="f"), *deltas, STOP]
    assert document(events)["content"][0]["input"] == told


# ── properties ───────────────────────────────────────────────────────────────────────────────────

STREAMS = (
    "plain",
    "parallel_tools",
    "tool_input_at_start",
    "thinking",
    "redacted_thinking",
    "cached_usage",
    "refusal",
    "max_tokens",
    "stop_sequence",
)


def decoded(body: bytes, *, stream: bool) -> list[Event | Embedded]:
    reader = AnthropicCodec(STANDARD).decoder(Operation.CHAT, stream=stream)
    return [*reader.feed(body), *reader.close()]


@pytest.mark.parametrize("name", STREAMS)
def test_a_decoded_stream_emitted_again_decodes_to_the_same(
    name: str, exchange: Callable[[str], bytes]
) -> None:
    events = decoded(exchange(f"{name}.sse"), stream=True)
    out = emitter(stream=True)
    again = out.feed(events) + out.tail(METADATA)
    assert decoded(again, stream=True) == events


@pytest.mark.parametrize("name", ["plain", "parallel_tools", "thinking", "stop_sequence", "refusal"])
def test_a_decoded_document_emitted_again_decodes_to_the_same(
    name: str, exchange: Callable[[str], bytes]
) -> None:
    events = decoded(exchange(f"{name}.json"), stream=False)
    out = emitter(stream=False)
    assert out.feed(events) == b""
    assert decoded(out.tail(METADATA), stream=False) == events


PIECE = st.sampled_from(["", "a", "é\n", '"}', " "])
EVENT: st.SearchStrategy[Event] = st.one_of(
    st.builds(TextDelta, PIECE, st.integers(0, 1)),
    st.builds(RefusalDelta, PIECE),
    st.builds(ThoughtDelta, text=PIECE, signature=st.sampled_from([None, None, "sig"])),
    st.builds(ThoughtDelta, text=st.just("b3BhcXVl"), redacted=st.just(True)),
    st.builds(ToolCallDelta, index=st.integers(0, 2), arguments=st.sampled_from(["", "{}", '{"a"', ":1}"])),
    st.just(SPENT),
)


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """Deltas in any order, as any upstream may send them; a call's pieces come after its start."""
    events: list[Event] = [Start(id="c-1", model="m")]
    started: set[int] = set()
    for event in draw(st.lists(EVENT, max_size=14)):
        if isinstance(event, ToolCallDelta) and event.index not in started:
            started.add(event.index)
            events.append(ToolCallStart(index=event.index, id=f"t{event.index}", name="f"))
        events.append(event)
    return [*events, Finish(reason=draw(st.sampled_from(FinishReason)))]


def _plain(blocks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: block[name] for name in block if name != "input"} for block in blocks]


@given(answers())
def test_any_answer_is_a_valid_stream_and_the_same_document(events: list[Event]) -> None:
    told = streamed_or_broken_arguments(events)
    whole = document(events)
    assert _plain(told) == _plain(whole["content"])


def streamed_or_broken_arguments(events: list[Event]) -> list[dict[str, Any]]:
    told = streamed(events)
    for event in told:
        SDK_EVENT.validate_python({name: event[name] for name in event if name != "x-routing-metadata"})
    for event in told:
        if event.get("delta", {}).get("type") == "input_json_delta":
            event["delta"]["partial_json"] = ""  # arguments may be any text here: only their place matters
    return gathered(told)


@given(answers())
def test_any_document_is_a_message_to_the_sdk(events: list[Event]) -> None:
    assert Message.model_validate(document(events)).type == "message"


@given(answers(), st.data())
def test_it_does_not_matter_how_events_are_grouped(events: list[Event], data: st.DataObject) -> None:
    one, other = emitter(stream=True), emitter(stream=True)
    at = data.draw(st.integers(1, len(events)))
    alone = b"".join(one.feed([event]) for event in events)
    grouped = other.feed(events[:at]) + other.feed(events[at:])
    zeros = b'"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0'
    known = (
        b'"input_tokens":3,"cache_creation_input_tokens":5,"cache_read_input_tokens":4,"output_tokens":13,'
        b'"output_tokens_details":{"thinking_tokens":7}'
    )
    assert grouped.replace(known, zeros) == alone.replace(known, zeros)
    assert one.tail(METADATA) == other.tail(METADATA)
