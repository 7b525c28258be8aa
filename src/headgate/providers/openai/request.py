"""The hub's request as OpenAI's: what is sent to an upstream of this dialect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

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
from headgate.core.embeddings import Embeddings
from headgate.core.errors import InvalidRequest
from headgate.ports.transport import Outgoing
from headgate.providers.spec import Rules

LOW_BUDGET = 2048
MEDIUM_BUDGET = 8192
"""OpenAI has no budget of thinking tokens, only efforts: up to the first `low`, up to the second `medium`."""

_NEUTRAL: dict[str, object] = {
    "n": 1,
    "logprobs": False,
    "parallel_tool_calls": True,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "tool_choice": "auto",
    "response_format": {"type": "text"},
}
"""Values that ask for what happens anyway: left out, not refused, where a provider lacks the parameter."""

_encode = msgspec.json.Encoder().encode


def encode(asked: Chat | Embeddings, rules: Rules, *, model: str, stream: bool) -> Outgoing:
    """POST `/chat/completions` or `/embeddings`, relative to a base URL that ends with the version.

    Raises:
        Unsupported: naming the parameter the dialect or, by its rules, the provider cannot express.
        InvalidRequest: for values nested too deeply to be written.
    """
    path, body = (
        ("/chat/completions", _chat(asked, rules, stream))
        if isinstance(asked, Chat)
        else ("/embeddings", _embeddings(asked, rules))
    )
    try:
        return Outgoing(path, _encode({"model": model, **body.members}))
    except RecursionError as error:
        raise InvalidRequest("The request is nested too deeply.") from error


class _Body:
    """The members of a request, as far as the provider's rules permit them."""

    def __init__(self, rules: Rules) -> None:
        self.members: dict[str, Any] = {}
        self._rules = rules

    def put(self, param: str, value: object) -> None:
        """`param` under the name it has here; nothing where the caller did not say."""
        if param in self._rules.refuse and value == _NEUTRAL.get(param):
            return
        if value is not None and self._rules.permits(param, value):
            self.members[self._rules.rename.get(param, param)] = value

    def put_foreign(self, param: str, value: object) -> None:
        """A parameter the dialect lacks; a provider that has it says so by giving its name in `rename`."""
        if value is not None and param in self._rules.rename:
            self.put(param, value)
        elif value is not None:
            self._rules.lacks(param)


def _chat(asked: Chat, rules: Rules, stream: bool) -> _Body:
    body = _Body(rules)
    body.members["messages"] = [wire for message in asked.messages for wire in _messages(message, rules)]
    body.put("max_tokens", asked.max_tokens)
    body.put("temperature", asked.temperature)
    body.put("top_p", asked.top_p)
    body.put_foreign("top_k", asked.top_k)
    body.put("stop", asked.stop or None)
    body.put("seed", asked.seed)
    body.put("n", asked.n)
    body.put("presence_penalty", asked.presence_penalty)
    body.put("frequency_penalty", asked.frequency_penalty)
    body.put("logit_bias", asked.logit_bias)
    body.put("logprobs", asked.logprobs)
    body.put("top_logprobs", asked.top_logprobs)
    body.put("user", asked.user)
    _put_tools(asked, body)
    if asked.response_format is not None:
        body.put("response_format", _response_format(asked.response_format))
    if asked.reasoning is not None:
        _put_reasoning(asked.reasoning, body, rules)
    for param in asked.extra:
        rules.lacks(param)
    if stream:
        body.members["stream"] = True
        if rules.stream_usage:
            body.members["stream_options"] = {"include_usage": True}
    return body


def _embeddings(asked: Embeddings, rules: Rules) -> _Body:
    """Vectors are asked for as numbers: not every compatible server has base64."""
    body = _Body(rules)
    first = asked.inputs[0] if asked.inputs else ""
    single = len(asked.inputs) == 1 and isinstance(first, str)
    body.members["input"] = first if single else asked.inputs
    body.put("dimensions", asked.dimensions)
    if "encoding_format" not in rules.refuse:
        body.members["encoding_format"] = "float"
    body.put("user", asked.user)
    for param in asked.extra:
        rules.lacks(param)
    return body


