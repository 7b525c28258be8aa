"""What an answer says, whatever dialect it was told in, and whether two say the same.

Known weakness: it reads every member called `content`, `text` or `partial_json`; two wordings of one answer
are told from two answers by their numbers and their vectors alone.
"""

from __future__ import annotations

import re
from collections import Counter
from hashlib import blake2b

import msgspec

from headgate.core.reuse import Stored

SPOKEN = re.compile(rb'"(?:content|text|delta|partial_json|arguments)"\s*:\s*("(?:[^"\\]|\\.)*")')
FIGURES = re.compile(r"\d+(?:[.,]\d+)*")
MOST = 16_384
"""Bytes of an answer that are looked at."""

SHORT = 40
"""Characters of an answer that must be the same to the letter: a label, a number, yes or no."""

SAME = 0.85
"""The likeness from which two long answers say the same."""


def said(answer: Stored) -> str:
    """Its words."""
    pieces = SPOKEN.findall((answer.body + answer.end[0])[:MOST])
    return "".join(_text(piece) for piece in pieces).strip()


def _text(piece: bytes) -> str:
    try:
        return msgspec.json.decode(piece, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def gist(text: str) -> bytes:
    """The same for answers that say the same to the letter, but for case and white space."""
    return blake2b(" ".join(text.lower().split()).encode("utf-8", "replace"), digest_size=8).digest()


def agree(one: str, other: str, likeness: float) -> bool:
    """Whether two answers say the same. `likeness`: of their vectors."""
    if gist(one) == gist(other):
        return True
    if min(len(one), len(other)) < SHORT:
        return False
    return likeness >= SAME and Counter(FIGURES.findall(one)) == Counter(FIGURES.findall(other))
