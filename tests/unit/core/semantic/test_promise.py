"""Promises: each tenant's gate learns of its own questions alone."""

from __future__ import annotations

from random import Random

from headgate.core.semantic.gates import Gate
from headgate.core.semantic.promise import MOST, Promise, wrong_share


def taught(gate: Gate, right: float, rounds: int) -> int:
    """Asks what the verifier refuses, all equally near, of which that share would have been right. How many
    were told wrongly."""
    chance = Random(3)
    wrong = 0
    for _ in range(rounds):
        gate.saw()
        was_right, hit = chance.random() < right, gate.opens(0.6, against=True)
        wrong += hit and not was_right
        share = gate.share(0.6, against=True) if hit else 1.0
        if chance.random() < share:
            gate.learn(0.6, against=True, right=was_right, weight=1 / share)
    return wrong


def test_what_one_tenant_teaches_opens_no_gate_to_another() -> None:
    promise = Promise(0.01, 0.6)
    many, few = promise.gate("many"), promise.gate("few")
    taught(many, 1.0, 20_000)
    assert many.opens(0.6, against=True)
    assert not few.opens(0.6, against=True)
    assert taught(few, 0.0, 500) <= 0.01 * 500, "a gate of both would let hundreds pass"
    assert many.opens(0.6, against=True), "and what the few are told closes no gate to the many"


def test_one_gate_for_both_would_break_it_to_the_few() -> None:
    """What the promise is made of gates for."""
    both = Gate(0.01, 0.6)
    taught(both, 1.0, 20_000)
    assert taught(both, 0.0, 500) > 0.1 * 500


def test_the_whole_is_the_sum_of_its_parts_and_few_begin_anew() -> None:
    promise = Promise(0.5, 0.6)
    for tenant in range(MOST + 1):
        gate = promise.gate(str(tenant))
        gate.saw()
        gate.learn(0.7, against=False, right=False)
    gates = dict(promise.gates())
    assert len(gates) == MOST
    assert "0" not in gates
    assert wrong_share(gates.values()) == 1.0
    promise.gate("1")
    promise.gate("new")
    assert "1" in dict(promise.gates()), "who has just asked is kept"
    assert wrong_share([]) == 0.0
