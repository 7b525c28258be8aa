"""Whether the answer to one question answers another: proven, open, or refused, and on what grounds.

Known weakness: a question that hangs on a word neither list knows, said in a synonym, is refused; and two
that differ in nothing but what everybody knows ("the tower" in Paris) are proven the same.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

import msgspec

from headgate.core.semantic.lexicon.stems import stem
from headgate.core.semantic.lexicon.table import (
    AMOUNTS,
    ANTONYMS,
    FIRM,
    LIGHT,
    LITERAL,
    PARTICLES,
    TURNS,
    WAYS,
    Kind,
    forms,
)
from headgate.core.semantic.packing import unpacked, worded
from headgate.core.semantic.reading import Reading, read
from headgate.core.semantic.roles import turned
from headgate.core.semantic.spelling import misspelled, slip_of_grammar
from headgate.core.semantic.words import Token


class Proof(StrEnum):
    """`PROVEN`: every word that matters is in both. `OPEN`: nothing speaks against it. `REFUSED`: something
    does."""

    PROVEN = "proven"
    OPEN = "open"
    REFUSED = "refused"


class Verdict(msgspec.Struct, frozen=True):
    """`why`: the kind of word that speaks against it, or is missing."""

    proof: Proof
    why: Kind | None = None


PROVEN = Verdict(Proof.PROVEN)
NUMBER, UNIT, NAME, WORD = Kind.NUMBER, Kind.UNIT, Kind.NAME, Kind.WORD
NEGATION, MODALITY, TENSE, PERSON = Kind.NEGATION, Kind.MODALITY, Kind.TENSE, Kind.PERSON
"""At hand: to look an enum's member up takes as long as to compare two words."""

_REFUSED = {kind: Verdict(Proof.REFUSED, kind) for kind in Kind}
_OPEN, _TURNED = Verdict(Proof.OPEN, WORD), _REFUSED[Kind.ORDER]

GENDERS = frozenset({"he", "she"})
LASTING = frozenset(
    {"invent", "discover", "writ", "paint", "found", "compos", "design", "creat", "direct", "build"}
)
"""What somebody has done once and for all."""

CHOSEN = frozenset({"what", "whether"})
"""Is tea or milk better is which is better, tea or milk."""

PERFECT = frozenset({"perfect", "past"})
MEASURED = frozenset({"when", "how_long", "how_many", "how_far", "how_often"})
"""How long should it cook is how long it must, and how long it does."""

OPPOSING = ("un", "in", "im", "ir", "il", "non", "dis", "de", "anti", "mis")


def verify(asked: str, kept: str) -> Verdict:
    """Whether the answer to `kept` answers `asked`."""
    if asked == kept:
        return PROVEN
    return compare(read(asked), read(kept))


def proof(asked: str, kept: bytes) -> Proof:
    """The same, where the kept question is packed."""
    return Proof.PROVEN if worded(asked, kept) else compare(read(asked), unpacked(kept)).proof


def compare(one: Reading, other: Reading) -> Verdict:
    left, right, slips = _matched(one, other)
    said = _said_of(one, other, denied=_denied(one, other, left, right))
    against = said or _firm(left, right) or _measures(one, other) or _question(one, other)
    if against:
        return _REFUSED[against]
    if left and right:
        return _REFUSED[_worst(left, right)]
    left, right = _heavy(left), _heavy(right)
    if any(token.kind is NAME for token in (*left, *right)):
        return _REFUSED[NAME]
    if turned(one, _spelled(other, slips) if slips else other):
        return _TURNED
    if left or right:
        return _OPEN
    return PROVEN if one.whole and other.whole and one.tokens else _OPEN


# ── what grammar says ────────────────────────────────────────────────────────────────────────────────


_EQUAL = (NEGATION, Kind.QUANTIFIER, Kind.COMPARATIVE, Kind.SCOPE, Kind.CHOICE)
_NONE: frozenset[str] = frozenset()


