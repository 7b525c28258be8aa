"""One way to write what people write in several: fractions, degrees, money, ordinals, abbreviations, hyphens.

Known weakness: English and what most languages share; a slash between words is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

Spelled = str | Callable[[re.Match[str]], str]

_UNLIKE_ASCII = str.maketrans(
    {
        "½": " 1/2",
        "¼": " 1/4",
        "¾": " 3/4",
        "⅓": " 1/3",
        "⅔": " 2/3",
        "⅛": " 1/8",
        "²": "^2",
        "³": "^3",
        "’": "'",
    }
)
_MEASURES = r"cup|hour|mile|teaspoon|tablespoon|pound|inch|ounce|gallon|pint|litre|liter|kilo|century|year"
_PARTS = rf"(?=(?:{_MEASURES})s?\b)"
_PER = r"(?:second|minute|hour|day|night|week|month|year|person|head|unit|hr|wk|mo|yr)\b"


def _mixed(found: re.Match[str]) -> str:
    """`1 1/2` is 1.5."""
    below = int(found[3])
    return f"{int(found[1]) + int(found[2]) / below:.6g}" if below else found[0]


def _undotted(found: re.Match[str]) -> str:
    """`U.K.` is UK; but `3 a.m.` is a time of day."""
    short = found[0].replace(".", "")
    return {"eg": "for example", "ie": "that is", "am": "a.m", "pm": "p.m"}.get(short.lower(), short)


def _scaled(found: re.Match[str]) -> str:
    return " celsius" if found[1] in "cC" else " fahrenheit"


Rule = tuple[str, re.Pattern[str], Spelled]
"""What must be in a text for it to be looked for, what is looked for, and what it becomes."""

SIGNED: tuple[Rule, ...] = (
    ("°", re.compile(r" ?° ?([CcFf])\b"), _scaled),
    ("(", re.compile(r"(?<=\d)\(([a-z])\)"), r"\1"),
    ("/", re.compile(r"\b(\d{1,3}) +(\d{1,2})/(\d{1,2})\b(?!/)"), _mixed),
    ("/", re.compile(r"(?<!\S)w/(?!o\b) ?"), "with "),
    ("/", re.compile(r"(?<!\S)w/o "), "without "),
    ("/", re.compile(rf" ?/ ?(?={_PER})", re.I), " per "),
    (".", re.compile(r"\b(?:[A-Za-z]\.){2,}"), _undotted),
    (".", re.compile(r"(?<=\w)\.js\b"), "js"),
    (" .", re.compile(r" \.(?=[a-z]{2,5}\b)"), " "),
    (" >", re.compile(r" > ?(?=\d)"), " over "),
    (" <", re.compile(r" < ?(?=\d)"), " under "),
    ("$", re.compile(r"(\$) ?(\d[\d.,]*\b)((?: (?:thousand|million|billion)\b)?)"), r"\2\3 \1"),
    ("€", re.compile(r"(€) ?(\d[\d.,]*\b)((?: (?:thousand|million|billion)\b)?)"), r"\2\3 \1"),
    ("£", re.compile(r"(£) ?(\d[\d.,]*\b)((?: (?:thousand|million|billion)\b)?)"), r"\2\3 \1"),
    (" & ", re.compile(" & "), " and "),
    (" - ", re.compile(r"(?<=[^\W\d]) - | - (?=[^\W\d])"), ", "),
    ("-", re.compile(r"\b([A-Za-z]{1,2})-(?=\d{1,4}\b)"), r"\1"),
    ("-", re.compile(r"(?<=[A-Za-z]{3})-(?=\d)|(?<=\d)-(?=[A-Za-z]{3})"), " "),
)
"""Where there is one of these signs."""

SIGNS = frozenset("°(/.<>$€£&-")

WORDED: tuple[Rule, ...] = (
    ("egree", re.compile(r" degrees? ([CcFf])\b"), _scaled),
    ("egree", re.compile(r"\bdegrees? (?=celsius|fahrenheit|centigrade|kelvin)", re.I), ""),
    ("'ve", re.compile(r"'ve\b"), " have"),
    ("alf a", re.compile(rf"\bhalf an? {_PARTS}", re.I), "1/2 "),
    ("uarter", re.compile(rf"\b(?:(?:an?|one) )?quarter(?: of an?)? {_PARTS}", re.I), "1/4 "),
    (" than", re.compile(r"\b(?:more|greater|higher) than (?=[$€£]?\d)", re.I), "over "),
    ("ess than", re.compile(r"\bless than (?=[$€£]?\d)", re.I), "under "),
    ("bove ", re.compile(r"\babove (?=[$€£]?\d)", re.I), "over "),
    ("elow ", re.compile(r"\bbelow (?=[$€£]?\d)", re.I), "under "),
)

_ALL = SIGNED + WORDED


def evenly(text: str) -> str:
    """With one spelling of each."""
    if not text.isascii():
        text = text.translate(_UNLIKE_ASCII)
    return rewritten(text, WORDED if SIGNS.isdisjoint(text) else _ALL)


def rewritten(text: str, rules: Sequence[Rule]) -> str:
    """By each of the rules in turn, where what it needs is in the text."""
    for needs, pattern, instead in rules:
        if needs in text:
            text = pattern.sub(instead, text)
    return text
