"""A kept answer is told in the other form without a word, a call or a token less."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import msgspec
import pytest

from headgate.core.call import Operation, Payload
from headgate.core.chat import (
    Event,
    Finish,
    FinishReason,
    Spent,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
)
from headgate.core.reuse import Ending, Life, Stored, told
from headgate.core.usage import Usage
from headgate.ports.codec import Surface
from headgate.providers.anthropic import AnthropicCodec, AnthropicSurface
from headgate.providers.openai import OpenAICodec, OpenAISurface
from headgate.providers.retold import retold
from headgate.providers.spec import STANDARD

numbers = count()
OPENAI = OpenAISurface(lambda: 0.0, lambda: f"{next(numbers)}"), OpenAICodec(STANDARD), Operation.CHAT
ANTHROPIC = AnthropicSurface(lambda: f"{next(numbers)}"), AnthropicCodec(STANDARD), Operation.CHAT
USAGE = Usage(input=11, output=7)
SAID: list[Event] = [
    Start(id="x-1", model="served"),
    TextDelta("It is "),
    TextDelta("5 °C."),
    ToolCallStart(index=0, id="call-1", name="weather"),
    ToolCallDelta(index=0, arguments='{"city":'),
    ToolCallDelta(index=0, arguments='"Bern"}'),
    Finish(reason=FinishReason.TOOL_CALLS),
]


def payload(surface: Surface, form: dict[str, Any]) -> Payload:
    asked = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 99, **form}
    return surface.parse(Operation.CHAT, msgspec.json.encode(asked))


def kept(asked: Payload, events: Sequence[Event]) -> Stored:
    emitter = asked.emitter()
    body = emitter.feed([Spent(USAGE), *events])
    return Stored(
        provider="p", model_id="m", model_name="m", served_model="served", finish="tool_calls", usage=USAGE,
        cost_nano=5, stream=asked.stream, body=body, end=Ending(emitter.tail, marked=True).known(),
        stored_at=1.0, life=Life(8.0),
    )  # fmt: skip


def gathered(answer: Stored, codec: Any, operation: Operation) -> tuple[str, list[Event]]:
    """Its text, calls and finish, whatever pieces they came in."""
    decoder = codec.decoder(operation, stream=answer.stream)
    events = [*decoder.feed(answer.body + told(answer.end, b'{"meta":1}')), *decoder.close()]
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    arguments = "".join(event.arguments for event in events if isinstance(event, ToolCallDelta))
    rest: list[Event] = [event for event in events if isinstance(event, ToolCallStart | Finish | Start)]
    return text + arguments, rest


@pytest.mark.parametrize("codec", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
@pytest.mark.parametrize(
    ("form", "other"),
    [({}, {"stream": True}), ({"stream": True}, {}), ({"stream": True}, {"stream": True})],
    ids=["whole-stream", "stream-whole", "stream-stream"],
)
def test_nothing_is_lost(codec: Any, form: dict[str, Any], other: dict[str, Any]) -> None:
    surface, reads, operation = codec
    first, wanted = payload(surface, form), payload(surface, other)
    answer = kept(first, SAID)
    found = retold(answer, wanted, marked=True)
    assert found
    assert found.stream == wanted.stream
    assert (found.usage, found.stored_at, found.cost_nano) == (USAGE, 1.0, 5)
    assert gathered(found, reads, operation) == gathered(answer, reads, operation)
    assert b'"meta":1' in told(found.end, b'{"meta":1}')


def test_tokens_are_told_to_who_asks_for_them() -> None:
    surface, *_ = OPENAI
    answer = kept(payload(surface, {"stream": True}), SAID)
    counted = payload(surface, {"stream": True, "stream_options": {"include_usage": True}})
    for wanted in (counted, payload(surface, {})):
        found = retold(answer, wanted, marked=True)
        assert found
        assert b'"total_tokens":18' in found.body + told(found.end, None)
    assert b"total_tokens" not in answer.body + told(answer.end, None)


def within(answer: Stored, name: bytes, member: bytes) -> Stored:
    """The answer with one more member before the first of that name."""

    def put(text: bytes) -> bytes:
        return text.replace(name, member + b"," + name, 1)

    if name in answer.body:
        return msgspec.structs.replace(answer, body=put(answer.body))
    before, after = answer.end
    return msgspec.structs.replace(answer, end=(put(before), after))


@pytest.mark.parametrize("form", [{}, {"stream": True}], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("codec", "name", "member"),
    [
        (OPENAI, b'"role"', b'"audio":{"id":"a"}'),
        (OPENAI, b'"role"', b'"annotations":[{"type":"link"}]'),
        (OPENAI, b'"role"', b'"images":[{"type":"image_url","image_url":{"url":"data:"}}]'),
        (OPENAI, b'"role"', b'"reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]'),
        (OPENAI, b'"function":{', b'"custom":{"name":"f","input":"x"}'),
        (OPENAI, b'"choices"', b'"citations":["https://example.org"]'),
        (ANTHROPIC, b'"stop_sequence"', b'"container" : { "id": "c"}'),
        (ANTHROPIC, b'"text":', b'"citations" : [ {"cited_text":""}]'),
        (ANTHROPIC, b'"type":"text"', b'"type":"mcp_tool_use","input":{"a":1},"was":1'),
    ],
)
def test_what_would_be_lost_stays_as_it_is(codec: Any, form: Any, name: bytes, member: bytes) -> None:
    surface, *_ = codec
    answer = kept(payload(surface, form), SAID)
    wanted = payload(surface, {} if form else {"stream": True})
    lossy = within(answer, name, member)
    assert lossy != answer
    assert retold(lossy, wanted, marked=True) is None
    for empty in (b'"images":[]', b'"audio":null', b'"container":{}', b'"note":""'):
        assert retold(within(answer, name, empty), wanted, marked=True), "there is nothing to lose"


def test_what_nobody_misses_may_be_lost() -> None:
    surface, *_ = OPENAI
    answer = within(kept(payload(surface, {}), SAID), b'"choices"', b'"x_groq":{"id":"x"},"timings":{"a":1}')
    assert retold(answer, payload(surface, {"stream": True}), marked=True)


def test_what_cannot_be_read_stays_as_it_is() -> None:
    surface, *_ = OPENAI
    answer = kept(payload(surface, {}), SAID)
    broken = msgspec.structs.replace(answer, body=b"", end=(b"not JSON", None))
    assert retold(broken, payload(surface, {"stream": True}), marked=True) is None
    embeddings = surface.parse(Operation.EMBEDDINGS, b'{"model":"m","input":"x"}')
    assert retold(answer, embeddings, marked=True) is None
