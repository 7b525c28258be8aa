"""Gates: clear is near and alone; what is promised is held, and a refusal is lifted by evidence."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from headgate.core.semantic.gates import Gate, Neighbour, clearance


def near(*pairs: tuple[str, float]) -> list[Neighbour]:
    return [Neighbour(answer, likeness) for answer, likeness in pairs]


def test_another_answer_close_by_makes_unclear() -> None:
    alone = clearance(near(("a", 0.95)))
    assert clearance(near(("a", 0.95), ("b", 0.94))) < clearance(near(("a", 0.95), ("b", 0.6))) < alone
    assert clearance(near(("a", 0.95), ("a", 0.94))) == alone, "the same answer twice is no doubt"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_more_likeness_is_never_less_clear(found: list[float]) -> None:
    ranked = sorted(found, reverse=True)
    before = clearance(near(*((str(at), one) for at, one in enumerate(ranked))))
    nearer = near(("0", min(1.0, ranked[0] + 0.1)), *((str(at), one) for at, one in enumerate(ranked) if at))
    assert clearance(nearer) >= before


def played(gate: Gate, wrong_below: float, *, against: bool = False, rounds: int = 4000) -> tuple[int, int]:
    """Hits and wrong ones, where neighbours below that clearance are wrong half the time."""
    chance = Random(7)
    hits = wrong = 0
    for _ in range(rounds):
        gate.saw()
        clear = chance.uniform(0.0, 0.8)
        right = clear >= wrong_below or chance.random() < 0.5
        hit = gate.opens(clear, against=against)
        hits, wrong = hits + hit, wrong + (hit and not right)
        share = gate.share(clear, against=against) if hit else 1.0
        if chance.random() < share:
            gate.learn(clear, against=against, right=right, weight=1 / share)
    return hits, wrong


def test_opens_as_far_as_the_promise_allows_and_no_further() -> None:
    gate = Gate(0.01, 0.7)
    hits, wrong = played(gate, 0.4)
    assert hits > 4000 * 0.4, "all that is right above 0.4 is about half"
    assert wrong <= 4000 * 0.015


def test_closes_where_what_was_right_is_no_longer() -> None:
    gate = Gate(0.01, 0.5)
    played(gate, 0.3)
    before = gate.threshold()
    played(gate, 0.9)
    assert gate.threshold() > before


def test_a_refusal_is_lifted_by_evidence_alone() -> None:
    gate = Gate(0.01, 0.5)
    assert not gate.opens(0.9, against=True)
    played(gate, 0.9, against=True)
    assert not gate.opens(0.7, against=True), "half of them were wrong"
    fresh = Gate(0.01, 0.5)
    played(fresh, 0.0, against=True)
    assert fresh.opens(0.7, against=True)
