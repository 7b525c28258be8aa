"""Requests of an Anthropic client."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headgate.core.call import Operation
from headgate.core.chat import (
    Chat,
)
from headgate.core.errors import InvalidRequest
from headgate.providers.anthropic import AnthropicSurface

SURFACE = AnthropicSurface(lambda: "made")
CACHED = {"type": "ephemeral", "ttl": "1h"}


def asked(**members: Any) -> bytes:
    body = {"model": "auto", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}], **members}
    return msgspec.json.encode({name: value for name, value in body.items() if value is not ...})


def hub(**members: Any) -> Chat:
    return SURFACE.parse(Operation.CHAT, asked(**members)).hub()


def fault(body: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        SURFACE.parse(Operation.CHAT, body).hub()
    return caught.value


def turn(*blocks: Any, role: str = "user") -> list[dict[str, Any]]:
    return [{"role": role, "content": list(blocks)}]
