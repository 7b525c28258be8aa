"""Every named exchange gives its events, wherever the bytes are cut."""

from __future__ import annotations

from itertools import count
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
from headgate.providers.gemini import GeminiCodec
from headgate.providers.spec import STANDARD

FOLDER = Path(__file__).parents[1] / "exchanges" / "gemini"
ID = "mAitaLmkHPPlz7IPvtfUqQ4"
START = Start(id=ID, model="gemini-2.5-flash")
STOP = Finish(reason=FinishReason.STOP)


def spent(fresh: int, output: int = 0, *, total: int, cached: int = 0, thought: int = 0) -> Spent:
    return Spent(
        Usage(input=fresh, cache_read=cached, output=output, reasoning=thought, reported_total=total)
    )


def called(index: int, name: str, arguments: str, **more: str) -> list[Event]:
    call_id = more.pop("id", f"call_{ID}_{index}")
    return [
        ToolCallStart(index=index, id=call_id, name=name, signature=more.get("signature")),
        ToolCallDelta(index=index, arguments=arguments),
    ]


EXPECTED: dict[str, list[Event]] = {
    "plain.sse": [
        START,
        TextDelta("Grüß"),
        spent(11, total=11),
        TextDelta(' Gott 🌍\n\nand "hello"'),
        spent(11, 4, total=15),
        spent(11, 9, total=20),
        STOP,
    ],
    "lf_and_comments.sse": [START, TextDelta("ok"), spent(3, 1, total=4), STOP],
    "parallel_tools.sse": [
        START,
        TextDelta("I'll look."),
        spent(90, 3, total=93),
        *called(0, "get_weather", '{"city":"Paris","days":[1,2]}', signature="CtcBAVSoXO4="),
        *called(1, "get_weather", '{"city":"Rome"}'),
        *called(2, "now", "{}", id="fc-7"),
        spent(90, 40, thought=41, total=171),
        Finish(reason=FinishReason.TOOL_CALLS),
    ],
    "thoughts.sse": [
        START,
        ThoughtDelta(text="**Adding**\n\nTwo and two."),
        spent(8, thought=12, total=20),
        TextDelta("Four"),
        ThoughtDelta(signature="EpwBCpkBAdHtim8="),
        spent(8, 1, thought=20, total=29),
        TextDelta("."),
        ThoughtDelta(signature="Eo8BCowB"),
        spent(8, 2, thought=20, total=30),
        STOP,
    ],
    "cached_usage.sse": [
        START,
        TextDelta("Yes."),
        spent(131, 2, cached=2027, thought=10, total=2170),
        STOP,
    ],
    "safety.sse": [
        START,
        TextDelta("First, "),
        spent(9, 2, total=11),
        Finish(reason=FinishReason.CONTENT_FILTER),
    ],
    "blocked_prompt.sse": [
        START,
        spent(7, total=7),
        Finish(reason=FinishReason.CONTENT_FILTER),
    ],
    "max_tokens.sse": [
        START,
        TextDelta("Once upon"),
        spent(5, 2, total=7),
        Finish(reason=FinishReason.LENGTH),
    ],
    "error_mid_stream.sse": [
        START,
        TextDelta("Once upon"),
        spent(5, 2, total=7),
        Failed(message="The model is overloaded. Please try again later.", kind="UNAVAILABLE", status=503),
    ],
    "bare_error_mid_stream.sse": [
        START,
        TextDelta("Once upon"),
        spent(5, 2, total=7),
        Failed(
            message="Resource has been exhausted (e.g. check quota).",
            kind="RESOURCE_EXHAUSTED",
            status=429,
            retry_after_s=21.5,
        ),
    ],
    "error_first.sse": [Failed(message="Internal error encountered.", kind="INTERNAL", status=500)],
    "malformed_call.sse": [
        Failed(
            message="Malformed function call: print(default_api.get_weather(city=)",
            kind="MALFORMED_FUNCTION_CALL",
            status=502,
        )
    ],
    "stop_in_every_chunk.sse": [
        START,
        TextDelta("one"),
        spent(4, 1, total=5),
        TextDelta(" two"),
        spent(4, 2, total=6),
        STOP,
    ],
    "two_candidates.sse": [
        START,
        TextDelta("Heads"),
        TextDelta("Tails", 1),
        TextDelta("!"),
        spent(6, 4, total=10),
        STOP,
        Finish(reason=FinishReason.LENGTH, choice=1),
    ],
    "from_the_future.sse": [START, TextDelta("ok"), spent(3, 1, total=4), STOP],
    "plain.json": [
        START,
        TextDelta("Grüß Gott 🌍"),
        spent(11, 4, thought=25, total=40),
        STOP,
    ],
    "parallel_tools.json": [
        START,
        *called(0, "get_weather", '{"city":"Paris","unit":"c"}', signature="CtcB"),
        *called(1, "get_weather", '{"city":"Rome"}'),
        spent(90, 30, total=120),
        Finish(reason=FinishReason.TOOL_CALLS),
    ],
    "logprobs.json": [
        START,
        TextDelta("Yes!"),
        Logprobs(
            content=(
                {
                    "token": "Yes",
                    "logprob": -0.01,
                    "bytes": None,
                    "top_logprobs": [
                        {"token": "Yes", "logprob": -0.01, "bytes": None},
                        {"token": "No", "logprob": -4.7, "bytes": None},
                    ],
                },
                {
                    "token": "!",
                    "logprob": -0.2,
                    "bytes": None,
                    "top_logprobs": [{"token": "!", "logprob": -0.2, "bytes": None}],
                },
            )
        ),
        spent(4, 2, total=6),
        STOP,
    ],
    "image_part.json": [
        Failed(
            message="The upstream answered with a part that a chat cannot carry (inline_data).",
            kind="unsupported_part",
            status=502,
        )
    ],
}


