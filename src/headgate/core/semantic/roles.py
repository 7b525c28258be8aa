"""Who does what to whom: whether two questions that say the same words mean them in other roles.

Known weakness: nobody parses here. Roles are told by prepositions, by the order of words, and by the few
words that a clause hangs on; where those say nothing, words that have changed places are taken for the same.
"""

from __future__ import annotations

from itertools import pairwise

from headgate.core.semantic.lexicon.table import Kind
from headgate.core.semantic.reading import Reading
from headgate.core.semantic.words import Token

NUMBER, UNIT, ORDER, CLAUSE = Kind.NUMBER, Kind.UNIT, Kind.ORDER, Kind.CLAUSE

SWAPPED = frozenset({Kind.NAME, Kind.PLACE, Kind.PERSON, Kind.LANGUAGE, NUMBER, UNIT})
DIRECTED = frozenset(
    ["from", "to", "than", "by", "over", "under", "before", "after", "minus", "instead", "against", "with",
     "without", "except", "not", "for"]
)  # fmt: skip
CONTRARY = frozenset(
    [("from", "to"), ("over", "under"), ("after", "before"), ("with", "without"), ("against", "for"),
     ("since", "until"), ("by", "until"), ("until", "after"), ("since", "before"), ("by", "after")]
)  # fmt: skip
"""Prepositions that say opposite things of one word, or other ones of a time."""

MANY = "several"
HINGES = ("if ", "then ", "only ", "which ")
QUIET = frozenset({"", "of"})
"""No preposition, and those of which one often stands for another."""

WHOM = frozenset(f"{role} whom" for role in (*DIRECTED, "of"))
_NONE: frozenset[str] = frozenset()


def turned(one: Reading, other: Reading) -> bool:
    if _converse(one, other):
        return True
    if one.tokens == other.tokens and _order(one) == _order(other):
        return _hung(one, other) or (one.actors != other.actors and _acted(one, other))
    mine, theirs = _governed(one), _governed(other)
    if len(mine.keys() | theirs.keys() | QUIET) > len(QUIET) and (
        _directed(mine, theirs) or _opposed(one, other) or _done_by(one, other) or _done_by(other, one)
    ):
        return True
    if _inverted(one, other) or _converse(one, other) or _hung(one, other):
        return True
    turns = ((one, other), (other, one))
    return any(_stranded(*both) or _swapped(*both) for both in turns) or _acted(one, other)


def _converse(one: Reading, other: Reading) -> bool:
    """Whether of two kinds of things one is asked to be among the other: is every A a B, is every B an A."""
    quantified = one.marks.get(Kind.QUANTIFIER, _NONE)
    if not ("all" in quantified or (quantified and one.question == other.question == "whether")):
        return False
    mine, theirs = _firsts(one), _firsts(other)
    places = [theirs[word] for word in mine if word in theirs]
    return len(places) > 1 and places == sorted(places, reverse=True)


def _order(reading: Reading) -> frozenset[str]:
    return reading.marks.get(ORDER, _NONE)


def _governed(reading: Reading) -> dict[str, set[str]]:
    """Words by the preposition that governs them."""
    found: dict[str, set[str]] = {}
    for token in reading.tokens:
        if token.said != token.role or not token.said:  # not the preposition itself
            found.setdefault(token.role, set()).add(token.word)
    return found


def _directed(mine: dict[str, set[str]], theirs: dict[str, set[str]]) -> bool:
    """Whether a preposition of direction governs other words."""
    return any(not mine[role] & theirs[role] for role in mine.keys() & theirs.keys() if role in DIRECTED)


def _inverted(one: Reading, other: Reading) -> bool:
    """Whether one asks who does it, and the other who it is done to: who beat him, who did he beat."""
    marks = _order(one), _order(other)
    if {"by whom", "done"} <= marks[0] | marks[1]:
        return True
    if {one - WHOM for one in marks} != {_NONE, frozenset({"done"})}:
        return False
    if {one.question, other.question} == {"who", "what"}:
        return True
    mine, theirs = _firsts(one), _firsts(other)
    shared = [word for word in mine if word in theirs]
    return any(theirs[first] > theirs[second] for first, second in pairwise(shared))


def _hung(one: Reading, other: Reading) -> bool:
    """Whether something hangs on other words: if it rains, if I stay; the man who, the knife that; what eats
    spiders, what spiders eat."""
    mine, theirs = one.marks.get(CLAUSE, _NONE), other.marks.get(CLAUSE, _NONE)
    if not mine or not theirs or mine == theirs:
        return False
    kinds = HINGES if _order(one) or _order(other) else (*HINGES, "what ")
    for kind in kinds:
        here, there = _clauses(mine, kind), _clauses(theirs, kind)
        if here and there and not here & there:
            return True
    return False


