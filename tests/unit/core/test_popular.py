"""What is asked most is found among many, and forgotten after a day."""

from __future__ import annotations

from random import Random

from headgate.core.popular import ROOM, Popular

DAY_S = 86_400.0


def test_the_most_asked_are_found_among_many() -> None:
    popular: Popular[int] = Popular(3)
    chance = Random(1)
    for number in range(5_000):
        common = chance.random() < 0.3
        question = b"common %d" % chance.randrange(3) if common else b"rare %d" % number
        popular.note(question, number)
        assert len(popular._asked) <= 3 * ROOM
    assert {question for question, _ in popular.top(1.0)} == {b"common 0", b"common 1", b"common 2"}


def test_it_is_asked_again_as_it_was_last() -> None:
    popular: Popular[str] = Popular(3)
    for asked in ("first", "last"):
        popular.note(b"a", asked)
    popular.note(b"once", "x")
    assert popular.top(1.0) == [(b"a", "last")]


def test_what_nobody_asks_any_more_is_forgotten() -> None:
    popular: Popular[int] = Popular(3)
    for number in range(5):
        popular.note(b"a", number)
    assert popular.top(1.0)
    assert popular.top(1.0 + DAY_S)
    assert not popular.top(1.0 + 2 * DAY_S)
    popular.top(1.0 + 9 * DAY_S)
    assert not popular._asked
