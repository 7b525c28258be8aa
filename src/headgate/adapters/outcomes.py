"""Reads what routers are trained on: JSON lines, plain or gzipped, a row a line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from headgate.core.learned.train import Outcome

MAX_LINE = 16_000_000
MAX_PROBLEMS = 10
"""How many bad rows are named before the rest is only counted."""


class _Row(msgspec.Struct, frozen=True):
    prompt: str
    correct: dict[str, bool | float]
    topic: str | None = None
    answer: dict[str, str | None] | None = None


class BadData(Exception):
    """A file that cannot be used; the message has a line for every problem."""


def read(file: Path) -> list[Outcome]:
    """Every row of `file`. Other members than those of a row are passed over, and so are empty lines.

    Raises `BadData`, naming the lines, where any is not a row; or where the file cannot be read.
    """
    found, problems = [], []
    decoder = msgspec.json.Decoder(_Row)
    try:
        for number, line in enumerate(_lines(file), start=1):
            if not line.strip():
                continue
            try:
                found.append(_outcome(decoder.decode(line)))
            except (ValueError, msgspec.MsgspecError) as error:
                problems.append(f"{file}:{number}: {error}")
    except (OSError, EOFError, zlib.error) as error:
        raise BadData(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if problems:
        more = len(problems) - MAX_PROBLEMS
        shown = problems[:MAX_PROBLEMS] + ([f"and {more} more"] if more > 0 else [])
        raise BadData("\n".join(shown))
    return found


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as plain:
        zipped = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        source = gzip.GzipFile(fileobj=plain) if zipped else plain
        while line := source.readline(MAX_LINE):
            yield line


def _outcome(row: _Row) -> Outcome:
    if not row.correct:
        raise ValueError("'correct' names no model")
    for model, value in row.correct.items():
        if not 0 <= value <= 1:
            raise ValueError(f"'correct.{model}' is {value}, and should be true, false, or from 0 to 1")
    return Outcome(
        prompt=row.prompt,
        correct={model: float(value) for model, value in row.correct.items()},
        topic=row.topic,
        answer={model: text for model, text in (row.answer or {}).items() if text is not None},
    )
