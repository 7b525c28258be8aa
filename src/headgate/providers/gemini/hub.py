"""A Gemini request in the hub's words. The request has been validated: nothing here can fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from headgate.core import chat as hub
from headgate.core.chat import Chat, Message, Reasoning, ResponseFormat, Role, Text, ToolChoice
from headgate.core.embeddings import Embeddings
from headgate.providers.gemini import asked
from headgate.providers.gemini.models import EFFORTS

NewId = Callable[[], str]

_MODES = {"AUTO": "auto", "VALIDATED": "auto", "MODE_UNSPECIFIED": "auto", "ANY": "required", "NONE": "none"}


def chat(said: asked.Generate, plain: dict[str, Any], *, model: str, stream: bool, new_id: NewId) -> Chat:
    config = said.generation_config
    calling = said.tool_config.function_calling_config if said.tool_config else None
    messages = [] if said.system_instruction is None else [_system(said.system_instruction)]
    return Chat(
        model=model,
        messages=(*messages, *Turns(new_id).messages(said.contents)),
        stream=stream,
        max_tokens=config.max_output_tokens,
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=config.top_k,
        stop=tuple(config.stop_sequences),
        seed=config.seed,
        n=config.candidate_count,
        presence_penalty=config.presence_penalty,
        frequency_penalty=config.frequency_penalty,
        logprobs=config.response_logprobs,
        top_logprobs=config.logprobs,
        tools=_tools(said.tools, strict=calling is not None and calling.mode == "VALIDATED"),
        tool_choice=_choice(calling),
        response_format=_format(config),
        reasoning=_reasoning(config.thinking_config),
        extra=_extra(plain, calling),
    )


def embeddings(requests: list[asked.Embed], plain: list[dict[str, Any]], *, model: str) -> Embeddings:
    """The dimensions, and what the hub has no word for, of the first: they are the same for all of them."""
    return Embeddings(
        model=model,
        inputs=tuple("".join(part.text for part in request.content.parts) for request in requests),
        dimensions=requests[0].output_dimensionality,
        extra=_unknown(plain[0], asked.Embed, "model"),
    )


def _system(said: asked.Instruction) -> Message:
    return Message(role=Role.SYSTEM, parts=tuple(Text(part.text) for part in said.parts))


class Turns:
    """Messages. A call without an id gets one; the next result of its name without an id answers it."""

    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._waiting: list[tuple[str, str]] = []

    def messages(self, contents: list[asked.Content]) -> list[Message]:
        return [
            Message(
                role=Role.ASSISTANT if content.role == "model" else Role.USER,
                parts=tuple(said for part in content.parts for said in self._parts(part)),
            )
            for content in contents
        ]

    def _parts(self, part: asked.Part) -> list[hub.Part]:
        if part.function_call is not None:
            return [self._call(part.function_call, part.thought_signature)]
        if part.function_response is not None:
            return [self._result(part.function_response)]
        if part.inline_data is not None:
            return [_image(part.inline_data)]
        if part.file_data is not None:
            return [hub.Image(url=part.file_data.file_uri, media_type=part.file_data.mime_type)]
        return _words(part)

    def _call(self, call: asked.FunctionCall, signature: str | None) -> hub.ToolCall:
        call_id = call.id
        if call_id is None:
            call_id = self._new_id()
            self._waiting.append((call.name, call_id))
        arguments = msgspec.json.encode(call.args or {}).decode()
        return hub.ToolCall(id=call_id, name=call.name, arguments=arguments, signature=signature)

    def _result(self, result: asked.FunctionResponse) -> hub.ToolResult:
        text, is_error = _said(result.response)
        return hub.ToolResult(
            id=result.id or self._answered(result.name),
            name=result.name,
            parts=(Text(text), *(_image(part.inline_data) for part in result.parts)),
            is_error=is_error,
        )

    def _answered(self, name: str) -> str:
        for number, (waiting, call_id) in enumerate(self._waiting):
            if waiting == name:
                del self._waiting[number]
                return call_id
        return self._new_id()


def _words(part: asked.Part) -> list[hub.Part]:
    """Text, a thought, or text and the seal of the thought behind it."""
    text, seal = part.text or "", part.thought_signature
    if part.thought or (seal and not text):
        return [hub.Thought(text=text, signature=seal)]
    return [Text(text), hub.Thought(text="", signature=seal)] if seal else [Text(text)]


def _image(blob: asked.Blob) -> hub.Image:
    return hub.Image(data=blob.data, media_type=blob.mime_type)


def _said(response: dict[str, Any]) -> tuple[str, bool]:
    """A result's text, and whether it is an error: alone, `output` and `error` are wrappings."""
    if len(response) == 1:
        (member, value), *_ = response.items()
        if member in ("output", "error") and isinstance(value, str):
            return value, member == "error"
    return msgspec.json.encode(response).decode(), False


def _tools(tools: list[asked.Tool], *, strict: bool) -> tuple[hub.Tool, ...]:
    return tuple(
        hub.Tool(
            name=declared.name,
            description=declared.description,
            parameters=declared.parameters_json_schema or declared.parameters,
            strict=True if strict else None,
        )
        for tool in tools
        for declared in tool.function_declarations
    )


def _choice(calling: asked.FunctionCallingConfig | None) -> ToolChoice | None:
    if calling is None or calling.mode == "VALIDATED":
        return None
    if calling.mode == "ANY" and len(calling.allowed_function_names) == 1:
        return ToolChoice(mode="tool", name=calling.allowed_function_names[0])
    return ToolChoice(mode=_MODES[calling.mode])


def _format(config: asked.GenerationConfig) -> ResponseFormat | None:
    schema = config.response_json_schema or config.response_schema
    if schema is not None:
        return ResponseFormat(kind="json_schema", schema=schema)
    kind = {"application/json": "json_object", "text/plain": "text"}.get(config.response_mime_type or "")
    return None if kind is None else ResponseFormat(kind=kind)


def _reasoning(config: asked.ThinkingConfig | None) -> Reasoning | None:
    """A budget of 0 is none, of -1 the model's own choice."""
    if config is None:
        return None
    budget = config.thinking_budget
    if budget == 0:
        return Reasoning(enabled=False)
    effort = EFFORTS[config.thinking_level.upper()] if config.thinking_level else None
    return Reasoning(effort=effort, budget=budget if budget and budget > 0 else None)


def _extra(plain: dict[str, Any], calling: asked.FunctionCallingConfig | None) -> dict[str, Any]:
    """Members the hub has no word for: at the top, in the configuration, and tools the server would run."""
    extra = _unknown(plain, asked.Generate, "model") | _unknown(
        plain.get("generationConfig", {}), asked.GenerationConfig
    )
    for tool in plain.get("tools", ()):
        extra |= _unknown(tool, asked.Tool)
    if calling is not None and len(calling.allowed_function_names) > 1:
        extra["allowedFunctionNames"] = calling.allowed_function_names
    return extra


def _unknown(plain: dict[str, Any], kind: type[msgspec.Struct], *also: str) -> dict[str, Any]:
    known = {field.encode_name for field in msgspec.structs.fields(kind)} | {*also}
    return {name: value for name, value in plain.items() if name not in known and value is not None}
