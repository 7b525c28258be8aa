"""What scores teach of requests: bounded, cautious, and right where there is something to learn."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from headgate.core.asked import Asked, Turn
from headgate.core.chat import Role
from headgate.core.taught import HEAVIEST, MOST, NOTHING, Opinion, Taught, Traits, traits

TRAITS = st.tuples(st.just(1.0), *[st.floats(0, 1)] * (len(NOTHING) - 1))
SCORES = st.lists(st.tuples(TRAITS, st.floats(0, 1), st.booleans()), max_size=60)


@given(SCORES, TRAITS)
def test_whatever_is_scored_weights_and_lifts_stay_bounded(
    scores: list[tuple[Traits, float, bool]], of: Traits
) -> None:
    taught = Taught()
    for seen, score, weak in scores:
        taught = taught.after(seen, score, weak=weak)
    for one in (taught.weak, taught.strong):
        assert all(abs(weight) <= HEAVIEST for weight in one.weights)
        assert 0.0 <= one.quality(of) <= 1.0
    assert abs(taught.lift(of)) <= MOST
    assert -1.0 <= taught.mean <= 1.0


@given(SCORES, TRAITS)
def test_where_only_one_model_was_scored_nothing_moves(
    scores: list[tuple[Traits, float, bool]], of: Traits
) -> None:
    taught = Taught()
    for seen, score, _ in scores:
        taught = taught.after(seen, score, weak=True)
    assert taught.lift(of) == 0.0


def test_a_model_that_is_always_the_same_has_no_kind_of_request_it_is_worth_more_on() -> None:
    chance, taught = Random(1), Taught()
    for _ in range(2_000):
        of = (1.0, *(chance.random() for _ in NOTHING[1:]))
        weak = chance.random() < 0.5
        taught = taught.after(of, 0.4 if weak else 0.9, weak=weak)
    for _ in range(100):
        assert abs(taught.lift((1.0, *(chance.random() for _ in NOTHING[1:])))) < 0.1
    assert 0.4 < taught.mean < 0.6


def test_what_has_changed_is_learned_anew() -> None:
    of, opinion = (1.0, *NOTHING[1:]), Opinion()
    for _ in range(500):
        opinion = opinion.after(of, 1.0)
    assert opinion.quality(of) > 0.9
    for _ in range(500):
        opinion = opinion.after(of, 0.0)
    assert opinion.quality(of) < 0.2


@given(st.text(max_size=300), st.integers(0, 10**9), st.booleans())
def test_traits_of_any_text_lie_between_nothing_and_all(text: str, chars: int, follows: bool) -> None:
    earlier = (Turn(Role.USER, "before"),) if follows else ()
    found = traits(Asked(text=text, last_chars=chars, earlier=earlier))
    assert len(found) == len(NOTHING)
    assert all(0.0 <= one <= 1.0 for one in found)
    assert found[0] == 1.0
