"""What was configured, as a program may read it: without anything secret."""

from __future__ import annotations

from typing import Any

from headgate.config.tree import Settings


def described(settings: Settings, number: int) -> dict[str, Any]:
    """The document of `/router/info` for generation `number`."""
    return {
        "generation": number,
        "routes": {name: list(route.use) for name, route in settings.routes.items()},
        "models": {
            id_: {"provider": model.provider, "name": model.name or id_, "context": model.context}
            for id_, model in settings.models.items()
        },
        "providers": {
            name: {"dialect": provider.dialect, "keys": len(provider.keys)}
            for name, provider in settings.providers.items()
        },
        "routing": {
            name: route.model_dump(exclude_defaults=True, exclude={"use", "deadline_s"}, mode="json")
            for name, route in settings.routes.items()
        },
        "breaker": settings.breaker.model_dump(),
        "retry": settings.retry.model_dump(),
    }
