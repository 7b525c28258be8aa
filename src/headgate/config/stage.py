"""Reads a scenario: what is to happen, and the settings of the gateway it happens to.

`gateway` in it is a configuration as any other, or the path of one. Its providers become simulated ones that
behave as the scenario says, and every group of callers gets its keys.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from headgate.config.check import ConfigError, Problem
from headgate.config.check import Path as Where
from headgate.config.cross import Finding, nearest
from headgate.config.document import Document
from headgate.config.environment import References
from headgate.config.fill import tables
from headgate.config.load import secret_file, text_of
from headgate.config.scenario import Behaviour, Callers, Scenario, keys_of
from headgate.config.tree import Provider, Settings, Simulated
from headgate.config.validate import judged, problems, typed
from headgate.providers.catalog import SIMULATED
from headgate.providers.simulated.settings import Limits

GATEWAY = "gateway"
USUAL = Simulated(latency_s=0.5, jitter=0.3, tokens_per_s=80.0)
"""What a provider is like of which nobody says anything: a cloud model of the middle size."""


class Stage(NamedTuple):
    """A scenario and the settings of the gateway it is played on."""

    scenario: Scenario
    settings: Settings


def load(path: str | os.PathLike[str], environ: Mapping[str, str]) -> Stage:
    """Reads, expands, checks and types the scenario at `path`.

    Raises:
        ConfigError: with every problem at once, each with its file and line.
    """
    file = Path(path)
    try:
        document = _document(file, environ)
    except ConfigError as error:
        raise ConfigError(_in_file(error.problems, file)) from None
    raw = document.data
    if not isinstance(raw, dict):
        told = list(problems([Finding((), "a scenario is a section of keys and values")], {}, document))
        raise ConfigError(_in_file(told, file))
    gateway = raw.pop(GATEWAY, None)
    scenario, found = typed(Scenario, raw)
    settings, told = _gateway(gateway, raw, environ, document, file)
    if scenario is not None and settings is not None:
        found.extend(_crossed(scenario, settings))
    told.extend(_in_file(problems(found, {}, document), file))
    if told or scenario is None or settings is None:
        raise ConfigError(dict.fromkeys(told))
    return Stage(scenario, staged(scenario, settings))


def _document(file: Path, environ: Mapping[str, str]) -> Document:
    references = References(environ, lambda name: secret_file(file.parent, name))
    return Document(text_of(file), references)


def _in_file(told: Collection[Problem] | Iterator[Problem], file: Path) -> list[Problem]:
    return [msgspec.structs.replace(problem, file=os.fspath(file)) for problem in told]


def _gateway(
    gateway: object, raw: Mapping[str, Any], environ: Mapping[str, str], document: Document, file: Path
) -> tuple[Settings | None, list[Problem]]:
    """The gateway's settings, with keys for the callers, and what is wrong with them, wherever they stand."""
    above: Where = (GATEWAY,)
    if gateway is None:
        finding = Finding(above, "is missing", "a configuration, or the path of one")
        return None, _in_file(problems([finding], {}, document), file)
    if isinstance(gateway, str):
        file, above = file.parent / gateway, ()
        try:
            document = _document(file, environ)
        except ConfigError as error:
            return None, _in_file(error.problems, file)
        gateway = document.data
    if isinstance(gateway, dict):
        _admit(raw, gateway)
    settings, found, origins = judged(gateway, environ)
    found = [finding._replace(path=(*above, *finding.path)) for finding in found]
    origins = {(*above, *path): variable for path, variable in origins.items()}
    return settings, _in_file(problems(found, origins, document), file)


def _admit(raw: Mapping[str, Any], gateway: dict[str, Any]) -> None:
    """Gives the callers their keys."""
    made = [key for name, callers in tables(raw, "callers") for key in keys_of(name, callers)]
    listed = gateway.get("keys")
    if isinstance(listed, list | None) and made:
        gateway["keys"] = [*(listed or ()), *made]


def _crossed(scenario: Scenario, settings: Settings) -> Iterator[Finding]:
    """Names that lead nowhere."""
    for name, callers in scenario.callers.items():
        yield from _calling(("callers", name), callers, settings)
    for name in scenario.providers:
        if name not in settings.providers:
            yield _stranger(("providers", name), name, settings)
    for place, trouble in enumerate(scenario.faults):
        yield from _placed(("faults", place), trouble.provider, trouble.key, settings)
    for place, change in enumerate(scenario.changes):
        yield from _placed(("changes", place), change.provider, change.key, settings)


def _calling(path: Where, callers: Callers, settings: Settings) -> Iterator[Finding]:
    models = [*settings.routes, *settings.models]
    if callers.tier and callers.tier not in settings.tiers:
        yield Finding((*path, "tier"), "is not one of tiers", nearest(callers.tier, settings.tiers))
    if callers.model not in models and "/" not in callers.model:
        yield Finding((*path, "model"), "is neither a route nor a model", nearest(callers.model, models))
    keys = {key.name for key in settings.keys}
    for place, key in enumerate(callers.keys):
        if key not in keys:
            yield Finding((*path, "keys", place), "is not a key of the gateway", nearest(key, keys))


def _placed(path: Where, name: str, key: int | None, settings: Settings) -> Iterator[Finding]:
    provider = settings.providers.get(name)
    if provider is None:
        yield _stranger((*path, "provider"), name, settings)
    elif key is not None and key > max(len(provider.keys), 1):
        yield Finding((*path, "key"), f"the provider has {max(len(provider.keys), 1)}")


def _stranger(path: Where, name: str, settings: Settings) -> Finding:
    return Finding(path, "is not one of the gateway's providers", nearest(name, settings.providers))


def staged(scenario: Scenario, settings: Settings) -> Settings:
    """The settings with simulated providers."""
    providers = {
        name: _simulated(provider, scenario.providers.get(name, Behaviour()))
        for name, provider in settings.providers.items()
    }
    server = settings.server.model_copy(update={"log": "off", "auth": "required"})
    return settings.model_copy(update={"providers": providers, "server": server})


def _simulated(provider: Provider, behaviour: Behaviour) -> Provider:
    before = provider.simulated if provider.dialect == SIMULATED.dialect else USUAL
    said = {name: value for name, value in dict(behaviour).items() if value is not None}
    simulated = before.model_copy(update={**said, "brief": True})
    return provider.model_copy(update={"dialect": SIMULATED.dialect, "simulated": simulated})


def limits_of(provider: Provider, number: int) -> Limits:
    """What a staged provider really allows its key of that number: what the scenario says, else what the
    configuration says of the key."""
    wanted = provider.simulated
    key = provider.keys[number - 1] if provider.keys else None
    return Limits(
        rpm=wanted.rpm or (key.rpm if key else None),
        tpm=wanted.tpm or (key.tpm if key else None),
        burst=wanted.burst or (key.burst if key else None),
    )
