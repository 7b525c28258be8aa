"""Tool calls, however servers cut them up, and token counts, however they count."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from headgate.core.call import Operation
from headgate.core.chat import (
    Event,
    Failed,
    Finish,
    FinishReason,
    Spent,
    ToolCallDelta,
    ToolCallStart,
)
from headgate.core.embeddings import Embedded
from headgate.core.errors import (
    UpstreamUnavailable,
)
from headgate.core.usage import Usage
from openai_wire import DONE, chunk, frame, streamed, whole

TOOLS = Finish(reason=FinishReason.TOOL_CALLS)


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


@pytest.mark.parametrize("text", ["%%%%", "AAAAAAA="])
def test_base64_that_is_not_floats_is_not_of_the_dialect(text: str) -> None:
    with pytest.raises(UpstreamUnavailable):
        whole(json.dumps({"data": [{"embedding": text}]}).encode(), Operation.EMBEDDINGS)
