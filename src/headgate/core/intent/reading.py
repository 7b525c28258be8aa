"""A text as classification reads it: its words and marks in order, and what can be counted at sight.

Read once, used by keywords, vectors and complexity. Some 6 µs for 46 words, and no more for a megabyte
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
"""The same for ASCII in lower case."""

_POINTS = ",.?!:'"
_PROSE = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ \n" + _POINTS.encode()
_DIGITS = b"0123456789"
"""What may stand in a text, beside digits, without making it look like code or a formula."""

_KINDS = {
    "a": "abcdefghijklmnopqrstuvwxyz",
    "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "0": "0123456789_",
    ".": _POINTS,
    " ": " \t\n\r\v\f\x1c\x1d\x1e\x1f",
}
_FORMS = bytearray(b"-" * 256)
for _kind, _members in _KINDS.items():
    for _member in _members:
        _FORMS[ord(_member)] = ord(_kind)
"""Bytes to `a` for a small letter, `A` for a capital, `0` for what else a word is made of, `.` for the marks
of prose, a space for white space, `-` for anything else."""

HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]").search
"""Something written without spaces between words."""

# Each begins with a character that is searched for at the speed of C, or is asked only where one is there.
_NUMBERS = re.compile(r"\d+(?:[.,:]\d+)*").findall
_PLAIN_NUMBERS = re.compile(r"[0-9]+(?:[.,:][0-9]+)*").findall
_ARITHMETIC = re.compile(r"\d\s*[-+*/^×÷·=<>≤≥]\s*(?:\d|\(|[a-z]\b)").findall
_PLAIN_ARITHMETIC = re.compile(r"[0-9]\s*[-+*/^=<>]\s*(?:[0-9]|\(|[a-z]\b)").findall
_MAY_ASSIGN = re.compile(r"[=<>≤≥^)²³]\s*[-\d=^]").search
_ASSIGNED = re.compile(r"\b[a-z]\s*(?:\^\s*\d|[=<>≤≥]\s*-?\d)|[)²³]\s*[=^]").findall
_APPLIED = re.compile(r"\((?<=\b[a-z]\()[a-z\d]\)").finditer
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
_ERROR, _EXCEPTION = (re.compile(rf"{word}(?<=\w{word})\b").findall for word in ("error", "exception"))
_STATEMENTS = frozenset(["def", "class", "import", "const", "let", "var", "function", "select", "insert"])
_STATEMENTS |= frozenset(["update", "public", "private", "return", "#include"])
_OPERATORS = frozenset("-+*/^×÷·=<>≤≥")
_WORDLIKE = frozenset("_\t\r\v\f\x1c\x1d\x1e\x1f")
"""What stands among the signs, but between words or in one."""


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
        self.lines = lower.count("\n")
        self.numbers = self.marks = self.formulas = _NONE
        data = text.encode("utf-8", "surrogatepass")
        forms = data.translate(_FORMS)
        odd = data.translate(None, _PROSE)
        signs = odd and odd.translate(None, _DIGITS)
        tokens = _plain_tokens(lower, forms, signs) if text.isascii() else _odd_tokens(lower, plain=plain)
        self.tokens = tokens if len(tokens) <= MAX_TOKENS else tokens[: MAX_TOKENS - TAIL] + tokens[-TAIL:]
        self.han = not plain and HAN(lower) is not None
        if not odd:
            if _pointed(lower, forms):
                self.marks = _FILES(lower)
            return
        if len(signs) != len(odd) or not plain:
            self.numbers = _numbers(lower, tokens, plain=plain)
        if signs:
            self._signed(lower, forms)
        elif _pointed(lower, forms):
            self.marks = _FILES(lower)

    def _signed(self, lower: str, forms: bytes) -> None:
        """What is said by characters that are unusual in prose."""
        signs = lower.encode("utf-8", "surrogatepass").translate(None, _PROSE + _DIGITS)
        odd = dict.fromkeys(signs.decode("utf-8", "surrogatepass"))
        self.marks = _marks(lower, odd, self.lines, pointed=_pointed(lower, forms))
        if forms.find(b"aaAa") >= 0:
            self.marks.append("camelCase")
        self.formulas = _formulas(lower, odd, self)


_NONE: list[str] = []
"""Of what most texts have none: shared, and never written to."""


@lru_cache(maxsize=4)
def read(text: str) -> Reading:
    """A text, read. Intent and complexity read the same one, one after the other: the second has it here."""
    return Reading(text)


def _plain_tokens(lower: str, forms: bytes, signs: bytes) -> list[str]:
    """Of ASCII. Splitting takes a third of the time of a regular expression, which is left with what is
    neither a word nor a mark that stands by itself. `signs`: those of the text that prose has not."""
    together = forms.find(b"..") >= 0
    if signs:
        together = together or forms.find(b".-") >= 0 or forms.find(b"-.") >= 0
        if not together and forms.find(b"--") < 0:
            for sign in set(signs.decode()) - _WORDLIKE:
                lower = lower.replace(sign, f" {sign} ")
            signs = b""
    if not together:
        lower = lower.replace(",", " , ").replace(".", " . ").replace("'", " ' ")
        lower = lower.replace("?", " ? ").replace("!", " ! ").replace(":", " : ")
        if not signs:
            return lower.split()
    tokens: list[str] = []
    for word in lower.split():
        if len(word) == 1 or word.isalnum():
            tokens.append(word)
        else:
            tokens += _PLAIN_TOKENS(word)
    return tokens


def _odd_tokens(lower: str, *, plain: bool) -> list[str]:
    return _PLAIN_TOKENS(lower) if plain else TOKENS(lower)


def _pointed(lower: str, forms: bytes) -> bool:
    """Whether a letter may follow on a point. (`in` would be slower for bytes: it tries a number first.)"""
    return "." in lower and (forms.find(b".a") >= 0 or forms.find(b".A") >= 0)


def _numbers(lower: str, tokens: list[str], *, plain: bool) -> list[str]:
    if not any(map(str.isdigit, tokens)):
        return _NONE
    return _PLAIN_NUMBERS(lower) if plain else _NUMBERS(lower)


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
    found += _errors(lower)
    if lines:
        found += _statements(lower)
    return found


def _errors(lower: str) -> list[str]:
    """What names of errors end in."""
    errors = _ERROR(lower) if "error" in lower else []
    return errors + _EXCEPTION(lower) if "exception" in lower else errors


def _statements(lower: str) -> list[str]:
    """The words that lines of code begin with."""
    found = []
    for line in lower.split("\n"):
        first, _, rest = line.strip().partition(" ")
        if first in _STATEMENTS or (first == "from" and " import " in rest):
            found.append(first)
    return found


def _formulas(lower: str, odd: dict[str, None], reading: Reading) -> list[str]:
    found: list[str] = []
    plain = reading.plain
    if reading.numbers and not _OPERATORS.isdisjoint(odd):
        found = _PLAIN_ARITHMETIC(lower) if plain else _ARITHMETIC(lower)
    if ("=" in odd or "^" in odd or not plain) and _MAY_ASSIGN(lower):
        found += _ASSIGNED(lower)
    if "(" in odd:
        found += [lower[one.start() - 1 : one.end()] for one in _APPLIED(lower)]
    if "\\" in odd:
        found += _TEX(lower)
    if not plain:
        found += _SIGNS(lower)
    return found
