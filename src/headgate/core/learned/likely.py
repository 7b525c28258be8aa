"""How likely it is that two questions want the same answer, where no proof says so: what is counted of a
pair, and trees that have learned from pairs what it means.

It is asked where a question is put in other words, and the verifier lacks one or hears grammar that may mean
nothing. Never against a contradiction: where one side has another number, unit, date, name, place, person,
language, format or version than the other, or says the opposite. And never where one word stands for another
or nothing but grammar differs: near misses do, and to tell them apart is what the verifier is for.

Known weakness: it has learned from English pairs, some hundreds of each kind, which were written and not
overheard. Two words that occur alike, as fission and fusion do, look alike to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from headgate.core.learned.boost import Boosted, Quick
from headgate.core.semantic.lexicon.table import FIRM, Kind
from headgate.core.semantic.reading import Reading
from headgate.core.semantic.roles import turned
from headgate.core.semantic.verifier import _heavy as heavy
from headgate.core.semantic.verifier import _leftovers as leftovers
from headgate.core.semantic.verifier import opposed
from headgate.core.semantic.words import Token

if TYPE_CHECKING:
    from headgate.core.learned.forest import Matrix
    from headgate.ports.embedder import Embedder
    from headgate.ports.neighbours import Vector

ONE_SIDED = (
    Kind.NUMBER, Kind.UNIT, Kind.DATE, Kind.PERSON, Kind.PLACE, Kind.VERSION, Kind.FORMAT, Kind.LANGUAGE,
    Kind.SYMBOL, Kind.NAME,
)  # fmt: skip
MARKS = (
    Kind.NEGATION, Kind.MODALITY, Kind.QUANTIFIER, Kind.COMPARATIVE, Kind.TENSE, Kind.SCOPE, Kind.CHOICE,
    Kind.PERSON, Kind.ORDER, Kind.CLAUSE,
)  # fmt: skip
REWORDED = 2
"""Words without a counterpart that one side must have."""

AKIN = 0.45
"""The cosine from which on one word may stand for another."""

STRANGE = 0.3
"""What is put down where one side has nothing left to compare: as between any two words."""

MOST_WORDS = 8192
"""Vectors of words at hand, 8 MB of them; then they are made anew."""

_NONE: frozenset[str] = frozenset()
_DECISIVE = FIRM | {Kind.NAME}
_WORDS = frozenset({Kind.WORD, Kind.NAME})


class Likely:
    """Judges pairs by trees that have learned it. `score` is the logarithm of the odds that two questions
    want the same answer, `None` where nobody should ask."""

    def __init__(self, model: Boosted, embedder: Embedder) -> None:
        """`embedder`: the one the trees have learned with."""
        self._trees = Quick(model)
        self._vectors = Vectors(embedder)

    def score(self, asked: Reading, kept: Reading, likeness: float) -> float | None:
        counted = counts(asked, kept, likeness, self._vectors)
        return None if counted is None else self.odds(np.array(counted, np.float32))

    def odds(self, counted: Matrix) -> float:
        return self._trees.score(counted)


class Vectors:
    """Of words; those that were met are at hand."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Vector] = {}

    def of(self, tokens: Sequence[Token]) -> Matrix:
        words, known = [token.said or token.word for token in tokens], self._known
        strange = [word for word in words if word not in known]
        if strange:
            if len(known) + len(strange) > MOST_WORDS:
                known.clear()
                strange = words
            known.update(zip(strange, self._embedder.embed(strange), strict=True))
        return np.array([known[word] for word in words])


def counts(one: Reading, other: Reading, likeness: float, vectors: Vectors) -> list[float] | None:
    """What the trees look at; `None` where the two contradict one another or are not put in other words."""
    left, right = leftovers(one, other)
    mine, theirs = _loose(left), _loose(right)
    if max(len(mine), len(theirs)) < REWORDED or _contradict(left, right):
        return None
    one_sided = dict.fromkeys(ONE_SIDED, 0)
    for token in (*left, *right):
        if token.kind in one_sided:
            one_sided[token.kind] += 1
    return [
        likeness,
        *_sorted(len(one.tokens), len(other.tokens)),
        *_sorted(len(mine), len(theirs)),
        *_sorted(_shared(one, left), _shared(other, right)),
        *one_sided.values(),
        *[len(one.marks.get(kind, _NONE) ^ other.marks.get(kind, _NONE)) for kind in MARKS],
        one.question == other.question,
        bool(one.question and other.question) and one.question != other.question,
        turned(one, other),
        *_akin(mine, theirs, vectors),
    ]


def _sorted(one: float, other: float) -> tuple[float, float]:
    """Which of the two was asked first makes no difference."""
    return (one, other) if one <= other else (other, one)


def _contradict(left: Sequence[Token], right: Sequence[Token]) -> bool:
    """Whether both have something of a kind that says what only one of them can mean."""
    kinds = {token.kind for token in left} & {token.kind for token in right}
    if not kinds.isdisjoint(_DECISIVE):
        return True
    return any(opposed(a.word, b.word) for a in left for b in right)


def _loose(tokens: list[Token]) -> list[Token]:
    return [token for token in heavy(tokens) if token.kind in _WORDS]


def _shared(reading: Reading, left: Sequence[Token]) -> float:
    """The share of the words that have a counterpart."""
    return 1.0 - len(left) / max(1, len(reading.tokens))


def _akin(mine: Sequence[Token], theirs: Sequence[Token], vectors: Vectors) -> list[float]:
    """How like the words without a counterpart are to those of the other side: of all taken together; of each
    to the one it is most like, on average, at worst, and the share that is like any; the side that is less
    like first."""
    if not mine or not theirs:
        return [STRANGE if mine or theirs else 1.0] * 7
    every = vectors.of((*mine, *theirs))
    ours, others = every[: len(mine)], every[len(mine) :]
    cosines = ours @ others.T
    sides = sorted((_most(cosines.max(1).tolist()), _most(cosines.max(0).tolist())))
    whole, whole_other = np.add.reduce(ours), np.add.reduce(others)
    lengths = float((whole @ whole) * (whole_other @ whole_other)) ** 0.5
    return [float(whole @ whole_other) / max(lengths, 1e-6), *sides[0], *sides[1]]


def _most(best: list[float]) -> tuple[float, float, float]:
    return sum(best) / len(best), min(best), sum(one > AKIN for one in best) / len(best)