def decoder(name: str) -> Decoder:
    return GeminiCodec(STANDARD).decoder(Operation.CHAT, stream=name.endswith(".sse"))


def read(decoder: Decoder, *pieces: bytes) -> list[Event | Embedded]:
    return [event for piece in pieces for event in decoder.feed(piece)] + [*decoder.close()]


@pytest.mark.parametrize("name", EXPECTED)
def test_an_exchange_gives_its_events(name: str) -> None:
    assert read(decoder(name), (FOLDER / name).read_bytes()) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_it_does_not_matter_where_the_bytes_are_cut(name: str) -> None:
    body = (FOLDER / name).read_bytes()
    for cut in range(len(body)):
        assert read(decoder(name), body[:cut], body[cut:]) == EXPECTED[name], cut


@pytest.mark.parametrize("name", EXPECTED)
def test_single_bytes_do(name: str) -> None:
    body = (FOLDER / name).read_bytes()
    assert read(decoder(name), *(body[i : i + 1] for i in range(len(body)))) == EXPECTED[name]


def test_every_chat_exchange_has_its_events_here() -> None:
    files = {file.name for file in FOLDER.iterdir() if not file.name.startswith("embeddings")}
    assert files == set(EXPECTED)


@pytest.mark.parametrize("name", [name for name in EXPECTED if not isinstance(EXPECTED[name][-1], Failed)])
def test_our_sum_is_the_providers(name: str) -> None:
    events = EXPECTED[name]
    assert not any(event.usage.unreconciled for event in events if isinstance(event, Spent))


# ── broken answers ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["plain.sse", "parallel_tools.sse", "plain.json", "safety.sse"])
def test_an_answer_that_breaks_off_is_never_complete(name: str) -> None:
    body = (FOLDER / name).read_bytes().rstrip()
    for cut in range(body.rindex(b"finishReason")):
        with pytest.raises(UpstreamInterrupted):
            read(decoder(name), body[:cut])


def test_one_candidate_of_two_is_not_complete() -> None:
    body = (FOLDER / "two_candidates.sse").read_bytes()
    with pytest.raises(UpstreamInterrupted):
        read(decoder(".sse"), body[: body.rindex(b"data:")])


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Bad gateway</body></html>",
        b"\x00\xff\xfe garbage",
        b'data: {"unknown": 1}\n\n',
        b"data: nonsense\n\n",
        b'data: {"candidates": "no"}\n\n',
        b'data: {"candidates": [{"content": {"parts": [{"functionCall": {"args": [1]}}]}}]}\n\n',
        b"data: " + b"[" * 100_000 + b"\n\n",
        b"data: \xff\n\n",
        b"[]trailing\n\n",
    ],
)
def test_garbage_in_a_stream_is_no_answer(body: bytes) -> None:
    with pytest.raises(UpstreamUnavailable):
        read(decoder(".sse"), body)


@pytest.mark.parametrize(
    "body", [b"<html>", b'"text"', b"{}", b'{"candidates": 1}', b"[" * 100_000, b'{"a": "\xff"}']
)
def test_garbage_as_a_document_is_no_answer(body: bytes) -> None:
    with pytest.raises(UpstreamUnavailable):
        read(decoder(".json"), body)


def test_a_finish_said_before_a_broken_end_is_believed() -> None:
    body = (FOLDER / "lf_and_comments.sse").read_bytes()
    assert read(decoder(".sse"), body, b'data: {"usageM') == EXPECTED["lf_and_comments.sse"]


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_end_in_events_or_a_named_failure(body: bytes, stream: bool) -> None:
    reader = GeminiCodec(STANDARD).decoder(Operation.CHAT, stream=stream)
    with pytest.raises((UpstreamInterrupted, UpstreamUnavailable)):
        read(reader, b'data: {"candidates": [{"index": 0' + body if stream else body)


# ── names and vectors ────────────────────────────────────────────────────────────────────────────


def test_an_injected_factory_names_the_calls_without_an_id() -> None:
    numbers = count(1)
    codec = GeminiCodec(STANDARD, lambda: f"call_x{next(numbers)}")
    body = (FOLDER / "parallel_tools.sse").read_bytes()
    events = read(codec.decoder(Operation.CHAT, stream=True), body)
    starts = [event.id for event in events if isinstance(event, ToolCallStart)]
    assert starts == ["call_x1", "call_x2", "fc-7"]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        (
            "embeddings.json",
            Embedded(
                vectors=((0.013168523, -0.008711934, 0.0), (1.0, 0.5, -2e-05)),
                usage=Usage(estimated=True),
            ),
        ),
        ("embeddings_with_usage.json", Embedded(vectors=((0.25, 0.5),), usage=Usage(input=6))),
    ],
)
def test_embeddings(name: str, answer: Embedded) -> None:
    reader = GeminiCodec(STANDARD).decoder(Operation.EMBEDDINGS, stream=False)
    body = (FOLDER / name).read_bytes()
    assert read(reader, body[:50], body[50:]) == [answer]


@pytest.mark.parametrize("body", [b"{}", b'{"embeddings": []}', b'{"embeddings": [{}]}', b"oops"])
def test_no_embeddings_are_no_answer(body: bytes) -> None:
    with pytest.raises(UpstreamUnavailable):
        read(GeminiCodec(STANDARD).decoder(Operation.EMBEDDINGS, stream=False), body)
