"""Likely the same: who is asked about at all, and that nothing overrules a contradiction."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.adapters.embed import WORDLLAMA, local
from headgate.adapters.odds import likely
from headgate.core.learned.likely import Vectors, counts
from headgate.core.semantic.judge import judge
from headgate.core.semantic.packing import packed, unpacked
from headgate.core.semantic.reading import read
from headgate.core.semantic.signature import sign
from headgate.ports.neighbours import Kept, Near

EMBEDDER = local(WORDLLAMA)
VECTORS = Vectors(EMBEDDER)
ODDS = likely(EMBEDDER)
KEPT = "What's the best way to get candle wax out of a tablecloth?"
REWORDED = "I spilled candle wax on the tablecloth at a party, how do I get candle wax out of the tablecloth?"


def counted(one: str, other: str) -> list[float] | None:
    return counts(read(one), unpacked(packed(other)), 0.7, VECTORS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "How do I descale a 2 litre kettle quickly?",
            "Quick ways of removing limescale from a 3 litre kettle",
        ),
        ("Flights from Oslo next week under 200 euros", "Cheap plane tickets leaving Bergen in 7 days"),
        (
            "Write the apology to our client in German",
            "Draft a letter in Spanish saying sorry to the customer",
        ),
        ("How can I lose some weight before summer?", "How can I gain some weight before summer starts?"),
        ("Why was my card declined?", "Why was my card refused?"),
        ("May I park here?", "Must I park here?"),
        ("", ""),
    ],
    ids=["number", "name", "language", "opposite", "one word", "grammar alone", "nothing"],
)
def test_nobody_asks_where_it_could_not_be_or_where_nothing_is_reworded(one: str, other: str) -> None:
    assert counted(one, other) is None
    assert counted(other, one) is None


def test_which_came_first_makes_no_difference() -> None:
    forth, back = counted(REWORDED, KEPT), counted(KEPT, REWORDED)
    assert forth is not None
    assert back is not None
    assert forth == pytest.approx(back, abs=1e-5)


def near(text: str, likeness: float) -> Near:
    return Near(Kept(packed(text), b"", b"1", sign(text), 0.0), likeness)


class Fixed:
    """Always as sure of it."""

    def __init__(self, score: float | None) -> None:
        self._score = score

    def score(self, *_: object) -> float | None:
        return self._score


@pytest.mark.parametrize(
    ("score", "bar", "likeness", "hit"),
    [
        (3.0, 0.8, 0.7, True),
        (1.0, 0.8, 0.7, False),
        (3.0, 0.99, 0.7, False),
        (3.0, 0.8, 0.3, False),
        (None, 0.0001, 0.7, False),
    ],
    ids=["likely", "not likely", "a higher bar", "far", "not asked"],
)
def test_a_neighbour_that_is_likely_enough_answers(
    score: float | None, bar: float, likeness: float, hit: bool
) -> None:
    found = judge(REWORDED, [near(KEPT, likeness)], 0.95, None, Fixed(score), bar)
    assert found
    assert found.hit is hit
    if hit and score:
        assert found.confidence == pytest.approx(1 / (1 + math.exp(-score)))


def test_what_ships_knows_other_words_and_another_question() -> None:
    assert ODDS is not None
    same = ODDS.score(read(REWORDED), read(KEPT), 0.75)
    other = ODDS.score(read("Which candles burn the longest and smell of wax the least?"), read(KEPT), 0.5)
    assert same is not None
    assert other is not None
    assert same > other + 2


TEXTS = st.text(st.sampled_from("how much is 3 kg of What's él 山 \ud800?! not"), max_size=60)


@given(TEXTS, TEXTS, st.floats(-1, 1))
def test_any_texts_are_counted_by_as_many_finite_numbers(one: str, other: str, likeness: float) -> None:
    found, usual = counts(read(one), read(other), likeness, VECTORS), counted(REWORDED, KEPT)
    assert usual is not None
    assert found is None or (len(found) == len(usual) and all(map(math.isfinite, found)))
