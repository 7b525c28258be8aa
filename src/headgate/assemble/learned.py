"""Trained routers of one generation: read, checked, and set to work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headgate.adapters.embed import local
from headgate.config.check import ConfigError, Problem
from headgate.config.routing import Learned as Settings
from headgate.core.rules import Learned

if TYPE_CHECKING:
    from headgate.core.learned.router import Trained


def chooser(route: str, settings: Settings) -> Learned:
    """What decides on a route with `by: learned`.

    Raises `ConfigError` where the file cannot be used: not there, damaged, of another version, or trained
    with another embedder than is installed.
    """
    try:
        from headgate.core.learned.router import Chooser

        trained = _trained(settings.file)
        return Chooser(
            trained,
            local(),
            weak=settings.weak,
            strong=settings.strong,
            target=settings.target,
        )
    except (ImportError, OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        path = f"routes.{route}.learned.file"
        raise ConfigError([Problem(path=path, message=f"this router cannot be used: {said}")]) from error


def _trained(file: str) -> Trained:
    from headgate.core.learned.form import loaded

    return loaded(Path(file).read_bytes())
