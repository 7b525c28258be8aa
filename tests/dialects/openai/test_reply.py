"""What servers get wrong, and what is not an answer at all."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.call import Operation
from headgate.core.chat import (
    Failed,
    Finish,
    FinishReason,
    Start,
    TextDelta,
    ThoughtDelta,
)
from headgate.core.errors import (
    UpstreamError,
    UpstreamInterrupted,
    UpstreamUnavailable,
)
from headgate.providers.strict import MAX_DOCUMENT_BYTES
from openai_wire import CODEC, DONE, chunk, frame, streamed, whole

STOP = Finish(reason=FinishReason.STOP)


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
    with contextlib.suppress(UpstreamError):
        decoder.feed(body)
        decoder.close()


NAMES = st.sampled_from(
    [
        *("choices", "delta", "message", "index", "usage", "error", "content", "tool_calls", "function"),
        *("arguments", "logprobs", "finish_reason", "id", "model", "data", "embedding"),
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
JSON = st.recursive(
    LEAVES, lambda s: st.lists(s, max_size=2) | st.dictionaries(NAMES, s, max_size=4), max_leaves=8
)


@given(JSON, st.sampled_from([Operation.CHAT, Operation.EMBEDDINGS]), st.booleans())
def test_any_json_is_events_or_an_upstreams_error(value: object, operation: Operation, stream: bool) -> None:
    decoder = CODEC.decoder(operation, stream=stream)
    with contextlib.suppress(UpstreamError):
        decoder.feed(frame(value) if stream else json.dumps(value).encode())
        decoder.close()


def test_an_answer_without_end_is_refused() -> None:
    decoder = CODEC.decoder(Operation.CHAT, stream=False)
    piece = bytes(MAX_DOCUMENT_BYTES // 8)
    for _ in range(8):
        decoder.feed(piece)
    with pytest.raises(UpstreamUnavailable):
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
