"""OpenAI's wire in a test's words: what callers send, what servers answer."""

from __future__ import annotations

import json
from typing import Any

from headgate.core.call import Operation
from headgate.core.chat import Chat, Event, Message
from headgate.core.embeddings import Embedded
from headgate.ports.codec import Decoder
from headgate.providers.openai import OpenAICodec, OpenAISurface
from headgate.providers.spec import STANDARD

CODEC = OpenAICodec(STANDARD)
SURFACE = OpenAISurface(lambda: 1_757_000_000.9, lambda: "fresh")
DONE = b"data: [DONE]\n\n"
HELLO = [{"role": "user", "content": "hello"}]


def frame(value: object) -> bytes:
    """One event of a stream."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    """One chunk of a chat with one choice."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return frame({"id": "a-1", "model": "m", "choices": [choice], **more})


def read(decoder: Decoder, *pieces: bytes) -> list[Event | Embedded]:
    """Everything a decoder says about an answer that comes in these pieces."""
    return [*(event for piece in pieces for event in decoder.feed(piece)), *decoder.close()]


def streamed(*pieces: bytes) -> list[Event | Embedded]:
    return read(CODEC.decoder(Operation.CHAT, stream=True), *pieces)


def whole(body: bytes, operation: Operation = Operation.CHAT) -> list[Event | Embedded]:
    return read(CODEC.decoder(operation, stream=False), body)


def parse(operation: Operation = Operation.CHAT, /, **members: Any) -> Any:
    """The payload of a request with these members."""
    return SURFACE.parse(operation, json.dumps(members).encode())


def chat(**members: Any) -> Chat:
    """A chat request in the hub's words; what is not said is `model` and `messages`."""
    hub = parse(**{"model": "m", "messages": HELLO, **members}).hub()
    assert isinstance(hub, Chat)
    return hub


def turns(*messages: dict[str, Any]) -> tuple[Message, ...]:
    return chat(messages=list(messages)).messages
