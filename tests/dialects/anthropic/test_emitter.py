"""What an Anthropic client is told, whatever dialect the answer came in."""

from __future__ import annotations

from typing import Any

import pytest

from dialects.anthropic.told import (
    METADATA,
    SPENT,
    STOP,
    document,
    emitter,
    gathered,
    kinds,
    streamed,
)
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
from headgate.core.usage import Usage

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


def test_what_follows_whole_arguments_reopens_no_block() -> None:
    told = streamed(
        [
            Start(),
            ToolCallStart(index=0, id="t0", name="f"),
            ToolCallDelta(index=0, arguments='{"a":1}'),
            ToolCallStart(index=1, id="t1", name="g"),
            ToolCallDelta(index=0, arguments=" "),
            ToolCallDelta(index=7, arguments="{}"),
            STOP,
        ]
    )
    assert [block["input"] for block in gathered(told)] == [{"a": 1}, {}]


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
    events: list[Event] = [Start(), RefusalDelta("I "), RefusalDelta("won't."), STOP]
    assert gathered(streamed(events)) == document(events)["content"] == [{"type": "text", "text": "I won't."}]


def test_only_the_first_choice_is_told() -> None:
    events: list[Event] = [
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
    events: list[Event] = [Start(), TextDelta(""), STOP]
    assert gathered(streamed(events)) == document(events)["content"] == []


# ── documents ────────────────────────────────────────────────────────────────────────────────────


def test_a_document() -> None:
    events: list[Event] = [
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
    ("pieces", "told"),
    [([], {}), (["{}"], {}), (['{"a":'], {"INVALID_JSON": '{"a":'}), (["[1]"], {"INVALID_JSON": "[1]"})],
)
def test_arguments_of_a_document_are_always_an_object(pieces: list[str], told: dict[str, Any]) -> None:
    deltas = [ToolCallDelta(index=0, arguments=piece) for piece in pieces]
    events: list[Event] = [Start(), ToolCallStart(index=0, id="t", name="f"), *deltas, STOP]
    assert document(events)["content"][0]["input"] == told
