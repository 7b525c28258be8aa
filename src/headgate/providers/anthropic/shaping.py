"""A request with something put around its prompt, in Anthropic's own words: what is not touched stays as it
came, `cache_control` included."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from headgate.core.shape import Shape

_members = msgspec.json.Decoder(dict[str, Raw]).decode
_list = msgspec.json.Decoder(list[Raw]).decode
_value = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def shaped(document: bytes, shape: Shape) -> bytes:
    """The body of a request that has been validated."""
    members = _members(document)
    system = _value(members["system"]) if "system" in members else None
    if shape.system is not None:
        system = shape.system
    if shape.persona:
        system = _before(shape.persona, system)
    if system is not None:
        members["system"] = Raw(_encode(system))
    if shape.prefix or shape.suffix or shape.system is not None:
        members["messages"] = Raw(_encode(_turns(_list(members["messages"]), shape)))
    return _encode(members)


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _before(persona: str, system: str | list[Any] | None) -> str | list[Any]:
    if isinstance(system, list):
        return [_text(persona), *system]
    return f"{persona}\n\n{system}" if system else persona


def _turns(turns: list[Raw], shape: Shape) -> list[Raw]:
    """Without system turns, where theirs are overridden; the last words of the user framed."""
    read = [_members(turn) for turn in turns]
    roles = [_value(turn["role"]) for turn in read]
    for place in range(len(read) - 1, -1, -1):
        content = _value(read[place]["content"])
        if roles[place] == "user" and _speaks(content):
            read[place]["content"] = Raw(_encode(_around(content, shape)))
            turns[place] = Raw(_encode(read[place]))
            break
    kept = [turn for turn, role in zip(turns, roles, strict=True) if role != "system"]
    return turns if shape.system is None else kept


def _speaks(content: str | list[Any]) -> bool:
    return isinstance(content, str) or any(block["type"] != "tool_result" for block in content)


def _around(content: str | list[Any], shape: Shape) -> str | list[Any]:
    if isinstance(content, str):
        return f"{shape.prefix}{content}{shape.suffix}"
    results = [block for block in content if block["type"] == "tool_result"]  # they must come first
    rest = [block for block in content if block["type"] != "tool_result"]
    before = [_text(shape.prefix)] if shape.prefix else []
    after = [_text(shape.suffix)] if shape.suffix else []
    return [*results, *before, *rest, *after]
