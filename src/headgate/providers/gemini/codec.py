"""Asking a Gemini upstream (ai.google.dev/api/generate-content, …/embeddings)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from headgate.core.call import Operation
from headgate.core.chat import Chat, Reasoning, ResponseFormat, Tool, ToolChoice
from headgate.core.embeddings import Embeddings
from headgate.core.errors import Unsupported, UpstreamError
from headgate.core.standing import Standing
from headgate.ports.codec import Decoder, Header
from headgate.ports.transport import Outgoing
from headgate.providers.fit import fit
from headgate.providers.gemini import refusal as refusals
from headgate.providers.gemini.decode import DocumentDecoder, StreamDecoder, VectorsDecoder
from headgate.providers.gemini.models import BUDGETS, LEVELS, thinks_by_level
from headgate.providers.gemini.turns import Json, contents, system_instruction
from headgate.providers.gemini.wire import DIALECT
from headgate.providers.spec import Rules

MAX_STOPS = 5
_SEEDS = range(-(2**31), 2**31)
_LACKS = frozenset({"logit_bias", "user", "parallel_tool_calls"})
_NAME = re.compile(r"[A-Za-z0-9][\w.\-]*(/[A-Za-z0-9][\w.\-]*)*", re.ASCII)
_JSON = {"content-type": "application/json"}

CONFIG = {
    "max_tokens": "maxOutputTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "stop": "stopSequences",
    "seed": "seed",
    "n": "candidateCount",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
"""The hub's parameters that have one word in `generationConfig`."""


