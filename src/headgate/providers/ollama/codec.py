"""Asking an Ollama upstream, natively (github.com/ollama/ollama, docs/api.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from headgate.core.call import Operation
from headgate.core.chat import Chat, Reasoning, ResponseFormat, Tool
from headgate.core.embeddings import Embeddings
from headgate.core.errors import Unsupported, UpstreamError
from headgate.core.standing import Standing
from headgate.ports.codec import Decoder, Header
from headgate.ports.transport import Outgoing
from headgate.providers.fit import fit
from headgate.providers.ollama import refusal as refusals
from headgate.providers.ollama.decode import DocumentDecoder, StreamDecoder, VectorsDecoder
from headgate.providers.ollama.turns import Json, messages
from headgate.providers.ollama.wire import DIALECT, EFFORTS
from headgate.providers.spec import Rules

_LACKS = frozenset({"n", "logit_bias", "user", "parallel_tool_calls"})
_JSON = {"content-type": "application/json"}

OPTIONS = {
    "max_tokens": "num_predict",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "stop": "stop",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
"""The hub's parameters that have one word in `options`."""

LOW_BUDGET = 2048
MEDIUM_BUDGET = 16_384
"""Tokens of thinking up to which a budget counts as little, or as a middling effort."""


class OllamaCodec:
    """`ports.codec.Codec` for Ollama's own API.

    `new_id` names tool calls that come without an id (whole ids, prefix included); without it they are
    named after the answer's time. Known weakness: the server keeps only the keywords of a tool's schema
    that it knows.
    """

    dialect = DIALECT

    def __init__(self, rules: Rules, new_id: Callable[[], str] | None = None) -> None:
        self._rules = rules
        self._new_id = new_id

    def encode(self, asked: Chat | Embeddings, *, model: str, stream: bool) -> Outgoing:
        """Raises `Unsupported`, naming the parameter, for what the API lacks."""
        if isinstance(asked, Embeddings):
            return Outgoing("/api/embed", msgspec.json.encode(self._embeddings(asked, model)), _JSON)
        body = self._chat(asked, model=model, stream=stream)
        return Outgoing("/api/chat", msgspec.json.encode(body), _JSON)

    def decoder(self, operation: Operation, *, stream: bool) -> Decoder:
        if operation is Operation.EMBEDDINGS:
            return VectorsDecoder()
        return StreamDecoder(self._new_id) if stream else DocumentDecoder(self._new_id)

    def refusal(self, status: int, header: Header, body: bytes, wall: float) -> UpstreamError:
        return refusals.refusal(status, header, body, wall)

    def standing(self, header: Header, wall: float) -> Standing | None:
        """Never: its answers do not tell."""
        return None

    def _chat(self, asked: Chat, *, model: str, stream: bool) -> Json:
        chat = fit(asked, self._rules, lacks=_LACKS)
        body: Json = {
            "model": model,
            "messages": messages(chat.messages, self._rules),
            "stream": stream,
            "tools": self._tools(chat),
            "format": None if chat.response_format is None else _format(chat.response_format),
            "think": None if chat.reasoning is None else _think(chat.reasoning),
            "logprobs": chat.logprobs,
            "top_logprobs": chat.top_logprobs,
            "options": self._options(chat),
        }
        return {member: value for member, value in body.items() if value is not None and value != {}}

    def _options(self, chat: Chat) -> Json:
        options: Json = {}
        for ours, theirs in OPTIONS.items():
            value = getattr(chat, ours)
            if value is not None and value != ():
                options[self._rules.rename.get(theirs, theirs)] = value
        return options

    def _tools(self, chat: Chat) -> list[Json] | None:
        """A model that may not call a tool is shown none; one that must cannot be made to."""
        mode = "auto" if chat.tool_choice is None else chat.tool_choice.mode
        if mode in ("required", "tool"):
            self._rules.lacks("tool_choice")
        if mode == "none" or not chat.tools:
            return None
        if any(tool.strict for tool in chat.tools):
            self._rules.lacks("tools.function.strict")
        return [{"type": "function", "function": _function(tool)} for tool in chat.tools]

    def _embeddings(self, asked: Embeddings, model: str) -> Json:
        for param in (*asked.extra, *(["user"] if asked.user is not None else [])):
            self._rules.lacks(param)
        body: Json = {"model": model, "input": [_text(item) for item in asked.inputs]}
        if asked.dimensions is not None and self._rules.permits("dimensions", asked.dimensions):
            body["dimensions"] = asked.dimensions
        return body


def _text(item: str | tuple[int, ...]) -> str:
    if isinstance(item, str):
        return item
    reason = "The upstream model embeds texts, not tokens."
    raise Unsupported(reason, param="input", code="unsupported_parameter")


def _function(tool: Tool) -> Json:
    declared = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {member: value for member, value in declared.items() if value is not None}


def _format(wanted: ResponseFormat) -> Any:
    """A schema is a grammar there and always kept to; its name is a label without a use, its description
    goes into it."""
    if wanted.kind == "text":
        return None
    if wanted.kind == "json_object" or wanted.schema is None:
        return "json"
    described = {"description": wanted.description} if wanted.description else {}
    return {**described, **wanted.schema}


def _think(wanted: Reasoning) -> bool | str:
    """There are levels and no budgets: a budget counts as the level it comes nearest to."""
    if not wanted.enabled:
        return False
    if wanted.effort is not None:
        return EFFORTS.get(wanted.effort, True)
    if wanted.budget is None:
        return True
    if wanted.budget <= LOW_BUDGET:
        return "low"
    return "medium" if wanted.budget <= MEDIUM_BUDGET else "high"
