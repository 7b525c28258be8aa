"""Every named exchange gives its events, wherever the bytes are cut."""

from __future__ import annotations

from collections.abc import Sequence
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
    Logprobs,
    RefusalDelta,
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
from headgate.providers.openai import OpenAICodec
from headgate.providers.spec import STANDARD

FOLDER = Path(__file__).parents[1] / "exchanges" / "openai"

STOP = Finish(reason=FinishReason.STOP)
TOOLS = Finish(reason=FinishReason.TOOL_CALLS)
LENGTH = Finish(reason=FinishReason.LENGTH)


def _qwen(count: int) -> Spent:
    return Spent(Usage(input=11, output=count, reported_total=11 + count))


EXPECTED: dict[str, Sequence[Event | Embedded]] = {
    "plain.json": [
        Start(id="chatcmpl-C1nVTEfU5ykMHNqdZ6lEwmKmeHXmk", model="gpt-4.1-mini-2025-04-14"),
        TextDelta("Grüße aus Köln 🎭"),
        STOP,
        Spent(Usage(input=99, cache_read=1920, output=9, reported_total=2028)),
    ],
    "plain.sse": [
        Start(id="chatcmpl-C1nW0", model="gpt-4.1-mini-2025-04-14"),
        TextDelta("Grüße"),
        TextDelta(" aus Köln 🎭\n"),
        STOP,
        Spent(Usage(input=19, output=9, reported_total=28)),
    ],
    "tools.json": [
        Start(id="chatcmpl-T1", model="gpt-4.1-2025-04-14"),
        ToolCallStart(index=0, id="call_aaa", name="get_weather"),
        ToolCallDelta(index=0, arguments='{"city":"Köln"}'),
        ToolCallStart(index=1, id="call_bbb", name="get_time"),
        ToolCallDelta(index=1, arguments="{}"),
        TOOLS,
        Spent(Usage(input=82, output=17, reported_total=99)),
    ],
    "tools.sse": [
        Start(id="chatcmpl-T2", model="gpt-4.1-2025-04-14"),
        ToolCallStart(index=0, id="call_aaa", name="get_weather"),
        ToolCallDelta(index=0, arguments='{"city":'),
        ToolCallDelta(index=0, arguments='"Köln"}'),
        ToolCallStart(index=1, id="call_bbb", name="get_time"),
        ToolCallDelta(index=1, arguments="{}"),
        TOOLS,
    ],
    "vllm_tool_in_last_delta.sse": [
        Start(id="chatcmpl-9f1c", model="Qwen/Qwen2.5-7B-Instruct"),
        ToolCallStart(index=0, id="chatcmpl-tool-0a1b", name="get_weather"),
        ToolCallDelta(index=0, arguments='{"city": '),
        ToolCallDelta(index=0, arguments='"Ulm"}'),
        TOOLS,
        Spent(Usage(input=180, output=23, reported_total=203)),
    ],
    "vllm_reasoning.sse": [
        Start(id="chatcmpl-77", model="Qwen/Qwen3-8B"),
        _qwen(0),
        ThoughtDelta(text="Two"),
        _qwen(1),
        ThoughtDelta(text=" twos."),
        _qwen(2),
        TextDelta("4"),
        _qwen(3),
        STOP,
        _qwen(4),
    ],
    "deepseek_reasoning.sse": [
        Start(id="5a2f", model="deepseek-reasoner"),
        ThoughtDelta(text="Hmm"),
        TextDelta("9.8"),
        STOP,
        Spent(Usage(input=64, cache_read=256, output=9, reasoning=31, reported_total=360)),
    ],
    "deepseek.json": [
        Start(id="9c", model="deepseek-chat"),
        ThoughtDelta(text="2+2"),
        TextDelta("4"),
        STOP,
        Spent(Usage(input=6, cache_read=64, output=3, reported_total=73)),
    ],
    "openrouter.sse": [
        Start(id="gen-1757-AbC", model="z-ai/glm-4.6"),
        ThoughtDelta(text="Let me"),
        TextDelta("Hi"),
        LENGTH,
        Spent(Usage(input=6, cache_read=4, cache_write=2, output=2, reasoning=3, reported_total=17)),
    ],
    "openrouter_error.sse": [
        Start(id="gen-1757-Err", model="z-ai/glm-4.6"),
        TextDelta("Once"),
        Failed(message="Provider disconnected", status=502),
    ],
    "openrouter_error.json": [
        Failed(message="Rate limit exceeded: free-models-per-min. ", status=429),
    ],
    "vllm_error.sse": [
        Start(id="chatcmpl-e", model="m"),
        Failed(
            message="EngineCore encountered an issue. See stack trace (above) for the root cause.",
            kind="InternalServerError",
            status=500,
        ),
    ],
    "old_vllm_error.sse": [
        Failed(
            message="This model's maximum context length is 4096 tokens.",
            kind="BadRequestError",
            status=400,
        ),
    ],
    "openai_error.sse": [
        Failed(
            message="Rate limit reached for gpt-4.1 in organization org-x on tokens per min (TPM): "
            "Limit 30000. Please try again in 1.2s.",
            kind="tokens",
            status=429,
            retry_after_s=1.2,
        ),
    ],
    "groq.sse": [
        Start(id="chatcmpl-g", model="openai/gpt-oss-20b"),
        ThoughtDelta(text="Short."),
        TextDelta("Hi"),
        STOP,
        Spent(Usage(input=80, output=5, reasoning=7, reported_total=92)),
    ],
    "azure.sse": [
        Start(id="chatcmpl-az", model="gpt-4o-2024-11-20"),
        TextDelta("Hello"),
        Finish(reason=FinishReason.CONTENT_FILTER),
    ],
    "logprobs.sse": [
        Start(id="chatcmpl-L", model="gpt-4o-mini-2024-07-18"),
        TextDelta("Yes"),
        Logprobs(
            content=(
                {
                    "token": "Yes",
                    "logprob": -0.012,
                    "bytes": [89, 101, 115],
                    "top_logprobs": [
                        {"token": "Yes", "logprob": -0.012, "bytes": [89, 101, 115]},
                        {"token": "No", "logprob": -4.5, "bytes": [78, 111]},
                    ],
                },
            )
        ),
        STOP,
    ],
    "two_choices.sse": [
        Start(id="chatcmpl-2", model="gpt-4o-mini-2024-07-18"),
        TextDelta("b", 1),
        RefusalDelta("No."),
        Finish(reason=FinishReason.LENGTH, choice=1),
        STOP,
    ],
    "gemini_tools.sse": [
        Start(id="xyz", model="gemini-2.5-flash"),
        ToolCallStart(index=0, id="function-call-1", name="get_weather", signature="CiQB0e=="),
        ToolCallDelta(index=0, arguments='{"city":"Ulm"}'),
        ToolCallStart(index=1, id="function-call-2", name="get_weather"),
        ToolCallDelta(index=1, arguments='{"city":"Bonn"}'),
        TOOLS,
        Spent(Usage(input=50, output=30, reported_total=80)),
    ],
    "mistral_thinking.json": [
        Start(id="e5c4", model="magistral-medium-latest"),
        ThoughtDelta(text="First, add."),
        TextDelta("It is 4."),
        LENGTH,
        Spent(Usage(input=10, output=100, reported_total=110)),
    ],
    "legacy_function.sse": [
        Start(id="chatcmpl-f", model="gpt-3.5-turbo"),
        ToolCallStart(index=0, id="call_chatcmplf_0_0", name="look"),
        ToolCallDelta(index=0, arguments='{"at":1}'),
        TOOLS,
    ],
    "xai.json": [
        Start(id="0daf", model="grok-4"),
        TextDelta("42"),
        STOP,
        Spent(Usage(input=10, cache_read=30, output=2, reasoning=100, reported_total=142)),
    ],
    "llamacpp_no_done.sse": [
        Start(id="chatcmpl-ll", model="qwen2.5-coder"),
        TextDelta("ok"),
        STOP,
        Spent(Usage(input=26, output=1, reported_total=27)),
    ],
    "completion.sse": [
        Start(id="cmpl-c", model="davinci-002"),
        TextDelta("Once"),
        TextDelta(" upon"),
        LENGTH,
    ],
    "embeddings.json": [
        Embedded(
            vectors=((1.0, 0.125), (0.5, -0.25)),
            usage=Usage(input=8, reported_total=8),
            model="text-embedding-3-small",
        ),
    ],
    "embeddings_base64.json": [
        Embedded(
            vectors=((1.0, 0.125),),
            usage=Usage(input=4, reported_total=4),
            model="text-embedding-3-small",
        ),
    ],
}


