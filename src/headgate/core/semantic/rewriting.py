"""Rewriting by rules, of which a plain text occasions none: what its words occasion is looked up, word by
word, before any pattern is tried.

Known weakness: a rule whose needs are too narrow is silently not applied.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, reduce
from operator import or_

Instead = str | Callable[[re.Match[str]], str]
Need = str | Callable[[str], object]
"""A pattern, of which every alternative begins with `^` or none does; or anything else that tells of a word
whether it is one of those."""

Rule = tuple[tuple[Need, ...], re.Pattern[str], Instead]
"""What must be found, each in some word of a text, for it to be looked for; what is looked for, and what it
becomes. A word stands between spaces, with what is not a letter around it; the one before all but the first
belongs to it, so that `^ to$` is a `to` inside the text. What ends the text ends no word: `to?` is `to`."""

KEPT = 8192
"""Words whose needs are remembered, and sets of needs whose rules are."""

ENDS = "?!."


class Rewriting:
    """A text by each of the rules in turn."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        found = list(dict.fromkeys(need for needs, _, _ in rules for need in needs))
        self._bits = {need: 1 << at for at, need in enumerate(found)}
        self._told = [(need, bit) for need, bit in self._bits.items() if not isinstance(need, str)]
        patterns = {need: bit for need, bit in self._bits.items() if isinstance(need, str)}
        self._begins, self._holds = _any(patterns, begin=True).match, _any(patterns, begin=False).search
        self._each = [(re.compile(need), bit) for need, bit in patterns.items()]
        self._first = lru_cache(KEPT)(self._occasioned)
        self._later = lru_cache(KEPT)(lambda word: self._occasioned(f" {word}"))
        self._due = lru_cache(KEPT)(self._found)

    def __call__(self, text: str, start: int = 0) -> str:
        """`start`: the first rule that is still to be applied."""
        for at, pattern, instead in self._due(self._seen(text)):
            if at >= start and (new := pattern.sub(instead, text)) != text:
                return self(new, at + 1)
        return text

    def _seen(self, text: str) -> int:
        first, *later = text.rstrip(ENDS).split(" ")
        return reduce(or_, map(self._later, later), self._first(first))

    def _occasioned(self, word: str) -> int:
        """What this word meets, a bit each."""
        met = sum(bit for need, bit in self._told if need(word))
        if any(self._begins(one) or self._holds(one) for one in {word, word.lower()}):
            met += sum(bit for need, bit in self._each if need.search(word))
        return met

    def _found(self, seen: int) -> tuple[tuple[int, re.Pattern[str], Instead], ...]:
        """The rules whose needs are all met, with their places."""
        return tuple(
            (at, pattern, instead)
            for at, (needs, pattern, instead) in enumerate(self._rules)
            if all(seen & self._bits[need] for need in needs)
        )


def _any(needs: Iterable[str], *, begin: bool) -> re.Pattern[str]:
    """Of those that tell how a word begins, or of the others, all in one. What is found in either case is
    found sooner in lower case."""
    some = [need.replace("(?i:", "(?:") for need in needs if need.startswith("^") is begin]
    return re.compile("|".join(some))
