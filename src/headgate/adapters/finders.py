"""Finders for the redactor that somebody else has written: Presidio, and those of installed packages.

A package offers one as an entry point of the group `headgate.finders`: a callable that takes a text and gives
(start, end) of what is to be taken out (`core.redaction.Finder`). It is called in a thread of its own.

Known weakness: Presidio looks through English alone, with the largest of spaCy's models that is installed; of
a text that is longer than `MOST_CHARS` it sees pieces, and nothing that lies across two of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from importlib.util import find_spec

from headgate.core.credentials import Span
from headgate.core.redaction import Finder

GROUP = "headgate.finders"
PRESIDIO = "presidio"
MODELS = ("en_core_web_trf", "en_core_web_lg", "en_core_web_md", "en_core_web_sm")
"""Presidio would fetch one from the internet, and end the process where it cannot."""
MOST_CHARS = 100_000
"""At once: a model's memory grows with the text, and spaCy refuses a million."""
_OURS = ("EmailRecognizer",)
"""What it would ask the internet for, and the redactor finds without."""


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
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    model = next((name for name in MODELS if find_spec(name)), None)
    if model is None:
        raise ImportError("presidio needs a model: python -m spacy download en_core_web_lg")
    models = [{"lang_code": "en", "model_name": model}]
    made_with = {"nlp_engine_name": "spacy", "models": models}
    engine = AnalyzerEngine(
        nlp_engine=NlpEngineProvider(nlp_configuration=made_with).create_engine(), supported_languages=["en"]
    )
    for one in _OURS:
        engine.registry.remove_recognizer(one)

    def find(text: str) -> Iterable[Span]:
        for start in range(0, len(text), MOST_CHARS):
            yield from _spans(start, engine.analyze(text=text[start : start + MOST_CHARS], language="en"))

    return find


def _spans(start: int, results: Iterable[object]) -> Iterator[Span]:
    for one in results:
        yield start + getattr(one, "start"), start + getattr(one, "end")  # noqa: B009 - Presidio is not typed
