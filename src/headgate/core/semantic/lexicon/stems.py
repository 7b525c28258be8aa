"""Words without their endings: as much as makes forms of one word meet, and no more.

`-er` and `-or` stay: an employer is no employee.
"""

from __future__ import annotations

from collections.abc import Iterator

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


def irregular(text: str) -> Iterator[tuple[str, str]]:
    """Of lines `past: base participle`, each form with its base."""
    for line in text.strip().split("\n"):
        past, _, rest = line.partition(": ")
        base, *others = rest.split()
        for form in (past, *others):
            yield base, form
