"""The lists as tables: what a word, or several in a row, stand for."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from zlib import crc32

from headgate.core.semantic.lexicon import (
    deeds,
    grammar,
    measures,
    opposites,
    slips,
    synonyms,
    things,
    written,
)
from headgate.core.semantic.lexicon.stems import irregular, stem


class Kind(StrEnum):
    """What a word does in a question: by these, one question is told from another."""

    NUMBER = "number"
    UNIT = "unit"
    DATE = "date"
    NEGATION = "negation"
    ANTONYM = "antonym"
    QUANTIFIER = "quantifier"
    COMPARATIVE = "comparative"
    LANGUAGE = "language"
    FORMAT = "format"
    PERSON = "person"
    PLACE = "place"
    VERSION = "version"
    MODALITY = "modality"
    TENSE = "tense"
    SCOPE = "scope"
    CHOICE = "choice"
    CLAUSE = "clause"
    QUESTION = "question"
    ORDER = "order"
    NAME = "entity"
    SYMBOL = "symbol"
    WORD = "word"
    FILLER = "filler"


FIRM = frozenset(Kind) - {Kind.WORD, Kind.NAME, Kind.FILLER}
"""Words of these kinds never stand for another."""

LITERAL = frozenset({Kind.NUMBER, Kind.SYMBOL, Kind.VERSION})
"""Nor are words of these ever misspelled."""

Sense = tuple[str, Kind]


def plain(word: str) -> str:
    """Without accents, in lower case: as hurried people write."""
    if word.isascii():
        return word.lower()
    apart = unicodedata.normalize("NFKD", word.lower())
    return "".join(sign for sign in apart if not unicodedata.combining(sign)) or word.lower()


def _lines(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """`head: a b | c` and the lines that go on below it: the head, its English words, and those of others."""
    head, words = "", list[str]()
    for line in [*text.split("\n"), "end:"]:
        name, colon, rest = line.partition(": ")
        if not colon and not line.endswith(":"):
            words += line.split()
            continue
        if head:
            bar = words.index("|") if "|" in words else len(words)
            yield head, words[:bar], words[bar + 1 :]
        head, words = name.rstrip(":"), rest.split()


_LISTS = (
    (measures.NUMBERS, Kind.NUMBER),
    (measures.ORDINALS, Kind.VERSION),
    (measures.UNITS, Kind.UNIT),
    (measures.SYMBOLS, Kind.SYMBOL),
    (measures.DATES, Kind.DATE),
    (measures.PLACES, Kind.PLACE),
    (grammar.NEGATION, Kind.NEGATION),
    (grammar.MODALITY, Kind.MODALITY),
    (grammar.COMPARATIVES, Kind.COMPARATIVE),
    (grammar.QUANTIFIERS, Kind.QUANTIFIER),
    (grammar.PERSONS, Kind.PERSON),
    (grammar.FORMATS, Kind.FORMAT),
)

_SYNONYMS = "\n".join((synonyms.SYNONYMS, deeds.DEEDS, things.THINGS, things.TRAITS))

Phrases = dict[str, list[tuple[tuple[str, ...], Sense]]]
"""By the next word: all that follow, and what they say together; longest first."""


class Table:
    """What words of English, or of the other languages, stand for. `phrases`, by their first word. `grammar`:
    the words by which a language is known."""

    def __init__(self, *, english: bool) -> None:
        self._english = english
        self.senses: dict[str, Sense] = {}
        self.phrases: dict[str, Phrases] = {}
        for text, kind in _LISTS:
            self._list(text, kind)
        for word in grammar.LANGUAGES.split():
            self._add(word, (word, Kind.LANGUAGE))
        for word in self._own(grammar.SCOPE):
            self._add(word, ("this", Kind.SCOPE))
        for word in self._own(grammar.CHOICE):
            self._add(word, ("or", Kind.CHOICE))
        self._questions()
        if english:
            self._synonyms()
        self.grammar = frozenset(self._own(grammar.FILLERS))
        for word in self.grammar:
            self._add(word, ("", Kind.FILLER))
        for found in (found for phrases in self.phrases.values() for found in phrases.values()):
            found.sort(key=lambda one: -len(one[0]))

    def _list(self, text: str, kind: Kind) -> None:
        shared = kind in (Kind.UNIT, Kind.PLACE, Kind.FORMAT)
        for head, english, foreign in _lines(text):
            for word in english if self._english else [*foreign, *(english if shared else ())]:
                self._add(word, (head, kind))

    def _questions(self) -> None:
        for head, english, foreign in _lines(grammar.QUESTIONS):
            for word in english if self._english else foreign:
                self._add(word, (head, Kind.QUESTION))

    def _synonyms(self) -> None:
        for head, words, _ in _lines(_SYNONYMS):
            for word in (head, *words):
                self._add(word, (stem(head), Kind.WORD))
                if "_" not in word:
                    self._add(stem(word), (stem(head), Kind.WORD))

    def _own(self, text: str) -> list[str]:
        english, _, foreign = text.partition("|")
        return (english if self._english else foreign).split()

    def _add(self, word: str, sense: Sense) -> None:
        if "_" not in word:
            self.senses.setdefault(word, sense)
            self.senses.setdefault(plain(word), sense)
            return
        first, *rest = map(plain, word.split("_"))
        self.phrases.setdefault(first, {}).setdefault(rest[0], []).append((tuple(rest), sense))


def heads(text: str) -> dict[str, str]:
    return {word: head for head, *lists in _lines(text) for words in lists for word in words}


ENGLISH, FOREIGN = Table(english=True), Table(english=False)
IRREGULAR = {form: stem(base) for base, form in irregular(grammar.IRREGULAR)}
PAST_FORMS = frozenset(form for base, form in irregular(grammar.IRREGULAR) if form != base)
CASED: dict[str, Sense] = {
    **{word: (head, Kind.UNIT) for word, head in heads(measures.CASED).items()},
    **{word: (head, Kind.PLACE) for word, head in heads(measures.PLACES_CASED).items()},
    "HR": ("hr", Kind.WORD),
}
PREPOSITIONS = heads(grammar.PREPOSITIONS)
ENGLISH_PREPOSITIONS = {word: head for head, words, _ in _lines(grammar.PREPOSITIONS) for word in words}
AUXILIARIES = frozenset(grammar.AUXILIARIES.replace("|", "").split())
ENGLISH_AUXILIARIES = frozenset(grammar.AUXILIARIES.partition("|")[0].split())
SELF = frozenset(grammar.SELF.replace("|", "").split())
OWNERS = frozenset(grammar.OWNERS.split())
OTHER = frozenset(grammar.OTHER.replace("|", "").split())
PAST = frozenset(grammar.PAST.split())
FUTURE = frozenset(grammar.FUTURE.split())
HINGES = heads(grammar.HINGES)
RELATING = heads(grammar.RELATING)
BECAUSE = frozenset(grammar.BECAUSE.split())
LIGHT = frozenset(stem(word) for word in grammar.LIGHT.split())
INFINITIVE = frozenset(grammar.INFINITIVE.split())
"""`To` behind these says nothing of a direction."""

SWAPS = frozenset(map(stem, ("substitute", "replace", "exchange", "swap", "trade")))
"""What is done to one thing for another."""

STANCES = frozenset(ENGLISH.senses.get(word, (stem(word), Kind.WORD))[0] for word in grammar.STANCES.split())
"""Of these, some are for a thing and some against it."""

AMOUNTS = frozenset(stem(word) for word in grammar.AMOUNTS.split())
"""Asked for with `what`, they are asked for as with how much, how long or when."""

WAYS = frozenset(stem(word) for word in grammar.WAYS.split()) | AMOUNTS
"""Of these, `what` asks for what `how` asks for."""

CONFUSABLE = frozenset(slips.CONFUSABLE.split())
REAL = CONFUSABLE | frozenset(slips.REAL.split())
FUNCTION_WORDS = frozenset(
    (*ENGLISH.grammar, *AUXILIARIES, "what", "which", "when", "where", "how", "who", "why")
)
ANTONYMS = frozenset(
    pair
    for one, other in (pair.split("/") for pair in opposites.ANTONYMS.split())
    for pair in ((stem(plain(one)), stem(plain(other))), (stem(plain(other)), stem(plain(one))))
)


def _opposites(text: str) -> dict[str, frozenset[str]]:
    """Of each word, those that say the opposite."""
    found: dict[str, set[str]] = {}
    for one, other in (pair.split("/") for pair in text.split()):
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(words) for word, words in found.items()}


TURNS, PARTICLES = _opposites(opposites.TURNS), _opposites(opposites.PARTICLES)
TURNING = frozenset((*TURNS, *PARTICLES))


EDITION = crc32(
    repr(
        [
            sorted((name, text) for name, text in vars(module).items() if name.isupper())
            for module in (deeds, grammar, measures, opposites, slips, synonyms, things, written)
        ]
    ).encode()
)
"""Of the lists: what was read with others says other things."""


def forms(head: str) -> tuple[str, ...]:
    """The English words that stand for it."""
    return _FORMS.get(head, ())


_FORMS: dict[str, tuple[str, ...]] = {}
for _word, (_head, _) in ENGLISH.senses.items():
    _FORMS[_head] = (*_FORMS.get(_head, ()), _word)
