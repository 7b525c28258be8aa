"""Numbers as they are written, in one form."""

from __future__ import annotations

import re

GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
LONG = 13
"""Digits of a number that is rounded."""


def number(text: str) -> str:
    """`200,000` and `200000`, `1.50` and `1.5` are the same."""
    if text.isdecimal() and text.isascii() and len(text) < LONG and text[0] != "0":
        return text
    if GROUPED.fullmatch(text):
        text = text.replace(",", "")
    try:
        return f"{float(text.replace(',', '.')):.12g}"
    except ValueError:
        return text


def side_by_side(one: str, other: str) -> str | None:
    """The number that two words of numbers make: `two hundred`, `nineteen eighty-four`; `None` where they
    make none."""
    if not all(text.replace(".", "", 1).isdecimal() for text in (one, other)):
        return None
    joined = _joined(float(one), float(other))
    return None if joined is None else f"{joined:.12g}"


def _joined(first: float, second: float) -> float | None:
    if second in (100, 1000, 1_000_000, 1_000_000_000) and first < second:
        return first * second
    if 20 <= first < 1000 and first % 10 == 0 and 0 < second < 10:
        return first + second
    if 11 <= first <= 20 and 10 <= second < 100:
        return first * 100 + second
    if 1100 < first < 2100 and first % 10 == 0 and 0 < second < 10:  # nineteen eighty-four
        return first + second
    return None
