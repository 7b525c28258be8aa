"""An Anthropic client's ear: what an emitter says, as data, with the rules of the order checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

from headgate.core.call import Emitter, Operation
from headgate.core.chat import (
    Event,
    Finish,
    FinishReason,
    Spent,
)
from headgate.core.embeddings import Embedded
from headgate.core.usage import Usage
from headgate.providers.anthropic import AnthropicSurface

SURFACE = AnthropicSurface(lambda: "made")
SDK_EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)
STOP = Finish(reason=FinishReason.STOP)
SPENT = Spent(Usage(input=3, cache_read=4, cache_write=5, output=6, reasoning=7))
METADATA = b'{"model_id":"sonnet","attempts":1}'


def emitter(*, stream: bool) -> Emitter:
    body = {
        "model": "auto",
        "max_tokens": 9,
        "stream": stream,
        "messages": [{"role": "user", "content": "x"}],
    }
    return SURFACE.parse(Operation.CHAT, msgspec.json.encode(body)).emitter()


def streamed(events: Iterable[Event | Embedded], metadata: bytes | None = None) -> list[dict[str, Any]]:
    """The data of every event, each fed alone; the names are checked on the way."""
    out = emitter(stream=True)
    wire = b"".join(out.feed([event]) for event in events) + out.tail(metadata)
    told = []
    for block in wire.decode().removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        told.append(msgspec.json.decode(data.removeprefix("data: ")))
        assert name == f"event: {told[-1]['type']}"
    return told


def document(events: Iterable[Event | Embedded], metadata: bytes | None = None) -> dict[str, Any]:
    out = emitter(stream=False)
    assert b"".join(out.feed([event]) for event in events) == b""
    told: dict[str, Any] = msgspec.json.decode(out.tail(metadata))
    return told


def kinds(told: Sequence[dict[str, Any]]) -> list[tuple[str, Any]]:
    return [(event["type"], event.get("index")) for event in told]


def gathered(told: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The content blocks of a stream, put together as a client does; the rules of the order are checked."""
    blocks: list[dict[str, Any]] = []
    open_: set[int] = set()
    for event in told:
        index: int = event.get("index", -1)
        match event["type"]:
            case "content_block_start":
                assert index == len(blocks)
                blocks.append(dict(event["content_block"]))
                open_.add(index)
            case "content_block_delta":
                assert index in open_
                grow(blocks[index], event["delta"])
            case "content_block_stop":
                open_.remove(index)
    assert not open_
    for block in blocks:
        if block["type"] == "tool_use":
            text = block.pop("json", "")
            block["input"] = msgspec.json.decode(text) if text else {}
    return blocks


def grow(block: dict[str, Any], delta: dict[str, Any]) -> None:
    match block["type"], delta["type"]:
        case "text", "text_delta":
            block["text"] += delta["text"]
        case "thinking", "thinking_delta":
            assert not block["signature"]
            block["thinking"] += delta["thinking"]
        case "thinking", "signature_delta":
            block["signature"] += delta["signature"]
        case "tool_use", "input_json_delta":
            block["json"] = block.get("json", "") + delta["partial_json"]
        case pair:
            raise AssertionError(f"{pair} do not belong together")