def _said_of(one: Reading, other: Reading, *, denied: bool) -> Kind | None:
    if one.marks != other.marks:
        for kind in _EQUAL[1:] if denied else _EQUAL:
            if one.marks.get(kind, _NONE) != other.marks.get(kind, _NONE):
                return kind
        if _round(one, other) or _round(other, one):
            return Kind.ANTONYM
    if _modality(one) != _modality(other):
        return MODALITY
    if one.finite and other.finite and not _timed(_tense(one), _tense(other)):
        return TENSE
    return PERSON if _others(one, other) else None


def _round(one: Reading, other: Reading) -> bool:
    """Whether something is up or on here that is down or off there."""
    mine, theirs = one.marks.get(Kind.ANTONYM, _NONE), other.marks.get(Kind.ANTONYM, _NONE)
    return any(_turned_to(mark) & (theirs - mine) for mark in mine - theirs) if mine and theirs else False


@lru_cache(maxsize=1024)
def _turned_to(mark: str) -> frozenset[str]:
    """What says the opposite."""
    before, space, word = mark.rpartition(" ")
    return frozenset(f"{before} {found}" for found in PARTICLES[word]) if space else TURNS[word]


def _others(one: Reading, other: Reading) -> bool:
    """Whether they speak of different people."""
    mine, theirs = one.marks.get(PERSON, _NONE), other.marks.get(PERSON, _NONE)
    if ("other" in mine) != ("other" in theirs):
        return True
    if ("them" in mine) != ("them" in theirs) and "self" in mine | theirs:
        return True
    return bool(mine & GENDERS and theirs & GENDERS and mine & GENDERS != theirs & GENDERS)


def _tense(reading: Reading) -> frozenset[str]:
    """Who wrote a book is who is its author: some deeds last."""
    found = reading.marks.get(TENSE, _NONE)
    lasts = reading.question == "who" and any(token.word in LASTING for token in reading.tokens)
    return found - {"past"} if lasts else found


def _timed(mine: frozenset[str], theirs: frozenset[str]) -> bool:
    """Whether they speak of one time. What has cracked, cracked; and it is cracked."""
    if ("perfect" in mine) != ("perfect" in theirs):
        mine, theirs = mine - PERFECT, theirs - PERFECT
    return mine == theirs


def _denied(one: Reading, other: Reading, left: list[Token], right: list[Token]) -> bool:
    """Whether one side says `not rational` and the other `irrational`; then those words are matched."""
    if one.marks.get(NEGATION, _NONE) ^ other.marks.get(NEGATION, _NONE) != {"not"}:
        return False
    for token in tuple(left):
        twin = next((found for found in right if _prefixed(token.word, found.word)), None)
        if twin:
            left.remove(token)
            right.remove(twin)
            return True
    return False


def _modality(reading: Reading) -> frozenset[str]:
    """What may, should or must be. Asked of `how` or `what`, possibility says nothing, and what one needs one
    should have."""
    found = reading.marks.get(MODALITY, _NONE) - {"would"}
    if not found or reading.question in ("whether", ""):
        return found
    if reading.question in MEASURED:
        return found - {"should", "must"}
    if reading.question == "how":
        return found - {"should", "must", "can"}
    if reading.question == "what":
        return frozenset("must" if one == "should" else one for one in found if one != "can")
    sought = reading.question == "where" and any(token.word == "find" for token in reading.tokens)
    return found - ({"must", "can"} if sought else {"must"})


def _measures(one: Reading, other: Reading) -> Kind | None:
    """Numbers with other units."""
    if one.tokens == other.tokens or _measured(one.tokens) == _measured(other.tokens):
        return None
    return UNIT


def _measured(tokens: tuple[Token, ...]) -> set[tuple[str, str]]:
    units = [at for at, token in enumerate(tokens) if token.kind is UNIT]
    pairs = [(tokens[at - 1], tokens[at]) for at in units if at]
    return {(before.word, unit.word) for before, unit in pairs if before.kind is NUMBER}


def _question(one: Reading, other: Reading) -> Kind | None:
    """Whether they want answers of kinds that exclude each other. `What` may stand for many."""
    wanted = {one.question, other.question} - {""}
    if len(wanted) < 2:
        return None
    if wanted == CHOSEN and Kind.CHOICE in one.marks and Kind.CHOICE in other.marks:
        return None
    if "what" not in wanted or wanted & {"whether", "why"}:
        return Kind.QUESTION
    asked = AMOUNTS if wanted & MEASURED else WAYS if "how" in wanted else None
    if asked is None or any(token.word in asked for token in (*one.tokens, *other.tokens)):
        return None
    return None if any(token.kind is Kind.LANGUAGE for token in one.tokens) else Kind.QUESTION


