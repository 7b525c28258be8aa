"""An Ollama request in the hub's words. The request has been validated: nothing here can fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from headgate.core import chat as hub
from headgate.core.chat import Chat, Reasoning, ResponseFormat, Role, Text
from headgate.core.embeddings import Embeddings
from headgate.providers.ollama import asked

NewId = Callable[[], str]

_EFFORTS = {"low": "low", "medium": "medium", "high": "high", "max": "xhigh"}
_KINDS = {"iVBOR": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp"}
"""Images by how their base64 begins: the API does not name their kind."""


def chat(said: asked.Chat, plain: dict[str, Any], *, new_id: NewId) -> Chat:
    options = said.options or asked.Options()
    limit = options.num_predict
    return Chat(
        model=said.model,
        messages=tuple(Turns(new_id).messages(said.messages)),
        stream=said.stream is not False,
        max_tokens=limit if limit is not None and limit >= 0 else None,
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        stop=(options.stop,) if isinstance(options.stop, str) else tuple(options.stop or ()),
        seed=options.seed,
        presence_penalty=options.presence_penalty,
        frequency_penalty=options.frequency_penalty,
        logprobs=said.logprobs,
        top_logprobs=said.top_logprobs,
        tools=tuple(_tool(tool.function) for tool in said.tools or ()),
        response_format=_format(said.format),
        reasoning=_reasoning(said.think),
        extra=_unknown(plain, asked.Chat) | _unknown(plain.get("options") or {}, asked.Options),
    )


def embeddings(said: asked.Embed, plain: dict[str, Any]) -> Embeddings:
    return Embeddings(
        model=said.model,
        inputs=(said.input,) if isinstance(said.input, str) else tuple(said.input),
        dimensions=said.dimensions,
        extra=_unknown(plain, asked.Embed),
    )


class Turns:
    """The conversation. A call without an id gets one; the next result without one answers it, by name
    where it gives a name. Results in a row are one turn."""

    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._waiting: list[tuple[str, str]] = []

    def messages(self, said: list[asked.Message]) -> list[hub.Message]:
        turns: list[hub.Message] = []
        results: list[hub.ToolResult] = []
        for message in said:
            if message.role == "tool":
                results.append(self._result(message))
                continue
            turns += _answering(results)
            results = []
            turns.append(self._turn(message))
        return [*turns, *_answering(results)]

    def _turn(self, message: asked.Message) -> hub.Message:
        parts: list[hub.Part] = []
        if message.thinking:
            parts.append(hub.Thought(text=message.thinking))
        if message.content:
            parts.append(Text(message.content))
        parts += _images(message)
        parts += [self._call(call) for call in message.tool_calls or ()]
        return hub.Message(role=Role(message.role), parts=tuple(parts))

    def _call(self, call: asked.ToolCall) -> hub.ToolCall:
        name, call_id = call.function.name, call.id
        if not call_id:
            call_id = self._new_id()
            self._waiting.append((name, call_id))
        return hub.ToolCall(
            id=call_id, name=name, arguments=msgspec.json.encode(call.function.arguments).decode()
        )

    def _result(self, message: asked.Message) -> hub.ToolResult:
        return hub.ToolResult(
            id=message.tool_call_id or self._answered(message.tool_name),
            name=message.tool_name,
            parts=(Text(message.content), *_images(message)),
        )

    def _answered(self, name: str | None) -> str:
        for number, (waiting, call_id) in enumerate(self._waiting):
            if name is None or waiting == name:
                del self._waiting[number]
                return call_id
        return self._new_id()


def _answering(results: list[hub.ToolResult]) -> list[hub.Message]:
    return [hub.Message(role=Role.USER, parts=tuple(results))] if results else []


def _images(message: asked.Message) -> list[hub.Image]:
    return [hub.Image(data=data, media_type=_kind(data)) for data in message.images or ()]


def _kind(data: str) -> str | None:
    return next((kind for begin, kind in _KINDS.items() if data.startswith(begin)), None)


def _tool(declared: asked.Declaration) -> hub.Tool:
    return hub.Tool(name=declared.name, description=declared.description, parameters=declared.parameters)


def _format(said: dict[str, Any] | str | None) -> ResponseFormat | None:
    if isinstance(said, dict):
        return ResponseFormat(kind="json_schema", schema=said)
    return ResponseFormat(kind="json_object") if said else None


def _reasoning(said: bool | str | None) -> Reasoning | None:
    if said is None:
        return None
    return Reasoning(effort=_EFFORTS[said]) if isinstance(said, str) else Reasoning(enabled=said)


def _unknown(plain: dict[str, Any], kind: type[msgspec.Struct]) -> dict[str, Any]:
    known = kind.__struct_fields__
    return {name: value for name, value in plain.items() if name not in known and value is not None}
