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
from headgate.providers.ollama import OllamaCodec
from headgate.providers.spec import STANDARD

FOLDER = Path(__file__).parents[1] / "exchanges" / "ollama"
START = Start(model="llama3.2")
STOP = Finish(reason=FinishReason.STOP)
CALLED = Finish(reason=FinishReason.TOOL_CALLS)


def spent(prompt: int, output: int) -> Spent:
    return Spent(Usage(input=prompt, output=output))


def called(index: int, call_id: str, name: str, arguments: str) -> list[Event]:
    return [
        ToolCallStart(index=index, id=call_id, name=name),
        ToolCallDelta(index=index, arguments=arguments),
    ]


EXPECTED: dict[str, list[Event]] = {
    "plain.ndjson": [
        START,
        TextDelta("Grüß"),
        TextDelta(' Gott 🌍\n\nand "hello"'),
        spent(26, 9),
        STOP,
    ],
    "old_server.ndjson": [START, TextDelta("The"), Spent(Usage(output=2, estimated=True)), STOP],
    "parallel_tools.ndjson": [
        START,
        TextDelta("Looking."),
        *called(0, "call_a1b2c3d4", "get_weather", '{"city":"Paris","days":[1,2]}'),
        *called(1, "call_e5f6a7b8", "get_weather", '{"city":"Rome"}'),
        *called(2, "call_c9", "now", "{}"),
        spent(169, 45),
        CALLED,
    ],
    "tools_without_ids.ndjson": [
        START,
        *called(0, "call_20250707202219184781_0", "get_weather", '{"city":"Tokyo"}'),
        *called(1, "call_20250707202219184781_1", "now", "{}"),
        spent(26, 9),
        CALLED,
    ],
    "thinking.ndjson": [
        START,
        ThoughtDelta(text="27 * 453:"),
        ThoughtDelta(text=" 12231."),
        TextDelta("12,231"),
        spent(12, 60),
        STOP,
    ],
    "max_tokens.ndjson": [
        START,
        TextDelta("Once upon"),
        spent(5, 2),
        Finish(reason=FinishReason.LENGTH),
    ],
    "error_mid_stream.ndjson": [
        START,
        TextDelta("Once upon"),
        Failed(message="an error was encountered while running the model: CUDA error", status=500),
    ],
    "error_first.ndjson": [Failed(message="llama runner process has terminated: exit status 2", status=500)],
    "no_last_line_end.ndjson": [START, TextDelta("ok"), spent(26, 9), STOP],
    "crlf_and_blank_lines.ndjson": [START, TextDelta("ok"), spent(26, 9), STOP],
    "logprobs.ndjson": [
        START,
        TextDelta("Yes"),
        Logprobs(
            content=(
                {
                    "token": "Yes",
                    "logprob": -0.01,
                    "bytes": [89, 101, 115],
                    "top_logprobs": [
                        {"token": "Yes", "logprob": -0.01, "bytes": [89, 101, 115]},
                        {"token": "No", "logprob": -4.7, "bytes": None},
                    ],
                },
            )
        ),
        spent(26, 9),
        STOP,
    ],
    "plain.json": [START, TextDelta("Grüß Gott 🌍"), spent(26, 9), STOP],
    "parallel_tools.json": [
        START,
        ThoughtDelta(text="Two cities."),
        *called(0, "call_20250707202219184781_0", "get_weather", '{"city":"Paris","unit":"c"}'),
        *called(1, "call_20250707202219184781_1", "get_weather", '{"city":"Rome"}'),
        spent(90, 30),
        CALLED,
    ],
    "load.json": [START, STOP],
}


def decoder(name: str) -> Decoder:
    return OllamaCodec(STANDARD).decoder(Operation.CHAT, stream=name.endswith(".ndjson"))


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


# ── broken answers ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["plain.ndjson", "parallel_tools.ndjson", "plain.json", "old_server.ndjson"])
def test_an_answer_that_breaks_off_is_never_complete(name: str) -> None:
    body = (FOLDER / name).read_bytes().rstrip()
    for cut in range(len(body)):
        with pytest.raises(UpstreamInterrupted):
            read(decoder(name), body[:cut])


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Bad gateway</body></html>",
        b"\x00\xff\xfe garbage",
        b'{"unknown": 1}\n',
        b"nonsense\n",
        b'{"message": "no"}\n',
        b'{"message": {"tool_calls": [{"function": {"name": "f", "arguments": [1]}}]}}\n',
        b"[" * 100_000 + b"\n",
        b'{"message": {"content": "\xff"}}\n',
        b"data: {}\n\n",
    ],
)
def test_garbage_in_a_stream_is_no_answer(body: bytes) -> None:
    with pytest.raises(UpstreamUnavailable):
        read(decoder(".ndjson"), body)


@pytest.mark.parametrize(
    "body", [b"<html>", b'"text"', b"{}", b'{"done": 1}', b"[" * 100_000, b'{"a": "\xff"}']
)
def test_garbage_as_a_document_is_no_answer(body: bytes) -> None:
    with pytest.raises(UpstreamUnavailable):
        read(decoder(".json"), body)


def test_a_document_that_is_not_done_is_not_complete() -> None:
    with pytest.raises(UpstreamInterrupted):
        read(decoder(".json"), b'{"message":{"content":"x"},"done":false}')


def test_nothing_counts_after_the_end() -> None:
    body = (FOLDER / "plain.ndjson").read_bytes()
    more = b'{"message":{"content":"more"},"done":false}\n{"mess'
    assert read(decoder(".ndjson"), body, more) == EXPECTED["plain.ndjson"]


def test_an_error_in_openais_manner_is_one_too() -> None:
    events = read(decoder(".ndjson"), b'{"error":{"message":"proxy says no","type":"x"}}\n')
    assert events == [Failed(message="proxy says no", status=500)]


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_end_in_a_named_failure(body: bytes, stream: bool) -> None:
    reader = OllamaCodec(STANDARD).decoder(Operation.CHAT, stream=stream)
    with pytest.raises((UpstreamInterrupted, UpstreamUnavailable)):
        read(reader, b'{"message":{"content":' + body)


# ── names and vectors ────────────────────────────────────────────────────────────────────────────


def test_an_injected_factory_names_the_calls_without_an_id() -> None:
    numbers = count(1)
    codec = OllamaCodec(STANDARD, lambda: f"call_x{next(numbers)}")
    body = (FOLDER / "tools_without_ids.ndjson").read_bytes()
    events = read(codec.decoder(Operation.CHAT, stream=True), body)
    assert [event.id for event in events if isinstance(event, ToolCallStart)] == ["call_x1", "call_x2"]


def embedded(body: bytes) -> list[Event | Embedded]:
    reader = OllamaCodec(STANDARD).decoder(Operation.EMBEDDINGS, stream=False)
    return read(reader, body[:40], body[40:])


def test_embeddings() -> None:
    vectors = ((0.010071029, -0.0017594862, 0.0), (1.0, 0.5, -2e-05))
    assert embedded((FOLDER / "embeddings.json").read_bytes()) == [
        Embedded(vectors=vectors, usage=Usage(input=8), model="all-minilm")
    ]
    assert embedded(b'{"embeddings":[[1]]}') == [Embedded(vectors=((1.0,),), usage=Usage(estimated=True))]


@pytest.mark.parametrize("body", [b"{}", b'{"embeddings": [1]}', b"oops"])
def test_no_embeddings_are_no_answer(body: bytes) -> None:
    with pytest.raises(UpstreamUnavailable):
        embedded(body)
