"""One notation for dates, times of day, fractions in words, emphasis, and slips of the keyboard.

A date becomes `3 mai 2025` (`May` is a word of its own kind there), a time of day `15h30`, for noon and
midnight those words. Known weakness: dates in figures are read where the year stands first; `4:30` may be
either half of the day, and is neither `4:30 am` nor `4:30 pm`.
"""

from __future__ import annotations

import re

from headgate.core.semantic.rewriting import Rule

_MONTH = (
    r"(Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_DAY = r"(3[01]|[12]\d|0?[1-9])"
MONTHS = ("january", "february", "march", "april", "mai", "june", "july", "august", "september", "october",
          "november", "december")  # fmt: skip
_CALENDAR = "|".join((*MONTHS, *(name[:3] for name in MONTHS), "may", "sept"))
_NAMED = rf"(?i:(?:^|\s)(?:{_CALENDAR})[,.?!]*(?:\s|$))"
ISO = re.compile(r"\b([12]\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\b")
DAY_FIRST = re.compile(
    rf"\b(?:the )?{_DAY}(?:st|nd|rd|th)? (?:of )?{_MONTH}\b\.?(?:,? ([12]\d{{3}})\b)?", re.I
)
MONTH_FIRST = re.compile(
    rf"\b{_MONTH}\b\.? (?:the )?{_DAY}(?:st|nd|rd|th)?\b(?!:)(?:,? ([12]\d{{3}})\b)?", re.I
)
USED_TO = re.compile(r"\b(I|we|you|they|he|she|it|who|that|people|there) used to (?=[a-z])", re.I)
COMPARED = re.compile(
    r"\b(compar(?:e|ing)|comparison of) ([^.?!,;]{1,60}?) (?:with|to|against|versus|vs\.?) ", re.I
)
VERSUS = re.compile(r" (?:vs\.?|versus) ", re.I)
IN_MAY = re.compile(r"(?<=\b(?:in|of|by) )May\b|\bMay(?= [12]\d{3}\b)")

HALVED = re.compile(r"\b(1[0-2]|0?[1-9])(?:[:.]([0-5]\d))? ?([ap])\.?m\b\.?", re.I)
WHOLE_DAY = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)\b(?!:)")
UHR = re.compile(r"\b([01]?\d|2[0-3])(?:[:.]([0-5]\d))? Uhr\b")

INCHES = re.compile(r'^([^"]*\d)"(?= [a-z][^"]*$)')
CENT = re.compile(r"\bper cents?\b", re.I)
TITLE = re.compile(r"\b(Dr|Mr|Mrs|Ms|Prof|St|Mt)\. (?=[A-Z])")
_COUNTS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
_PARTS = {"quarter": 4, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}
PARTS = re.compile(rf"\b({'|'.join(_COUNTS)})[ -]({'|'.join(_PARTS)})s\b", re.I)
EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3}|_{1,3})(?=[^\s*])([^*\n]+?)(?<=[^\s*])\1(?![\w*])")
LEADING = re.compile(r"^\s*(?:[-*>•]|#{1,6}) +(?=[^\W\d])")
HOW_TO = re.compile(r"\b([Hh]ow) 2 (?=[a-z]{2})")


def _day_first(found: re.Match[str]) -> str:
    return _date(found[1], found[2], found[3])


def _month_first(found: re.Match[str]) -> str:
    return _date(found[2], found[1], found[3])


def _iso(found: re.Match[str]) -> str:
    return f"{int(found[3])} {MONTHS[int(found[2]) - 1]} {found[1]}"


def _date(day: str, month: str, year: str | None) -> str:
    short = month[:3].lower()
    name = "mai" if short == "may" else next((name for name in MONTHS if name.startswith(short)), month)
    return f"{int(day)} {name}" + (f" {year}" if year else "")


def _half_of_day(found: re.Match[str]) -> str:
    hour = int(found[1]) % 12 + (12 if found[3] in "pP" else 0)
    return _clock(f"{hour:02}", found[2])


def _time(found: re.Match[str]) -> str:
    return _clock(found[1], found[2])


def _uhr(found: re.Match[str]) -> str:
    return _clock(found[1].zfill(2), found[2])


def _clock(hour: str, minute: str | None) -> str:
    """Of an hour in two figures, or in one where nobody knows of which half of the day."""
    if minute in (None, "00") and hour in ("00", "12"):
        return "noon" if hour == "12" else "midnight"
    return f"{hour}h{minute or '00'}"


def _part(found: re.Match[str]) -> str:
    """As it is, where `re` takes another alphabet's letter for an `i` or an `s`."""
    count, part = _COUNTS.get(found[1].lower()), _PARTS.get(found[2].lower())
    return f"{count}/{part}" if count and part else found[0]


RULES: tuple[Rule, ...] = (
    ((r"\d", _NAMED), DAY_FIRST, _day_first),
    ((r"\d", _NAMED), MONTH_FIRST, _month_first),
    ((r"\d-\d\d-\d",), ISO, _iso),
    ((r"\d", r"(?i:[ \d:.][ap]\.?m\b)"), HALVED, _half_of_day),
    ((r"\d:\d",), WHOLE_DAY, _time),
    ((r"\d", "^ Uhr"), UHR, _uhr),
    ((r'\d"$',), INCHES, r"\1 inch"),
    (("ow$", "^ 2$"), HOW_TO, r"\1 to "),
    ((r"\*|^[->#•_]",), LEADING, ""),
    ((r"\*|^[->#•_]",), EMPHASIS, r"\2"),
    ((r"(?i:thi)rds|(?i:four|fif|six|eigh|ten)ths|(?i:q)uarters",), PARTS, _part),
    (("er$", "^ cent"), CENT, "percent"),
    ((r"\b(?:Dr|Mr|Mrs|Ms|Prof|St|Mt)\.$",), TITLE, r"\1 "),
    (("^ used$", "^ to$"), USED_TO, r"\1 was "),
    (("ompar",), COMPARED, r"\1 \2 and "),
    ((r"^ (?:vs\.?|versus)$",), VERSUS, " and "),
    ((r"\bMay\b",), IN_MAY, "mai"),
)
