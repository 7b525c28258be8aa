"""Settings without a file: every provider whose key is in the environment, and what runs on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from headgate.config.environment import ollama_url
from headgate.config.fill import AUTO, HOST, key_of
from headgate.config.tree import Settings
from headgate.config.validate import settings
from headgate.providers.catalog import LOCAL, ROWS, SIMULATED, Row

KEY = "HEADGATE_API_KEY"
"""The key callers must show, where there is no file to list keys in."""

MODEL = "OLLAMA_MODEL"

ROUTE_MODELS = 2
"""How many models a provider's own route tries: enough to fall back, too few to try a whole shelf of them."""

Probe = Callable[[str], Sequence[str] | None]
"""Asks the Ollama at an address which models it has; `None` where nobody answers within a moment. The
address is as the environment has it: it may be no address at all, which is no answer either."""


class Discovered(msgspec.Struct, frozen=True):
    """What was found. `banner` tells people about it, one line each."""

    settings: Settings
    banner: tuple[str, ...]


class _Found(msgspec.Struct, frozen=True):
    row: Row
    models: tuple[str, ...]
    source: str


def discover(environ: Mapping[str, str], ollama_reachable: Probe) -> Discovered:
    """Settings from the environment alone.

    A provider with a key serves the catalogue's models for it; Ollama, on `OLLAMA_HOST` or this machine,
    serves `OLLAMA_MODEL` or the first it has. The route `auto` tries the first model of each, in the
    catalogue's order, this machine last; every provider is a route too, under the name users know it by.
    With nothing found, the simulated provider serves. Without `HEADGATE_API_KEY` there is no authentication
    and the gateway listens to this machine alone.

    Raises:
        ConfigError: for a variable that cannot be used.
    """
    found = [*_cloud(environ), *_local(environ, ollama_reachable)]
    banner = [f"{one.row.title}: {', '.join(one.models)} ({one.source})" for one in found]
    if not found:
        found = [_Found(SIMULATED, SIMULATED.models, "")]
        banner = [
            "No provider found: serving simulated answers.",
            f"Set a key such as {_variables()}, or start Ollama, or write a configuration file.",
        ]
    raw = _raw(found)
    if key := environ.get(KEY, "").strip():
        raw["keys"] = [{"name": "default", "key": key}]
    else:
        raw["server"] = {"auth": "off"}
        banner.append(f"No key is asked for, so only this machine may call. {KEY} sets one.")
    return Discovered(settings(raw, environ=environ), tuple(banner))


def _cloud(environ: Mapping[str, str]) -> list[_Found]:
    held = [(row, key_of(row, environ)) for row in ROWS]
    return [_Found(row, row.models, key[0]) for row, key in held if key]


def _local(environ: Mapping[str, str], ollama_reachable: Probe) -> list[_Found]:
    """Ollama, if it answers; if it does not, only where both its address and a model have been named."""
    host, wanted = environ.get(HOST, "").strip(), environ.get(MODEL, "").strip()
    url = ollama_url(host) if host else LOCAL.base_url
    has = ollama_reachable(url)
    if has is None:
        return [_Found(LOCAL, (wanted,), f"{HOST}, not answering yet")] if host and wanted else []
    models = _chatting_first(wanted, has)
    return [_Found(LOCAL, models, HOST if host else url)] if models else []


def _chatting_first(wanted: str, has: Sequence[str]) -> tuple[str, ...]:
    """The wanted model, then the others, those for embeddings last. Ollama's own tag is `:latest`."""
    others = sorted((name for name in has if name not in (wanted, f"{wanted}:latest")), key=_embeds)
    return (wanted, *others) if wanted else tuple(others)


def _embeds(name: str) -> bool:
    return "embed" in name


def _raw(found: Sequence[_Found]) -> dict[str, Any]:
    """The same as a file would say it."""
    models: dict[str, Any] = {}
    chains: dict[str, list[str]] = {}
    for one in found:
        for name in one.models:
            model = name if name not in models else f"{one.row.name}:{name}"
            models[model] = {"provider": one.row.name, "name": name}
            chains.setdefault(one.row.alias or one.row.name, []).append(model)
    routes = {AUTO: {"use": [chain[0] for chain in chains.values()]}}
    routes.update(
        {name: {"use": chain[:ROUTE_MODELS]} for name, chain in chains.items() if name not in models}
    )
    return {"providers": {one.row.name: {} for one in found}, "models": models, "routes": routes}


def _variables() -> str:
    return ", ".join(row.env[0] for row in ROWS[:3])