# ── members ──────────────────────────────────────────────────────────────────────────────────────


def _without_none(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _put_tools(asked: Chat, body: _Body) -> None:
    """OpenAI refuses `parallel_tool_calls` where there are no tools; without them it means nothing."""
    if asked.tools:
        body.put("tools", [_tool(tool) for tool in asked.tools])
        body.put("parallel_tool_calls", asked.parallel_tool_calls)
    if asked.tool_choice is not None:
        body.put("tool_choice", _tool_choice(asked.tool_choice))


def _tool(tool: Tool) -> dict[str, Any]:
    function = _without_none(
        name=tool.name, description=tool.description, parameters=tool.parameters, strict=tool.strict
    )
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice) -> str | dict[str, Any]:
    if choice.mode == "tool":
        return {"type": "function", "function": {"name": choice.name}}
    return choice.mode


def _response_format(wanted: ResponseFormat) -> dict[str, Any]:
    if wanted.kind != "json_schema":
        return {"type": wanted.kind}
    schema = _without_none(
        name=wanted.name or "response",
        description=wanted.description,
        schema=wanted.schema,
        strict=wanted.strict,
    )
    return {"type": "json_schema", "json_schema": schema}


def _put_reasoning(wanted: Reasoning, body: _Body, rules: Rules) -> None:
    """No thinking at all is what a provider without thinking does."""
    if wanted.enabled:
        body.put("reasoning_effort", wanted.effort or _effort(wanted.budget))
    elif "reasoning_effort" not in rules.refuse:
        body.put("reasoning_effort", "none")


def _effort(budget: int | None) -> str:
    """A budget becomes the nearest effort; thinking without either is OpenAI's own default."""
    if budget is None or LOW_BUDGET < budget <= MEDIUM_BUDGET:
        return "medium"
    return "low" if budget <= LOW_BUDGET else "high"


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


def _messages(message: Message, rules: Rules) -> Iterable[dict[str, Any]]:
    """One turn as one or more messages: tool results first, each its own, for they follow their calls."""
    if message.role is Role.ASSISTANT:
        return [_assistant(message, rules)]
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    others: list[Part] = [image for result in results for image in result.parts if isinstance(image, Image)]
    others += [part for part in message.parts if not isinstance(part, ToolResult)]
    wires = [_result(result) for result in results]
    if others or not results:
        role = "system" if message.role is Role.SYSTEM else "user"
        wires.append(_without_none(role=role, content=_content(others), name=message.name))
    return wires


def _result(result: ToolResult) -> dict[str, Any]:
    """A tool message holds text alone: images of the result follow in a user message.

    There is no word for `is_error`: the tool's own words say it, and where it has none, `error` does.
    """
    texts = [part for part in result.parts if isinstance(part, Text)]
    content = _content(texts) or ("error" if result.is_error else "")
    return {"role": "tool", "tool_call_id": result.id, "content": content}


def _assistant(message: Message, rules: Rules) -> dict[str, Any]:
    texts = [part for part in message.parts if isinstance(part, Text)]
    calls = [_call(part) for part in message.parts if isinstance(part, ToolCall)]
    thoughts = "".join(part.text for part in message.parts if isinstance(part, Thought) and not part.redacted)
    wire = _without_none(role="assistant", name=message.name)
    wire["content"] = _content(texts) if texts or not calls else None
    if thoughts and "reasoning_content" not in rules.refuse:
        # Where a provider takes none they are left out: they are another model's, and of no use to it.
        wire[rules.rename.get("reasoning_content", "reasoning_content")] = thoughts
    if calls:
        wire["tool_calls"] = calls
    return wire


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _content(parts: Sequence[Part]) -> str | list[dict[str, Any]]:
    """One text as a string, which every server takes; anything else as parts."""
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [
        _image(part) if isinstance(part, Image) else {"type": "text", "text": part.text}
        for part in parts
        if isinstance(part, Text | Image)
    ]


def _image(image: Image) -> dict[str, Any]:
    url = image.url if image.url is not None else f"data:{image.media_type};base64,{image.data}"
    return {"type": "image_url", "image_url": _without_none(url=url, detail=image.detail)}
