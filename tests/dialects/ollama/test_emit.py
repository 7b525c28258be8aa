"""Answers written as Ollama writes them, which our own decoder reads again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.call import Operation
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
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
)
from headgate.core.embeddings import Embedded
from headgate.core.usage import Usage
from headgate.providers.ollama import OllamaCodec, OllamaSurface
from headgate.providers.spec import STANDARD

METADATA = b'{"model_id":"local","attempts":1}'
START = Start(model="served")
STOP = Finish(reason=FinishReason.STOP)


def ticking() -> Callable[[], float]:
    """A clock that is a second further on every look."""
    seconds = count(1_751_371_200)
    return lambda: float(next(seconds))


def answered(events: list[Event], *, stream: bool) -> tuple[bytes, list[Event | Embedded]]:
    """An answer as it leaves, and what our own decoder makes of it."""
    body = msgspec.json.encode({"model": "m", "stream": stream})
    emitter = OllamaSurface(ticking(), lambda: "id").parse(Operation.CHAT, body).emitter()
    out = b"".join(emitter.feed([event]) for event in events) + emitter.tail(METADATA)
    decoder = OllamaCodec(STANDARD).decoder(Operation.CHAT, stream=stream)
    return out, [*decoder.feed(out), *decoder.close()]


def gathered(events: list[Any]) -> list[Any]:
    """An answer's substance: neighbouring pieces of text joined."""
    joined: list[Any] = []
    for event in events:
        last = joined[-1] if joined else None
        if isinstance(event, TextDelta) and isinstance(last, TextDelta):
            joined[-1] = TextDelta(last.text + event.text)
        else:
            joined.append(event)
    return joined


WORDS = st.text(min_size=1, max_size=12)
IDS = st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True)
CALLS = st.builds(
    ToolCall,
    id=IDS,
    name=IDS,
    arguments=st.dictionaries(WORDS, st.integers(0, 9) | WORDS, max_size=2).map(
        lambda value: msgspec.json.encode(value).decode()
    ),
)


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """An answer as the API gives one: a thought, text, whole calls, usage, a reason."""
    events: list[Event] = [START]
    if draw(st.booleans()):
        events.append(ThoughtDelta(text=draw(WORDS)))
    events += [TextDelta(word) for word in draw(st.lists(WORDS, max_size=3))]
    calls = draw(st.lists(CALLS, max_size=2))
    for index, call in enumerate(calls):
        events.append(ToolCallStart(index=index, id=call.id, name=call.name))
        events.append(ToolCallDelta(index=index, arguments=call.arguments))
    events.append(Spent(Usage(input=draw(st.integers(0, 99)), output=draw(st.integers(0, 99)))))
    reason = FinishReason.TOOL_CALLS if calls else FinishReason(draw(st.sampled_from(["stop", "length"])))
    return [*events, Finish(reason=reason)]


@given(answers(), st.booleans())
def test_our_decoder_reads_what_we_write(events: list[Event], stream: bool) -> None:
    out, read = answered(events, stream=stream)
    assert gathered(read) == gathered(events)
    lines = [msgspec.json.decode(line) for line in out.splitlines()]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1]["x-routing-metadata"] == {"model_id": "local", "attempts": 1}


def test_the_last_line_has_the_counts_and_the_times() -> None:
    usage = Usage(input=3, cache_read=2, output=1, reasoning=4)
    out, _ = answered([Start(), TextDelta("Hi"), Spent(usage), STOP], stream=True)
    assert [msgspec.json.decode(line) for line in out.splitlines()] == [
        {
            "model": "m",
            "created_at": "2025-07-01T12:00:02.000000Z",
            "message": {"role": "assistant", "content": "Hi"},
            "done": False,
        },
        {
            "model": "m",
            "created_at": "2025-07-01T12:00:04.000000Z",
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "done_reason": "stop",
            "total_duration": 3_000_000_000,
            "load_duration": 0,
            "prompt_eval_count": 5,
            "prompt_eval_duration": 1_000_000_000,
            "eval_count": 5,
            "eval_duration": 2_000_000_000,
            "x-routing-metadata": {"model_id": "local", "attempts": 1},
        },
    ]


@pytest.mark.parametrize("stream", [True, False])
def test_logprobs_and_a_refusal(stream: bool) -> None:
    entry = {"token": "A", "logprob": -0.5, "bytes": [65]}
    logprobs = Logprobs(content=({**entry, "top_logprobs": [entry]},))
    events: list[Event] = [START, RefusalDelta("No."), logprobs, Spent(Usage()), STOP]
    _, read = answered(events, stream=stream)
    assert read == [START, TextDelta("No."), logprobs, Spent(Usage()), STOP]


@pytest.mark.parametrize("stream", [True, False])
def test_arguments_that_are_no_object_are_a_failure(stream: bool) -> None:
    call = ToolCallStart(index=0, id="a", name="w")
    events: list[Event] = [call, ToolCallDelta(index=0, arguments='{"x": '), STOP]
    _, read = answered(events, stream=stream)
    assert read == [Failed(message="the model's tool call could not be parsed", status=500)]


def test_a_call_without_an_id_leaves_without_one() -> None:
    out, _ = answered([ToolCallStart(index=0, id="", name="w"), STOP], stream=False)
    assert b'"tool_calls":[{"function":{"index":0,"name":"w","arguments":{}}}]' in out


@pytest.mark.parametrize("stream", [True, False])
def test_an_error_inside_an_answer_ends_it(stream: bool) -> None:
    out, read = answered([START, Failed(message="Out of memory.")], stream=stream)
    assert read == [Failed(message="Out of memory.", status=500)]
    assert out.strip() == b'{"error":"Out of memory."}'


def test_embeddings_are_answered() -> None:
    surface = OllamaSurface(ticking(), lambda: "id")
    emitter = surface.parse(Operation.EMBEDDINGS, b'{"model":"e","input":"a"}').emitter()
    assert emitter.feed([Embedded(vectors=((0.5, 1.0),), usage=Usage(input=3))]) == b""
    out = emitter.tail(METADATA)
    assert msgspec.json.decode(out) == {
        "model": "e",
        "embeddings": [[0.5, 1.0]],
        "total_duration": 1_000_000_000,
        "load_duration": 0,
        "prompt_eval_count": 3,
        "x-routing-metadata": {"model_id": "local", "attempts": 1},
    }
    decoder = OllamaCodec(STANDARD).decoder(Operation.EMBEDDINGS, stream=False)
    decoder.feed(out)
    assert decoder.close() == (Embedded(vectors=((0.5, 1.0),), usage=Usage(input=3), model="e"),)
