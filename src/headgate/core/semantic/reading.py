"""What a text asks, word by word: the words that matter, what each does, and in which role.

Known weakness: it reads English best, and other languages by their words of grammar alone; where it knows no
words it proves nothing, and what is not proven is not answered from a cache.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain

import msgspec

from headgate.core.semantic.figures import number, side_by_side
from headgate.core.semantic.frames import plainly
from headgate.core.semantic.lexicon.table import (
    AUXILIARIES,
    CASED,
    ENGLISH,
    FOREIGN,
    INFINITIVE,
    STANCES,
    SWAPS,
    TURNING,
    TURNS,
    Kind,
    Sense,
)
from headgate.core.semantic.listing import JOINING, lists
from headgate.core.semantic.words import ENGLISH_PIECES, FOREIGN_PIECES, HELPS, MARKED, Token, Word

NUMBER, UNIT, VERSION, SYMBOL = Kind.NUMBER, Kind.UNIT, Kind.VERSION, Kind.SYMBOL
WORD, NAME, FILLER, QUESTION = Kind.WORD, Kind.NAME, Kind.FILLER, Kind.QUESTION
PERSON, TENSE, MODALITY = Kind.PERSON, Kind.TENSE, Kind.MODALITY
ORDER, CLAUSE, ANTONYM = Kind.ORDER, Kind.CLAUSE, Kind.ANTONYM
"""At hand: to look an enum's member up takes as long as to compare two words."""

LONGEST = 1_200
"""Characters of a text that is read. Of a longer one nothing can be proven."""

HAVE = frozenset({"have", "has", "haven", "hasn"})
DONE = frozenset({"do", "does", "did", "to", "should", "can", "must"})
"""Behind these, `have` is no auxiliary."""

MEASURE = re.compile(r"(\d+(?:\.\d+)?)([A-Za-zµ]{1,3})\Z")

DOES = frozenset({"do", "does", "did"})
"""After `who` or `what`, they say that those are who it is done to, and not who does it."""
LISTING = frozenset({",", "and", "or", "&"})
FOCI = frozenset({"not", "instead", "except", "excluding"})
ONCE = {"not": "not", "'s": "of"}
"""Roles of the next word alone, and what they are: hers is what is of her."""
GENDERED = {"he": "he", "him": "he", "his": "he", "she": "she", "her": "she", "hers": "she"}


MIGHT = frozenset({"could", "would", "should", "might"})
"""Behind these, who has done it did not, or nobody knows."""

THINGS = frozenset({"they", "them"})
"""Behind what they stand for, they are what was spoken of, and nobody else."""


