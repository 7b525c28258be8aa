"""A text as classification reads it: its words and marks in order, and what can be counted at sight.

Read once, used by keywords, vectors and complexity. Some 12 µs for 46 words, and no more for a megabyte
than for a page: its head and its tail are read.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_CHARS = 1_500
MAX_TOKENS = 180
TAIL = 60
"""Tokens of the end that are read where there are more than `MAX_TOKENS`."""

TOKENS = re.compile(r"[\w\u0900-\u0963]+|[^\w\s]+").findall
"""Words (vowel signs of Hindi, which Python takes for marks, included), and runs of anything else."""

_PLAIN_TOKENS = re.compile(r"[a-z0-9_]+|[^a-z0-9_\s]+").findall
"""The same for ASCII in lower case, in half the time."""

_PROSE = b"abcdefghijklmnopqrstuvwxyz ,.?!:'\n"
_DIGITS = b"0123456789"
"""What may stand in a text, beside digits, without making it look like code or a formula."""

HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]").search
"""Something written without spaces between words."""

_NUMBERS = re.compile(r"\d+(?:[.,:]\d+)*").findall

# Each begins with a character that is searched for at the speed of C, or is asked only where one is there.
_ARITHMETIC = re.compile(r"\d\s*[-+*/^×÷·=<>≤≥]\s*(?:\d|\(|[a-z]\b)").findall
_ASSIGNED = re.compile(r"\b[a-z]\s*(?:\^\s*\d|[=<>≤≥]\s*-?\d)|[)²³]\s*[=^]").findall
_APPLIED = re.compile(r"\b[a-z]\([a-z\d]\)").findall
_SIGNS = re.compile(r"[√∫∑∂π≤≥≠∞²³]").findall
_TEX = re.compile(r"\\(?:frac|sqrt|int|sum|cdot|times)").findall

_SEQUENCES: dict[str, tuple[str, ...]] = {
    "`": ("```",),
    "(": ("()",),
    ")": (");",),
    "=": ("=>", "==", "!="),
    ">": ("->", "/>"),
    "<": ("</",),
    "&": ("&&",),
    "|": ("||",),
    "-": ("--",),
    "$": ("${",),
    "#": ("#!",),
    "{": ("{\n",),
    "}": ("};",),
    ";": (";\n",),
    "~": ("~/",),
    "/": ("./",),
}
"""By the character of each that prose has not."""

_FILES = re.compile(
    r"\.(?:py|js|ts|tsx|jsx|go|rs|java|rb|php|cs|cpp|sh|sql|csv|json|ya?ml|html|css|md|log|txt|conf|env|toml|ini"
    r"|xlsx?|dll|exe|jar|ipynb)\b"
).findall
_CALLS = re.compile(r"\.[a-z_]\w*\(").findall
_PATHS = re.compile(r"/\w[\w.-]*/\w").findall
_ERRORS = re.compile(r"\w(?:error|exception)\b").findall
_STATEMENTS = re.compile(
    r"^\s*(?:def|class|import|from \w+ import|const|let|var|function|select|insert|update|public|private"
    r"|return|#include)\s",
    re.MULTILINE,
).findall
_OPERATORS = frozenset("-+*/^×÷·=<>≤≥")
_CASES = bytearray(b" " * 256)
_CASES[ord("a") : ord("z") + 1] = b"a" * 26
_CASES[ord("A") : ord("Z") + 1] = b"A" * 26
_CASES[ord(".")] = ord(".")
"""Bytes to `a` for a small letter, `A` for a capital, a point for itself, a space for anything else."""


class Reading:
    """`text` in lower case, `tokens` (words, and runs of other marks), `numbers` as they are written,
    `marks` of code, `formulas`, `lines` (their number less one), `length` before sampling; `plain`: ASCII;
    `han`: some of it is written without spaces."""

    __slots__ = ("formulas", "han", "length", "lines", "marks", "numbers", "plain", "text", "tokens")

    def __init__(self, text: str) -> None:
        self.length = len(text)
        if self.length > MAX_CHARS:
            text = f"{text[: MAX_CHARS * 2 // 3]}\n{text[-MAX_CHARS // 3 :]}"
        lower = self.text = text.lower()
        self.plain = plain = lower.isascii()
        tokens = _PLAIN_TOKENS(lower) if plain else TOKENS(lower)
        self.tokens = tokens if len(tokens) <= MAX_TOKENS else tokens[: MAX_TOKENS - TAIL] + tokens[-TAIL:]
        self.han = not plain and HAN(lower) is not None
        self.lines = lower.count("\n")
        self.numbers: list[str] = []
        self.marks: list[str] = []
        self.formulas: list[str] = []
        raw = lower.encode("utf-8", "surrogatepass").translate(None, _PROSE)
        cases = text.encode("utf-8", "surrogatepass").translate(_CASES)
        pointed = b".a" in cases or b".A" in cases
        signs = raw.translate(None, _DIGITS)
        if len(signs) != len(raw) or not plain:
            self.numbers = _NUMBERS(lower) if any(map(str.isdigit, tokens)) else []
        if signs:
            odd = dict.fromkeys(signs.decode("utf-8", "surrogatepass"))
            self.marks = _marks(lower, odd, self.lines, pointed=pointed)
            if b"aaAa" in cases:
                self.marks.append("camelCase")
            self.formulas = _formulas(lower, odd, self)
        elif pointed:
            self.marks = _FILES(lower)


@lru_cache(maxsize=4)
def read(text: str) -> Reading:
    """A text, read. Intent and complexity read the same one, one after the other: the second has it here."""
    return Reading(text)


def _marks(lower: str, odd: dict[str, None], lines: int, *, pointed: bool) -> list[str]:
    """`odd`: the characters in it that are unusual in prose; `pointed`: a letter follows on a point."""
    found = [mark for sign in odd if sign in _SEQUENCES for mark in _SEQUENCES[sign] if mark in lower]
    if "::" in lower:
        found.append("::")
    if pointed:
        found += _FILES(lower)
    if "(" in odd and "." in lower:
        found += _CALLS(lower)
    if "/" in odd:
        found += _PATHS(lower)
    if "_" in odd:
        found.append("snake_case")
    if "error" in lower or "exception" in lower:
        found += _ERRORS(lower)
    if lines:
        found += _STATEMENTS(lower)
    return found


def _formulas(lower: str, odd: dict[str, None], reading: Reading) -> list[str]:
    found: list[str] = []
    if reading.numbers and not _OPERATORS.isdisjoint(odd):
        found = _ARITHMETIC(lower)
    if "=" in odd or "^" in odd or not reading.plain:
        found += _ASSIGNED(lower)
    if "(" in odd:
        found += _APPLIED(lower)
    if "\\" in odd:
        found += _TEX(lower)
    if not reading.plain:
        found += _SIGNS(lower)
    return found
