"""An answer in which the model declines is relayed like any other, and kept by nobody."""

from __future__ import annotations

import json

import pytest

from headgate.core.call import Operation, Tape
from headgate.providers.exchange import Link
from headgate.providers.openai import OpenAICodec, OpenAISurface
from headgate.providers.openai.relay import relay
from headgate.providers.spec import STANDARD

SURFACE = OpenAISurface(lambda: 0.0, lambda: "x")


def chunk(delta: dict[str, object], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    document = {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(document, separators=(",", ":")).encode() + b"\n\n"


def document(message: dict[str, object]) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return json.dumps({"object": "chat.completion", "model": "m", "choices": [choice]}).encode()


STREAM = [
    chunk({"role": "assistant", "content": "", "refusal": None}),
    chunk({"refusal": "I"}),
    chunk({"refusal": " cannot"}),
    chunk({}, "stop"),
    b"data: [DONE]\n\n",
]
FINE = [STREAM[0], chunk({"content": 'Say "refusal": no'}), *STREAM[3:]]


@pytest.mark.parametrize(
    ("stream", "pieces", "keepable"),
    [
        (True, STREAM, False),
        (True, FINE, True),
        (False, [document({"content": None, "refusal": "No."})], False),
        (False, [document({"content": "Yes.", "refusal": None})], True),
    ],
)
def test_who_declines_is_not_quoted_to_the_next(stream: bool, pieces: list[bytes], keepable: bool) -> None:
    link = Link(
        OpenAICodec(STANDARD),
        model="m",
        relays={"openai": relay(model="m", rules=STANDARD, completions=False)},
    )
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": stream}
    payload = SURFACE.parse(Operation.CHAT, json.dumps(body).encode())
    exchange = link.open(payload)
    exchange.seen.tape = Tape(9999)
    out = []
    for piece in pieces:
        out.append(exchange.feed(piece))
        exchange.seen.tape.append(out[-1])
    told = b"".join([*out, exchange.close(), exchange.tail(None)])
    assert exchange.seen.keepable == keepable
    assert told == b"".join(pieces)