def _clauses(clauses: frozenset[str], kind: str) -> set[str]:
    return {clause for clause in clauses if clause.startswith(kind)}


def _stranded(one: Reading, other: Reading) -> bool:
    """Whether a preposition governs what one asks for, and in the other what both know: whom is she the
    mother of, who is the mother of her."""
    mine = _order(one) - _order(other)
    if not any(mark.endswith(" whom") for mark in mine):
        return False
    words, governed = {token.word for token in one.tokens}, _governed(one)
    return any(
        f"{token.role} whom" in mine and token.word in words - governed.get(token.role, set())
        for token in other.tokens
    )


def _done_by(one: Reading, other: Reading) -> bool:
    """Whether who does it in one is who it is done to in the other: taught by Plato, taught Plato."""
    places = {token.word: at for at, token in enumerate(other.tokens) if not token.role}
    if any(token.role == "by" and token in one.tokens for token in other.tokens):
        return False
    deed = ""
    for token in one.tokens:
        if token.role == "by" and deed in places and places.get(token.word, -1) > places[deed]:
            return True
        deed = deed if token.role else token.word
    return False


def _opposed(one: Reading, other: Reading) -> bool:
    """Whether a word is under opposite prepositions (to French, from French), or two have taken each other's
    roles (black cats with white paws)."""
    mine, theirs = _role(one), _role(other)
    moved = {
        (role, theirs[word])
        for word, role in mine.items()
        if theirs.get(word, role) != role and MANY not in (role, theirs[word])
    }
    return any(
        pair in CONTRARY or pair[::-1] in CONTRARY or (pair[::-1] in moved and "of" not in pair)
        for pair in moved
    )


def _role(reading: Reading) -> dict[str, str]:
    """By word, its role wherever it stands; `MANY` where it has several."""
    found: dict[str, str] = {}
    for token in reading.tokens:
        if found.setdefault(token.word, token.role) != token.role:
            found[token.word] = MANY
    return found


def _swapped(one: Reading, other: Reading) -> bool:
    """Whether two words of one kind have changed places, and with them their roles."""
    movable = [token for token in one.tokens if token.kind in SWAPPED]
    if len(movable) < 2:
        return False
    roles = {token.word: token.role for token in other.tokens}
    places = {token.word: at for at, token in enumerate(other.tokens)}
    measured = {unit.word for number, unit in pairwise(one.tokens) if number.kind is NUMBER}
    for at, first in enumerate(movable):
        for second in movable[at + 1 :]:
            if first.kind is not second.kind:
                continue
            if first.kind is UNIT and measured & {first.word, second.word}:
                continue  # 5 km in miles, how many miles are 5 km
            known = (
                first.word in places
                and second.word in places
                and not _free(one, other, first.word, second.word)
            )
            if known and places[first.word] > places[second.word] and _moved(first, second, roles):
                return True
    return False


def _free(one: Reading, other: Reading, first: str, second: str) -> bool:
    """Whether they stand side by side in a list of both: tea and milk are milk and tea."""
    if not one.lists or not other.lists:
        return False
    return all(any(first in names and second in names for names in reading.lists) for reading in (one, other))


def _moved(first: Token, second: Token, roles: dict[str, str]) -> bool:
    if first.role == second.role == "between":
        return False
    now = roles[first.word], roles[second.word]
    if {first.role, second.role} ^ set(now) == {"by"}:
        return False  # built by the Romans, the Romans built: see `_done_by`
    if first.role != second.role and ("" != first.role == now[0] or "" != second.role == now[1]):
        return False  # one has kept its role, so the other has not taken it
    same = now == (first.role, second.role)
    return not same or first.role == second.role == ""


def _acted(one: Reading, other: Reading) -> bool:
    """Whether two who act have changed places around what they do: dog bites man, man bites dog."""
    mine, theirs = _firsts(one), _firsts(other)
    shared = [word for word in mine if word in theirs]
    places = [theirs[word] for word in shared]
    if places == sorted(places):
        return False
    for at, first in enumerate(shared):
        for second in shared[at + 2 :]:
            if theirs[second] > theirs[first] or _free(one, other, first, second):
                continue
            between = [word for word in shared[at + 1 :] if mine[word] < mine[second]]
            if any(
                theirs[second] < theirs[word] < theirs[first]
                and not (_free(one, other, first, word) or _free(one, other, word, second))
                for word in between
            ):
                return True
    return False


def _firsts(reading: Reading) -> dict[str, int]:
    """Words without a preposition, and who is spoken of, where they first stand."""
    governed = {token.word for token in reading.tokens if token.role}
    found: dict[str, int] = {}
    for at, word in enumerate(reading.actors):
        if word not in governed and word not in found:
            found[word] = at
    return found
