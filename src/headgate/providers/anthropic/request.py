"""A hub chat as the body of `POST /v1/messages`.

A parameter goes by its OpenAI name where the dialect cannot express it; a provider's rules may speak of it
by that name or by the name it has here, `rename` by the latter alone. A value that says only what the API
does anyway (`n` of 1, a penalty of 0, a `top_p` of 1 where it cannot be said) is not a parameter it lacks.
"""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.core.chat import Chat, Reasoning, Tool, ToolChoice
from headgate.core.errors import InvalidRequest
from headgate.providers.anthropic.models import Generation, generation_of
from headgate.providers.anthropic.turns import system_of, turns_of
from headgate.providers.spec import Rules

DEFAULT_MAX_TOKENS = 16_384
"""`max_tokens` where the caller named none: the API demands one, and every model it serves takes this."""

MIN_TOP_P = 0.95
"""The least `top_p` that a model takes while it thinks."""

MIN_BUDGET = 1024
"""The API's least thinking budget, in tokens."""
MAX_BUDGET = 32_000
"""The most an effort is turned into: the documentation sends larger budgets to batches."""

BUDGET_SHARE = {"minimal": 0.0, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.95}
"""Of `max_tokens`, where a model knows budgets but no effort."""

_EFFORT = {"minimal": "low"}
_MODE = {"auto": "auto", "none": "none", "required": "any", "tool": "tool"}

_Json = dict[str, Any]


def body_of(chat: Chat, *, model: str, stream: bool, rules: Rules, default_max_tokens: int) -> bytes:
    """The body, as bytes. Raises `Unsupported` for what the API cannot say."""
    draft = _Draft(chat, rules, generation_of(model), default_max_tokens)
    draft.refuse()
    draft.think()
    draft.sample()
    draft.equip()
    draft.shape()
    body: _Json = {"model": model, "max_tokens": draft.max_tokens}
    system = system_of(chat.messages, rules)
    if system is not None:
        body["system"] = system
    body["messages"] = turns_of(chat.messages, rules)
    body.update((name, value) for name, value in draft.body.items() if rules.permits(name, value))
    if stream:
        body["stream"] = True
    try:
        return msgspec.json.encode({rules.rename.get(name, name): value for name, value in body.items()})
    except RecursionError as error:
        raise InvalidRequest("The request is nested too deeply.") from error


