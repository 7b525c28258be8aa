"""Every named exchange gives its events, wherever the bytes are cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.call import Operation
from headgate.core.chat import (
    Event,
    Failed,
    Finish,
    FinishReason,
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
from headgate.ports.codec import Decoder
from headgate.providers.anthropic import AnthropicCodec
from headgate.providers.spec import STANDARD
from headgate.providers.sse import MAX_EVENT_BYTES

FOLDER = Path(__file__).parents[1] / "exchanges" / "anthropic"
MODEL = "claude-sonnet-4-5-20250929"
START = Start(id="msg_01H7bXp3VqKzN5tYc2RdW8sA", model=MODEL)
SPENT = Spent(Usage(input=25, output=1))

EXPECTED: dict[str, list[Event]] = {
    "plain.sse": [
        START,
        SPENT,
        TextDelta("Grüß"),
        TextDelta(' Gott 🌍\n\nand "hello"'),
        Finish(reason=FinishReason.STOP),
        Spent(Usage(input=25, output=15)),
    ],
    "parallel_tools.sse": [
        START,
        Spent(Usage(input=472, output=1)),
        TextDelta("I'll look up"),
        TextDelta(" both cities."),
        ToolCallStart(index=0, id="toolu_01A", name="get_weather"),
        ToolCallDelta(index=0, arguments='{"city"'),
        ToolCallDelta(index=0, arguments=': "Paris"'),
        ToolCallDelta(index=0, arguments="}"),
        ToolCallStart(index=1, id="toolu_01B", name="get_weather"),
        ToolCallDelta(index=1, arguments='{"city": "Rome", "unit": "c"}'),
        ToolCallStart(index=2, id="toolu_01C", name="now"),
        ToolCallDelta(index=2, arguments="{}"),
        Finish(reason=FinishReason.TOOL_CALLS),
        Spent(Usage(input=472, output=89)),
    ],
    "tool_input_at_start.sse": [
        START,
        SPENT,
        ToolCallStart(index=0, id="toolu_01D", name="add"),
        ToolCallDelta(index=0, arguments='{"a":1,"b":2}'),
        Finish(reason=FinishReason.TOOL_CALLS),
        Spent(Usage(input=25, output=20)),
    ],
    "thinking.sse": [
        Start(id="msg_01Think", model=MODEL),
        SPENT,
        ThoughtDelta(text="27 * 453:"),
        ThoughtDelta(text=" 12231."),
        ThoughtDelta(signature="EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxB=="),
        TextDelta("12,231"),
        Finish(reason=FinishReason.STOP),
        Spent(Usage(input=25, output=17, reasoning=44)),
    ],
    "redacted_thinking.sse": [
        Start(id="msg_01Red", model=MODEL),
        SPENT,
        ThoughtDelta(text="EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2X", redacted=True),
        ThoughtDelta(signature="c2VhbGVk"),
        TextDelta("Done."),
        Finish(reason=FinishReason.STOP),
        Spent(Usage(input=25, output=30)),
    ],
    "cached_usage.sse": [
        START,
        Spent(Usage(input=4, cache_write=120, cache_read=2048, output=1)),
        TextDelta("ok"),
        Finish(reason=FinishReason.STOP),
        Spent(Usage(input=6, cache_write=118, cache_read=2048, output=4)),
    ],
    "refusal.sse": [
        START,
        SPENT,
        TextDelta("I"),
        Finish(reason=FinishReason.CONTENT_FILTER),
        Spent(Usage(input=25, output=2)),
    ],
    "error_mid_stream.sse": [
        START,
        SPENT,
        TextDelta("Once upon"),
        Failed(message="Overloaded", kind="overloaded_error", status=529),
    ],
    "max_tokens.sse": [
        START,
        SPENT,
        TextDelta("One, two, thr"),
        Finish(reason=FinishReason.LENGTH),
        Spent(Usage(input=25, output=5)),
    ],
    "stop_sequence.sse": [
        START,
        SPENT,
        TextDelta("a, b, "),
        Finish(reason=FinishReason.STOP, stop_sequence="END"),
        Spent(Usage(input=25, output=6)),
    ],
    "context_window.sse": [
        START,
        SPENT,
        TextDelta("and so"),
        Finish(reason=FinishReason.LENGTH),
        Spent(Usage(input=25, output=3)),
    ],
    "from_the_future.sse": [
        START,
        SPENT,
        TextDelta("seen"),
        Finish(reason=FinishReason.STOP),
        Spent(Usage(input=25, output=9)),
    ],
    "plain.json": [
        START,
        TextDelta('Grüß Gott 🌍\n\nand "hello"'),
        Finish(reason=FinishReason.STOP),
        Spent(Usage(input=25, output=15)),
    ],
    "parallel_tools.json": [
        START,
        TextDelta("I'll look up both cities."),
        ToolCallStart(index=0, id="toolu_01A", name="get_weather"),
        ToolCallDelta(index=0, arguments='{"city":"Paris"}'),
        ToolCallStart(index=1, id="toolu_01B", name="now"),
        ToolCallDelta(index=1, arguments="{}"),
        Finish(reason=FinishReason.TOOL_CALLS),
        Spent(Usage(input=25, output=89)),
    ],
    "thinking.json": [
        START,
        ThoughtDelta(text="27 * 453: 12231.", signature="EqQBCgIYAhIM1gbc=="),
        ThoughtDelta(text="EmwKAhgBEgy3", redacted=True),
        TextDelta("12,231"),
        Finish(reason=FinishReason.STOP),
        Spent(Usage(input=25, output=17, reasoning=44)),
    ],
    "stop_sequence.json": [
        START,
        TextDelta("a, b, "),
        Finish(reason=FinishReason.STOP, stop_sequence="END"),
        Spent(Usage(input=25, cache_read=7, output=15)),
    ],
    "refusal.json": [
        START,
        Finish(reason=FinishReason.CONTENT_FILTER),
        Spent(Usage(input=25, output=1)),
    ],
    "error.json": [Failed(message="Overloaded", kind="overloaded_error", status=529)],
}
STREAMS = [name for name in EXPECTED if name.endswith(".sse")]


def decoder(name: str) -> Decoder:
    return AnthropicCodec(STANDARD).decoder(Operation.CHAT, stream=name.endswith(".sse"))


def events_of(reader: Decoder, pieces: Sequence[bytes]) -> list[Event | Embedded]:
    events = [event for piece in pieces for event in reader.feed(piece)]
    return [*events, *reader.close()]


def test_every_exchange_has_its_events_here() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_an_exchange_gives_its_events(name: str, exchange: Callable[[str], bytes]) -> None:
    assert events_of(decoder(name), [exchange(name)]) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_one_cut_at_any_byte_changes_nothing(name: str, exchange: Callable[[str], bytes]) -> None:
    body = exchange(name)
    for at in range(len(body) + 1):
        assert events_of(decoder(name), [body[:at], body[at:]]) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_single_bytes_with_any_line_end_give_the_same_events(
    name: str, end: bytes, exchange: Callable[[str], bytes]
) -> None:
    body = exchange(name).replace(b"\n", end)
    assert events_of(decoder(name), [bytes([byte]) for byte in body]) == EXPECTED[name]


@given(name=st.sampled_from(STREAMS), cuts=st.lists(st.integers(0, 4000), max_size=8))
def test_any_cuts_of_any_stream_give_the_same_events(name: str, cuts: list[int]) -> None:
    body = (FOLDER / name).read_bytes()
    edges = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    pieces = [body[here:there] for here, there in pairwise(edges)]
    assert events_of(decoder(name), pieces) == EXPECTED[name]


@pytest.mark.parametrize("name", [name for name in STREAMS if name != "error_mid_stream.sse"])
def test_a_stream_cut_before_its_stop_reason_is_never_complete(
    name: str, exchange: Callable[[str], bytes]
) -> None:
    body = exchange(name)
    complete = body.index(b'"stop_reason":"')
    for at in range(0, complete, 7):
        reader = decoder(name)
        reader.feed(body[:at])
        with pytest.raises(UpstreamInterrupted):
            reader.close()


def test_a_stream_that_ends_after_its_stop_reason_is_complete(exchange: Callable[[str], bytes]) -> None:
    body = exchange("plain.sse")
    for at in range(body.index(b"event: message_stop"), len(body)):
        assert events_of(decoder("plain.sse"), [body[:at]]) == EXPECTED["plain.sse"]


def test_a_missing_last_blank_line_is_forgiven(exchange: Callable[[str], bytes]) -> None:
    assert events_of(decoder("plain.sse"), [exchange("plain.sse").rstrip(b"\n")]) == EXPECTED["plain.sse"]


def test_what_follows_the_end_is_passed_over(exchange: Callable[[str], bytes]) -> None:
    body = exchange("plain.sse") + b"data: [DONE]\n\n<html>\n\n"
    assert events_of(decoder("plain.sse"), [body]) == EXPECTED["plain.sse"]


@pytest.mark.parametrize(
    "garbage",
    [
        b"<html><body>502 Bad Gateway</body></html>\n\n",
        b"data: <html>\n\n",
        b"data: \xff\xfe\n\n",
        b'data: "text"\n\n',
        b"data: 17\n\n",
        b'data: {"type":7}\n\n',
        b'data: {"no":"type"}\n\n',
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta"}}\n\n',
        b'data: {"type":"content_block_delta","index":"0","delta":{"type":"text_delta","text":"x"}}\n\n',
        b"data: " + b"[" * 100_000 + b"\n\n",
    ],
)
def test_what_is_not_of_the_api_is_an_upstream_failure(garbage: bytes) -> None:
    with pytest.raises(UpstreamUnavailable):
        decoder("x.sse").feed(garbage)


@pytest.mark.parametrize("ignored", [b": keep-alive\n\n", b"event: ping\n\n", b"id: 7\n\n", b"retry: 5\n\n"])
def test_comments_and_fields_without_data_say_nothing(ignored: bytes) -> None:
    assert decoder("x.sse").feed(ignored) == []


def test_an_event_that_never_ends_is_an_upstream_failure() -> None:
    with pytest.raises(UpstreamUnavailable):
        decoder("x.sse").feed(b"data: " + b"x" * MAX_EVENT_BYTES)


def test_an_error_without_a_type_of_its_own_is_still_an_error() -> None:
    reader = decoder("x.sse")
    events = reader.feed(
        b'event: error\ndata: {"error":{"type":"rate_limit_error","message":"slow down"}}\n\n'
    )
    assert events == [Failed(message="slow down", kind="rate_limit_error", status=429)]
    assert reader.close() == []


def test_an_error_event_never_shows_a_key() -> None:
    error = b'{"type":"error","error":{"type":"api_error","message":"bad key sk-ant-api03-abcdef123456"}}'
    (failed,) = decoder("x.sse").feed(b"data: " + error + b"\n\n")
    assert isinstance(failed, Failed)
    assert "abcdef" not in failed.message


def test_arguments_that_stream_replace_those_at_the_start() -> None:
    reader = decoder("x.sse")
    events = [
        *reader.feed(
            b'data: {"type":"content_block_start","index":0,"content_block":'
            b'{"type":"tool_use","id":"t","name":"f","input":{"a":1}}}\n\n'
        ),
        *reader.feed(
            b'data: {"type":"content_block_delta","index":0,"delta":'
            b'{"type":"input_json_delta","partial_json":"{\\"a\\":2}"}}\n\n'
        ),
        *reader.feed(b'data: {"type":"content_block_stop","index":0}\n\n'),
    ]
    assert events == [
        Start(),
        ToolCallStart(index=0, id="t", name="f"),
        ToolCallDelta(index=0, arguments='{"a":2}'),
    ]


def test_a_call_whose_block_never_stops_gets_its_arguments_before_the_finish() -> None:
    reader = decoder("x.sse")
    reader.feed(
        b'data: {"type":"content_block_start","index":4,"content_block":'
        b'{"type":"tool_use","id":"t","name":"f","input":null}}\n\n'
    )
    assert reader.feed(b'data: {"type":"message_delta","delta":{"stop_reason":"tool_use"}}\n\n') == [
        ToolCallDelta(index=0, arguments="{}"),
        Finish(reason=FinishReason.TOOL_CALLS),
    ]


@pytest.mark.parametrize("body", [b"", b'{"id":"msg', b'{"type":"message","content":[{"type":"te'])
def test_a_document_that_breaks_off_is_interrupted(body: bytes) -> None:
    reader = decoder("x.json")
    reader.feed(body)
    with pytest.raises(UpstreamInterrupted):
        reader.close()


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"content":"text"}', b'{"content":[{}]}', b"\xff"]
)
def test_a_document_that_is_something_else_is_an_upstream_failure(body: bytes) -> None:
    reader = decoder("x.json")
    reader.feed(body)
    with pytest.raises(UpstreamUnavailable):
        reader.close()


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_give_events_or_an_upstream_error(body: bytes, stream: bool) -> None:
    reader = AnthropicCodec(STANDARD).decoder(Operation.CHAT, stream=stream)
    try:
        reader.feed(body)
        reader.close()
    except (UpstreamUnavailable, UpstreamInterrupted):
        pass
