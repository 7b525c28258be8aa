"""What servers get wrong, and what is not an answer at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

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
from headgate.core.errors import UpstreamError, UpstreamInterrupted, UpstreamUnavailable
from headgate.core.usage import Usage
from headgate.providers.openai import OpenAICodec
from headgate.providers.spec import STANDARD
from headgate.providers.strict import MAX_DOCUMENT_BYTES

CODEC = OpenAICodec(STANDARD)
DONE = b"data: [DONE]\n\n"
STOP = Finish(reason=FinishReason.STOP)
TOOLS = Finish(reason=FinishReason.TOOL_CALLS)


def frame(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return frame({"id": "a-1", "model": "m", "choices": [choice], **more})


def streamed(*pieces: bytes) -> list[Event | Embedded]:
    decoder = CODEC.decoder(Operation.CHAT, stream=True)
    return [*(event for piece in pieces for event in decoder.feed(piece)), *decoder.close()]


def whole(body: bytes, operation: Operation = Operation.CHAT) -> list[Event | Embedded]:
    decoder = CODEC.decoder(operation, stream=False)
    return [*decoder.feed(body), *decoder.close()]


def called(*deltas: list[dict[str, Any]], finish: str = "tool_calls") -> Sequence[Event | Embedded]:
    pieces = [chunk({"tool_calls": delta}) for delta in deltas]
    return streamed(*pieces, chunk({}, finish), DONE)[1:]


# ── tool calls ───────────────────────────────────────────────────────────────────────────────────


def test_arguments_in_the_first_piece_and_beside_the_finish_are_kept() -> None:
    first = {"index": 0, "id": "x", "function": {"name": "f", "arguments": '{"a"'}}
    last = {"index": 0, "function": {"arguments": ":1}"}}
    events = streamed(chunk({"tool_calls": [first]}), chunk({"tool_calls": [last]}, "tool_calls"), DONE)
    assert events[1:] == [
        ToolCallStart(index=0, id="x", name="f"),
        ToolCallDelta(index=0, arguments='{"a"'),
        ToolCallDelta(index=0, arguments=":1}"),
        TOOLS,
    ]


def test_a_server_that_repeats_id_and_name_makes_one_call() -> None:
    piece = {"index": 0, "id": "x", "type": "function", "function": {"name": "f", "arguments": "1"}}
    assert called([piece], [piece]) == [
        ToolCallStart(index=0, id="x", name="f"),
        ToolCallDelta(index=0, arguments="1"),
        ToolCallDelta(index=0, arguments="1"),
        TOOLS,
    ]


def test_empty_ids_and_names_in_later_pieces_say_nothing() -> None:
    first = {"index": 0, "id": "x", "function": {"name": "f", "arguments": ""}}
    later = {"index": 0, "id": "", "function": {"name": "", "arguments": "{}"}}
    assert called([first], [later])[:2] == [
        ToolCallStart(index=0, id="x", name="f"),
        ToolCallDelta(index=0, arguments="{}"),
    ]


def test_a_new_id_without_a_name_goes_on_with_the_call_of_its_index() -> None:
    first = {"index": 0, "id": "x", "function": {"name": "f"}}
    later = {"index": 0, "id": "y", "function": {"name": None, "arguments": "{}"}}
    assert called([first], [later])[1] == ToolCallDelta(index=0, arguments="{}")


def test_calls_without_index_are_told_apart_by_id() -> None:
    a = {"id": "x", "function": {"name": "f", "arguments": "1"}}
    b = {"id": "y", "function": {"name": "f", "arguments": "2"}}
    more = {"id": "x", "function": {"arguments": "3"}}
    assert called([a], [b], [more]) == [
        ToolCallStart(index=0, id="x", name="f"),
        ToolCallDelta(index=0, arguments="1"),
        ToolCallStart(index=1, id="y", name="f"),
        ToolCallDelta(index=1, arguments="2"),
        ToolCallDelta(index=0, arguments="3"),
        TOOLS,
    ]


def test_pieces_without_index_and_id_go_on_with_the_last_call() -> None:
    a = {"function": {"name": "f", "arguments": "1"}}
    more = {"function": {"arguments": "2"}}
    assert called([a], [more], [a]) == [
        ToolCallStart(index=0, id="call_a1_0_0", name="f"),
        ToolCallDelta(index=0, arguments="1"),
        ToolCallDelta(index=0, arguments="2"),
        ToolCallStart(index=1, id="call_a1_0_1", name="f"),
        ToolCallDelta(index=1, arguments="1"),
        TOOLS,
    ]


def test_indices_with_gaps_are_numbered_in_order_of_appearance() -> None:
    a = {"index": 3, "id": "x", "function": {"name": "f"}}
    b = {"index": 1, "id": "y", "function": {"name": "g"}}
    more = {"index": 3, "function": {"arguments": "{}"}}
    assert called([a, b], [more])[:3] == [
        ToolCallStart(index=0, id="x", name="f"),
        ToolCallStart(index=1, id="y", name="g"),
        ToolCallDelta(index=0, arguments="{}"),
    ]


def test_a_name_that_comes_late_loses_no_arguments() -> None:
    early = {"index": 0, "id": "x", "function": {"arguments": "{"}}
    late = {"index": 0, "function": {"name": "f", "arguments": "}"}}
    assert called([early], [late])[:3] == [
        ToolCallStart(index=0, id="x", name="f"),
        ToolCallDelta(index=0, arguments="{"),
        ToolCallDelta(index=0, arguments="}"),
    ]


def test_a_name_that_never_comes_loses_no_arguments() -> None:
    assert called([{"index": 0, "id": "x", "function": {"arguments": "{}"}}]) == [
        ToolCallStart(index=0, id="x", name=""),
        ToolCallDelta(index=0, arguments="{}"),
        TOOLS,
    ]


def test_arguments_that_are_an_object_become_its_json() -> None:
    assert called([{"index": 0, "id": "x", "function": {"name": "f", "arguments": {"a": 1}}}])[1] == (
        ToolCallDelta(index=0, arguments='{"a":1}')
    )


@pytest.mark.parametrize("word", ["stop", "function_call", "tool_calls", "eos"])
def test_an_end_after_calls_is_an_end_for_calls(word: str) -> None:
    assert called([{"index": 0, "id": "x", "function": {"name": "f"}}], finish=word)[-1] == TOOLS


def test_calls_cut_by_the_token_limit_end_by_length() -> None:
    events = called([{"index": 0, "id": "x", "function": {"name": "f"}}], finish="length")
    assert events[-1] == Finish(reason=FinishReason.LENGTH)


def test_two_calls_of_one_tool_in_a_document_without_ids_are_two() -> None:
    call = {"function": {"name": "f", "arguments": "{}"}}
    message = {"content": None, "tool_calls": [call, call]}
    events = whole(json.dumps({"id": "q", "choices": [{"message": message}]}).encode())
    assert [event for event in events if isinstance(event, ToolCallStart)] == [
        ToolCallStart(index=0, id="call_q_0_0", name="f"),
        ToolCallStart(index=1, id="call_q_0_1", name="f"),
    ]


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("word", ["stop", "eos", "abort", "whatever comes next"])
def test_an_unknown_finish_is_a_stop(word: str) -> None:
    assert streamed(chunk({"content": "a"}, word))[-1] == STOP


def test_a_repeated_finish_counts_once() -> None:
    events = streamed(chunk({"content": "a"}, "stop"), chunk({}, "stop"), DONE)
    assert events.count(STOP) == 1


def test_a_stream_that_is_done_without_a_finish_stops() -> None:
    assert streamed(chunk({"content": "a"}), DONE)[-1] == STOP


def test_what_follows_done_is_not_read() -> None:
    assert streamed(chunk({"content": "a"}, "stop"), DONE, b"<html>\n\n") == streamed(
        chunk({"content": "a"}, "stop"), DONE
    )


def test_two_choices_of_which_one_finished_are_interrupted() -> None:
    def say(index: int, finish: str | None) -> bytes:
        choice = {"index": index, "delta": {"content": "a"}, "finish_reason": finish}
        return frame({"choices": [choice]})

    with pytest.raises(UpstreamInterrupted):
        streamed(say(0, "stop"), say(1, None))


def test_a_document_without_finish_reason_is_whole() -> None:
    events = whole(b'{"choices":[{"message":{"content":"hi"}}]}')
    assert events == [Start(), TextDelta("hi"), STOP]


@pytest.mark.parametrize("cut", [b'{"choices":[{"mess', b'{"choices":[{"message":{"content":"hi"'])
def test_a_document_that_breaks_off_is_interrupted(cut: bytes) -> None:
    with pytest.raises(UpstreamInterrupted):
        whole(cut)


# ── errors within a 200 ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"message": "x", "code": "rate_limit_exceeded"}, 429),
        ({"message": "x", "type": "server_error"}, 500),
        ({"message": "x", "type": "overloaded_error"}, 503),
        ({"message": "x", "type": "invalid_request_error"}, 400),
        ({"message": "x", "code": 503}, 503),
        ({"message": "x", "code": 7}, None),
        ({"message": "x"}, None),
    ],
)
def test_an_error_in_the_answer_has_the_status_it_would_have_had(
    error: dict[str, object], status: int | None
) -> None:
    for events in (streamed(frame({"error": error})), whole(json.dumps({"error": error}).encode())):
        (event,) = events
        assert isinstance(event, Failed)
        assert (event.message, event.status) == ("x", status)


def test_an_error_of_one_choice_is_an_error() -> None:
    choice = {"index": 0, "delta": {"content": ""}, "error": {"code": 502, "message": "gone"}}
    assert streamed(chunk({"content": "a"}), frame({"choices": [choice]}))[-1] == (
        Failed(message="gone", status=502)
    )


def test_an_error_that_is_a_string_is_an_error() -> None:
    assert whole(b'{"error":"no room"}') == [Failed(message="no room")]


def test_an_old_servers_error_in_the_middle_is_an_error() -> None:
    events = streamed(chunk({"content": "a"}), frame({"object": "error", "message": "oom", "code": 500}))
    assert events[-1] == Failed(message="oom", status=500)


def test_an_error_that_is_null_is_none() -> None:
    assert streamed(chunk({"content": "a"}, "stop", error=None))[-1] == STOP


def test_an_error_in_the_answer_never_shows_a_key() -> None:
    (event,) = whole(b'{"error":{"message":"bad key sk-proj-0123456789abcdef"}}')
    assert isinstance(event, Failed)
    assert "0123456789" not in event.message


# ── what is not of the dialect ───────────────────────────────────────────────────────────────────

GARBAGE = [
    b"",
    b"\n\n",
    b"<!doctype html>\n\n<html>502</html>",
    b"hello",
    b"data: hello\n\n",
    b"data: {\n\n",
    b"data: [1]\n\n",
    b"data: {}\n\n",
    b'data: {"choices":7}\n\n',
    b'data: {"choices":[{"delta":{"content":7}}]}\n\n',
    b"{}",
    b"[]",
    b"null",
    b'{"choices":[]}',
    b'{"choices":[{"message":{"content":{}}}]}',
    b": nothing but comments\n\n",
    b"data: [DONE]\n\n",
    b"event: ping\n\n",
    b"\xff\xfe\x00\x01",
    b"[" * 100_000,
    b"data: " + b"[" * 100_000 + b"\n\n",
]


@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("operation", [Operation.CHAT, Operation.EMBEDDINGS])
def test_garbage_is_an_upstream_that_cannot_answer(body: bytes, stream: bool, operation: Operation) -> None:
    decoder = CODEC.decoder(operation, stream=stream)
    with pytest.raises(UpstreamUnavailable, match="not of the dialect"):
        assert not [*decoder.feed(body), *decoder.close()]


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_events_or_an_upstreams_error(body: bytes, stream: bool) -> None:
    decoder = CODEC.decoder(Operation.CHAT, stream=stream)
    try:
        decoder.feed(body)
        decoder.close()
    except UpstreamError:
        pass


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda s: (
            st.lists(s)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "choices",
                        "delta",
                        "message",
                        "index",
                        "usage",
                        "error",
                        "content",
                        "tool_calls",
                        "function",
                        "arguments",
                        "logprobs",
                        "finish_reason",
                        "id",
                        "model",
                        "data",
                        "embedding",
                    ]
                ),
                s,
            )
        ),
    )
)
def test_any_json_is_events_or_an_upstreams_error(value: object) -> None:
    body = json.dumps(value).encode()
    for decode in (
        lambda: whole(body),
        lambda: whole(body, Operation.EMBEDDINGS),
        lambda: streamed(frame(value), DONE),
    ):
        try:
            assert decode()
        except UpstreamError:
            pass


def test_an_answer_without_end_is_refused() -> None:
    decoder = CODEC.decoder(Operation.CHAT, stream=False)
    piece = bytes(MAX_DOCUMENT_BYTES // 8)
    with pytest.raises(UpstreamUnavailable):
        for _ in range(9):
            decoder.feed(piece)


def test_an_event_without_end_is_refused() -> None:
    decoder = CODEC.decoder(Operation.CHAT, stream=True)
    with pytest.raises(UpstreamUnavailable):
        decoder.feed(b"data: " + b"a" * (17 * 1024 * 1024))


def test_an_odd_event_in_the_middle_is_passed_over() -> None:
    events = streamed(chunk({"content": "a"}), frame({"type": "ping"}), chunk({}, "stop"), DONE)
    assert events[1:] == [TextDelta("a"), STOP]


# ── kindness ─────────────────────────────────────────────────────────────────────────────────────


def test_a_document_where_a_stream_was_asked_for_is_read() -> None:
    body = b'{"id":"a","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}'
    assert streamed(body) == [Start(id="a"), TextDelta("hi"), STOP]


def test_a_stream_where_a_document_was_asked_for_is_read() -> None:
    body = b": wait\n\n" + chunk({"content": "hi"}) + chunk({}, "stop") + DONE
    assert whole(body) == [Start(id="a-1", model="m"), TextDelta("hi"), STOP]


def test_half_a_surrogate_pair_is_a_replacement_character() -> None:
    bad = b'data: {"choices":[{"delta":{"content":"a\\ud83c"},"finish_reason":"stop"}]}\n\n'
    assert streamed(bad)[1] == TextDelta("a�")


def test_broken_utf8_is_a_replacement_character() -> None:
    bad = b'data: {"choices":[{"delta":{"content":"a\xf0\x9f"},"finish_reason":"stop"}]}\n\n'
    assert streamed(bad)[1] == TextDelta("a�")


def test_mistrals_thoughts_in_a_stream_are_thoughts() -> None:
    thinking = {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "so"}]}]}
    assert streamed(chunk(thinking), chunk({"content": "yes"}, "stop"))[1:3] == [
        ThoughtDelta(text="so"),
        TextDelta("yes"),
    ]


# ── usage ────────────────────────────────────────────────────────────────────────────────────────


def _spent(usage: object) -> list[Usage]:
    events = streamed(chunk({"content": "a"}, "stop"), frame({"choices": [], "usage": usage}), DONE)
    return [event.usage for event in events if isinstance(event, Spent)]


@pytest.mark.parametrize("usage", [{}, None, {"prompt_tokens": None, "completion_tokens": None}])
def test_usage_that_says_nothing_is_no_usage(usage: object) -> None:
    assert _spent(usage) == []


def test_more_cached_tokens_than_tokens_do_not_count_below_zero() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 9}}
    assert _spent(usage) == [Usage(input=0, cache_read=9, output=1)]


def test_reasoning_on_top_of_the_completion_reconciles() -> None:
    usage = {
        "prompt_tokens": 5,
        "completion_tokens": 1,
        "total_tokens": 16,
        "completion_tokens_details": {"reasoning_tokens": 10},
    }
    (spent,) = _spent(usage)
    assert spent == Usage(input=5, output=1, reasoning=10, reported_total=16)
    assert not spent.unreconciled


def test_moonshots_usage_within_the_choice_counts() -> None:
    choice = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 3}}
    assert Spent(Usage(input=3)) in streamed(frame({"id": "k", "choices": [choice]}))


def test_vectors_without_usage_are_flagged() -> None:
    (event,) = whole(b'{"data":[{"embedding":[1,2]}]}', Operation.EMBEDDINGS)
    assert event == Embedded(vectors=((1.0, 2.0),), usage=Usage(estimated=True))


def test_an_error_instead_of_vectors_is_an_error() -> None:
    assert whole(b'{"error":{"message":"no","code":429}}', Operation.EMBEDDINGS) == [
        Failed(message="no", status=429)
    ]


@pytest.mark.parametrize("text", ["%%%%", "AAAAAA=="])
def test_base64_that_is_not_floats_is_not_of_the_dialect(text: str) -> None:
    body = json.dumps({"data": [{"embedding": text}]}).encode()
    if text == "%%%%":
        with pytest.raises(UpstreamUnavailable):
            whole(body, Operation.EMBEDDINGS)
    else:
        assert isinstance(whole(body, Operation.EMBEDDINGS)[0], Embedded)