def _decoder(name: str) -> Decoder:
    operation = Operation.EMBEDDINGS if name.startswith("embeddings") else Operation.CHAT
    return OpenAICodec(STANDARD).decoder(operation, stream=name.endswith(".sse"))


def _events(name: str, *pieces: bytes) -> list[Event | Embedded]:
    decoder = _decoder(name)
    return [*(event for piece in pieces for event in decoder.feed(piece)), *decoder.close()]


def _body(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def test_every_exchange_has_its_events() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_exchange_gives_its_events(name: str) -> None:
    assert _events(name, _body(name)) == EXPECTED[name]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_exchange_cut_once_at_any_byte_gives_the_same_events(name: str) -> None:
    body = _body(name)
    for cut in range(1, len(body)):
        assert _events(name, body[:cut], body[cut:]) == EXPECTED[name]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_exchange_given_byte_by_byte_gives_the_same_events(name: str) -> None:
    body = _body(name)
    assert _events(name, *(body[i : i + 1] for i in range(len(body)))) == EXPECTED[name]


@given(name=st.sampled_from(sorted(EXPECTED)), data=st.data())
def test_an_exchange_cut_anywhere_gives_the_same_events(name: str, data: st.DataObject) -> None:
    body = _body(name)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=12)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert _events(name, *pieces) == EXPECTED[name]


@pytest.mark.parametrize("name", sorted(name for name in EXPECTED if name.endswith(".sse")))
@pytest.mark.parametrize("ending", [b"\r\n", b"\r"])
def test_other_line_ends_give_the_same_events(name: str, ending: bytes) -> None:
    assert _events(name, _body(name).replace(b"\n", ending)) == EXPECTED[name]


@pytest.mark.parametrize("name", ["plain.sse", "tools.sse", "openrouter.sse", "llamacpp_no_done.sse"])
def test_a_stream_cut_before_its_finish_is_interrupted_never_whole(name: str) -> None:
    body = _body(name)
    finish = max(body.rfind(b'"finish_reason":"'), body.rfind(b'"finish_reason": "'))
    for cut in range(finish):
        with pytest.raises((UpstreamInterrupted, UpstreamUnavailable)):
            _events(name, body[:cut])


def test_a_stream_cut_after_its_finish_is_whole() -> None:
    body = _body("plain.sse")
    first = body.index(b"\n\n", body.index(b'"finish_reason":"stop"')) + 2
    for cut in range(first, len(body)):
        events = _events("plain.sse", body[:cut])
        assert STOP in events


def test_a_stream_cut_between_events_is_interrupted() -> None:
    body = _body("plain.sse")
    with pytest.raises(UpstreamInterrupted, match="broke off"):
        _events("plain.sse", body[: body.index(b"\n\n") + 2])