class Reading(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """`tokens`: the words that matter, in order; `actors`: with who is spoken of. `marks`: what is said by
    grammar, by kind. `question`: what kind of answer is wanted, `""` where that is not said. `finite`:
    whether there is a verb to tell the tense by. `whole`: nothing was left unread. `lists`: words that stand
    side by side around an `and` or an `or`."""

    tokens: tuple[Token, ...]
    actors: tuple[str, ...]
    marks: dict[Kind, frozenset[str]]
    question: str
    finite: bool
    whole: bool
    lists: tuple[tuple[str, ...], ...] = ()


@lru_cache(maxsize=256)
def read(text: str) -> Reading:
    """Pure, and remembered for a while: one question is held against several."""
    return _Reader(text[:LONGEST]).reading(whole=len(text) <= LONGEST)


class _Reader:
    """One text, left to right."""

    def __init__(self, text: str) -> None:
        chunks = plainly(text).split(" ")
        self._words = list(chain.from_iterable(map(ENGLISH_PIECES, chunks)))
        self._english = sum([word.tongue for word in self._words]) >= 0
        if not self._english:
            self._words = list(chain.from_iterable(map(FOREIGN_PIECES, chunks)))
        self._lower = [word.lower for word in self._words]
        self._tokens: list[Token] = []
        self._places: list[int] = []
        self._actors: list[str] = []
        self._marks: dict[Kind, set[str]] = {}
        self._role = ""
        self._question = ""
        self._finite = False
        self._helped = False  # by an auxiliary, in this clause
        self._at, self._made = 0, -2  # where it reads, and where the last word that matters stood
        self._awaits = ""  # what the next one is to be marked with

    def reading(self, *, whole: bool) -> Reading:
        words, at, end = self._words, 0, len(self._words)
        while at < end:
            word = words[at]
            self._at = at
            if word.simple and word.token:
                self._token(word.token)
            elif not word.idle:
                at += self._step(at, word)
            at += 1
        lower = self._lower
        if not TURNING.isdisjoint(lower):
            self._turns()
        marks = {kind: frozenset(words) for kind, words in self._marks.items()}
        polar = "whether" if lower and lower[0] in AUXILIARIES else ""
        return Reading(
            tokens=tuple(_numbers(self._tokens)),
            actors=tuple(self._actors),
            marks=marks,
            question=self._question or polar,
            finite=self._finite,
            whole=whole,
            lists=() if JOINING.isdisjoint(lower) else self._lists(),
        )

    def _lists(self) -> tuple[tuple[str, ...], ...]:
        stood = dict(zip(self._places, self._tokens, strict=True))
        return lists(self._lower, stood, english=self._english)

    def _turns(self) -> None:
        """Words that turn a question round: up, and on behind what it goes with."""
        lower = self._lower
        for at in [at for at, word in enumerate(lower) if word in TURNING]:
            if lower[at] in TURNS:
                self._mark(ANTONYM, lower[at])
            elif at:
                self._mark(ANTONYM, f"{lower[at - 1]} {lower[at]}")

    def _step(self, at: int, word: Word) -> int:
        """Reads one word, or several that belong together. How many more those were."""
        group = word.group
        if group == "word":
            return self._word(at, word)
        if group == "stop":
            if word.piece != "," or not self._listed(at):
                self._role, self._helped = "", False
        else:
            self._figures(group, word.piece)
        return 0

    def _word(self, at: int, word: Word) -> int:
        if word.leads:
            after = self._lower[at + 1] if at + 1 < len(self._lower) else ""
            for rest, sense in word.leads.get(after) or word.leads.get(after.removesuffix("s")) or ():
                if self._follows(at + 1, rest):
                    self._at += len(rest)
                    self._sense(sense)
                    return len(rest)
        if word.leads or (word.sense and word.sense[1] is FILLER):
            self._stands(at, word)
        self._says(at, word)
        return 0

    def _stands(self, at: int, word: Word) -> None:
        """Words that mostly say nothing, where they do: vitamin A, from A to B; does honey help a cough."""
        if word.piece == "A" and at and self._words[at - 1].piece.islower():
            self._token(Token("a", NAME))
        elif word.piece in HELPS and self._made == at - 1:
            self._token(Token("help", WORD))

    def _follows(self, at: int, rest: tuple[str, ...]) -> bool:
        """Whether these words stand there, as the first seems to; the last one may be in the plural."""
        found = tuple(self._lower[at : at + len(rest)])
        return found == rest or (*found[:-1], found[-1].removesuffix("s")) == rest

    def _listed(self, at: int) -> bool:
        """Whether a comma stands in a list: behind the next word is another comma, or an `and`."""
        return bool(self._role) and not LISTING.isdisjoint(self._lower[at + 2 : at + 3])

    def _figures(self, group: str, piece: str) -> None:
        if group == "number":
            self._token(Token(piece if self._numbered() else number(piece), NUMBER))
            return
        senses = (ENGLISH if self._english else FOREIGN).senses
        measure = MEASURE.match(piece)
        unit = measure and (CASED.get(measure[2]) or senses.get(measure[2].lower()))
        if piece.lower() in senses:
            self._token(Token(*senses[piece.lower()]))
        elif measure and unit and unit[1] is UNIT:
            self._token(Token(number(measure[1]), NUMBER))
            self._token(Token(*unit))
        else:
            self._token(Token(piece.lower(), VERSION))

    def _numbered(self) -> bool:
        """Whether the number that comes is a version's: 3.10 of a thing that no list knows is not 3.1."""
        last = self._tokens[-1] if self._tokens and self._made == self._at - 1 else None
        return last is not None and (bool(last.said) or last.kind is NAME)

    def _says(self, at: int, word: Word) -> None:
        if word.bare == "am" and at and self._words[at - 1].group == "number":
            self._token(Token("am", Kind.DATE))
            return
        if word.role is not None:
            self._governs(at, word)
        if word.helps:
            self._helps(word)
        if word.grammar:
            self._grammar(at, word)
        if word.token:
            inside = at > 0 and self._words[at - 1].group != "stop"
            named = word.capital and inside and not word.sense
            self._token(Token(word.base, NAME, "", word.bare) if named else word.token)
        elif word.sense:
            self._sense(word.sense)
        if word.hinge:
            self._hinges(at, word.hinge)

    def _governs(self, at: int, word: Word) -> None:
        """A preposition: of what follows, or at the end of what is asked for. `Instead of` is `instead`."""
        before = self._lower[at - 1] if at else ""
        if not (self._role and word.role == "of" and before in FOCI):
            self._role = self._directed(at, word, before)
        if word.strands and (at + 1 == len(self._words) or self._words[at + 1].group == "stop"):
            self._mark(ORDER, f"{word.role} whom")

    def _directed(self, at: int, word: Word, before: str) -> str:
        """Its role: `to` do something has none, nor has the `of` of 5 kg of something; to swap one `for`
        another has a direction."""
        if word.bare == "to" and before in INFINITIVE:
            return ""
        if word.bare == "of" and self._made == at - 1 and self._tokens[-1].kind is UNIT:
            return self._tokens[-1].role
        if word.bare == "for" and any(token.word in DIRECTS for token in self._tokens):
            return "for"
        return word.role or ""

    def _helps(self, word: Word) -> None:
        self._finite = self._helped = True
        if self._awaits == "what":
            self._awaits = ""
        if self._question in ("who", "what") and not word.relates:
            self._mark(ORDER, "done" if word.bare in DOES else "helped")

    def _hinges(self, at: int, hinge: str) -> None:
        """A condition is known by its first word that matters; `who` and `that`, by the one before. `Not` is
        of the whole behind an auxiliary, and else of the next word alone: dogs, not cats."""
        if hinge == "not":
            self._role = self._role if at == 0 or self._lower[at - 1] in AUXILIARIES else "not"
        elif hinge != "which":
            self._awaits = hinge
        elif self._made < 0:
            return
        elif self._made == at - 1 or (self._made == at - 2 and self._lower[at - 1] == ","):
            self._mark(CLAUSE, f"which {self._tokens[-1].word}")

    def _grammar(self, at: int, word: Word) -> None:
        if word.owns:
            self._role = "'s"
        if word.relates and not self._role:
            self._actors.append(word.relates)
        if word.who:
            self._people(word)
        if word.tense:
            self._tense(at, word)
        if word.can:
            self._mark(MODALITY, "can")

    def _people(self, word: Word) -> None:
        """Who is spoken of; with `only` before it, nobody else."""
        if word.acts and not self._role:
            self._actors.append(word.who)
        self._mark(PERSON, "them" if self._tokens and word.bare in THINGS else word.who)
        if self._awaits == "only":
            self._mark(CLAUSE, f"only {word.bare}")
            self._awaits = ""
        if word.bare in GENDERED:
            self._mark(PERSON, GENDERED[word.bare])

    def _tense(self, at: int, word: Word) -> None:
        """An ending in `-ed` is the past where no auxiliary makes it a participle, no article a property."""
        if word.tense == "going":
            if self._lower[at + 1 : at + 2] == ["to"]:
                self._mark(TENSE, "future")
        elif word.tense != "perhaps":
            self._mark(TENSE, word.tense)
        elif self._since(at):
            might = not MIGHT.isdisjoint(self._lower[max(at - 4, 0) : at])
            self._mark(TENSE, "past" if might else "perfect")
        elif not self._helped and (self._lower[at - 1] if at else "") not in _ARTICLES:
            self._mark(TENSE, "past")
            self._finite = True

    def _since(self, at: int) -> bool:
        """Whether somebody has done it: a form of `have` stands close before, and is no verb of its own."""
        near = self._lower[max(at - 3, 0) : at]
        return not HAVE.isdisjoint(near) and DONE.isdisjoint(self._lower[max(at - 6, 0) : at])

    def _sense(self, sense: Sense) -> None:
        kind = sense[1]
        if kind is QUESTION:
            self._question = sense[0] if self._question in ("", "what") else self._question
            self._role, self._awaits = "", "what" if self._question in ("who", "what") else ""
        elif kind in MARKED:
            self._mark(kind, sense[0])
        elif kind is not FILLER:
            self._token(Token(*sense))

    def _mark(self, kind: Kind, what: str) -> None:
        self._marks.setdefault(kind, set()).add(what)

    def _token(self, token: Token) -> None:
        """In the role that it has here."""
        role = self._role
        if not role:
            self._actors.append(token.word)
        else:
            token = Token(token.word, token.kind, ONCE.get(role, role), token.said)
            if role in ONCE:
                self._role = ""
        self._tokens.append(token)
        self._places.append(self._at)
        self._made = self._at
        if self._awaits:
            self._mark(CLAUSE, f"{self._awaits} {token.word}")
            self._awaits = ""


DIRECTS = SWAPS | STANCES
"""`For` has a direction behind these."""

_ARTICLES = frozenset(
    {"a", "an", "the", "my", "your", "his", "her", "be", "been", "being", "get", "gets", "got", "not"}
)


def _numbers(tokens: list[Token]) -> list[Token]:
    """Numbers that stand side by side as words made one: `two hundred`, `nineteen eighty-four`."""
    if len([token for token in tokens if token.kind is NUMBER]) < 2:
        return tokens
    made: list[Token] = []
    for token in tokens:
        if made and token.kind is NUMBER and made[-1].kind is NUMBER:
            joined = side_by_side(made[-1].word, token.word)
            if joined is not None:
                made[-1] = Token(joined, NUMBER, made[-1].role)
                continue
        made.append(token)
    return made
