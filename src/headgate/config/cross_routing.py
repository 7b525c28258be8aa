"""What no single value shows of routes, agents and experiments: names that lead nowhere, parts that lack
others.

Works on filled plain data, as `cross` does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from math import inf
from typing import Any

from headgate.config.check import Path, quoted
from headgate.config.cross import Finding, nearest
from headgate.config.fill import tables

COMPLEXITIES = ("simple", "medium", "complex")
INTENTS = ("code", "reasoning", "general")
"""Those that are there without being named in the configuration."""

_NOT_INTENTS = ("thresholds", "embedder")
"""Members of `intents` that are settings."""


def findings(raw: Mapping[str, Any]) -> Iterator[Finding]:
    """Everything wrong between the parts of `raw` that routing is made of."""
    models = names(raw, "models")
    for name, route in tables(raw, "routes"):
        yield from _named(("routes", name), route, models)
        yield from _rules(("routes", name, "when"), route.get("when"), raw)
        yield from _qualities(("routes", name), route, raw)
        yield from _hedge(("routes", name, "hedge"), route, raw)
    for name, model in tables(raw, "models"):
        intents = _intents(raw)
        for skill in _keys(model.get("skills")):
            if skill not in intents:
                yield Finding(("models", name, "skills", skill), "is not an intent", nearest(skill, intents))
    yield from _agents(raw)
    yield from _regions(raw)


def _intents(raw: Mapping[str, Any]) -> list[str]:
    intents = raw.get("intents")
    return [*INTENTS, *(name for name in _keys(intents) if name not in _NOT_INTENTS)]


def names(raw: Mapping[str, Any], *sections: str) -> list[str]:
    return [name for section in sections for name in _keys(raw.get(section))]


def listed(value: object) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value is None else [value]


def _keys(value: object) -> list[str]:
    return [key for key in value if isinstance(key, str)] if isinstance(value, dict) else []


def _at(value: object, *steps: str) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _named(path: Path, route: Mapping[str, Any], models: Collection[str]) -> Iterator[Finding]:
    """Every model that a route names besides those of `use`."""
    when = route.get("when")
    for rule in _keys(when):
        for index, model in enumerate(listed(_at(when, rule))):
            yield from _known((*path, "when", rule, index), model, models)
    for model in _keys(route.get("weights")):
        yield from _known((*path, "weights", model), model, models)
    shares = _at(route, "split", "shares")
    for model in _keys(shares):
        yield from _known((*path, "split", "shares", model), model, models)
    for section, member in (
        ("canary", "model"),
        ("mirror", "model"),
        ("learned", "weak"),
        ("learned", "strong"),
        ("cascade", "weak"),
        ("cascade", "strong"),
    ):
        if (model := _at(route, section, member)) is not None:
            yield from _known((*path, section, member), model, models)


def _known(path: Path, model: object, models: Collection[str]) -> Iterator[Finding]:
    if isinstance(model, str) and model not in models:
        yield Finding(path, "is not one of models", nearest(model, models))


def _rules(path: Path, when: object, raw: Mapping[str, Any]) -> Iterator[Finding]:
    """A rule is an intent, a complexity, a tier, or two or three of them joined with `+`."""
    kinds = {"intent": _intents(raw), "complexity": [*COMPLEXITIES], "tier": names(raw, "tiers")}
    for rule in _keys(when):
        seen: set[str] = set()
        for term in rule.split("+"):
            kind = [kind for kind, known in kinds.items() if term in known]
            if not kind:
                known = [name for group in kinds.values() for name in group]
                yield Finding(
                    (*path, rule), f"{quoted(term)} is no intent, complexity or tier", nearest(term, known)
                )
            elif len(kind) > 1:
                yield Finding(
                    (*path, rule), f"{quoted(term)} is both {kind[0]} and {kind[1]}", "rename one of them"
                )
            elif kind[0] in seen:
                yield Finding((*path, rule), f"names two of one kind: {kind[0]}", "make two rules of it")
            seen.update(kind)


def _qualities(path: Path, route: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[Finding]:
    """Who is chosen by quality must have one."""
    if route.get("min_quality") is None and route.get("strategy") not in ("best_quality", "balanced"):
        return
    what = "min_quality" if route.get("min_quality") is not None else "strategy"
    members = dict(tables(raw, "models"))
    for model in _asked(route):
        if model in members and members[model].get("quality") is None:
            yield Finding(
                (*path, what), f"needs to know how good {quoted(model)} is", f"give models.{model}.quality"
            )


def _asked(route: Mapping[str, Any]) -> list[str]:
    """The models of a route, each once."""
    when = route.get("when")
    asked = [*listed(route.get("use")), *(model for rule in _keys(when) for model in listed(_at(when, rule)))]
    return list(dict.fromkeys(name for name in asked if isinstance(name, str)))


def _hedge(path: Path, route: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[Finding]:
    """There must be somewhere to go, an attempt to go there with, and time."""
    hedge = route.get("hedge")
    if not isinstance(hedge, dict):
        return
    at, models, providers = hedge.get("at", "either"), _asked(route), dict(tables(raw, "providers"))
    owners = {_at(raw, "models", model, "provider") for model in models}
    keys = any(len(listed(providers.get(str(owner), {}).get("keys"))) > 1 for owner in owners)
    least = len(listed(route.get("use"))) + 1
    if at == "model" and len(models) < 2:
        yield Finding((*path, "at"), "is another model, and the route has but one")
    elif at == "key" and not keys:
        yield Finding((*path, "at"), "is another key, and no provider of this route has two")
    elif at == "either" and len(models) < 2 and not keys:
        yield Finding(path, "has nowhere to go", "give the route another model, or its provider a second key")
    elif (at == "key" or len(models) < 2) and _number(_at(raw, "retry", "attempts"), 3.0) < least:
        message = "has no attempt to spare: every model of the route is owed one"
        yield Finding(path, message, f"set retry.attempts to {least} or more")
    after_s, deadline_s = _number(hedge.get("after_s")), _number(route.get("deadline_s"), inf)
    if after_s >= deadline_s:
        yield Finding((*path, "after_s"), "is not before the route's deadline_s")


def _number(value: object, otherwise: float = 0.0) -> float:
    """Everything arrives as text."""
    try:
        return float(str(value))
    except ValueError:
        return otherwise


def _agents(raw: Mapping[str, Any]) -> Iterator[Finding]:
    known = names(raw, "routes", "models")
    defaults = 0
    for name, agent in tables(raw, "agents"):
        route = agent.get("route", "auto")
        if name == "auto":
            yield Finding(
                ("agents", name), "is what a request says that leaves the choice to us", "rename it"
            )
        if isinstance(route, str) and route not in known:
            yield Finding(("agents", name, "route"), "is neither a route nor a model", nearest(route, known))
        is_default = str(agent.get("default", "")).lower() == "true"  # everything arrives as text
        defaults += is_default
        if defaults > 1 and is_default:
            yield Finding(("agents", name, "default"), "is true for another agent already")


def _regions(raw: Mapping[str, Any]) -> Iterator[Finding]:
    regions = {provider.get("region") for _, provider in tables(raw, "providers")} - {None, ""}
    for index, key in enumerate(listed(raw.get("keys"))):
        for number, region in enumerate(listed(key.get("regions")) if isinstance(key, dict) else ()):
            if isinstance(region, str) and region not in regions:
                known = sorted(one for one in regions if isinstance(one, str))
                hint = nearest(region, known) or "give providers a 'region'"
                yield Finding(("keys", index, "regions", number), "is no provider's region", hint)
