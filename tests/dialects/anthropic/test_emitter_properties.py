"""What holds of every answer an Anthropic client is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from anthropic.types import Message
from hypothesis import given
from hypothesis import strategies as st

from dialects.anthropic.told import (
    METADATA,
    SDK_EVENT,
    SPENT,
    document,
    emitter,
    gathered,
    streamed,
)
from headgate.core.call import Operation
from headgate.core.chat import (
    Event,
    Finish,
    FinishReason,
    RefusalDelta,
    Start,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    ToolCallStart,
)
from headgate.core.embeddings import Embedded
from headgate.providers.anthropic import AnthropicCodec
from headgate.providers.spec import STANDARD

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
