"""Words that stand side by side around an `and` or an `or`: of them, the order says nothing.

Known weakness: nobody parses here. Where both sides have several words they are taken for two sentences, and
only the nearest words for a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from headgate.core.semantic.lexicon.table import Kind
from headgate.core.semantic.words import Token, known

JOINING = frozenset({"and", "or", "und", "oder", "et", "ou", "y"})
STOPS = frozenset('?!.,;:()\n"')
JOINED = 3
"""Words around one of these that are taken for a list, at most: of more they are two sentences."""

_FIGURES = (Kind.NUMBER, Kind.UNIT)


def lists(words: Sequence[str], stood: Mapping[int, Token], *, english: bool) -> tuple[tuple[str, ...], ...]:
    """Of a text in lower case; `stood`: the words that matter, by their places in it."""
    return tuple(_Lists(words, stood, english=english).found())


class _Lists:
    """Of one text."""

    def __init__(self, words: Sequence[str], stood: Mapping[int, Token], *, english: bool) -> None:
        self._words, self._stood, self._english = words, stood, english

    def found(self) -> Iterator[tuple[str, ...]]:
        for at, word in enumerate(self._words):
            if word not in JOINING:
                continue
            before, after = self._beside(at, -1), self._beside(at, 1)
            if len(before) + len(after) > JOINED:
                before, after = before[:1], after[:1]
            comma = self._comma(at)
            while before and comma:
                before += self._beside(comma, -1)[:1]
                comma = self._comma(comma)
            if before and after:
                yield (*before, *after)

    def _beside(self, at: int, step: int) -> list[str]:
        """The nearest word that matters, or both where there are two."""
        found: list[str] = []
        at += step
        while 0 <= at < len(self._words) and self._runs_on(at):
            if at in self._stood:
                found.append(self._stood[at].word)
            at += step
        return found if len(found) < JOINED else found[:1]

    def _comma(self, at: int) -> int:
        """Where the comma stands before this item; 0 where there is none."""
        places = range(at - 1, max(at - 4, 0), -1)
        return next((place for place in places if self._words[place] == ","), 0)

    def _runs_on(self, at: int) -> bool:
        """Whether a list may go on over this."""
        word = self._words[at]
        if word in STOPS or word in JOINING:
            return False
        if at in self._stood:
            return self._stood[at].kind not in _FIGURES
        said = known(word, english=self._english)
        return (
            said.role is None and not said.helps and said.sense is not None and said.sense[1] is Kind.FILLER
        )