class _Draft:
    """The body's parameters in the making."""

    def __init__(self, chat: Chat, rules: Rules, generation: Generation, default_max_tokens: int) -> None:
        self.chat = chat
        self.rules = rules
        self.generation = generation
        self.body: _Json = {}
        self.said_max = chat.max_tokens if self._may("max_tokens", chat.max_tokens) else None
        self.max_tokens = default_max_tokens if self.said_max is None else self.said_max
        self.thinks = False

    def refuse(self) -> None:
        """What the API has no words for."""
        chat = self.chat
        asked = {
            "n": chat.n not in (None, 1),
            "seed": chat.seed is not None,
            "logprobs": bool(chat.logprobs),
            "top_logprobs": bool(chat.top_logprobs),
            "presence_penalty": bool(chat.presence_penalty),
            "frequency_penalty": bool(chat.frequency_penalty),
            "logit_bias": bool(chat.logit_bias),
        }
        for name, present in asked.items():
            if present:
                self.rules.lacks(name)
        for name in chat.extra:
            self.rules.lacks(name)

    def think(self) -> None:
        reasoning = self.chat.reasoning
        if reasoning is None or not self._may("reasoning_effort", reasoning):
            return
        if not reasoning.enabled or reasoning.effort == "none":
            self.body["thinking"] = {"type": "disabled"}
        elif reasoning.budget is None and self.generation.adaptive:
            self._adapt()
        else:
            self._afford(reasoning)
        if reasoning.effort not in (None, "none"):
            self._exert(reasoning)

    def _exert(self, reasoning: Reasoning) -> None:
        """An effort beside the thinking. Where the thinking's budget was made from it, it has been said."""
        if self.generation.adaptive or reasoning.budget is not None:
            effort = reasoning.effort or ""
            self._output("effort", _EFFORT.get(effort, effort))
        elif not reasoning.enabled:
            self._lacks_thinking("knows no effort but that of thinking")

    def _adapt(self) -> None:
        self.thinks = True
        self.body["thinking"] = {"type": "adaptive"}

    def _afford(self, reasoning: Reasoning) -> None:
        """Thinking on a budget, where the model knows such a thing and nothing else rules it out."""
        if not self.generation.budgets:
            self._lacks_thinking("thinks by effort and takes no budget of tokens")
            self._adapt()
        elif self.chat.tool_choice is not None and self.chat.tool_choice.mode in ("required", "tool"):
            self._lacks_thinking("cannot think where a tool call is demanded")
        elif reasoning.budget is not None and reasoning.budget < MIN_BUDGET:
            self._lacks_thinking(f"takes a budget of {MIN_BUDGET} tokens or more")
        elif self.said_max is not None and self.said_max <= MIN_BUDGET:
            self._lacks_thinking(f"needs max_tokens above {MIN_BUDGET} to think")
        else:
            self._spend(reasoning)

    def _spend(self, reasoning: Reasoning) -> None:
        """Thinking counts towards `max_tokens`: room is added where the caller left that to us, and a
        budget above what the caller allows in all means no more than nearly all of it."""
        budget = reasoning.budget
        if budget is None:
            share = BUDGET_SHARE.get(reasoning.effort or "medium", BUDGET_SHARE["medium"])
            budget = max(MIN_BUDGET, min(int(self.max_tokens * share), MAX_BUDGET))
        if self.said_max is None:
            self.max_tokens += budget
        self.thinks = True
        self.body["thinking"] = {"type": "enabled", "budget_tokens": min(budget, self.max_tokens - 1)}

    def sample(self) -> None:
        top_k = self.chat.top_k
        temperature = self._temperature()
        top_p = self._top_p(temperature)
        if temperature == 1 and top_p is not None and self.generation.one_sampler:
            temperature = None
        if temperature is not None:
            self.body["temperature"] = temperature
        if top_p is not None:
            self.body["top_p"] = top_p
        if top_k is not None and self._samples("top_k", while_thinking=False):
            self.body["top_k"] = top_k

    def _temperature(self) -> float | None:
        value = self.chat.temperature
        if value is None or (value == 1 and not self.generation.sampling):
            return None
        if value > 1:
            reason = f"The upstream model takes 'temperature' from 0 to 1, not {value}."
            self.rules.lacks("temperature", reason=reason)
            return None
        return value if self._samples("temperature", while_thinking=value == 1) else None

    def _top_p(self, temperature: float | None) -> float | None:
        value = self.chat.top_p
        if value is None or (value == 1 and (temperature is not None or not self.generation.sampling)):
            return None
        if not self._samples("top_p", while_thinking=value >= MIN_TOP_P):
            return None
        if self.generation.one_sampler and temperature not in (None, 1):
            reason = "The upstream model takes 'temperature' or 'top_p', not both."
            self.rules.lacks("top_p", reason=reason)
            return None
        return value

    def _samples(self, name: str, *, while_thinking: bool) -> bool:
        """Whether the model takes this sampling parameter at all, and while it thinks."""
        if not self.generation.sampling:
            self.rules.lacks(name)
            return False
        if self.thinks and not while_thinking:
            self.rules.lacks(name, reason=f"The upstream model takes no such '{name}' while it thinks.")
            return False
        return True

    def equip(self) -> None:
        """Tools, and how to choose among them."""
        chat = self.chat
        if chat.tools and self._may("tools", chat.tools):
            self.body["tools"] = [_tool(tool) for tool in chat.tools]
        choice = _choice(chat.tool_choice) if self._may("tool_choice", chat.tool_choice) else None
        parallel = chat.parallel_tool_calls
        if parallel is not None and self._may("parallel_tool_calls", parallel):
            if choice is None and chat.tools and not parallel:
                choice = {"type": "auto"}
            if choice is not None and choice["type"] != "none":
                choice["disable_parallel_tool_use"] = not parallel
        if choice is not None:
            self.body["tool_choice"] = choice

    def shape(self) -> None:
        """What ends the answer, what form it has, and on whose behalf it is."""
        chat = self.chat
        if chat.stop and self._may("stop", chat.stop):
            if all(stop.strip() for stop in chat.stop):
                self.body["stop_sequences"] = list(chat.stop)
            else:
                self.rules.lacks(
                    "stop", reason="The upstream model takes no 'stop' that is only white space."
                )
        form = chat.response_format
        if form is not None and form.kind != "text" and self._may("response_format", form):
            if form.kind == "json_schema" and form.schema is not None:
                self._output("format", {"type": "json_schema", "schema": form.schema})
            else:
                self.rules.lacks(
                    "response_format", reason="The upstream model answers in JSON only to a schema."
                )
        if chat.user is not None and self._may("user", chat.user):
            self.body["metadata"] = {"user_id": chat.user}

    def _may(self, name: str, value: object) -> bool:
        return value is not None and self.rules.permits(name, value)

    def _output(self, name: str, value: object) -> None:
        self.body.setdefault("output_config", {})[name] = value

    def _lacks_thinking(self, why: str) -> None:
        self.rules.lacks("reasoning_effort", reason=f"The upstream model {why}.")


def _tool(tool: Tool) -> _Json:
    """A schema must be of an object here; one that does not say so gets it said."""
    schema = tool.parameters or {}
    if "type" not in schema:
        schema = {"type": "object", **schema}
    out: _Json = {"name": tool.name, "input_schema": schema}
    if tool.description is not None:
        out["description"] = tool.description
    if tool.strict:
        out["strict"] = True
    return out


def _choice(choice: ToolChoice | None) -> _Json | None:
    if choice is None:
        return None
    out: _Json = {"type": _MODE.get(choice.mode, "auto")}
    if choice.name is not None:
        out["name"] = choice.name
    return out
