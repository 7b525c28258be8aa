"""Finds in a text what nobody should read later: keys, e-mail addresses, phone numbers, payment cards, IBANs,
IP addresses, national ids. What has a checksum is asked for it, so that an order number stays.

A finder gives spans of a text; spans that touch become one, named after the first. In doubt something is
taken out: what is lost can be asked for, what is kept cannot be taken back.

Known weakness: names, addresses and whatever has no form are not seen; nor is a number that is spelt out, or
cut in two by a message's end.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from headgate.core.credentials import Span, credentials, names_one
from headgate.core.national import national_ids

Finder = Callable[[str], Iterable[Span]]

_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.+%'-]{1,64}[@＠](?:[\w](?:[\w-]{0,61}[\w])?\.){1,8}[^\W\d_]{2,24}(?![\w-])", re.UNICODE
)
_SEPARATORS = " -._/\u00a0\u2009\u202f"
_UNSEEN = re.compile("[\u00ad\u200b\u2060\ufeff]")
"""Takes no room and says nothing, but in the middle of a number."""
_DIGITS = re.compile(rf"(?<!\d)\d(?:[{re.escape(_SEPARATORS)}]{{0,2}}\d){{12,}}")
_GROUP = re.compile(r"\d+")
_IBAN = re.compile(rf"(?<![A-Za-z0-9])[A-Za-z]{{2}}\d{{2}}(?=[{re.escape(_SEPARATORS)}]?[A-Za-z0-9])")
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = re.compile(rf"(?<![\d.])(?:{_BYTE}\.){{3}}{_BYTE}(?!\d|\.\d)")
_IPV6 = re.compile(
    r"(?<![\w:.])(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}"
    r"|(?=[0-9A-Fa-f:]*::)(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?::"
    r"(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?)(?!\w|:\w)"
)
_PHONE = re.compile(
    r"(?<![\w+.])(?:[+＋]|00)[1-9１-９](?:[ \u00a0().\-/]{0,2}\d){6,14}(?!\d)"  # with its country's number
    r"|(?<![\w+.,\-/])(?:1[ .\-])?\(?[2-9]\d{2}\)?[ .\-]\d{3}[ .\-]\d{4}(?![\w-])"  # North America
    r"|(?<![\w+.,\-/])0[1-9](?:[ .\-]?\d\d){4}(?![\w-])"  # France
    r"|(?<![\w+.,\-/])\([1-9]\d\) ?9?\d{4}-\d{4}(?![\w-])"  # Brazil
    r"|(?<![\w+.,\-/])(?:1[3-9]\d{9}|[6-9]\d{4} \d{5})(?![\w-])"  # China, India
    r"|(?<![\w+.,\-/:])\(?0[1-9]\d{1,4}\)?[ \-/](?:\d{2,4}[ \-]?){1,4}\d{2,4}(?![\w-])"  # with an area code
)

_LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 "
    "EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 "
    "JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 "
    "NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 "
    "TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30 "
)
IBAN_LENGTHS: Mapping[str, int] = {one[:2]: int(one[2:]) for one in _LENGTHS.split()}
"""Characters of an IBAN by country (ISO 13616, the registry of SWIFT)."""


def luhn(digits: str) -> bool:
    """Whether they have the check digit of ISO/IEC 7812."""
    total = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def mod_97(iban: str) -> bool:
    """Whether it has the check digits of ISO 13616."""
    return int("".join(str(int(one, 36)) for one in iban[4:] + iban[:4])) % 97 == 1


def _spans(pattern: re.Pattern[str], text: str, group: int = 0) -> Iterator[Span]:
    return (found.span(group) for found in pattern.finditer(text))


def _cards(text: str) -> Iterator[Span]:
    """13 to 19 digits that begin as cards do and end in their check digit, with or without separators, also
    between other numbers."""
    for run in _DIGITS.finditer(text):
        groups = [found.span() for found in _GROUP.finditer(text, *run.span())]
        for first, (start, _) in enumerate(groups):
            if text[start] not in "23456２３４５６":
                continue
            digits = ""
            for begin, end in groups[first : first + 19]:
                digits += text[begin:end]
                if len(digits) > 19:
                    break
                if len(digits) >= 13 and luhn(digits):
                    yield start, end


def _ibans(text: str) -> Iterator[Span]:
    for found in _IBAN.finditer(text):
        length = IBAN_LENGTHS.get(found[0][:2].upper(), 0)
        end, taken = found.end(), found[0]
        while len(taken) < length and end < len(text):
            step = 1 if text[end] in _SEPARATORS and end + 1 < len(text) else 0
            if not (text[end + step].isascii() and text[end + step].isalnum()):
                break
            taken += text[end + step]
            end += step + 1
        alone = end >= len(text) or not text[end].isalnum()
        if length and len(taken) == length and alone and mod_97(taken):
            yield found.start(), end


FINDERS: Mapping[str, Finder] = {
    "key": credentials,
    "email": partial(_spans, _EMAIL),
    "iban": _ibans,
    "card": _cards,
    "ip": lambda text: (*_spans(_IPV4, text), *_spans(_IPV6, text)),
    "national_id": national_ids,
    "phone": partial(_spans, _PHONE),
}
"""By what they are called where they took something out."""

_OPAQUE = re.compile(r"data:[\w/+.;=\-]{0,100};base64,.*|[A-Za-z0-9+/_=\-\r\n]{400,}", re.DOTALL)
"""Images and files: nobody here can look into them."""


class Redactor:
    """`finders` by the word that is put where they found something."""

    def __init__(self, finders: Mapping[str, Finder] = FINDERS) -> None:
        self._finders = finders

    def text(self, text: str, found: Counter[str]) -> str:
        """Without what is found in it; `found` counts that."""
        if _OPAQUE.fullmatch(text):
            found["data"] += 1
            return f"[data: {len(text)} characters]"
        text = _UNSEEN.sub("", text)
        spans = sorted(
            (start, end, kind) for kind, finder in self._finders.items() for start, end in finder(text)
        )
        pieces: list[str] = []
        at = 0
        for start, end, kind in spans:
            if start >= at:
                found[kind] += 1
                pieces += (text[at:start], f"[{kind}]")
            at = max(at, end)
        return "".join((*pieces, text[at:])) if spans else text

    def value(self, value: Any, found: Counter[str]) -> Any:
        """The same of all texts and numbers in a JSON value, and of its names. Text that is JSON itself stays
        so."""
        if isinstance(value, str):
            inner = _parsed(value)
            return self.text(value, found) if inner is None else encoded(self.value(inner, found))
        if isinstance(value, dict):
            return {self.text(name, found): self._member(value, name, found) for name in value}
        if isinstance(value, list):
            return [self.value(one, found) for one in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            told = self.text(str(value), found)
            return value if told == str(value) else told
        return value

    def _member(self, document: dict[str, Any], name: str, found: Counter[str]) -> Any:
        """What a member holds; a `token` beside its `logprob` is a word of a model's."""
        value = document[name]
        if not names_one(name) or (name == "token" and "logprob" in document):
            return self.value(value, found)
        return self._secret(value, found)

    def _secret(self, value: Any, found: Counter[str]) -> Any:
        if isinstance(value, list):
            return [self._secret(one, found) for one in value]
        if value in (None, "") or isinstance(value, bool | dict):
            return self.value(value, found)
        found["key"] += 1
        return "[key]"


def _parsed(text: str) -> Any:
    """What a text is in JSON, where it is an object or a list."""
    if text[:1] not in "{[" or text[-1:] not in "}]":
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()
