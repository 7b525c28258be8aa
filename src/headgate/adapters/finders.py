"""Finders for the redactor that somebody else has written: Presidio, and those of installed packages.

A package offers one as an entry point of the group `headgate.finders`: a callable that takes a text and gives
(start, end) of what is to be taken out (`core.redaction.Finder`). It is called in a thread of its own.

Known weakness: Presidio looks through English alone, and needs the language model that it is installed with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import entry_points

from headgate.core.redaction import Finder, Span

GROUP = "headgate.finders"
PRESIDIO = "presidio"


def finders(names: Sequence[str]) -> Mapping[str, Finder]:
    """By their names.

    Raises:
        ImportError: where one is not installed.
    """
    return {name: _presidio() if name == PRESIDIO else _offered(name) for name in names}


def _offered(name: str) -> Finder:
    for point in entry_points(group=GROUP, name=name):
        found: Finder = point.load()
        return found
    raise ImportError(f"no installed package offers the finder {name!r}")


def _presidio() -> Finder:
    from presidio_analyzer import AnalyzerEngine

    engine = AnalyzerEngine()

    def find(text: str) -> Iterable[Span]:
        return _spans(engine.analyze(text=text, language="en"))

    return find


def _spans(results: Iterable[object]) -> Iterator[Span]:
    for one in results:
        yield getattr(one, "start"), getattr(one, "end")  # noqa: B009 - Presidio is not typed
