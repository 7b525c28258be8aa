"""One way to write what people write in several: fractions, degrees, money, ordinals, abbreviations, hyphens.

Known weakness: English and what most languages share; a slash between words is left as it is.
"""

from __future__ import annotations

import re

from headgate.core.semantic.rewriting import Rule

_UNLIKE_ASCII = {
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


def _ascii(found: re.Match[str]) -> str:
    return _UNLIKE_ASCII[found[0]]


RULES: tuple[Rule, ...] = (
    (("[½¼¾⅓⅔⅛²³’]",), re.compile("[½¼¾⅓⅔⅛²³’]"), _ascii),
    (("°",), re.compile(r" ?° ?([CcFf])\b"), _scaled),
    ((r"\d\(",), re.compile(r"(?<=\d)\(([a-z])\)"), r"\1"),
    ((r"^ \d\d?/\d",), re.compile(r"\b(\d{1,3}) +(\d{1,2})/(\d{1,2})\b(?!/)"), _mixed),
    (("w/",), re.compile(r"(?<!\S)w/(?!o\b) ?"), "with "),
    (("w/",), re.compile(r"(?<!\S)w/o "), "without "),
    (("/",), re.compile(rf" ?/ ?(?={_PER})", re.I), " per "),
    ((r"\b[A-Za-z]\.[A-Za-z]",), re.compile(r"\b(?:[A-Za-z]\.){2,}"), _undotted),
    ((r"\.js",), re.compile(r"(?<=\w)\.js\b"), "js"),
    ((r"^ \.",), re.compile(r" \.(?=[a-z]{2,5}\b)"), " "),
    (("^ >",), re.compile(r" > ?(?=\d)"), " over "),
    (("^ <",), re.compile(r" < ?(?=\d)"), " under "),
    (("[$€£]",), re.compile(r"([$€£]) ?(\d[\d.,]*\b)((?: (?:thousand|million|billion)\b)?)"), r"\2\3 \1"),
    (("^ &$",), re.compile(" & "), " and "),
    (("^ -$",), re.compile(r"(?<=[^\W\d]) - | - (?=[^\W\d])"), ", "),
    ((r"[A-Za-z]-\d",), re.compile(r"\b([A-Za-z]{1,2})-(?=\d{1,4}\b)"), r"\1"),
    ((r"[A-Za-z]-\d|\d-[A-Za-z]",), re.compile(r"(?<=[A-Za-z]{3})-(?=\d)|(?<=\d)-(?=[A-Za-z]{3})"), " "),
    (("egrees?$",), re.compile(r" degrees? ([CcFf])\b"), _scaled),
    (("egrees?$",), re.compile(r"\bdegrees? (?=celsius|fahrenheit|centigrade|kelvin)", re.I), ""),
    (("'ve",), re.compile(r"'ve\b"), " have"),
    (("alf$", "^ an?$"), re.compile(rf"\bhalf an? {_PARTS}", re.I), "1/2 "),
    (("uarter",), re.compile(rf"\b(?:(?:an?|one) )?quarter(?: of an?)? {_PARTS}", re.I), "1/4 "),
    ((r"\d", "^ than$"), re.compile(r"\b(?:more|greater|higher) than (?=[$€£]?\d)", re.I), "over "),
    ((r"\d", "^ than$", "ess$"), re.compile(r"\bless than (?=[$€£]?\d)", re.I), "under "),
    ((r"\d", "bove$"), re.compile(r"\babove (?=[$€£]?\d)", re.I), "over "),
    ((r"\d", "elow$"), re.compile(r"\bbelow (?=[$€£]?\d)", re.I), "under "),
)
