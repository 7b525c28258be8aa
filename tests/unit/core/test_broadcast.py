"""One answer told to many: nothing lost, nothing twice, and no more kept than somebody has yet to hear."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headgate.core.broadcast import AHEAD_BYTES, Listener, Pieces

ROOM = 100


def heard(pieces: Pieces, listener: Listener) -> bytes:
    return pieces.rest(listener) or b""


@given(st.lists(st.one_of(st.binary(min_size=1, max_size=9), st.integers(0, 3)), max_size=60))
def test_everybody_hears_everything_in_order_until_it_grows_too_long(steps: list[bytes | int]) -> None:
    """A step says a piece, or lets one of four listen; listeners join at their first turn."""
    pieces = Pieces(10_000)
    listeners: dict[int, Listener] = {}
    told = dict.fromkeys(range(4), b"")
    said = b""
    for step in steps:
        if isinstance(step, bytes):
            pieces.say(step)
            said += step
        else:
            listener = listeners.setdefault(step, pieces.join())
            told[step] += heard(pieces, listener)
            assert told[step] == said
    assert all(said.startswith(one) for one in told.values())
    assert pieces.whole


@given(st.lists(st.tuples(st.integers(1, 40), st.sampled_from(["both", "one", "none"])), max_size=40))
def test_what_is_kept_is_bounded_and_who_keeps_up_misses_nothing(steps: list[tuple[int, str]]) -> None:
    pieces = Pieces(ROOM)
    quick, slow = pieces.join(), pieces.join()
    told, said = b"", b""
    for size, who in steps:
        piece = bytes([size]) * size
        pieces.say(piece)
        said += piece
        told += heard(pieces, quick)
        if who == "both":
            heard(pieces, slow)
        assert sum(map(len, pieces._pieces)) <= max(ROOM, size)
        assert told == said
        assert slow.overrun or len(said) - slow.heard <= ROOM


def test_a_listener_who_is_overrun_hears_no_more() -> None:
    pieces = Pieces(ROOM)
    slow = pieces.join()
    pieces.say(b"a" * 60)
    assert heard(pieces, slow) == b"a" * 60
    pieces.say(b"b" * 60)
    assert not slow.overrun
    pieces.say(b"c" * 60)
    assert slow.overrun
    assert pieces.hear(slow) is None


def test_it_runs_ahead_of_the_furthest_only_so_far() -> None:
    pieces = Pieces(10 * AHEAD_BYTES)
    one, other = pieces.join(), pieces.join()
    pieces.say(b"x" * (AHEAD_BYTES + 1))
    assert pieces.ahead
    heard(pieces, one)
    assert not pieces.ahead
    pieces.say(b"x" * AHEAD_BYTES)
    pieces.leave(one)
    assert pieces.ahead, "the furthest left: now the other is"
    heard(pieces, other)
    assert not pieces.ahead


def test_newcomers_hear_it_from_the_beginning_while_it_is_whole() -> None:
    pieces = Pieces(ROOM)
    first = pieces.join()
    pieces.say(b"a" * 60)
    heard(pieces, first)
    assert pieces.whole
    assert heard(pieces, pieces.join()) == b"a" * 60
    pieces.say(b"b" * 60)
    assert not pieces.whole
