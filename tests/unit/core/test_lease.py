"""`core.lease`, `core.hand`, `core.holder`: in no window of a minute are there more uses than the limit
allows, whatever happens to processes, messages, the store and its clock; and next to none of it is left
unused."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet import Fleet, Process
from headgate.core.lease import Ask, Books, Hello, sync

UNTIL_S = 200.0


def quick(chance: Random) -> float:
    return chance.uniform(0.0005, 0.003)


class Rough:
    """Late now and then, and one message in ten is lost, but never for so long that it would be an outage."""

    def __init__(self) -> None:
        self.lost = 0

    def __call__(self, chance: Random) -> float:
        drawn = chance.random()
        self.lost = self.lost + 1 if drawn < 0.05 and self.lost < 2 else 0
        if self.lost:
            return inf
        return chance.uniform(0.001, 0.45) if drawn < 0.3 else chance.uniform(0.0005, 0.01)


def loaded(
    limit: int,
    shares: list[float],
    *,
    load: float = 3.0,
    units: int = 1,
    seed: int = 1,
    latency: Callable[[Random], float] = quick,
) -> Fleet:
    """Processes that together want `load` times the limit, in these parts."""
    fleet = Fleet(limit, len(shares), seed=seed, latency=latency, known=len(shares))
    for process, share in zip(fleet.processes, shares, strict=True):
        if share:
            fleet.load(process, share * load * limit / 60.0 / units, UNTIL_S, units)
    return fleet


# ── use ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("limit", [20, 600])
@pytest.mark.parametrize("shares", [[1.0], [0.5, 0.5], [1 / 3] * 3, [0.8, 0.15, 0.05], [1, 0, 0], [0.1] * 10])
def test_all_of_the_limit_is_used_and_none_of_it_twice(limit: int, shares: list[float]) -> None:
    fleet = loaded(limit, shares)
    fleet.run(UNTIL_S)
    assert fleet.worst() <= limit
    assert fleet.used(0.0, 180.0) >= 0.97 * 3 * limit


def test_tokens_too() -> None:
    fleet = loaded(1_000_000, [0.5, 0.3, 0.2], units=1500)
    fleet.run(UNTIL_S)
    assert fleet.worst() <= 1_000_000
    assert fleet.used(0.0, 180.0) >= 0.97 * 3_000_000


@pytest.mark.parametrize(("limit", "count"), [(760, 3), (1000, 2), (6000, 3)])
def test_few_messages_are_needed(limit: int, count: int) -> None:
    fleet = loaded(limit, [1.0 / count] * count)
    fleet.run(180.0)
    assert fleet.messages * 1000 / len(fleet.uses) <= 50.0


def test_the_load_may_move_from_one_process_to_another() -> None:
    fleet = Fleet(600, 3, seed=5, known=3)
    for number, process in enumerate(fleet.processes):
        fleet.at(70.0 * number, lambda process=process: fleet.load(process, 30.0, fleet.now + 70.0))  # type: ignore[misc]  # mypy cannot type a default of a lambda
    fleet.run(UNTIL_S)
    assert fleet.worst() <= 600
    assert fleet.used(0.0, 180.0) >= 0.95 * 1800


def test_who_needs_little_is_not_kept_waiting_while_others_want_everything() -> None:
    fleet = loaded(600, [1.0, 0.0])
    small: Process = fleet.processes[1]
    fleet.load(small, 0.5, UNTIL_S)
    before = len(fleet.uses)
    fleet.run(UNTIL_S)
    assert len(fleet.uses) > before
    assert fleet.worst() <= 600


# ── exactness, whatever happens ──────────────────────────────────────────────────────────────────────

MISHAPS = st.lists(
    st.tuples(
        st.sampled_from(["crash", "join", "step", "outage", "emptied", "leave"]),
        st.floats(1.0, 150.0),
        st.floats(0.0, 1.0),
    ),
    max_size=4,
)


def befall(fleet: Fleet, what: str, when: float, amount: float) -> None:
    """One thing goes wrong at `when`; `amount`, of 1, is how much."""
    if what == "crash":
        fleet.at(
            when, lambda: setattr(fleet.processes[int(amount * 0.99 * len(fleet.processes))], "alive", False)
        )
    elif what == "join":
        fleet.at(when, lambda: fleet.load(fleet.join(f"late-{len(fleet.processes)}"), 20.0, UNTIL_S))
    elif what == "step":
        fleet.at(when, lambda: setattr(fleet, "clock_s", fleet.clock_s + (amount - 0.5) * 7200.0))
    elif what == "leave":
        fleet.at(when, lambda: fleet.leave(fleet.processes[0]))
    else:
        fleet.at(when, lambda: fleet.fails(5.0 + amount * 100.0, emptied=what == "emptied"))


@settings(max_examples=25)
@given(
    limit=st.sampled_from([7, 60, 300]),
    shares=st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=1, max_size=4),
    seed=st.integers(0, 2**16),
    rough=st.booleans(),
    mishaps=MISHAPS,
)
def test_no_minute_is_ever_over_the_limit(
    limit: int,
    shares: list[float],
    seed: int,
    rough: bool,
    mishaps: list[tuple[str, float, float]],
) -> None:
    """But for what nobody can know: a process that joins while the store is away, or just after its
    clock was set."""
    outages = [when for what, when, _ in mishaps if what in ("outage", "emptied")]
    stepped = any(what == "step" for what, _, _ in mishaps)
    fleet = loaded(limit, shares, seed=seed, latency=quick if outages or stepped or not rough else Rough())
    for what, when, amount in mishaps:
        if what == "crash" and "emptied" in [kind for kind, _, _ in mishaps]:
            continue  # what it had used nobody knows any more
        if what in ("outage", "emptied", "crash") or not (outages or (what == "join" and stepped)):
            befall(fleet, what, when, amount)
    fleet.run(UNTIL_S)
    assert fleet.worst() <= limit


def test_what_a_crashed_process_held_is_free_again_when_it_is_safe() -> None:
    fleet = loaded(600, [0.5, 0.5])
    fleet.at(30.0, lambda: setattr(fleet.processes[0], "alive", False))
    fleet.load(fleet.processes[1], 30.0, UNTIL_S)
    fleet.run(UNTIL_S)
    assert fleet.worst() <= 600
    assert fleet.used(130.0, 190.0) >= 0.97 * 600


# ── the store is away ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("emptied", [False, True])
@pytest.mark.parametrize("away_s", [4.0, 150.0])
def test_while_it_is_away_all_go_on_and_when_it_is_back_nothing_counts_twice(
    away_s: float, emptied: bool
) -> None:
    fleet = loaded(600, [1 / 3] * 3)
    fleet.load(fleet.processes[0], 30.0, 400.0)
    for process in fleet.processes[1:]:
        fleet.load(process, 30.0, 400.0)
    fleet.at(90.0, lambda: fleet.fails(away_s, emptied=emptied))
    fleet.run(400.0)
    assert fleet.worst() <= 600
    assert fleet.used(60.0, 360.0) >= 0.85 * 5 * 600
    assert fleet.used(330.0, 390.0) >= 0.97 * 600
    assert not any(process.holder.alone for process in fleet.processes)


def test_a_process_that_starts_without_a_store_uses_its_part() -> None:
    fleet = Fleet(600, 3, known=3)
    fleet.down = True
    for process in fleet.processes:
        fleet.load(process, 30.0, UNTIL_S)
    fleet.run(UNTIL_S)
    assert all(process.holder.alone for process in fleet.processes)
    assert fleet.worst() <= 600
    assert fleet.used(0.0, 180.0) >= 0.97 * 1800


# ── the store's side alone ───────────────────────────────────────────────────────────────────────────


def hello(number: int = 1, **members: object) -> Hello:
    usual = {
        "holder": "h",
        "number": number,
        "born": 0,
        "told_ms": 0,
        "passed_ms": 0,
        "patience_ms": 100,
        "doubts": 0,
        "horizon_ms": 1000,
        "lease_ms": 2000,
        "returning": False,
        "leaving": False,
        "asks": [Ask("w", 10, 60_000, [], 4, 0, 1)],
    }
    return Hello(**{**usual, **members})  # type: ignore[arg-type]  # the members are those of the test


def levels(books: Books) -> int:
    return sum(units for _, units in books.windows["w"].levels)


def test_a_message_that_comes_twice_is_done_once() -> None:
    books = Books()
    first = sync(books, hello(), 1_000_000)
    again = sync(books, hello(), 1_000_700)
    assert again == first
    assert [one.units for one in first.slices[0]] == [4]
    assert dict(books.windows["w"].levels)[0] == 6


def test_where_holders_disagree_the_lowest_limit_holds() -> None:
    books = Books()
    sync(books, hello(), 1_000_000)
    lower = [Ask("w", 5, 60_000, [], 4, 0, 1)]
    sync(books, hello(holder="i", asks=lower), 1_000_010)
    assert levels(books) == 5
    sync(books, hello(2), 1_000_020)
    assert levels(books) == 5
    sync(books, hello(2, holder="i"), 1_000_030)
    assert levels(books) == 10
    assert dict(books.windows["w"].levels).get(0, 0) <= 1, "new slots are free after a span"


def test_units_that_come_back_unused_are_free_at_once() -> None:
    books = Books()
    [one] = sync(books, hello(), 1_000_000).slices[0]
    back = [Ask("w", 10, 60_000, [(one.free_at, one.since, 4)], 0, 0, 1)]
    reply = sync(books, hello(2, asks=back), 1_000_500)
    assert reply.spare == [10]


def test_slots_that_are_free_soon_are_leased_ahead() -> None:
    books = Books()
    reply = sync(books, hello(asks=[Ask("w", 10, 60_000, [], 10, 0, 1)]), 1_000_000)
    [one] = reply.slices[0]
    used = [Ask("w", 10, 60_000, [(one.free_at, 1_060_100, 10)], 0, 0, 1)]
    sync(books, hello(2, asks=used), 1_001_000)
    wanted = [Ask("w", 10, 60_000, [], 10, 0, 1)]
    assert sync(books, hello(3, asks=wanted), 1_058_000).slices == [[]]
    [ahead] = sync(books, hello(4, asks=wanted), 1_059_500).slices[0]
    assert (ahead.since, ahead.units) == (1_060_100, 10)


def test_the_store_s_time_never_goes_back_and_forward_only_as_far_as_somebody_vouches() -> None:
    books = Books()
    first = sync(books, hello(), 5_000_000)
    vouched = {"born": first.born, "told_ms": first.now}
    back = sync(books, hello(2, **vouched, passed_ms=1000), 4_000_000)
    assert (back.now, back.sure) == (5_000_000, True)
    later = sync(books, hello(3, **vouched, passed_ms=1500), 4_000_500)
    assert (later.now, later.sure) == (5_000_500, True)
    vouched = {"born": first.born, "told_ms": later.now}
    ahead = sync(books, hello(4, **vouched, passed_ms=1000), 9_000_000)
    assert (ahead.now, ahead.sure) == (5_000_500, False)
    again = sync(books, hello(5, **vouched, passed_ms=1050, doubts=1), 9_000_050)
    assert (again.now, again.sure) == (5_001_550, True)
    after = sync(books, hello(6, **vouched, passed_ms=2050), 9_001_050)
    assert (after.now, after.sure) == (5_002_550, True)
