"""A request of the Messages API in the hub's words.

Advice that changes no answer is left out, for no other dialect has a word for it: `cache_control`
wherever it stands, `citations` on a text that is handed back, `thinking.display`, and a tool's
`eager_input_streaming`, `defer_loading`, `input_examples` and `allowed_callers`. Whatever else has no
word, at the top or in `output_config`, goes into `extra` by name. Blocks and tools that only Anthropic
understands (documents, server tools and their results) are refused.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
from msgspec.json import Decoder

from headgate.core.chat import (
    Chat,
    Image,
    Message,
    Part,
    Reasoning,
    ResponseFormat,
    Role,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.core.errors import InvalidRequest, Unsupported
from headgate.providers.anthropic.wire import (
    CONTENT,
    MEMBERS,
    SOURCE,
    Block,
    Choice,
    OutputConfig,
    Request,
    ToolSpec,
)

_ANY: Decoder[Any] = Decoder()
_NULL = msgspec.Raw(b"null")
_NEUTRAL = {"service_tier": "auto", "speed": "standard"}
"""Members that, with these values, ask for what happens anyway."""
_KNOWN = {*Request.__struct_fields__, "cache_control"}
_KNOWN_OUTPUT = frozenset(OutputConfig.__struct_fields__)
MAX_DEPTH = 128
"""Levels of nesting in a schema, in arguments or in a member unknown to us."""

_MODE = {"auto": "auto", "any": "required", "tool": "tool", "none": "none"}
_EFFORT = {"low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "xhigh"}
_WHERE = re.compile(r"(?s)(.*?)(?: - at `\$\.?(.*)`)?")
_MISSING = re.compile(r"Object missing required field `(\w+)`")

T = TypeVar("T")


def decode(decoder: Decoder[T], data: bytes | msgspec.Raw, where: str = "") -> T:
    """Reads a part of a body that stands at `where`.

    Raises:
        InvalidRequest: naming the member at fault as `param`, for any bytes whatever.
    """
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), where) from error
    except RecursionError as error:
        raise InvalidRequest("The body is nested too deeply.", param=where or None) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The body is not valid JSON: {error}", param=where or None) from error


def _invalid(problem: str, where: str) -> InvalidRequest:
    found = _WHERE.fullmatch(problem)
    problem, path = (found[1], found[2] or "") if found else (problem, "")
    param = path if not where else where + ("." if path and not path.startswith("[") else "") + path
    missing = _MISSING.fullmatch(problem)
    if missing:
        return _missing(f"{param}.{missing[1]}" if param else missing[1])
    return InvalidRequest(f"{param or 'body'}: {problem}", param=param or None)


def _missing(param: str) -> InvalidRequest:
    return InvalidRequest(f"{param}: Field required", param=param)


def _foreign(what: str, param: str) -> Unsupported:
    return Unsupported(
        f"{param}: {what} can only be answered by a model behind Anthropic's own API.",
        param=param,
        code="unsupported_parameter",
    )


def chat_of(request: Request, raw: bytes) -> Chat:
    """The whole request. Raises `InvalidRequest` or `Unsupported`, naming the place."""
    choice = request.tool_choice
    parallel = choice.disable_parallel_tool_use if choice else None
    return Chat(
        model=request.model,
        messages=_messages(request),
        stream=bool(request.stream),
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        stop=tuple(request.stop_sequences or ()),
        tools=tuple(_tool(tool, f"tools[{at}]") for at, tool in enumerate(request.tools or ())),
        tool_choice=_choice(choice) if choice else None,
        parallel_tool_calls=None if parallel is None else not parallel,
        response_format=_format(request),
        reasoning=_reasoning(request),
        user=request.metadata.user_id if request.metadata else None,
        extra=_extra(raw),
    )


def _extra(raw: bytes) -> dict[str, Any]:
    members = decode(MEMBERS, raw)
    extra = {name: _value(value, name) for name, value in members.items() if name not in _KNOWN}
    output = _value(members.get("output_config", _NULL), "output_config") or {}
    extra |= {f"output_config.{name}": output[name] for name in output if name not in _KNOWN_OUTPUT}
    return {
        name: extra[name] for name in extra if extra[name] is not None and extra[name] != _NEUTRAL.get(name)
    }


def _value(raw: msgspec.Raw, where: str) -> Any:
    """A member of any shape, as plain values that other codecs can write without running out of stack."""
    value = decode(_ANY, raw, where)
    text = bytes(raw)
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH and not _shallow(value, MAX_DEPTH):
        raise InvalidRequest(f"{where}: nested too deeply", param=where)
    return value


def _shallow(value: Any, levels: int) -> bool:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(levels > 0 and _shallow(child, levels - 1) for child in children)


def _object(raw: msgspec.Raw, where: str) -> dict[str, Any]:
    if not bytes(raw):
        raise _missing(where)
    value = _value(raw, where)
    if not isinstance(value, dict):
        raise InvalidRequest(f"{where}: Expected `object`", param=where)
    return value


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


def _messages(request: Request) -> tuple[Message, ...]:
    messages = []
    if request.system:
        messages.append(Message(role=Role.SYSTEM, parts=_parts(request.system, "system", {})))
    names: dict[str, str] = {}
    for at, turn in enumerate(request.messages):
        parts = _parts(turn.content, f"messages[{at}].content", names)
        messages.append(Message(role=Role(turn.role), parts=parts))
    return tuple(messages)


def _parts(content: str | list[Block], where: str, names: dict[str, str]) -> tuple[Part, ...]:
    """`names` remembers each tool call's name by its id, for the result to bear it too."""
    if isinstance(content, str):
        return (Text(content),)
    return tuple(_part(block, f"{where}[{at}]", names) for at, block in enumerate(content))


