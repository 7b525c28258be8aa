"""A text completion of several prompts: as many answers, in one document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from headgate.core.call import Operation, Payload
from headgate.ports.codec import Surface

MOST = 2048


def apart(payload: Payload, surface: Surface) -> list[Payload]:
    """A request for each prompt; the request itself where there is but one, or a stream is wanted."""
    if payload.operation is not Operation.COMPLETION or payload.stream:
        return [payload]
    members = msgspec.json.decode(payload.raw)
    prompts = members["prompt"]
    if not isinstance(prompts, list) or len(prompts) < 2 or not all(isinstance(one, str) for one in prompts):
        return [payload]
    bodies = (msgspec.json.encode({**members, "prompt": prompt}) for prompt in prompts[:MOST])
    return [surface.parse(payload.operation, body) for body in bodies]


def together(documents: Sequence[bytes]) -> bytes:
    """One document with all their choices, in order, and the sum of their tokens."""
    if len(documents) == 1:
        return documents[0]
    found: list[dict[str, Any]] = [msgspec.json.decode(one) for one in documents]
    choices = [choice | {"index": at} for at, one in enumerate(found) for choice in one["choices"]]
    return msgspec.json.encode(
        found[0] | {"choices": choices, "usage": _sum([one["usage"] for one in found])}
    )


def _sum(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    return {name: sum(one[name] for one in reports) for name in names}
