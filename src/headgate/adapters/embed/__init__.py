"""Embedders (`ports.embedder`). Importing this imports no numpy: an embedder is loaded where a setting
needs it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.ports.embedder import Embedder

AUTO, WORDLLAMA, HASHED = "auto", "wordllama", "hashed"
SENTENCE = "sentence:"
"""Before the name of a model of sentence-transformers."""


def local(name: str = AUTO) -> Embedder:
    """The local embedder called `name`: `wordllama`, `hashed`, `sentence:MODEL`, or `auto`: wordllama, and
    hashed n-grams where that is not installed.

    Raises `ImportError`, saying what to install, where the library is missing; `ValueError` for any other
    name.
    """
    if name.startswith(SENTENCE):
        return _loaded("sentence", name.removeprefix(SENTENCE))
    if name == HASHED:
        return _hashed()
    if name not in (AUTO, WORDLLAMA):
        raise ValueError(f"no embedder is called {name!r}: auto, wordllama, hashed or sentence:MODEL")
    try:
        return _loaded("wordllama")
    except ImportError:
        if name == WORDLLAMA:
            raise
        return _hashed()


def _hashed() -> Embedder:
    try:
        from headgate.adapters.embed.hashed import Hashed
    except ImportError as error:
        raise ImportError(f"{error}: pip install 'headgate[embed]'") from error
    return Hashed()


def _loaded(module: str, *names: str) -> Embedder:
    try:
        found: Embedder = import_module(f"{__name__}.{module}").load(*names)
    except ImportError as error:
        extra = "sentence-transformers" if module == "sentence" else "'headgate[embed]'"
        raise ImportError(f"{error}: pip install {extra}") from error
    return found
