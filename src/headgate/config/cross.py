"""What no single value shows: names that lead nowhere, names given twice, parts that do not go together.

Works on filled plain data, so that it can be said together with everything else that is wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from headgate.config.check import Path, quoted
from headgate.config.fill import owner_of, tables
from headgate.config.kinds import is_loopback
from headgate.config.tree import OPEN
from headgate.core.issued import COPIES
from headgate.core.secret import Secret
from headgate.providers.catalog import SIMULATED


class Finding(NamedTuple):
    """Something wrong at `path`, without the value."""

    path: Path
    message: str
    hint: str | None = None


def findings(raw: Mapping[str, Any]) -> Iterator[Finding]:
    """Everything wrong between the parts of `raw`, which `fill` has seen."""
    yield from _server(raw)
    yield from _providers(raw)
    yield from _models(raw)
    yield from _routes(raw)
    yield from _tiers(raw)
    yield from _keys(raw)
    yield from _admins(raw)
    yield from _books(raw)
    yield from _cache(raw)
    yield from _degrade(raw)


def nearest(name: object, known: Collection[str]) -> str | None:
    """A hint for a name that is not among the known ones."""
    near = get_close_matches(name[:200], known, n=1, cutoff=0.6) if isinstance(name, str) else []
    return f"did you mean {quoted(near[0])}?" if near else None


def _listed(value: object) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value is None else [value]


def _names(raw: Mapping[str, Any], *sections: str) -> list[str]:
    return [name for section in sections if isinstance(raw.get(section), dict) for name in raw[section]]


def _table(raw: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    table = raw.get(section)
    return table if isinstance(table, dict) else {}


def _server(raw: Mapping[str, Any]) -> Iterator[Finding]:
    """Said here too, because the tree only says it of a section that is otherwise right."""
    server = _table(raw, "server")
    host = server.get("host", "127.0.0.1")
    if server.get("auth") == "off" and isinstance(host, str) and not is_loopback(host):
        yield Finding(("server", "auth"), OPEN)


def _degrade(raw: Mapping[str, Any]) -> Iterator[Finding]:
    models = _names(raw, "models")
    places: list[tuple[Path, object]] = [(("degrade",), raw.get("degrade"))]
    places += [(("routes", name, "degrade"), route.get("degrade")) for name, route in tables(raw, "routes")]
    for path, section in places:
        for number, name in enumerate(_listed(section.get("local")) if isinstance(section, dict) else ()):
            if name not in models:
                message = f"there is no model {quoted(name)}"
                yield Finding((*path, "local", number), message, nearest(name, models))


def _cache(raw: Mapping[str, Any]) -> Iterator[Finding]:
    if _table(raw, "cache").get("store") == "redis" and not _table(raw, "store").get("redis"):
        yield Finding(("cache", "store"), "needs to know where that is", "set store.redis")
    semantic = _table(_table(raw, "cache"), "semantic")
    kept = semantic.get("store", "memory")
    if kept != "memory" and _table(raw, "cache").get("store", "memory") == "memory":
        message = "keeps questions whose answers are gone with the process"
        yield Finding(("cache", "semantic", "store"), message, "set cache.store")
    url = _revealed(_table(raw, "store").get("url")) or ""
    if kept == "postgres" and not url.startswith("postgres"):
        message = "needs to know where that is"
        yield Finding(("cache", "semantic", "store"), message, "set store.url to postgresql://…")


def _providers(raw: Mapping[str, Any]) -> Iterator[Finding]:
    if not raw.get("providers"):
        yield Finding(
            ("providers",), "none is named", "or start without a file, to serve what the environment has"
        )
    for name, provider in tables(raw, "providers"):
        path: Path = ("providers", name)
        row = owner_of(name, provider)
        if row is None:
            if provider.get("dialect") is None:
                yield Finding((*path, "dialect"), "is missing, and the provider's name does not tell")
            continue
        if row.dialect != SIMULATED.dialect and provider.get("simulated") is not None:
            yield Finding((*path, "simulated"), f"goes with dialect {quoted(SIMULATED.dialect)} alone")
        if row.needs_key and provider.get("base_url") == row.base_url and not _has_key(provider):
            yield Finding((*path, "keys"), "none is given", f"set {row.env[0]}, or list some")


def _has_key(provider: Mapping[str, Any]) -> bool:
    headers = provider.get("headers")
    named = {str(name).lower() for name in headers} if isinstance(headers, dict) else set()
    return bool(provider.get("keys")) or bool(named & {"authorization", "x-api-key", "x-goog-api-key"})


def _models(raw: Mapping[str, Any]) -> Iterator[Finding]:
    if not raw.get("models"):
        yield Finding(("models",), "none is named", "add one: NAME: {provider: …}")
    providers = _names(raw, "providers")
    for name, model in tables(raw, "models"):
        provider = model.get("provider")
        if isinstance(provider, str) and provider not in providers:
            yield Finding(
                ("models", name, "provider"), "is not one of providers", nearest(provider, providers)
            )


def _routes(raw: Mapping[str, Any]) -> Iterator[Finding]:
    models = _names(raw, "models")
    for name in set(_names(raw, "routes")) & set(models):
        yield Finding(("routes", name), "is the name of a model too", "a request could not tell them apart")
    for name, route in tables(raw, "routes"):
        seen: set[str] = set()
        for index, model in enumerate(_listed(route.get("use"))):
            path: Path = ("routes", name, "use", index)
            if not isinstance(model, str):
                continue
            if model not in models:
                yield Finding(path, "is not one of models", nearest(model, models))
            elif model in seen:
                yield Finding(path, "is on this route already")
            seen.add(model)


def _tiers(raw: Mapping[str, Any]) -> Iterator[Finding]:
    providers = _names(raw, "providers")
    for name, tier in tables(raw, "tiers"):
        for index, provider in enumerate(_listed(tier.get("providers"))):
            if isinstance(provider, str) and provider not in providers:
                path: Path = ("tiers", name, "providers", index)
                yield Finding(path, "is not one of providers", nearest(provider, providers))


def _keys(raw: Mapping[str, Any]) -> Iterator[Finding]:
    server, keys = _table(raw, "server"), _listed(raw.get("keys"))
    if not keys and server.get("auth") != "off" and not _made_later(raw):
        yield Finding(
            ("keys",),
            "none is given, so nobody could call",
            "add {name: me, key: '${HEADGATE_API_KEY}'}, or set server.admin_key, to make some at run time",
        )
    known, tiers = _names(raw, "models", "routes"), _names(raw, "tiers")
    names: set[object] = set()
    values = set(_admin_values(server))
    for index, key in enumerate(keys):
        if not isinstance(key, dict):
            continue
        yield from _twice(("keys", index), key, names, values)
        yield from _kept_for_copies(key, index)
        if (tier := key.get("tier")) and isinstance(tier, str) and tier not in tiers:
            yield Finding(("keys", index, "tier"), "is not one of tiers", nearest(tier, tiers))
        for number, name in enumerate(_listed(key.get("models"))):
            if isinstance(name, str) and name not in known:
                yield Finding(
                    ("keys", index, "models", number), "is neither a model nor a route", nearest(name, known)
                )


def _made_later(raw: Mapping[str, Any]) -> bool:
    """Whether keys can be made at run time: by an admin, or where it is said where they are kept."""
    server, store = _table(raw, "server"), _table(raw, "store")
    url = _revealed(store.get("url"))
    return url != "off" and bool(url or server.get("admin_key") or server.get("admin_keys"))


def _admin_values(server: Mapping[str, Any]) -> Iterator[object]:
    yield _revealed(server.get("admin_key"))
    for one in _listed(server.get("admin_keys")):
        yield _revealed(one.get("key")) if isinstance(one, dict) else None


def _kept_for_copies(key: Mapping[str, Any], index: int) -> Iterator[Finding]:
    for field in ("name", "tenant"):
        if key.get(field) == COPIES:
            yield Finding(("keys", index, field), "is what copies for a mirror are booked under")


def _admins(raw: Mapping[str, Any]) -> Iterator[Finding]:
    """Two names for one key would leave it to chance what it may do, and who is said to have done it."""
    server = _table(raw, "server")
    names: set[object] = set()
    values: set[object] = {_revealed(server.get("admin_key"))}
    for index, admin in enumerate(_listed(server.get("admin_keys"))):
        if isinstance(admin, dict):
            yield from _twice(("server", "admin_keys", index), admin, names, values)


def _books(raw: Mapping[str, Any]) -> Iterator[Finding]:
    """A row that is waited for must have a place."""
    if _revealed(_table(raw, "store").get("url")) != "off":
        return
    for name, route in tables(raw, "routes"):
        if route.get("durable") == "strict":
            message = "waits for books that are not kept"
            yield Finding(("routes", name, "durable"), message, "let store.url be anything but off")


def _twice(path: Path, key: Mapping[str, Any], names: set[object], values: set[object]) -> Iterator[Finding]:
    for field, seen, message in (
        ("name", names, "is the name of another key"),
        ("key", values, "is another key's, or the admin key"),
    ):
        value = _revealed(key.get(field))
        if value and value in seen:
            yield Finding((*path, field), message)
        seen.add(value)


def _revealed(value: object) -> str | None:
    """Text to compare, from text or a secret; `None` for anything else."""
    if isinstance(value, Secret):
        return value.reveal()
    return value if isinstance(value, str) else None
