"""Who goes first."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.decision import Candidate
from headgate.core.strategy import SCORED, Importance, Runner, drawn, ranked, rotated

NAMES = st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True).map(tuple)
FACTS = st.tuples(
    st.booleans(),
    st.none() | st.floats(0, 1),
    st.none() | st.integers(0, 10**12),
    st.floats(0, 1e7),
    st.floats(0, 1),
)


def runner(name: str, *facts: Any) -> Runner:
    ready, quality, nano, latency, warmth = facts
    return Runner(
        candidate=Candidate(model_id=name, provider="p"),
        ready=ready,
        quality=quality,
        expected_nano=nano,
        latency_s=latency,
        warmth=warmth,
    )


@given(st.sampled_from(SCORED), st.lists(FACTS, min_size=1, max_size=8))
def test_ranking_loses_nobody_and_puts_those_without_room_last(
    strategy: str, facts: list[tuple[Any, ...]]
) -> None:
    runners = [runner(f"m{number}", *one) for number, one in enumerate(facts)]
    verdicts = ranked(strategy, runners, Importance())
    assert sorted(one.model_id for one in verdicts) == sorted(one.model_id for one in runners)
    assert [one.ready for one in verdicts] == sorted((one.ready for one in verdicts), reverse=True)
    for group in (True, False):
        scores = [one.score for one in verdicts if one.ready is group and one.score is not None]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("strategy", "first"),
    [("cheapest", "cheap"), ("best_quality", "good"), ("least_latency", "quick"), ("balanced", "good")],
)
def test_each_looks_for_what_it_is_named_for(strategy: str, first: str) -> None:
    runners = [
        runner("unknown", True, None, None, 5.0, 0.0),
        runner("cheap", True, 0.2, 1_000, 5.0, 0.0),
        runner("good", True, 0.9, 50_000, 5.0, 0.0),
        runner("quick", True, 0.3, 90_000, 0.1, 0.0),
    ]
    assert ranked(strategy, runners, Importance())[0].model_id == first


def test_a_warm_prompt_cache_speaks_for_a_model() -> None:
    cold, warm = runner("cold", True, 0.5, 10, 1.0, 0.0), runner("warm", True, 0.5, 10, 1.0, 0.9)
    assert ranked("balanced", [cold, warm], Importance())[0].model_id == "warm"


@given(NAMES, st.integers(0, 100))
def test_in_turns_everybody_comes_first_equally_often(names: tuple[str, ...], turn: int) -> None:
    firsts = Counter(rotated(names, turn + step)[0] for step in range(len(names) * 3))
    assert set(firsts.values()) == {3}


def test_by_weight_each_comes_first_as_often_as_it_weighs() -> None:
    chance = Random(7)
    firsts = Counter(drawn(("a", "b", "c"), {"a": 6.0, "b": 3.0}, chance)[0] for _ in range(10_000))
    assert firsts["a"] == pytest.approx(6_000, rel=0.05)
    assert firsts["b"] == pytest.approx(3_000, rel=0.05)
    assert firsts["c"] == pytest.approx(1_000, rel=0.1)
