"""Headgate as a library: the same pipeline, without a server."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from random import Random
from typing import Any, Self

import msgspec

from headgate.adapters.probe import ollama_models
from headgate.adapters.system import Ids, SystemClock
from headgate.assemble import Gateway, Machine
from headgate.config.discover import discover
from headgate.config.load import load, process_environment
from headgate.config.routing import Route
from headgate.config.tree import Settings
from headgate.core.call import Call, Caller, Operation, Payload
from headgate.core.errors import UnknownModel

AUTO = "auto"
LOCAL = "local"
LIBRARY = Caller(key="library", tenant="library")


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Answer(msgspec.Struct):
    choices: list[_Choice]


class HybridRouter:
    """Asks the preferred model first, and the rest of the failover chain when that fails.

    Without a configuration the chain is Gemini, Claude, OpenAI, local, over those whose keys are in the
    environment. Used inside one event loop at a time: the first call in a new one builds a new gateway.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = _with_preferences(settings)
        self._gateway: Gateway | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._new_id = Ids("req_")

    @classmethod
    def from_env(cls) -> Self:
        """Every provider found in the environment. Raises `ConfigError`."""
        return cls(discover(process_environment(), ollama_models).settings)

    @classmethod
    def from_config(cls, file: str | Path) -> Self:
        """The providers, models and routes of a configuration file. Raises `ConfigError`."""
        return cls(load(file))

    async def route_request(
        self, prompt: str, system_prompt: str | None = None, preferred_model: str | None = None
    ) -> str:
        """The answer's text.

        `preferred_model`: a route or a model of the configuration; `gemini`, `claude`, `openai` and `local`
        where they were discovered. Raises a `core.errors.GatewayError`: `UnknownModel` for a preference
        nobody knows, `AllUpstreamsFailed` where the whole chain has failed.
        """
        gateway = self._here()
        model = AUTO if preferred_model is None else preferred(preferred_model)
        if preferred_model is not None and model not in self._settings.routes:
            raise UnknownModel(f"There is no model or route '{preferred_model}'.", param="preferred_model")
        call = self._call(gateway, _question(gateway, model, prompt, system_prompt))
        async with gateway.service(call) as reply:
            answer = msgspec.json.decode(reply.tail(None), type=_Answer)
        return answer.choices[0].message.content or ""

    async def health_check(self) -> dict[str, Any]:
        """What `/health` says: every model's upstreams, with state, latency and availability."""
        return dict(self._here().house.front.health())

    async def is_local_available(self) -> bool:
        """Whether a model on this machine or its network answers now."""
        urls = {
            provider.base_url
            for provider in self._settings.providers.values()
            if provider.dialect == "ollama"
        }
        found = [await asyncio.to_thread(ollama_models, url) for url in urls]
        return any(models is not None for models in found)

    def _here(self) -> Gateway:
        """The gateway of the running loop."""
        loop = asyncio.get_running_loop()
        if self._gateway is None or self._loop is not loop:
            machine = Machine(clock=SystemClock(), chance=Random(), pepper=os.urandom(32))
            self._gateway, self._loop = Gateway(self._settings, machine), loop
        return self._gateway

    def _call(self, gateway: Gateway, payload: Payload) -> Call:
        now = gateway.clock.now()
        return Call(
            payload=payload,
            caller=LIBRARY,
            request_id=self._new_id(),
            started_at=now,
            deadline_at=now + self._settings.server.deadline_s,
        )


def preferred(name: str) -> str:
    """The route that asks `name` first; no configuration can hold a route of that name."""
    return f"prefer {name}"


def _with_preferences(settings: Settings) -> Settings:
    """Adds, for every name callers know, a route that tries it first and then the rest of `auto`."""
    chains = {name: route.use for name, route in settings.routes.items()}
    chains.setdefault(AUTO, tuple(settings.models))
    names = {model: (model,) for model in settings.models} | chains
    routes = {AUTO: Route(use=chains[AUTO])} | dict(settings.routes)
    for name, chain in names.items():
        routes[preferred(name)] = Route(use=tuple(dict.fromkeys((*chain, *chains[AUTO]))))
    return settings.model_copy(update={"routes": routes})


def _question(gateway: Gateway, model: str, prompt: str, system_prompt: str | None) -> Payload:
    messages = [{"role": "user", "content": prompt}]
    if system_prompt:
        messages.insert(0, {"role": "system", "content": system_prompt})
    body = msgspec.json.encode({"model": model, "messages": messages})
    return gateway.surface.parse(Operation.CHAT, body)
