"""Which of the neighbours answers, if any: the verifier's word first, then how near and how clear, then what
was learned from pairs of questions.

Known weakness: two wordings of one answer count as two answers, so that neighbours agree less than they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import Protocol

import msgspec

from headgate.core.semantic.gates import AROUND, Gate, Neighbour, clearance
from headgate.core.semantic.packing import unpacked
from headgate.core.semantic.reading import Reading, read
from headgate.core.semantic.signature import apart, may_match, sign
from headgate.core.semantic.verifier import Proof, proof

PROVEN, REFUSED = Proof.PROVEN, Proof.REFUSED

PLAIN = 0.74
"""How clear a proven neighbour stands: like the same words, with nobody near."""

LIKELY = 0.7
"""How clear one that is likely the same stands."""

LIKELY_FLOOR = 0.4
"""Of texts less alike than this nobody asks how likely they are the same."""

PROVEN_FLOOR = 0.25
"""Texts less alike than this are not even read."""

READ = 2
"""How many of them are read, at most: those whose words differ least."""

APART = 0.02
"""How much nearer than any other answer the nearest must be, where nothing is proven."""


class Known(Protocol):
    """A kept question. `reading`: what it asks, packed. `alike`: the same for entries whose answers say the
    same. `sign`: its signature."""

    @property
    def reading(self) -> bytes: ...
    @property
    def alike(self) -> bytes: ...
    @property
    def sign(self) -> int: ...


class Candidate(Protocol):
    """One that is near."""

    @property
    def kept(self) -> Known: ...
    @property
    def likeness(self) -> float: ...


class Odds(Protocol):
    """What was learned from pairs of questions: `core.learned.likely.Likely`."""

    def score(self, asked: Reading, kept: Reading, likeness: float, /) -> float | None:
        """The logarithm of the odds that the answer to one answers the other; `None` where that is not to be
        asked."""
        ...


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """`place`: the candidate meant; `hit`: whether its answer may be used, with what `confidence`. `clear`
    and `against` are what a gate goes by, and learns from."""

    place: int
    hit: bool
    confidence: float
    clear: float
    against: bool


def at_sight(text: str, reading: bytes, gate: Gate | None = None) -> Judged | None:
    """The judgement of a question of the same signature, wherever it stands. `None` where they are not proven
    the same."""
    return _sure(0, gate) if proof(text, reading) is PROVEN else None


def judge(
    text: str,
    candidates: Sequence[Candidate],
    floor: float,
    gate: Gate | None = None,
    odds: Odds | None = None,
    bar: float = 1.0,
) -> Judged | None:
    """`candidates`: the nearest first. `floor`: how alike texts must be whose words do not prove it; with
    `odds`, `bar`: how likely the same. With a `gate`, that decides. `None` where nobody is near."""
    if not candidates:
        return None
    proofs: dict[int, Proof] = {}
    proven = _proven(text, candidates, proofs)
    if proven is not None:
        return _sure(proven, gate)
    best = candidates[0]
    clear = clearance([Neighbour(one.kept.alike, one.likeness) for one in candidates])
    near = gate is not None or _alone(candidates, floor)
    against = near and (proofs.get(0) or proof(text, best.kept.reading)) is REFUSED
    hit = gate.opens(clear, against=against) if gate else near and not against
    likely = _likely(text, best, odds, bar, gate) if odds and not hit else None
    confidence = min(0.99, best.likeness)
    return likely or Judged(place=0, hit=hit, confidence=confidence, clear=clear, against=against)


def _likely(text: str, best: Candidate, odds: Odds, bar: float, gate: Gate | None) -> Judged | None:
    """`None` where the nearest is not likely enough to be the same."""
    if best.likeness < LIKELY_FLOOR:
        return None
    score = odds.score(read(text), unpacked(best.kept.reading), best.likeness)
    probability = 0.0 if score is None else 1.0 / (1.0 + exp(-score))
    if probability < bar:
        return None
    hit = gate is None or gate.opens(LIKELY, against=False)
    return Judged(place=0, hit=hit, confidence=probability, clear=LIKELY, against=False)


def _sure(place: int, gate: Gate | None) -> Judged:
    hit = gate is None or gate.opens(PLAIN, against=False)
    return Judged(place=place, hit=hit, confidence=0.99, clear=PLAIN, against=False)


def _proven(text: str, candidates: Sequence[Candidate], proofs: dict[int, Proof]) -> int | None:
    """Puts down in `proofs` what was said of those that were read."""
    mine = sign(text)
    likely = [
        (apart(mine, one.kept.sign), place)
        for place, one in enumerate(candidates[:AROUND])
        if one.likeness >= PROVEN_FLOOR and may_match(mine, one.kept.sign)
    ]
    for _, place in sorted(likely)[:READ]:
        proofs[place] = proof(text, candidates[place].kept.reading)
        if proofs[place] is PROVEN:
            return place
    return None


def _alone(candidates: Sequence[Candidate], floor: float) -> bool:
    best = candidates[0]
    alike = best.kept.alike
    other = next((one.likeness for one in candidates if one.kept.alike != alike), 0.0)
    return best.likeness >= floor and best.likeness - other >= APART
