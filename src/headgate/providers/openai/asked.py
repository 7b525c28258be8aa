"""A caller's request in the hub's words.

Each function takes the decoded request and gives the hub's value, or raises `InvalidRequest` (it makes no
sense) or `Unsupported` (it does, but the hub has no word for it: only a same-dialect upstream can have it).
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from headgate.core.chat import Chat, Message, Reasoning, ResponseFormat, Role, Text, Tool, ToolChoice
from headgate.core.embeddings import Embeddings
from headgate.core.errors import InvalidRequest, Unsupported
from headgate.providers.openai import wire
from headgate.providers.openai.turns import hub_messages
from headgate.providers.strict import MAX_DEPTH, param_of

EFFORTS = frozenset({"none", "minimal", "low", "medium", "high", "xhigh"})

_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "store": (False,),
    "service_tier": ("auto", "default"),
    "modalities": (["text"],),
    "metadata": ({},),
}
"""Members that, with these values, ask for what happens anyway."""

_READ: dict[type[msgspec.Struct], frozenset[str]] = {
    request: frozenset(request.__struct_fields__)
    for request in (wire.ChatRequest, wire.CompletionRequest, wire.EmbeddingsRequest)
}
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


# ── failures ─────────────────────────────────────────────────────────────────────────────────────


def invalid(error: Exception) -> InvalidRequest:
    """What `msgspec` found wrong with a body, in the caller's words; `param` is like `messages[0].role`."""
    if isinstance(error, RecursionError):
        return InvalidRequest("The body is nested too deeply.")
    if isinstance(error, UnicodeDecodeError):
        return InvalidRequest("The body is not valid UTF-8.")
    if not isinstance(error, msgspec.ValidationError):
        return InvalidRequest(f"The body is not valid JSON: {error}.")
    what, param = str(error).partition(" - at `")[0], param_of(str(error))
    if param is None:
        return InvalidRequest("The body must be a JSON object.")
    if "missing required field" in what:
        return InvalidRequest(f"Missing required parameter: '{param}'.", param=param)
    return InvalidRequest(f"Invalid value for '{param}': {what}.", param=param)


def json_value(raw: Raw, param: str) -> Any:
    """The value of a member kept raw; `None` where absent."""
    if not raw:
        return None
    text = bytes(raw)
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"Invalid value for '{param}'.", param=param) from error
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH and _deeper(value, MAX_DEPTH):
        raise InvalidRequest(f"'{param}' is nested too deeply.", param=param)
    return value


def _deeper(value: Any, levels: int) -> bool:
    """Whether `value` has more than so many levels. Without recursion, for the sake of what it looks for."""
    level = [value]
    for _ in range(levels):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return any(isinstance(node, dict | list) for node in level)


def _object(raw: Raw, param: str) -> dict[str, Any] | None:
    value = json_value(raw, param)
    if value is not None and not isinstance(value, dict):
        raise InvalidRequest(f"'{param}' must be a JSON object.", param=param)
    return value


# ── members ──────────────────────────────────────────────────────────────────────────────────────


def _extra(asked: msgspec.Struct, body: bytes) -> dict[str, Any]:
    """What the request holds that the hub has no word for, by name; `null` and the neutral left out."""
    read = _READ[type(asked)]
    extra = {}
    for name, raw in _MEMBERS.decode(body).items():
        if name not in read:
            value = json_value(raw, name)
            if value is not None and value not in _NEUTRAL.get(name, ()):
                extra[name] = value
    return extra


def _sampling(asked: wire.Sampling) -> dict[str, Any]:
    stop = asked.stop
    return {
        "model": asked.model,
        "stream": bool(asked.stream),
        "max_tokens": _positive(asked.max_tokens, "max_tokens"),
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "top_k": asked.top_k,
        "stop": (stop,) if isinstance(stop, str) else tuple(stop or ()),
        "seed": asked.seed,
        "n": asked.n,
        "presence_penalty": asked.presence_penalty,
        "frequency_penalty": asked.frequency_penalty,
        "logit_bias": asked.logit_bias,
        "user": asked.user,
    }


def _positive(value: int | None, param: str) -> int | None:
    if value is not None and value < 1:
        raise InvalidRequest(f"'{param}' must be at least 1.", param=param)
    return value


def _tool(asked: wire.FunctionTool, where: str) -> Tool:
    return Tool(
        name=asked.name,
        description=asked.description,
        parameters=_object(asked.parameters, f"{where}.parameters"),
        strict=asked.strict,
    )


def _tools(asked: wire.ChatRequest) -> tuple[Tool, ...]:
    tools = []
    for number, tool in enumerate(asked.tools or ()):
        where = f"tools[{number}]"
        if tool.type != "function":
            raise Unsupported(
                f"Tools of type '{tool.type}' are not supported by the upstream model.",
                param=f"{where}.type",
                code="unsupported_parameter",
            )
        if tool.function is None:
            raise InvalidRequest(
                f"Missing required parameter: '{where}.function'.", param=f"{where}.function"
            )
        tools.append(_tool(tool.function, f"{where}.function"))
    tools += [_tool(function, f"functions[{i}]") for i, function in enumerate(asked.functions or ())]
    return tuple(tools)


_MODES = {"auto": "auto", "none": "none", "required": "required", "any": "required"}


