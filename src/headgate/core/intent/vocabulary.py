"""Words and collocations to what they speak for: one dictionary, looked up once a word."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from itertools import count
from operator import add

from headgate.core.asked import sampled
from headgate.core.intent.lexicon import code, foreign, general, reasoning
from headgate.core.intent.reading import HAN, TOKENS

SURE, LIKELY, HINT, SAID = 0, 1, 2, 3
"""How strongly a word speaks for its intent. `SAID`: the configuration says so."""

STRENGTHS = 4
STEM = 6
"""Letters of a stem: German, Russian and French inflect and compound too freely for lists of forms."""

MOST_HAN, HAN_CHARS = 24, 360
"""Of a text that is written without spaces: places where a word is found, and as many characters as some 180
words have, from its head and its tail."""

HOMONYMS = frozenset({"media", "map", "chat", "area", "die", "as", "son", "date", "pets"})
"""Words of other languages that are something else in English."""

Kind = int
"""Intent × `STRENGTHS` + strength."""


_NOTHING: Mapping[str, Kind] = {}
_NOBODY: AbstractSet[str] = frozenset()
"""What most words have: shared, so that they take no room, and looking into them touches no new memory."""


class Entry:
    """A word: what it says alone (`-1`: nothing), and what it says before other words. `seconds` are those
    that the second one must be among, `longest`: how many others the longest collocation has."""

    __slots__ = ("alone", "before", "longest", "seconds")

    def __init__(self) -> None:
        self.alone: Kind = -1
        self.before: Mapping[str, Kind] = _NOTHING
        self.longest = 0
        self.seconds: AbstractSet[str] = _NOBODY

    def begin(self, others: list[str], kind: Kind, *, over: bool) -> None:
        """Before these it says so."""
        phrase = " ".join(others)
        self.longest = max(self.longest, len(others))
        self.seconds = frozenset((*self.seconds, others[0]))
        if over or phrase not in self.before:
            self.before = {**self.before, phrase: kind}

    def keep_strongest(self) -> None:
        """Forgets collocations that would make a word say less of the same intent than it says alone."""
        if self.alone >= 0:
            intent = self.alone // STRENGTHS
            self.before = {
                key: kind
                for key, kind in self.before.items()
                if kind // STRENGTHS != intent or kind <= self.alone
            } or _NOTHING


class Vocabulary:
    """What is looked up. `find` gives the words of a text that are known, with their kinds."""

    __slots__ = ("_entries", "_han", "_han_kinds", "_stems")

    def __init__(self, added: Mapping[int, Iterable[str]]) -> None:
        """`added`: keywords of the configuration by the number of their intent, built-in ones included."""
        self._entries: dict[str, Entry] = {}
        self._stems: dict[str, Kind] = {}
        self._han_kinds: dict[str, Kind] = {}
        self._read()
        for entry in self._entries.values():
            entry.keep_strongest()
        for number, said in added.items():
            for phrase in said:
                self._phrase(phrase, number * STRENGTHS + SAID)
        self._han: dict[str, list[str]] = {}  # by the first two signs, the longest first
        for word in sorted(self._han_kinds, key=len, reverse=True):
            self._han.setdefault(word[:2], []).append(word)

    def _read(self) -> None:
        """The lists that are built in."""
        for number, module in enumerate((code, reasoning, general)):
            for strength, words in enumerate((module.SURE, module.LIKELY, module.HINT)):
                for word in words.split():
                    self._english(word, number * STRENGTHS + strength)
        for number, words in enumerate((foreign.CODE, foreign.REASONING, foreign.GENERAL)):
            for word in words.split():
                self._foreign(word, number * STRENGTHS + LIKELY)
        for number, words in enumerate(foreign.HAN.values()):
            for word in words.split():
                self._han_kinds.setdefault(word, number * STRENGTHS + LIKELY)

    def find(self, tokens: list[str]) -> dict[str, Kind]:
        """Longest collocation first; a word that is part of one says nothing else."""
        found: dict[str, Kind] = {}
        done = 0
        for index, entry, following in zip(count(), map(self._entries.get, tokens), [*tokens[1:], ""]):
            if entry is None or index < done:
                continue
            if following in entry.seconds:
                words = _longest(entry, tokens, index)
                if words:
                    done = index + words
                    phrase = " ".join(tokens[index + 1 : done])
                    found[f"{tokens[index]} {phrase}"] = entry.before[phrase]
                    continue
            if entry.alone >= 0:
                found[tokens[index]] = entry.alone
        return found

    def find_stems(self, tokens: list[str]) -> dict[str, Kind]:
        """For texts that are not plain English."""
        entries, stems = self._entries, self._stems
        return {word: stems[word[:STEM]] for word in tokens if word[:STEM] in stems and word not in entries}

    def find_han(self, text: str) -> dict[str, Kind]:
        """For texts without spaces: the longest word first, and then what follows on it."""
        found: dict[str, Kind] = {}
        done = places = 0
        text = sampled(text, HAN_CHARS)
        for at, begun in enumerate(map(add, text, f"{text[1:]} ")):
            if at < done or (begun not in self._han and begun[0] not in self._han):
                continue
            words = (*self._han.get(begun, ()), *self._han.get(begun[0], ()))
            word = next((one for one in words if text.startswith(one, at)), None)
            if word is not None:
                found[word] = self._han_kinds[word]
                done, places = at + len(word), places + 1
                if places == MOST_HAN:
                    break
        return found

    def _english(self, word: str, kind: Kind) -> None:
        self._add(word, kind)
        if word[-1] not in "sy0123456789":
            self._add(f"{word}s", kind)
        elif word.endswith("y") and word[-2:-1] not in "aeiou":
            self._add(f"{word[:-1]}ies", kind)

    def _foreign(self, word: str, kind: Kind) -> None:
        for form in {word, _plain(word)} - HOMONYMS:
            if form.endswith("*"):
                self._stems.setdefault(form[:-1][:STEM], kind)
            else:
                self._add(form, kind)

    def _phrase(self, phrase: str, kind: Kind) -> None:
        """A keyword of the configuration: overrides what is built in."""
        words = phrase.lower().split()
        if any(HAN(word) for word in words):
            self._han_kinds[phrase.lower()] = kind
        elif words:
            self._add("_".join(words), kind, over=True)

    def _add(self, word: str, kind: Kind, *, over: bool = False) -> None:
        """What stands first in the lists wins: sure before likely, code before reasoning before general."""
        head, *rest = TOKENS(word.replace("_", " "))
        entry = self._entries.setdefault(head, Entry())
        if rest:
            entry.begin(rest, kind, over=over)
        elif over or entry.alone < 0:
            entry.alone = kind


def _longest(entry: Entry, tokens: list[str], index: int) -> int:
    """How many tokens from `index` on are the longest collocation that begins there; 0: none does."""
    for length in range(entry.longest, 0, -1):
        if " ".join(tokens[index + 1 : index + 1 + length]) in entry.before:
            return length + 1
    return 0


def _plain(word: str) -> str:
    """Without accents, as many type it. Scripts in which marks are letters are left alone."""
    if not "a" <= word[0] <= "ɏ":
        return word
    return "".join(
        letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter)
    )
