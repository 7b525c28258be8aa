"""Drawn numbers and prompts, and the spread of what was seen."""

from __future__ import annotations

import json
from collections import Counter
from math import ceil
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.draws import Draw
from headgate.core.prompts import Prompts, Repeats
from headgate.core.spread import Sample, Spread
from headgate.core.usage import CHARS_PER_TOKEN
from headgate.providers.simulated.words import wanted_tokens

amounts = st.floats(0.0, 1e4)


@given(
    st.sampled_from(["fixed", "uniform", "exponential", "lognormal"]),
    *(amounts, st.floats(0.0, 3.0), amounts, amounts, st.integers()),
)
def test_what_is_drawn_stays_within_its_ends(
    kind: str, a: float, b: float, end: float, other: float, seed: int
) -> None:
    draw = Draw(kind=kind, a=a, b=b, least=min(end, other), most=max(end, other))  # type: ignore[arg-type]  # of them
    assert draw.least <= draw(Random(seed)) <= draw.most
    assert draw(Random(seed)) == draw(Random(seed))


def test_the_middle_is_where_it_was_put() -> None:
    def drawn(draw: Draw) -> list[float]:
        chance = Random(1)
        return [draw(chance) for _ in range(4000)]

    assert median(drawn(Draw(kind="lognormal", a=150.0, b=1.4))) == pytest.approx(150.0, rel=0.1)
    assert sum(drawn(Draw(kind="exponential", a=20.0))) / 4000 == pytest.approx(20.0, rel=0.1)
    assert sum(drawn(Draw(kind="uniform", a=10.0, b=30.0))) / 4000 == pytest.approx(20.0, rel=0.1)
    assert set(drawn(Draw(a=7.0))) == {7.0}


@given(st.lists(st.floats(0.0, 1e6), min_size=1))
def test_percentiles_are_the_smallest_that_so_many_do_not_exceed(values: list[float]) -> None:
    spread, ordered = Sample(values).spread(digits=9), sorted(values)
    for share, found in ((0.5, spread.p50), (0.9, spread.p90), (0.99, spread.p99)):
        assert found == pytest.approx(ordered[ceil(share * len(ordered)) - 1], abs=1e-9)
    assert spread.count == len(values)
    assert spread.most == pytest.approx(ordered[-1], abs=1e-9)


def test_of_nothing_everything_is_nought() -> None:
    assert Sample().spread() == Spread()


def prompts(
    seed: int = 1, *, tokens: float = 100.0, answer: float = 50.0, repeats: Repeats | None = None
) -> Prompts:
    drawn = Draw(a=tokens), Draw(a=answer)
    return Prompts(Random(seed), tokens=drawn[0], answer=drawn[1], repeats=repeats or Repeats())


@given(st.integers(), st.integers(60, 20_000), st.integers(1, 99_999))
def test_a_prompt_is_as_long_as_wanted_asks_for_its_answer_and_stands_in_json_as_it_is(
    seed: int, tokens: int, answer: int
) -> None:
    prompt = prompts(seed, tokens=tokens, answer=answer)()
    assert -(-len(prompt) // CHARS_PER_TOKEN) == pytest.approx(tokens, abs=1)
    assert wanted_tokens(prompt) == answer
    assert json.dumps(prompt) == f'"{prompt}"'


def test_no_prompt_comes_twice_but_those_that_are_meant_to() -> None:
    write = prompts()
    assert len({write() for _ in range(2000)}) == 2000
    write = prompts(repeats=Repeats(share=0.5, pool=20))
    counts = Counter(write() for _ in range(4000))
    again = {prompt: count for prompt, count in counts.items() if count > 1}
    assert len(again) == 20
    assert sum(again.values()) == pytest.approx(2000, rel=0.06)
    assert max(again.values()) == pytest.approx(2000 / 3.6, rel=0.15)  # 1 ÷ (1 + 1/2 + … + 1/20)


def test_some_come_in_other_words_and_want_the_same_answer() -> None:
    write = prompts(repeats=Repeats(share=1.0, pool=1, reworded=0.5))
    said = {write() for _ in range(200)}
    assert 2 <= len(said) <= 6
    assert {wanted_tokens(prompt) for prompt in said} == {50}
