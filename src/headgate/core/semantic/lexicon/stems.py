"""Words without their endings: as much as makes forms of one word meet, and no more.

`-er` and `-or` stay: an employer is no employee.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from headgate.core.semantic.lexicon.written import SPELT

AMERICAN = {
    british: line.partition(":")[0]
    for line in SPELT.split("\n")
    for british in line.partition(":")[2].split()
}
VOWELS = frozenset("aeiouy")
HISSES = ("ches", "shes", "sses", "xes", "zes")


def stem(word: str) -> str:
    """Of a word in lower case, without accents."""
    if len(word) < 4 or not word.isalpha():
        return word
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = _without_s(word)
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            rest = word[: -len(ending)]
            if VOWELS.intersection(rest):
                return _undoubled(rest)
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def _without_s(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(HISSES) else word[:-1]


def _undoubled(rest: str) -> str:
    if rest.endswith("e"):
        return rest[:-1]
    double = (
        len(rest) > 3
        and rest[-1] == rest[-2]
        and (rest[-1] not in "lsz" or (len(rest) > 5 and rest[-1] == "l"))
        and rest[-1] not in VOWELS
    )
    return rest[:-1] if double else rest


BRITISH = (
    (re.compile(r"(?<=[a-z]{3})is(?=(?:e[sdr]?|ing|ations?)$)"), "iz"),
    (re.compile(r"(?<=[a-z]{3}l)ys(?=(?:e[sd]?|ing)$)"), "yz"),
    (re.compile(r"(?<=[a-z][^aeiou])our(?=s?$|ed$|ing$|ful|able|ite|hood)"), "or"),
    (re.compile(r"(?<=[a-z]{3}[tb])re(?=s?$)"), "er"),
    (re.compile(r"(?<=[a-z]{2}log)ue(?=s?$)"), ""),
    (re.compile(r"(?<=[a-z]{2}[aeiou]l)l(?=(?:ed|ing|ers?)$)"), ""),
    (re.compile(r"ae(?=[a-z]{4})|^oe(?=[a-z]{5})"), "e"),
)
"""Endings and vowels, and what they are in America. Applied alike to both texts, they need not be words."""


def american(word: str) -> str:
    """As it is spelt there, where it is spelt otherwise; else the same or what no other word is."""
    if word in AMERICAN or len(word) < 6:
        return AMERICAN.get(word, word)
    for pattern, instead in BRITISH:
        word = pattern.sub(instead, word)
    return word


def irregular(text: str) -> Iterator[tuple[str, str]]:
    """Of lines `past: base participle`, each form with its base."""
    for line in text.strip().split("\n"):
        past, _, rest = line.partition(": ")
        base, *others = rest.split()
        for form in (past, *others):
            yield base, form
