"""What follows from a name: a provider's dialect, address and key, a model's name, the route `auto`.

Works on plain data before it is typed, and leaves alone whatever is not of the expected shape: complaining
about that is the tree's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from headgate.config.check import Path
from headgate.config.environment import ollama_url
from headgate.providers.catalog import LOCAL, Row, by_dialect, by_name

AUTO = "auto"
"""The route that a request without a preference names."""

HOST = "OLLAMA_HOST"
TIMEOUT = "OLLAMA_TIMEOUT"
"""Seconds; the only variables of a provider besides its key."""


def tables(raw: Mapping[str, Any], section: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The named entries of a section that are tables themselves."""
    entries = raw.get(section)
    if isinstance(entries, dict):
        yield from ((name, entry) for name, entry in entries.items() if isinstance(entry, dict))


def fill(raw: dict[str, Any], environ: Mapping[str, str]) -> dict[Path, str]:
    """Fills `raw` in place. Returns which variable each value that came from the environment came from."""
    origins: dict[Path, str] = {}
    entries = raw.get("providers")
    if isinstance(entries, dict):
        raw["providers"] = {name: {} if entry is None else entry for name, entry in entries.items()}
    for name, provider in tables(raw, "providers"):
        found = _provider(name, provider, environ)
        origins.update({("providers", name, *path): variable for path, variable in found.items()})
    for name, model in tables(raw, "models"):
        model["name"] = model.get("name") or name
    keys = raw.get("keys")
    for key in keys if isinstance(keys, list | tuple) else ():
        if isinstance(key, dict):
            key["tenant"] = key.get("tenant") or key.get("name")
    _auto(raw)
    return origins


def _provider(name: str, provider: dict[str, Any], environ: Mapping[str, str]) -> dict[Path, str]:
    row = owner_of(name, provider)
    if row is None:
        return {}
    origins: dict[Path, str] = {}
    provider["dialect"] = row.dialect
    if not provider.get("base_url"):
        provider["base_url"] = row.base_url
        origins.update(_key(row, provider, environ))
    if row.dialect == LOCAL.dialect:
        origins.update(_local(provider, environ))
    return origins


def owner_of(name: str, provider: Mapping[str, Any]) -> Row | None:
    """The row whose address and key an entry gets where it names none of its own."""
    row, dialect = by_name(name), provider.get("dialect")
    if dialect is None or (row is not None and row.dialect == dialect):
        return row
    return by_dialect(dialect) if isinstance(dialect, str) else None


def key_of(row: Row, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The first of a provider's variables that holds a key, and the key."""
    return next(((name, value) for name in row.env if (value := environ.get(name, "").strip())), None)


def _key(row: Row, provider: dict[str, Any], environ: Mapping[str, str]) -> dict[Path, str]:
    """A key from the environment goes to the provider's own address and to no other."""
    found = key_of(row, environ)
    if found is None or "keys" in provider:
        return {}
    provider["keys"] = [found[1]]
    return {("keys", 0, "key"): found[0]}


def _local(provider: dict[str, Any], environ: Mapping[str, str]) -> dict[Path, str]:
    origins: dict[Path, str] = {}
    if provider["base_url"] == LOCAL.base_url and (host := environ.get(HOST, "").strip()):
        provider["base_url"] = ollama_url(host)
        origins["base_url",] = HOST
    timeouts = provider.get("timeouts")
    if (seconds := environ.get(TIMEOUT, "").strip()) and isinstance(timeouts, dict | None):
        timeouts = provider["timeouts"] = timeouts or {}
        for key in {"first_byte_s", "total_s"} - timeouts.keys():
            timeouts[key] = seconds
            origins["timeouts", key] = TIMEOUT
    return origins


def _auto(raw: dict[str, Any]) -> None:
    """Without a route `auto`, one through all models that can chat, in their order."""
    routes, models = raw.get("routes"), dict(tables(raw, "models"))
    if not models or AUTO in models or not isinstance(routes, dict | None) or AUTO in (routes or {}):
        return
    chatting = [
        name for name, model in models.items() if model.get("supports") not in (["embeddings"], "embeddings")
    ]
    if chatting:
        raw["routes"] = {AUTO: {"use": chatting}, **(routes or {})}
