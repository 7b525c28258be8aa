"""The hub's conversation in Ollama's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from headgate.core.chat import Image, Message, Part, Role, Thought, ToolCall, ToolResult, text_of
from headgate.providers import strict
from headgate.providers.spec import Rules

Json = dict[str, Any]


def messages(asked: Sequence[Message], rules: Rules) -> list[Json]:
    """Results become messages of their own, in front of what else their turn says. Texts of one message
    are one string there, and its images stand beside it: what lies between them is lost."""
    names = {part.id: part.name for message in asked for part in message.parts if isinstance(part, ToolCall)}
    return [written for message in asked for written in _message(message, rules, names)]


def _message(message: Message, rules: Rules, names: dict[str, str]) -> Iterator[Json]:
    if message.name is not None:
        rules.lacks("name", reason="The upstream model takes no 'name' in a message.")
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    for result in results:
        yield _result(result, rules, names)
    if len(results) < len(message.parts) or not results:
        yield _turn(message, rules)


def _turn(message: Message, rules: Rules) -> Json:
    turn: Json = {"role": str(message.role), "content": text_of(message.parts)}
    if message.role is Role.ASSISTANT:
        thinking = "".join(part.text for part in _thoughts(message.parts))
        if thinking:
            turn["thinking"] = thinking
        calls = [_call(part) for part in message.parts if isinstance(part, ToolCall)]
        if calls:
            turn["tool_calls"] = calls
    return _with_images(turn, message.parts, rules)


def _thoughts(parts: Iterable[Part]) -> Iterator[Thought]:
    """A redacted thought is another maker's sealed data: it means nothing here, and says nothing."""
    return (part for part in parts if isinstance(part, Thought) and not part.redacted)


def _call(call: ToolCall) -> Json:
    return {"id": call.id, "function": {"name": call.name, "arguments": strict.arguments(call.arguments)}}


def _result(result: ToolResult, rules: Rules, names: dict[str, str]) -> Json:
    """There is no word for `is_error`: the tool's own words say it, and where it has none, `error` does."""
    text = text_of(result.parts) or ("error" if result.is_error else "")
    turn: Json = {"role": "tool", "content": text, "tool_call_id": result.id}
    name = result.name or names.get(result.id)
    if name is not None:
        turn["tool_name"] = name
    return _with_images(turn, result.parts, rules)


def _with_images(turn: Json, parts: Iterable[Part], rules: Rules) -> Json:
    images = [data for part in parts if isinstance(part, Image) and (data := _data(part, rules)) is not None]
    if images:
        turn["images"] = images
    return turn


def _data(image: Image, rules: Rules) -> str | None:
    """Base64 alone: the server looks at the bytes for the kind."""
    if image.detail not in (None, "auto"):
        rules.lacks("detail", reason="The upstream model takes no 'detail' for an image.")
    if image.data is None:
        rules.lacks("image_url", reason="The upstream model takes images as data only, not by address.")
    return image.data
