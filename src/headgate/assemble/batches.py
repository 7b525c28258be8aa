"""Which models take several requests at once, and which routes are to ask them so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from headgate.config.reuse import PromptBatch
from headgate.config.tree import Settings
from headgate.providers import catalog


def batched_routes(settings: Settings) -> Iterator[tuple[str, PromptBatch]]:
    return ((name, route.batch) for name, route in settings.routes.items() if route.batch)


def takes_prompts(settings: Settings) -> Callable[[str], bool]:
    """Whether a model's provider takes a text completion of several prompts."""
    found = set()
    for id_, model in settings.models.items():
        provider = settings.providers[model.provider]
        if catalog.row_of(model.provider, provider.dialect, provider.base_url).prompts:
            found.add(id_)
    return found.__contains__


def takes_schema(settings: Settings) -> Callable[[str], bool]:
    """Whether a model may be asked for an answer of a given form: unless it is known not to."""
    cannot = {
        id_ for id_, model in settings.models.items() if model.supports and "json" not in model.supports
    }
    return lambda model: model not in cannot
