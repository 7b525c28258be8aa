"""Reads what intents were learned from, and what was learned: the examples and fitted heads that ship with
the package.

The heads are made from the examples by `python -m bench.quality --fit`, and
`tests/unit/adapters/test_examples.py` holds that they are what the examples give.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec

from headgate.core.intent.found import BUILT_IN
from headgate.core.intent.head import Head

FOLDER = "examples"
HEADS = "heads.json"


def examples() -> list[tuple[str, str]]:
    """(text, intent), some 400 for each built-in intent, in many languages. `\\n` in a line is a new one."""
    folder = _folder()
    return [
        (line.replace("\\n", "\n"), intent)
        for intent in BUILT_IN
        for line in (folder / f"{intent}.txt").read_text(encoding="utf-8").splitlines()
        if line
    ]


def head(embedder: str) -> Head | None:
    """The head for this embedder (its id), for the built-in intents; `None`: none is shipped."""
    known = msgspec.json.decode((_folder() / HEADS).read_bytes(), type=list[Head])
    return next((one for one in known if one.embedder == embedder), None)


def _folder() -> Traversable:
    return files("headgate.core.intent") / FOLDER


def keep(heads: list[Head]) -> Path:
    """Writes the heads that will ship. For `python -m bench.quality --fit`, in a checkout."""
    path = Path(str(_folder())) / HEADS
    path.write_bytes(msgspec.json.format(msgspec.json.encode(heads), indent=0) + b"\n")
    return path
