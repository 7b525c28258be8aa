"""The simulated provider in all four dialects, read by our own codecs: what it says is what they hear."""

from __future__ import annotations

import json
import random
from typing import Any, NamedTuple

import pytest

import virtual
from headgate.core.call import Operation, Payload
from headgate.core.chat import (
    Chat,
    Event,
    Finish,
    FinishReason,
    Message,
    Reasoning,
    ResponseFormat,
    Role,
    Spent,
    Start,
    Text,
    TextDelta,
    ThoughtDelta,
    Tool,
    ToolCallDelta,
    ToolCallStart,
)
from headgate.core.embeddings import Embedded
from headgate.core.errors import (
    KeyRejected,
    UpstreamError,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.core.usage import Usage
from headgate.ports.codec import Codec, Surface
from headgate.ports.transport import Outgoing
from headgate.providers.anthropic import AnthropicCodec, AnthropicSurface
from headgate.providers.gemini import GeminiCodec, GeminiSurface
from headgate.providers.ollama import OllamaCodec, OllamaSurface
from headgate.providers.openai import OpenAICodec, OpenAISurface
from headgate.providers.simulated import Cut, Head, Request, Settings, Simulation, parse, perform
from headgate.providers.simulated.manners import MANNERS, go_duration, rfc3339, whole_seconds
from headgate.providers.spec import STANDARD

DIALECTS = ["openai", "anthropic", "gemini", "ollama"]
CODECS: dict[str, Codec] = {
    "openai": OpenAICodec(STANDARD),
    "anthropic": AnthropicCodec(STANDARD),
    "gemini": GeminiCodec(STANDARD),
    "ollama": OllamaCodec(STANDARD),
}
GEMINI = GeminiSurface(lambda: "x")
SURFACES: dict[str, Surface] = {
    "openai": OpenAISurface(lambda: 0.0, lambda: "x"),
    "anthropic": AnthropicSurface(lambda: "x"),
    "gemini": GEMINI,
    "ollama": OllamaSurface(lambda: 0.0, lambda: "x"),
}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

each_dialect = pytest.mark.parametrize("dialect", DIALECTS)
streamed_and_not = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])


class Heard(NamedTuple):
    head: Head
    body: bytes
    cut: bool


def said(prompt: str, **members: Any) -> Chat:
    turn = Message(role=Role.USER, parts=(Text(prompt),))
    return Chat(model="m", messages=(turn,), max_tokens=4000, **members)


def parsed(dialect: str, outgoing: Outgoing) -> Payload:
    if dialect == "gemini":
        return GEMINI.parse_at(outgoing.path, outgoing.body)
    return SURFACES[dialect].parse(Operation.CHAT, outgoing.body)


def asked(dialect: str, chat: Chat, *, stream: bool, fault: str = "") -> Heard:
    """The whole exchange: our codec asks, the dialect's surface parses, the simulation answers."""
    payload = parsed(dialect, CODECS[dialect].encode(chat, model="m", stream=stream))
    request = Request(
        payload=payload,
        surface=SURFACES[dialect],
        manners=MANNERS[dialect],
        key="k",
        fault=parse(fault) if fault else None,
    )

    async def main() -> Heard:
        act = perform(Simulation(Settings(), virtual.clock(), random.Random(0)), request)
        head = await anext(act)
        assert isinstance(head, Head)
        body = b""
        try:
            async for piece in act:
                assert isinstance(piece, bytes)
                body += piece
        except Cut:
            return Heard(head, body, cut=True)
        return Heard(head, body, cut=False)

    return virtual.run(main())


def events(dialect: str, chat: Chat, *, stream: bool) -> list[Event | Embedded]:
    heard = asked(dialect, chat, stream=stream)
    assert heard.head.status == 200
    decoder = CODECS[dialect].decoder(Operation.CHAT, stream=stream)
    return [*decoder.feed(heard.body), *decoder.close()]


def text(found: list[Event | Embedded]) -> str:
    return "".join(event.text for event in found if isinstance(event, TextDelta))


def usage(found: list[Event | Embedded]) -> Usage:
    return [event.usage for event in found if isinstance(event, Spent)][-1]


def reason(found: list[Event | Embedded]) -> FinishReason:
    return [event.reason for event in found if isinstance(event, Finish)][-1]


def arguments(found: list[Event | Embedded]) -> list[tuple[str, object]]:
    """(name, arguments) of each call."""
    return [
        (
            start.name,
            json.loads(
                "".join(e.arguments for e in found if isinstance(e, ToolCallDelta) and e.index == start.index)
            ),
        )
        for start in found
        if isinstance(start, ToolCallStart)
    ]


