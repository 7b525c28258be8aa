"""Words of grammar and measure as hurried people write them: chat, two letters swapped, one of a pair lost.

Known weakness: made for English; a word that is right in another language, and in no list, may be taken for a
slip where the text has no word of that language's grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from headgate.core.semantic.lexicon import written
from headgate.core.semantic.lexicon.table import (
    AUXILIARIES,
    CONFUSABLE,
    ENGLISH,
    ENGLISH_PREPOSITIONS,
    FOREIGN,
    Kind,
    heads,
)
from headgate.core.semantic.rewriting import Rule

SHORTEST, LONG = 4, 6
"""Letters of a word whose slips are known, and of one that may have lost a vowel."""

VOWELS = frozenset("aeiou")
MEANT = frozenset(
    {Kind.NUMBER, Kind.UNIT, Kind.DATE, Kind.QUESTION, Kind.MODALITY, Kind.QUANTIFIER, Kind.VERSION}
)
REAL = frozenset(written.REAL.split())
"""Words of their own that look like slips."""

WORD = re.compile(r"(?<![\w'-])[A-Za-z][A-Za-z']*[A-Za-z0-9]*(?![\w-])|(?<!\w)[02][a-z]{2,}\b")


def _slips(word: str) -> Iterator[str]:
    """The first letter is always right."""
    for at in range(1, len(word) - 1):
        yield word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if len(word) <= SHORTEST:
        return
    for at in range(1, len(word)):
        if word[at] == word[at - 1]:
            yield word[:at] + word[at + 1 :]
        if len(word) >= LONG and at < len(word) - 1:
            yield word[:at] + word[at] + word[at:]
            if word[at] in VOWELS:
                yield word[:at] + word[at + 1 :]


def _known() -> dict[str, str]:
    own = {word for word, (_, kind) in ENGLISH.senses.items() if kind in MEANT}
    words = own | ENGLISH.grammar | AUXILIARIES | ENGLISH_PREPOSITIONS.keys()
    listed = ENGLISH.senses.keys() | FOREIGN.senses.keys() | FOREIGN.grammar | words | CONFUSABLE | REAL
    made = {typed: meant.replace("_", " ") for typed, meant in heads(written.CHAT).items()}
    found: dict[str, set[str]] = {}
    for word in words:
        if len(word) >= SHORTEST and word.isalpha() and word.isascii():
            for slip in _slips(word):
                found.setdefault(slip, set()).add(word)
    sure = {slip: min(meant) for slip, meant in found.items() if len(meant) == 1}
    return {typed: meant for typed, meant in (sure | made).items() if typed not in listed}


TYPED = _known()
"""By what was typed, what was meant."""


def _typed(word: str) -> bool:
    return word.lstrip(" ").lower() in TYPED


def _meant(found: re.Match[str]) -> str:
    return TYPED.get(found[0].lower(), found[0])


RULES: tuple[Rule, ...] = (((_typed,), WORD, _meant),)
"""With those words as they are meant. Most texts have none."""