# ── what the words say ───────────────────────────────────────────────────────────────────────────────


def _leftovers(one: Reading, other: Reading) -> tuple[list[Token], list[Token]]:
    """The words of either side that have no counterpart on the other."""
    return _matched(one, other)[:2]


def _matched(one: Reading, other: Reading) -> tuple[list[Token], list[Token], dict[str, str]]:
    """The words of either side that have no counterpart on the other; and of the other's slips, what is
    meant."""
    if one.tokens == other.tokens:
        return [], [], {}
    mine, theirs = _counted(one), _counted(other)
    left = [token for token in one.tokens if _lacks(theirs, mine, token)]
    right = [token for token in other.tokens if _lacks(mine, theirs, token)]
    slips: dict[str, str] = {}
    for token in tuple(left):
        twin = next((found for found in right if _slip(token, found)), None)
        if twin:
            left.remove(token)
            right.remove(twin)
            slips[twin.word] = token.word
    return _said(left), _said(right), slips


def _spelled(reading: Reading, slips: dict[str, str]) -> Reading:
    """With the words that are meant: who does what is told by words."""
    tokens = tuple(
        Token(slips.get(token.word, token.word), token.kind, token.role, token.said)
        for token in reading.tokens
    )
    actors = tuple(slips.get(word, word) for word in reading.actors)
    marks = dict(reading.marks)
    if Kind.CLAUSE in marks:
        apart = (clause.partition(" ") for clause in marks[Kind.CLAUSE])
        marks[Kind.CLAUSE] = frozenset(f"{hinge} {slips.get(word, word)}" for hinge, _, word in apart)
    return msgspec.structs.replace(reading, tokens=tokens, marks=marks, actors=actors)


def _counted(reading: Reading) -> dict[str, int]:
    """How often each word is said."""
    found: dict[str, int] = {}
    for token in reading.tokens:
        found[token.word] = found.get(token.word, 0) + 1
    return found


def _lacks(there: dict[str, int], here: dict[str, int], token: Token) -> bool:
    """A word that is said again says nothing new, but a number, a unit or a date does."""
    count = there.get(token.word)
    return count is None or (count < here[token.word] and token.kind in FIRM)


def _slip(one: Token, other: Token) -> bool:
    """Whether one of them is the other, misspelled: at least one is a word that no list knows."""
    return misspelled(one.said, other.said) if one.said and other.said else _meant(one, other)


def _meant(one: Token, other: Token) -> bool:
    said, known = (one.said, other) if one.said else (other.said, one)
    return (
        bool(said)
        and known.kind not in LITERAL
        and any(
            misspelled(said, form) or misspelled(stem(said), form, known=True) for form in forms(known.word)
        )
    )


def _said(tokens: list[Token]) -> list[Token]:
    return [token for token in tokens if not (token.said and slip_of_grammar(token.said))]


def _heavy(tokens: list[Token]) -> list[Token]:
    """Without words that say little: one side may have them and the other not."""
    return [token for token in tokens if token.kind is not WORD or token.word not in LIGHT]


def _firm(left: list[Token], right: list[Token]) -> Kind | None:
    found = {token.kind for token in (*left, *right)} & FIRM
    return min(found, key=_RANK.__getitem__) if found else None


_RANK = {kind: at for at, kind in enumerate(Kind)}


def _worst(left: list[Token], right: list[Token]) -> Kind:
    if any(opposed(a.word, b.word) for a in left for b in right):
        return Kind.ANTONYM
    named = any(token.kind is NAME for token in (*left, *right))
    return NAME if named else WORD


def opposed(one: str, other: str) -> bool:
    if (one, other) in ANTONYMS:
        return True
    return _prefixed(one, other)


def _prefixed(one: str, other: str) -> bool:
    """Whether one of them is the other with a prefix that says it is not so."""
    short, long = sorted((one, other), key=len)
    return any(long == prefix + short for prefix in OPPOSING)
