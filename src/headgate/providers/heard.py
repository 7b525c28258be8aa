"""All that an answer says, read back from the bytes a caller got: for whoever keeps it.

Known weakness: an answer that was translated is decoded a second time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headgate.core.call import Operation, Payload
from headgate.core.chat import RefusalDelta, TextDelta, ThoughtDelta, ToolCallDelta, ToolCallStart
from headgate.core.errors import GatewayError
from headgate.providers.anthropic.codec import AnthropicCodec
from headgate.providers.openai.codec import OpenAICodec
from headgate.providers.spec import Rules

_CODECS = {codec.dialect: codec for codec in (OpenAICodec(Rules()), AnthropicCodec())}
"""By the dialect of the caller."""
_KINDS: dict[type, str] = {TextDelta: "text", RefusalDelta: "refusal", ThoughtDelta: "thought"}


def heard(payload: Payload, answer: bytes) -> list[dict[str, Any]] | None:
    """What was said, in order: texts, thoughts and calls of tools, each whole; of embeddings nothing. `None`
    where the answer cannot be read."""
    if payload.operation is Operation.EMBEDDINGS:
        return []
    codec = _CODECS.get(payload.dialect)
    if codec is None:
        return None
    decoder = codec.decoder(payload.operation, stream=payload.stream)
    events: list[object] = []
    try:
        events += decoder.feed(answer)
        events += decoder.close()
    except GatewayError:
        if not events:
            return None  # else it was cut, and this is what there was
    return _gathered(events)


def _gathered(events: Iterable[object]) -> list[dict[str, Any]]:
    found: dict[tuple[str, int, int], dict[str, Any]] = {}
    for one in events:
        if (kind := _KINDS.get(type(one))) is not None:
            choice: int = getattr(one, "choice", 0)
            part = found.setdefault((kind, choice, 0), {"choice": choice, kind: ""})
            part[kind] += getattr(one, "text")  # noqa: B009 - all of `_KINDS` have it
        elif isinstance(one, ToolCallStart):
            call = {"choice": one.choice, "tool": one.name, "arguments": ""}
            found["tool", one.choice, one.index] = call
        elif isinstance(one, ToolCallDelta):
            found["tool", one.choice, one.index]["arguments"] += one.arguments
    return list(found.values())
