"""An answer whose report of tokens nobody can read is told all the same, as one that was not counted."""

from __future__ import annotations

import json

import pytest

from headgate.core.call import Operation
from headgate.core.errors import UpstreamUnavailable
from headgate.providers.exchange import Link
from headgate.providers.openai import OpenAICodec
from headgate.providers.openai.relay import relay
from headgate.providers.spec import STANDARD
from openai_wire import CODEC, SURFACE, chunk, frame, read

ODD = [
    7,
    "many",
    [],
    {"prompt_tokens": 7.0, "completion_tokens": 3.0, "total_tokens": 10.0},
    {"prompt_tokens": "7", "completion_tokens": 3},
    {"prompt_tokens": 7, "completion_tokens": True},
    {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": 1},
    {"prompt_tokens": 7, "completion_tokens": 3, "completion_tokens_details": {"reasoning_tokens": "x"}},
]


def pieces(usage: object, *, stream: bool) -> list[bytes]:
    if stream:
        last = frame({"id": "a-1", "model": "m", "choices": [], "usage": usage})
        return [chunk({"content": "hello"}), chunk({}, "stop"), last, b"data: [DONE]\n\n"]
    choice = {"index": 0, "message": {"content": "hello"}, "finish_reason": "stop"}
    return [json.dumps({"id": "a-1", "model": "m", "choices": [choice], "usage": usage}).encode()]


@pytest.mark.parametrize("usage", ODD, ids=str)
@pytest.mark.parametrize("stream", [True, False])
def test_relayed(usage: object, stream: bool) -> None:
    codec, relays = OpenAICodec(STANDARD), {"openai": relay(model="m", rules=STANDARD, completions=False)}
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": stream}
    options = {"stream_options": {"include_usage": True}} if stream else {}
    payload = SURFACE.parse(Operation.CHAT, json.dumps(body | options).encode())
    exchange = Link(codec, model="m", relays=relays).open(payload)
    told = [*map(exchange.feed, pieces(usage, stream=stream)), exchange.close(), exchange.tail(None)]
    assert b"".join(told) == b"".join(pieces(usage, stream=stream))
    assert (exchange.seen.finish, exchange.seen.usage, exchange.seen.output_chars) == ("stop", None, 5)


@pytest.mark.parametrize("usage", ODD, ids=str)
@pytest.mark.parametrize("stream", [True, False])
def test_translated(usage: object, stream: bool) -> None:
    def events(report: object) -> list[object]:
        return list(read(CODEC.decoder(Operation.CHAT, stream=stream), *pieces(report, stream=stream)))

    assert events(usage) == events(None)


@pytest.mark.parametrize("stream", [True, False])
def test_what_else_is_wrong_is_wrong(stream: bool) -> None:
    document = frame({"choices": 7, "usage": 7}) if stream else b'{"usage": 7, "choices": 7}'
    with pytest.raises(UpstreamUnavailable, match="not of the dialect"):
        read(CODEC.decoder(Operation.CHAT, stream=stream), document)
