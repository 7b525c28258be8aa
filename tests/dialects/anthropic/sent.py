"""Chats of the hub, and what an upstream is sent for them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headgate.core.chat import (
    Chat,
    Message,
    Part,
    Role,
    Text,
)
from headgate.core.errors import Unsupported
from headgate.providers.anthropic import AnthropicCodec
from headgate.providers.spec import Rules

OLD = "claude-sonnet-4-20250514"  # budgets, all sampling parameters
MIDDLE = "claude-opus-4-6"  # budgets and efforts, one sampling parameter
NEW = "claude-opus-5"  # efforts, no sampling parameters
OTHER = "kimi-k2"  # another maker's model behind the same API

ALL = frozenset({"*"})


def user(*parts: Part) -> Message:
    return Message(role=Role.USER, parts=parts or (Text("hi"),))


def assistant(*parts: Part) -> Message:
    return Message(role=Role.ASSISTANT, parts=parts)


def system(text: str) -> Message:
    return Message(role=Role.SYSTEM, parts=(Text(text),))


def chat(*messages: Message, **params: Any) -> Chat:
    return Chat(model="auto", messages=messages or (user(),), **params)


def body(
    asked: Chat, *, model: str = OLD, rules: Rules | None = None, stream: bool = False
) -> dict[str, Any]:
    out = AnthropicCodec(rules or Rules()).encode(asked, model=model, stream=stream)
    decoded: dict[str, Any] = msgspec.json.decode(out.body)
    return decoded


def content(*parts: Part, role: Role = Role.USER) -> Any:
    return body(chat(Message(role=role, parts=parts)))["messages"][0]["content"]


def refused(asked: Chat, *, model: str = OLD, rules: Rules | None = None) -> str | None:
    with pytest.raises(Unsupported) as caught:
        body(asked, model=model, rules=rules)
    return caught.value.param