def refusal(dialect: str, fault: str) -> UpstreamError:
    heard = asked(dialect, said("Hi"), stream=False, fault=fault)
    return CODECS[dialect].refusal(heard.head.status, heard.head.headers.get, heard.body, 0.0)


@each_dialect
@streamed_and_not
def test_text_and_usage(dialect: str, stream: bool) -> None:
    found = events(dialect, said("Tell me about suspension bridges"), stream=stream)
    assert any(isinstance(event, Start) and event.model == "m" for event in found)
    assert "suspension bridges" in text(found)
    assert reason(found) is FinishReason.STOP
    assert usage(found).prompt == 11
    assert usage(found).output > 10
    assert not usage(found).unreconciled


@each_dialect
@streamed_and_not
def test_parallel_tool_calls(dialect: str, stream: bool) -> None:
    tool = Tool(name="get_weather", parameters=CITY)
    found = events(dialect, said("What is the weather in Paris and Oslo?", tools=(tool,)), stream=stream)
    assert arguments(found) == [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Oslo"})]
    assert reason(found) is FinishReason.TOOL_CALLS


@each_dialect
@streamed_and_not
def test_structured_output(dialect: str, stream: bool) -> None:
    shape = ResponseFormat(kind="json_schema", name="city", schema=CITY)
    assert json.loads(text(events(dialect, said("Paris", response_format=shape), stream=stream)))["city"]


@each_dialect
@streamed_and_not
def test_reasoning(dialect: str, stream: bool) -> None:
    chat = said("Tell me about bridges", reasoning=Reasoning(effort="high"))
    if dialect == "anthropic":
        chat = said("Tell me about bridges", reasoning=Reasoning(budget=1024))
    found = events(dialect, chat, stream=stream)
    thoughts = "".join(event.text for event in found if isinstance(event, ThoughtDelta))
    assert thoughts.startswith("The user asks about bridges")
    assert "bridges" in text(found)


@each_dialect
@streamed_and_not
def test_a_stop_sequence(dialect: str, stream: bool) -> None:
    found = events(dialect, said("Prove it", stop=("Second",)), stream=stream)
    assert text(found).endswith("what is known. ")
    assert reason(found) is FinishReason.STOP


@each_dialect
@streamed_and_not
@pytest.mark.parametrize("fault", ["cut-head", "cut-mid", "cut-mid-json", "garbage", "garbage-json", "empty"])
def test_a_broken_answer_is_never_taken_for_a_whole_one(dialect: str, stream: bool, fault: str) -> None:
    heard = asked(dialect, said("Tell me about bridges"), stream=stream, fault=fault)
    decoder = CODECS[dialect].decoder(Operation.CHAT, stream=stream)
    with pytest.raises(UpstreamError):
        list(decoder.feed(heard.body)) + list(decoder.close())
    assert heard.cut == fault.startswith("cut")


@each_dialect
def test_a_429_is_heard_as_one_and_with_its_time(dialect: str) -> None:
    heard = refusal(dialect, "429:7")
    assert isinstance(heard, UpstreamThrottled)
    assert heard.retry_after_s == (None if dialect == "ollama" else 7.0)


@each_dialect
def test_refusals_are_heard_for_what_they_are(dialect: str) -> None:
    assert isinstance(refusal(dialect, "bad-key"), KeyRejected)
    assert isinstance(refusal(dialect, "context"), UpstreamRejected)
    assert isinstance(refusal(dialect, "status:422"), UpstreamRejected)
    assert isinstance(refusal(dialect, "503"), UpstreamUnavailable)
    assert isinstance(refusal(dialect, "529"), UpstreamUnavailable)
    assert refusal(dialect, "quota").retry_after_s is None


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.0, "0ms"),
        (0.0001, "1ms"),
        (0.12, "120ms"),
        (1.0, "1s"),
        (1.5, "1.5s"),
        (59.9996, "1m0s"),
        (360.0, "6m0s"),
    ],
)
def test_a_span_as_openai_writes_it(seconds: float, written: str) -> None:
    assert go_duration(seconds) == written


def test_times_are_rounded_up() -> None:
    assert [whole_seconds(seconds) for seconds in (0.0, 0.1, 7.0, 7.01)] == ["0", "1", "7", "8"]
    assert rfc3339(1_700_000_000.2) == "2023-11-14T22:13:21Z"
