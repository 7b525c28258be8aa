"""Trained routers of one generation: read, checked, and set to work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headgate.adapters.embed import local
from headgate.config.check import ConfigError, Problem
from headgate.config.routing import Cascade as CascadeSettings
from headgate.config.routing import Learned as Settings
from headgate.core.rules import Learned
from headgate.pipeline.cascade import Doubts

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
        raise _unusable(f"routes.{route}.learned.file", error) from error


def doubts(route: str, settings: CascadeSettings) -> Doubts:
    """What judges answers on a route with a cascade. Raises `ConfigError` where it cannot."""
    try:
        from headgate.core.learned.router import Verifier

        trained = _trained(settings.file) if settings.file else None
        if trained is not None and trained.answers is None:
            raise ValueError("it was trained without answers: train it on data that has them")
        return Verifier(trained, target=settings.target).doubtful
    except (ImportError, OSError, ValueError) as error:
        raise _unusable(f"routes.{route}.cascade.file", error) from error


def _unusable(path: str, error: Exception) -> ConfigError:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ConfigError([Problem(path=path, message=f"this router cannot be used: {said}")])


def _trained(file: str) -> Trained:
    from headgate.core.learned.form import loaded

    return loaded(Path(file).read_bytes())
