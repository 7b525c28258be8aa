"""A request with something put around its prompt, in OpenAI's own words: what is not touched stays as it
came."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from headgate.core.errors import Unsupported
from headgate.core.shape import Shape

_members = msgspec.json.Decoder(dict[str, Raw]).decode
_list = msgspec.json.Decoder(list[Raw]).decode
_value = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class _Role(msgspec.Struct):
    role: str


_role = msgspec.json.Decoder(_Role).decode


def shaped_chat(document: bytes, shape: Shape) -> bytes:
    """A chat request's body, which has been validated."""
    members = _members(document)
    messages = _list(members["messages"])
    if shape.system is not None:
        messages = [one for one in messages if _role(one).role not in ("system", "developer")]
    if shape.prefix or shape.suffix:
        _around_the_last(messages, shape)
    openings = [text for text in (shape.persona, shape.system) if text]
    said = [Raw(_encode({"role": "system", "content": text})) for text in openings]
    members["messages"] = Raw(_encode([*said, *messages]))
    return _encode(members)


def _around_the_last(messages: list[Raw], shape: Shape) -> None:
    for place in range(len(messages) - 1, -1, -1):
        if _role(messages[place]).role == "user":
            message = _members(messages[place])
            content = _value(message["content"]) if "content" in message else None
            message["content"] = Raw(_encode(_around(content, shape)))
            messages[place] = Raw(_encode(message))
            return


def _around(content: Any, shape: Shape) -> Any:
    if not isinstance(content, list):
        return f"{shape.prefix}{content or ''}{shape.suffix}"
    before = [{"type": "text", "text": shape.prefix}] if shape.prefix else []
    after = [{"type": "text", "text": shape.suffix}] if shape.suffix else []
    return [*before, *content, *after]


def shaped_completion(document: bytes, shape: Shape) -> bytes:
    """A text completion's body: what a system prompt would say stands at the head of the text.

    Raises:
        Unsupported: for tokens, or several texts.
    """
    members = _members(document)
    prompt = _value(members["prompt"])
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise Unsupported("A prompt with a template around it must be one text.", param="prompt")
    head = "".join(f"{text}\n\n" for text in (shape.persona, shape.system) if text)
    members["prompt"] = Raw(_encode(f"{head}{shape.prefix}{prompt}{shape.suffix}"))
    return _encode(members)