class GeminiCodec:
    """`ports.codec.Codec` for the Generative Language API, v1beta.

    `new_id` names tool calls that come without an id (whole ids, prefix included); without it they are
    named after the answer. Known weaknesses: a thought's signature goes back to whoever is asked next, and
    the hub does not say who sealed it; system messages all move to the front.
    """

    dialect = DIALECT

    def __init__(self, rules: Rules, new_id: Callable[[], str] | None = None) -> None:
        self._rules = rules
        self._new_id = new_id

    def encode(self, asked: Chat | Embeddings, *, model: str, stream: bool) -> Outgoing:
        """Raises `Unsupported`, naming the parameter, for what the API lacks."""
        name = _resource(model)
        if isinstance(asked, Embeddings):
            body = self._embeddings(asked, name)
            return Outgoing(f"/{name}:batchEmbedContents", msgspec.json.encode(body), _JSON)
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return Outgoing(f"/{name}:{method}", msgspec.json.encode(self._chat(asked, model)), _JSON)

    def decoder(self, operation: Operation, *, stream: bool) -> Decoder:
        if operation is Operation.EMBEDDINGS:
            return VectorsDecoder()
        return StreamDecoder(self._new_id) if stream else DocumentDecoder(self._new_id)

    def refusal(self, status: int, header: Header, body: bytes, wall: float) -> UpstreamError:
        return refusals.refusal(status, header, body, wall)

    def standing(self, header: Header, wall: float) -> Standing | None:
        """Never: its answers do not tell."""
        return None

    def _chat(self, asked: Chat, model: str) -> Json:
        chat = fit(asked, self._rules, lacks=_LACKS)
        body: Json = {"contents": contents(chat.messages, self._rules, model)}
        if not body["contents"]:
            self._rules.lacks("messages", reason="The upstream model needs more than system messages.")
        system = system_instruction(chat.messages, self._rules)
        if system is not None:
            body["systemInstruction"] = system
        if chat.tools:
            body["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in chat.tools]}]
        calling = _calling(chat)
        if calling is not None:
            body["toolConfig"] = {"functionCallingConfig": calling}
        config = self._config(chat, model)
        if config:
            body["generationConfig"] = config
        return body

    def _config(self, chat: Chat, model: str) -> Json:
        config: Json = {}
        for ours, theirs in CONFIG.items():
            value = getattr(chat, ours)
            if value is not None and value != () and self._takes(ours, value):
                name = self._rules.rename.get(theirs, theirs)
                config[name] = value[:MAX_STOPS] if ours == "stop" else value
        if chat.response_format is not None:
            config |= _format(chat.response_format)
        if chat.reasoning is not None:
            config["thinkingConfig"] = _thinking(chat.reasoning, by_level=thinks_by_level(model))
        return config

    def _takes(self, param: str, value: Any) -> bool:
        """The API's own bounds. Of too many stop sequences, an operator who drops `stop` keeps the first."""
        if param == "stop" and len(value) > MAX_STOPS:
            reason = f"The upstream model takes at most {MAX_STOPS} stop sequences, not {len(value)}."
            self._rules.lacks(param, reason=reason)
        if param == "seed" and value not in _SEEDS:
            self._rules.lacks(param, reason="The upstream model takes a 'seed' of 32 bits.")
            return False
        return True

    def _embeddings(self, asked: Embeddings, name: str) -> Json:
        for param in (*asked.extra, *(["user"] if asked.user is not None else [])):
            self._rules.lacks(param)
        options: Json = {"model": name}
        if asked.dimensions is not None and self._rules.permits("dimensions", asked.dimensions):
            options["outputDimensionality"] = asked.dimensions
        return {"requests": [{**options, "content": {"parts": [{"text": _text(i)}]}} for i in asked.inputs]}


def _resource(model: str) -> str:
    """`models/x`, ready for a path: what is no name of theirs must not reach another place of the API."""
    if not _NAME.fullmatch(model):
        raise Unsupported(f"'{model}' is not a model name there.", param="model", code="model_not_found")
    return model if "/" in model else f"models/{model}"


def _text(item: str | tuple[int, ...]) -> str:
    if isinstance(item, str):
        return item
    reason = "The upstream model embeds texts, not tokens."
    raise Unsupported(reason, param="input", code="unsupported_parameter")


def _declaration(tool: Tool) -> Json:
    declared = {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}
    return {member: value for member, value in declared.items() if value is not None}


def _calling(chat: Chat) -> Json | None:
    """Strict tools are the mode VALIDATED: the arguments keep to the schema, and text is still allowed."""
    choice = chat.tool_choice or ToolChoice(mode="auto")
    if choice.mode == "none":
        return {"mode": "NONE"}
    if choice.mode == "tool":
        return {"mode": "ANY", "allowedFunctionNames": [choice.name]}
    if choice.mode == "required":
        return {"mode": "ANY"}
    if any(tool.strict for tool in chat.tools):
        return {"mode": "VALIDATED"}
    return None if chat.tool_choice is None else {"mode": "AUTO"}


def _format(wanted: ResponseFormat) -> Json:
    """A schema is always kept to there; its name is a label without a use, its description goes into it."""
    if wanted.kind == "text":
        return {"responseMimeType": "text/plain"}
    if wanted.kind == "json_object" or wanted.schema is None:
        return {"responseMimeType": "application/json"}
    described = {"description": wanted.description} if wanted.description else {}
    return {"responseMimeType": "application/json", "responseJsonSchema": {**described, **wanted.schema}}


def _thinking(wanted: Reasoning, *, by_level: bool) -> Json:
    """No thinking is a budget of none, of which every generation says itself whether it can; a budget
    that was given wins over an effort."""
    if not wanted.enabled or wanted.effort == "none":
        return {"thinkingBudget": 0}
    if wanted.budget is not None:
        return {"includeThoughts": True, "thinkingBudget": wanted.budget}
    if wanted.effort is None:
        return {"includeThoughts": True}
    if by_level:
        return {"includeThoughts": True, "thinkingLevel": LEVELS.get(wanted.effort, "HIGH")}
    return {"includeThoughts": True, "thinkingBudget": BUDGETS.get(wanted.effort, 24_576)}
