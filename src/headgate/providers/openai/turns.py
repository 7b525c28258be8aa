"""OpenAI's messages as the hub's turns.

`developer` is SYSTEM. A run of `tool` messages is one USER turn of tool results, each named after the call
it answers. What only an answer carries (`annotations`, `audio: null`) is passed over: clients send answers
back whole.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from headgate.core.chat import Image, Message, Part, Role, Text, Thought, ToolCall, ToolResult
from headgate.core.errors import InvalidRequest, Unsupported
from headgate.providers.openai import wire

_ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
}


class _Google(msgspec.Struct):
    thought_signature: str | None = None


class _Extra(msgspec.Struct):
    google: _Google | None = None


_extra = msgspec.json.Decoder(_Extra | None)


def signature_of(call: wire.ToolCall) -> str | None:
    """Gemini's thought signature, where Google's compatible server put it (`extra_content.google`)."""
    if not call.extra_content:
        return None
    try:
        extra = _extra.decode(call.extra_content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return extra.google.thought_signature if extra and extra.google else None


def arguments_of(function: wire.Function) -> str:
    """The arguments as JSON text, exactly as the model wrote it where it is text."""
    if isinstance(function.arguments, dict):
        return msgspec.json.encode(function.arguments).decode()
    return function.arguments or ""


def hub_messages(asked: Iterable[wire.Message]) -> tuple[Message, ...]:
    """Raises `InvalidRequest` or `Unsupported` with the path of the member at fault."""
    reader = _Reader()
    for number, message in enumerate(asked):
        reader.read(message, f"messages[{number}]")
    return reader.done()


class _Reader:
    """Reads one conversation, remembering the calls made so far."""

    def __init__(self) -> None:
        self._turns: list[Message] = []
        self._results: list[ToolResult] = []
        self._names: dict[str, str] = {}
        self._legacy = 0

    def read(self, message: wire.Message, where: str) -> None:
        if message.role in ("tool", "function"):
            self._results.append(self._result(message, where))
            return
        self._flush()
        role = _ROLES[message.role]
        if role is Role.ASSISTANT:
            parts = self._assistant(message, where)
        elif message.content is None:
            param = f"{where}.content"
            raise InvalidRequest(f"Missing required parameter: '{param}'.", param=param)
        else:
            parts = _content(message.content, f"{where}.content")
        self._turns.append(Message(role=role, parts=tuple(parts), name=message.name))

    def done(self) -> tuple[Message, ...]:
        self._flush()
        return tuple(self._turns)

    def _flush(self) -> None:
        if self._results:
            self._turns.append(Message(role=Role.USER, parts=tuple(self._results)))
            self._results = []

    def _result(self, message: wire.Message, where: str) -> ToolResult:
        """A `tool` message, or the legacy `function` one, which answers the last call of that kind."""
        if message.role == "function":
            call_id = f"call_function_{self._legacy}"
        elif message.tool_call_id:
            call_id = message.tool_call_id
        else:
            param = f"{where}.tool_call_id"
            raise InvalidRequest(f"Missing required parameter: '{param}'.", param=param)
        parts = tuple(
            part
            for part in _content(message.content or "", f"{where}.content")
            if isinstance(part, Text | Image)
        )
        return ToolResult(id=call_id, name=self._names.get(call_id, message.name), parts=parts)

    def _assistant(self, message: wire.Message, where: str) -> list[Part]:
        if message.audio and bytes(message.audio) != b"null":
            raise _unsupported("audio", f"{where}.audio")
        parts: list[Part] = []
        if thought := message.reasoning_content or message.reasoning:
            parts.append(Thought(text=thought))
        parts += _content(message.content or "", f"{where}.content")
        if message.refusal:
            parts.append(Text(message.refusal))
        for number, call in enumerate(message.tool_calls or ()):
            parts.append(self._call(call, f"{where}.tool_calls[{number}]"))
        if message.function_call is not None:
            self._legacy += 1
            call = wire.ToolCall(id=f"call_function_{self._legacy}", function=message.function_call)
            parts.append(self._call(call, f"{where}.function_call"))
        return parts

    def _call(self, call: wire.ToolCall, where: str) -> ToolCall:
        if call.type not in (None, "function"):
            raise _unsupported(f"tool calls of type '{call.type}'", f"{where}.type")
        if call.function is None or not call.function.name:
            param = f"{where}.function.name"
            raise InvalidRequest(f"Missing required parameter: '{param}'.", param=param)
        if not call.id:
            raise InvalidRequest(f"Missing required parameter: '{where}.id'.", param=f"{where}.id")
        self._names[call.id] = call.function.name
        return ToolCall(
            id=call.id,
            name=call.function.name,
            arguments=arguments_of(call.function),
            signature=signature_of(call),
        )


def _unsupported(what: str, param: str) -> Unsupported:
    return Unsupported(
        f"The upstream model does not support {what}.", param=param, code="unsupported_parameter"
    )


def _content(content: str | list[wire.Part], where: str) -> list[Part]:
    """An empty text is no part: it says nothing, and some dialects refuse it."""
    if isinstance(content, str):
        return [Text(content)] if content else []
    return [
        part
        for number, asked in enumerate(content)
        if (part := _part(asked, f"{where}[{number}]")) is not None
    ]


def _part(asked: wire.Part, where: str) -> Part | None:
    if asked.type in ("text", "refusal"):
        text = asked.text if asked.type == "text" else asked.refusal
        if text is None:
            param = f"{where}.{asked.type}"
            raise InvalidRequest(f"Missing required parameter: '{param}'.", param=param)
        return Text(text) if text else None
    if asked.type == "image_url":
        return _image(asked.image_url, f"{where}.image_url")
    raise _unsupported(f"content parts of type '{asked.type}'", f"{where}.type")


def _image(asked: wire.ImageURL | str | None, where: str) -> Image:
    if asked is None:
        raise InvalidRequest(f"Missing required parameter: '{where}'.", param=where)
    image = wire.ImageURL(asked) if isinstance(asked, str) else asked
    if not image.url.startswith("data:"):
        return Image(url=image.url, detail=image.detail)
    head, comma, data = image.url[5:].partition(",")
    media_type, _, coding = head.partition(";")
    if not comma or not media_type or coding.rpartition(";")[2] != "base64":
        param = f"{where}.url"
        raise InvalidRequest(f"'{param}' must be a URL, or base64 data with its media type.", param=param)
    return Image(data=data, media_type=media_type, detail=image.detail)