def _tool_choice(asked: wire.ChatRequest) -> ToolChoice | None:
    choice = asked.tool_choice
    if choice is None:
        return _function_call(asked.function_call)
    if isinstance(choice, wire.ToolChoice):
        if choice.function is not None:
            return ToolChoice(mode="tool", name=choice.function.name)
        if choice.type not in _MODES:
            raise Unsupported(
                f"A tool_choice of type '{choice.type}' is not supported by the upstream model.",
                param="tool_choice",
                code="unsupported_parameter",
            )
        choice = choice.type
    return _mode(choice, "tool_choice")


def _function_call(choice: str | wire.Named | None) -> ToolChoice | None:
    if isinstance(choice, wire.Named):
        return ToolChoice(mode="tool", name=choice.name)
    return None if choice is None else _mode(choice, "function_call")


def _mode(choice: str, param: str) -> ToolChoice:
    if choice not in _MODES:
        raise InvalidRequest(f"'{param}' must be one of {', '.join(_MODES)}, or name a tool.", param=param)
    return ToolChoice(mode=_MODES[choice])


def _response_format(asked: wire.ResponseFormat | None) -> ResponseFormat | None:
    if asked is None:
        return None
    if asked.type not in ("text", "json_object", "json_schema"):
        raise InvalidRequest("'response_format.type' is unknown.", param="response_format.type")
    if asked.type != "json_schema":
        return ResponseFormat(kind=asked.type)
    wanted = asked.json_schema
    if wanted is None:
        param = "response_format.json_schema"
        raise InvalidRequest(f"Missing required parameter: '{param}'.", param=param)
    return ResponseFormat(
        kind="json_schema",
        name=wanted.name,
        description=wanted.description,
        schema=_object(wanted.schema, "response_format.json_schema.schema"),
        strict=wanted.strict,
    )


def _reasoning(asked: wire.ChatRequest) -> Reasoning | None:
    """`reasoning_effort`, or OpenRouter's object `reasoning`; the former wins."""
    detail = _object(asked.reasoning, "reasoning") or {}
    effort = asked.reasoning_effort or detail.get("effort")
    if effort is not None and effort not in EFFORTS:
        raise InvalidRequest("'reasoning_effort' is unknown.", param="reasoning_effort")
    budget = detail.get("max_tokens")
    if budget is not None and type(budget) is not int:
        raise InvalidRequest("'reasoning.max_tokens' must be an integer.", param="reasoning.max_tokens")
    if effort == "none" or detail.get("enabled") is False:
        return Reasoning(effort="none", enabled=False)
    if effort is None and budget is None and not detail.get("enabled"):
        return None
    return Reasoning(effort=effort, budget=_positive(budget, "reasoning.max_tokens"))


# ── requests ─────────────────────────────────────────────────────────────────────────────────────


def chat(asked: wire.ChatRequest, body: bytes) -> Chat:
    """A chat request. `max_completion_tokens` wins over the older `max_tokens`."""
    members = _sampling(asked)
    if asked.max_completion_tokens is not None:
        members["max_tokens"] = _positive(asked.max_completion_tokens, "max_completion_tokens")
    return Chat(
        **members,
        messages=hub_messages(asked.messages),
        logprobs=asked.logprobs,
        top_logprobs=asked.top_logprobs,
        tools=_tools(asked),
        tool_choice=_tool_choice(asked),
        parallel_tool_calls=asked.parallel_tool_calls,
        response_format=_response_format(asked.response_format),
        reasoning=_reasoning(asked),
        extra=_extra(asked, body),
    )


def completion(asked: wire.CompletionRequest, body: bytes) -> Chat:
    """A text completion: one string is one user message. What a chat cannot express is refused."""
    prompt = asked.prompt
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0] if isinstance(prompt[0], str) else prompt
    if not isinstance(prompt, str):
        raise _chat_only("prompt", "takes one text as prompt, not several or tokens")
    for param, wanted in (
        ("suffix", bool(asked.suffix)),
        ("echo", bool(asked.echo)),
        ("best_of", (asked.best_of or 1) > 1),
    ):
        if wanted:
            raise _chat_only(param, f"does not support the parameter '{param}'")
    logprobs = None if asked.logprobs is None or asked.logprobs is False else int(asked.logprobs)
    return Chat(
        **_sampling(asked),
        messages=(Message(role=Role.USER, parts=(Text(prompt),)),),
        logprobs=None if logprobs is None else True,
        top_logprobs=logprobs or None,
        extra=_extra(asked, body),
    )


def _chat_only(param: str, reason: str) -> Unsupported:
    return Unsupported(f"The upstream model {reason}.", param=param, code="unsupported_parameter")


def embeddings(asked: wire.EmbeddingsRequest, body: bytes) -> Embeddings:
    return Embeddings(
        model=asked.model,
        inputs=_inputs(asked.input),
        dimensions=asked.dimensions,
        user=asked.user,
        extra=_extra(asked, body),
    )


def _inputs(asked: str | list[str | int | list[int]]) -> tuple[str | tuple[int, ...], ...]:
    """`[1, 2]` is one input of two tokens; `[[1], [2]]` are two inputs."""
    if isinstance(asked, str):
        return (asked,)
    tokens = [item for item in asked if isinstance(item, int)]
    if len(tokens) == len(asked):
        return (tuple(tokens),)
    if tokens:
        raise InvalidRequest("'input' must not mix tokens with texts.", param="input")
    return tuple(
        item if isinstance(item, str) else tuple(item) for item in asked if not isinstance(item, int)
    )