def _part(block: Block, where: str, names: dict[str, str]) -> Part:
    match block.type:
        case "text":
            return Text(_needed(block.text, where, "text"))
        case "image":
            return _image(block, where)
        case "thinking":
            return Thought(text=_needed(block.thinking, where, "thinking"), signature=block.signature or None)
        case "redacted_thinking":
            return Thought(text=_needed(block.data, where, "data"), redacted=True)
        case "tool_use":
            return _call(block, where, names)
        case "tool_result":
            return _result(block, where, names)
    raise _foreign(f"a content block of type '{block.type}'", f"{where}.type")


def _needed(value: str | None, where: str, name: str) -> str:
    if value is None:
        raise _missing(f"{where}.{name}")
    return value


def _image(block: Block, where: str) -> Image:
    if not bytes(block.source):
        raise _missing(f"{where}.source")
    where += ".source"
    source = decode(SOURCE, block.source, where)
    if source.type == "base64":
        data = _needed(source.data, where, "data")
        return Image(data=data, media_type=_needed(source.media_type, where, "media_type"))
    if source.type == "url":
        return Image(url=_needed(source.url, where, "url"))
    raise _foreign(f"an image of source '{source.type}'", f"{where}.type")


def _call(block: Block, where: str, names: dict[str, str]) -> ToolCall:
    call = _needed(block.id, where, "id")
    name = names[call] = _needed(block.name, where, "name")
    _object(block.input, f"{where}.input")
    return ToolCall(id=call, name=name, arguments=bytes(block.input).decode())


def _result(block: Block, where: str, names: dict[str, str]) -> ToolResult:
    call = _needed(block.tool_use_id, where, "tool_use_id")
    where += ".content"
    content = decode(CONTENT, block.content, where) if bytes(block.content) else None
    parts: list[Text | Image] = []
    for at, part in enumerate(_parts(content, where, {}) if content else ()):
        if not isinstance(part, Text | Image):
            raise InvalidRequest(
                f"{where}[{at}]: a tool result holds text and images", param=f"{where}[{at}]"
            )
        parts.append(part)
    return ToolResult(id=call, name=names.get(call), parts=tuple(parts), is_error=bool(block.is_error))


# ── parameters ───────────────────────────────────────────────────────────────────────────────────


def _tool(spec: ToolSpec, where: str) -> Tool:
    if spec.type not in (None, "custom"):
        raise _foreign(f"a tool of type '{spec.type}'", f"{where}.type")
    return Tool(
        name=_needed(spec.name, where, "name"),
        description=spec.description,
        parameters=_object(spec.input_schema, f"{where}.input_schema"),
        strict=spec.strict,
    )


def _choice(choice: Choice) -> ToolChoice:
    mode = _MODE.get(choice.type)
    if mode is None:
        raise InvalidRequest(
            f"tool_choice.type: '{choice.type}' is none of {', '.join(_MODE)}", param="tool_choice.type"
        )
    name = _needed(choice.name, "tool_choice", "name") if mode == "tool" else None
    return ToolChoice(mode=mode, name=name)


def _format(request: Request) -> ResponseFormat | None:
    config = request.output_config
    form, where = (config.format, "output_config.format") if config and config.format else (None, "")
    if form is None:
        form, where = request.output_format, "output_format"
    if form is None:
        return None
    if form.type != "json_schema":
        raise _foreign(f"an output format of type '{form.type}'", f"{where}.type")
    return ResponseFormat(kind="json_schema", schema=_object(form.schema, f"{where}.schema"))


def _reasoning(request: Request) -> Reasoning | None:
    """`max` is the hub's `xhigh`: both mean the most there is. An effort alone asks for thinking by it."""
    effort = request.output_config.effort if request.output_config else None
    if effort is not None and effort not in _EFFORT:
        raise _foreign(f"an effort of '{effort}'", "output_config.effort")
    effort = _EFFORT[effort] if effort else None
    thinking = request.thinking
    if thinking is None:
        return Reasoning(effort=effort) if effort else None
    match thinking.type:
        case "enabled":
            if thinking.budget_tokens is None:
                raise _missing("thinking.budget_tokens")
            return Reasoning(effort=effort, budget=thinking.budget_tokens)
        case "adaptive":
            return Reasoning(effort=effort)
        case "disabled":
            return Reasoning(effort=effort, enabled=False)
    raise _foreign(f"thinking of type '{thinking.type}'", "thinking.type")
