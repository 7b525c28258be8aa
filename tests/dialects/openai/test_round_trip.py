"""There and back: what is written in this dialect and read again is the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.call import Operation
from headgate.core.chat import (
    Chat,
    Event,
    Finish,
    FinishReason,
    Image,
    Logprobs,
    Message,
    Reasoning,
    RefusalDelta,
    ResponseFormat,
    Role,
    Spent,
    Start,
    Text,
    TextDelta,
    Thought,
    ThoughtDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
    ToolChoice,
    ToolResult,
)
from headgate.core.embeddings import Embedded, Embeddings
from headgate.core.usage import Usage
from headgate.providers.openai import OpenAICodec
from headgate.providers.spec import STANDARD
from openai_wire import CODEC, HELLO, SURFACE, parse, read, streamed, whole

# ── requests ─────────────────────────────────────────────────────────────────────────────────────

WORD = st.text(min_size=1, max_size=6)
TEXT = st.builds(Text, WORD)
IMAGE = st.builds(Image, url=WORD.map("https://".__add__), detail=st.none() | st.just("low")) | st.builds(
    Image, data=st.just("AAAA"), media_type=st.just("image/png")
)
CALL = st.builds(ToolCall, id=WORD, name=st.just("f"), arguments=st.sampled_from(["{}", '{"a": 1}', ""]))
RESULT = st.builds(ToolResult, id=st.just("other"), parts=st.lists(TEXT, max_size=2).map(tuple))
NAME = st.none() | WORD


def _turn(role: Role, parts: st.SearchStrategy[list[Any]], name: st.SearchStrategy[str | None]) -> Any:
    return st.builds(Message, role=st.just(role), parts=parts.map(tuple), name=name)


TURNS = st.one_of(
    _turn(Role.SYSTEM, st.lists(TEXT, max_size=2), NAME),
    _turn(Role.USER, st.lists(TEXT | IMAGE, max_size=3), NAME),
    st.builds(
        lambda thoughts, texts, calls, name: Message(
            role=Role.ASSISTANT, parts=(*thoughts, *texts, *calls), name=name
        ),
        st.lists(st.builds(Thought, text=WORD), max_size=1),
        st.lists(TEXT, max_size=2),
        st.lists(CALL, max_size=2),
        NAME,
    ),
    # with a call before it the result would be named after that call
    _turn(Role.USER, st.lists(RESULT, min_size=1, max_size=2), st.none()),
)


def _separate(turns: list[Message]) -> tuple[Message, ...]:
    """Without neighbours that are both tool results: on the wire they would be one turn."""
    kept: list[Message] = []
    for turn in turns:
        is_result = any(isinstance(part, ToolResult) for part in turn.parts)
        if not (is_result and kept and any(isinstance(part, ToolResult) for part in kept[-1].parts)):
            kept.append(turn)
    return tuple(kept)


NUMBER = st.none() | st.floats(-2, 2)
CHATS = st.builds(
    Chat,
    model=st.just("up"),
    messages=st.lists(TURNS, min_size=1, max_size=4).map(_separate),
    stream=st.booleans(),
    max_tokens=st.none() | st.integers(1, 2**40),
    temperature=NUMBER,
    top_p=NUMBER,
    stop=st.lists(WORD, max_size=2).map(tuple),
    seed=st.none() | st.integers(-(2**63), 2**63 - 1),
    n=st.none() | st.integers(1, 3),
    presence_penalty=NUMBER,
    frequency_penalty=NUMBER,
    logit_bias=st.none() | st.dictionaries(WORD, st.floats(-100, 100), max_size=2),
    logprobs=st.none() | st.booleans(),
    top_logprobs=st.none() | st.integers(0, 20),
    tools=st.lists(
        st.builds(
            Tool,
            name=WORD,
            description=NAME,
            parameters=st.none() | st.just({"type": "object", "properties": {}}),
            strict=st.none() | st.booleans(),
        ),
        min_size=1,
        max_size=2,
    ).map(tuple),
    tool_choice=st.none()
    | st.sampled_from(
        [ToolChoice(mode="auto"), ToolChoice(mode="required"), ToolChoice(mode="tool", name="f")]
    ),
    parallel_tool_calls=st.none() | st.booleans(),
    response_format=st.none()
    | st.sampled_from(
        [
            ResponseFormat(kind="text"),
            ResponseFormat(kind="json_object"),
            ResponseFormat(kind="json_schema", name="r", description="d", schema={"a": [1]}, strict=False),
        ]
    ),
    reasoning=st.none() | st.sampled_from([Reasoning(effort="low"), Reasoning(effort="none", enabled=False)]),
    user=NAME,
)


@settings(max_examples=30, deadline=None)
@given(CHATS)
def test_a_chat_written_and_parsed_again_is_the_same(asked: Chat) -> None:
    outgoing = OpenAICodec(STANDARD).encode(asked, model="up", stream=asked.stream)
    assert SURFACE.parse(Operation.CHAT, outgoing.body).hub() == asked


@given(
    st.builds(
        Embeddings,
        model=st.just("up"),
        inputs=st.lists(WORD, min_size=1).map(tuple)
        | st.lists(st.lists(st.integers(0, 9), min_size=1).map(tuple), min_size=1).map(tuple),
        dimensions=st.none() | st.integers(1, 9),
        user=NAME,
    )
)
def test_embeddings_written_and_parsed_again_are_the_same(asked: Embeddings) -> None:
    outgoing = OpenAICodec(STANDARD).encode(asked, model="up", stream=False)
    assert SURFACE.parse(Operation.EMBEDDINGS, outgoing.body).hub() == asked


# ── answers ──────────────────────────────────────────────────────────────────────────────────────

COUNT = st.integers(0, 10_000)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    usage = Usage(
        input=draw(COUNT),
        cache_read=draw(COUNT),
        cache_write=draw(COUNT),
        output=draw(COUNT),
        reasoning=draw(COUNT),
        estimated=draw(st.booleans()),
    )
    return Usage(**{**{f: getattr(usage, f) for f in usage.__struct_fields__}, "reported_total": usage.total})


TOKEN = st.fixed_dictionaries({"token": WORD, "logprob": st.floats(-9, 0), "top_logprobs": st.just([])})


@st.composite
def answers(draw: st.DrawFn, *, most_choices: int) -> list[Event]:
    """A whole answer as this dialect can tell it: calls in order, each finish last, then the usage."""
    events: list[Event] = [Start(id=draw(WORD), model=draw(WORD))]
    said: list[Sequence[Event]] = []
    for choice in range(draw(st.integers(1, most_choices))):
        said.append(draw(_choice(choice)))
    events += [event for step in itertools.zip_longest(*said) for event in step if event is not None]
    return [*events, Spent(draw(usages()))]


@st.composite
def _choice(draw: st.DrawFn, choice: int) -> Sequence[Event]:
    delta = st.one_of(
        st.builds(TextDelta, WORD, st.just(choice)),
        st.builds(ThoughtDelta, text=WORD, choice=st.just(choice)),
        st.builds(RefusalDelta, WORD, st.just(choice)),
        st.builds(
            Logprobs, content=st.lists(TOKEN, min_size=1, max_size=2).map(tuple), choice=st.just(choice)
        ),
    )
    events: list[Event] = draw(st.lists(delta, max_size=4))
    calls = draw(st.integers(0, 2))
    for index in range(calls):
        seal = draw(NAME)
        start = ToolCallStart(index=index, id=f"c{index}", name=draw(WORD), choice=choice, signature=seal)
        pieces = draw(st.lists(WORD, max_size=2))
        events += [start, *(ToolCallDelta(index=index, arguments=p, choice=choice) for p in pieces)]
    reasons = set(FinishReason) - ({FinishReason.STOP} if calls else set())
    return [*events, Finish(reason=draw(st.sampled_from(sorted(reasons))), choice=choice)]


def _gathered(events: Sequence[Event | Embedded]) -> dict[Any, Any]:
    """What an answer says in all, however it is cut into events."""
    out: dict[Any, Any] = {}
    for event in events:
        match event:
            case TextDelta() | ThoughtDelta() | RefusalDelta():
                said = (type(event), event.choice)
                out[said] = out.get(said, "") + event.text
            case ToolCallDelta():
                call = ("arguments", event.choice, event.index)
                out[call] = out.get(call, "") + event.arguments
            case Logprobs():
                tokens = ("logprobs", event.choice)
                out[tokens] = out.get(tokens, ()) + event.content
            case ToolCallStart():
                out["call", event.choice, event.index] = event
            case Finish():
                out["finish", event.choice] = event
            case _:
                out[type(event)] = event
    return out


@settings(max_examples=30, deadline=None)
@given(answers(most_choices=2), st.data())
def test_a_stream_written_and_read_again_is_the_same(events: list[Event], data: st.DataObject) -> None:
    emitter = parse(model="m", messages=HELLO, stream=True, stream_options={"include_usage": True}).emitter()
    cut = data.draw(st.integers(0, len(events)))
    metadata = data.draw(st.sampled_from([None, b'{"a":1}']))
    frames = emitter.feed(events[:cut]), emitter.feed(events[cut:]), emitter.tail(metadata)
    assert streamed(*frames) == events


@settings(max_examples=30, deadline=None)
@given(answers(most_choices=2))
def test_a_stream_without_usage_is_otherwise_the_same(events: list[Event]) -> None:
    emitter = parse(model="m", messages=HELLO, stream=True).emitter()
    frames = *(emitter.feed([event]) for event in events), emitter.tail(b'{"a":1}')
    assert streamed(*frames) == [event for event in events if not isinstance(event, Spent)]


@settings(max_examples=30, deadline=None)
@given(answers(most_choices=2))
def test_a_document_written_and_read_again_says_the_same(events: list[Event]) -> None:
    emitter = parse(model="m", messages=HELLO).emitter()
    assert emitter.feed(events) == b""
    assert _gathered(whole(emitter.tail(b'{"a":1}'))) == _gathered(events)


@given(
    st.lists(st.lists(st.floats(-1, 1, width=32), min_size=1).map(tuple), min_size=1).map(tuple),
    st.sampled_from(["float", "base64", None]),
)
def test_vectors_written_and_read_again_are_the_same(
    vectors: tuple[tuple[float, ...], ...], coding: str | None
) -> None:
    emitter = parse(Operation.EMBEDDINGS, model="m", input="a", encoding_format=coding).emitter()
    event = Embedded(vectors=vectors, usage=Usage(input=3, reported_total=3), model="served")
    assert emitter.feed([event]) == b""
    document = emitter.tail(None)
    assert read(CODEC.decoder(Operation.EMBEDDINGS, stream=False), document) == [event]


@pytest.mark.parametrize("stream", [True, False])
def test_a_text_completion_written_and_read_again_says_the_same(stream: bool) -> None:
    events: list[Event] = [
        Start(id="i", model="served"),
        TextDelta("Once"),
        TextDelta(" upon"),
        Finish(reason=FinishReason.LENGTH),
    ]
    emitter = parse(Operation.COMPLETION, model="m", prompt="a", stream=stream).emitter()
    body = emitter.feed(events) + emitter.tail(None)
    told = [event for event in (streamed if stream else whole)(body) if not isinstance(event, Spent)]
    assert _gathered(told) == _gathered(events)
