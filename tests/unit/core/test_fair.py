"""Whose turn it is: order laws, shares, isolation, and what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.fair import BORROWED, Fair, Ticket
from headgate.core.lengths import Lengths, Pace
from headgate.core.tier import Tier

TIERS = {name: Tier(name=name, weight=weight) for name, weight in (("free", 1), ("basic", 5), ("pro", 10))}
LANE = ("a",)


def entered(fair: Fair, tier: str, tenant: str, *, due: float = 0.0, lanes: tuple[str, ...] = LANE) -> Ticket:
    ticket = Ticket(TIERS[tier], tenant, due)
    fair.enter(ticket, lanes)
    return ticket


def served(fair: Fair, lanes: tuple[str, ...] = LANE, *, open_: str = "a") -> Ticket:
    """The first in line of an open lane, let go."""
    ticket = next(ticket for lane, ticket in fair.heads() if lane == open_)
    fair.serve(ticket, lanes)
    return ticket


def jain(shares: list[float]) -> float:
    """Jain's fairness index (Jain, Chiu and Hawe, 1984): 1 is equal, 1/n is all for one."""
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


# ── order ────────────────────────────────────────────────────────────────────────────────────────────


def test_tiers_get_their_weights_and_tenants_the_same() -> None:
    fair = Fair()
    for tier in TIERS:
        for tenant in range(5):
            for _ in range(400):
                entered(fair, tier, f"{tier}-{tenant}")
    tickets = [served(fair) for _ in range(1600)]
    assert Counter(ticket.tier.name for ticket in tickets) == {"pro": 1000, "basic": 500, "free": 100}
    each = Counter(ticket.tenant for ticket in tickets)
    assert {each[f"pro-{n}"] for n in range(5)} == {200}
    assert {each[f"free-{n}"] for n in range(5)} == {20}


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), min_size=1, max_size=60))
def test_one_tenants_requests_go_by_deadline_whoever_leaves_between(dues: list[tuple[float, bool]]) -> None:
    fair = Fair()
    tickets = [(entered(fair, "pro", "t", due=due), leaves) for due, leaves in dues]
    for ticket, leaves in tickets:
        if leaves:
            fair.leave(ticket, LANE)
    stay = sorted(ticket.due for ticket, leaves in tickets if not leaves)
    assert [served(fair).due for _ in stay] == stay
    assert (fair.waiting, fair.heads()) == (0, [])


@given(st.integers(2, 12), st.integers(1, 50), st.randoms(use_true_random=False))
def test_equal_tenants_fare_equally_whatever_they_send(tenants: int, rounds: int, chance: Random) -> None:
    """Backlogged throughout, with queues of very different lengths: nobody is ever two turns ahead."""
    fair = Fair()
    for tenant in range(tenants):
        for _ in range(rounds + chance.randrange(50)):
            entered(fair, "pro", str(tenant))
    got = Counter(served(fair).tenant for _ in range(tenants * rounds))
    shares = [float(got[str(tenant)]) for tenant in range(tenants)]
    assert max(shares) - min(shares) <= 1
    assert jain(shares) >= 0.95


@given(
    st.dictionaries(st.sampled_from(sorted(TIERS)), st.integers(200, 400), min_size=2),
    st.integers(20, 200),
)
def test_no_tier_falls_behind_its_share_by_more_than_a_turn(backlog: dict[str, int], turns: int) -> None:
    """Start-time fair queueing's bound: a tier that waits all the time is at most one request a side off."""
    fair = Fair()
    for tier, count in backlog.items():
        for number in range(count):
            entered(fair, tier, str(number % 7))
    got: Counter[str] = Counter()
    total = sum(TIERS[tier].weight for tier in backlog)
    for turn in range(1, turns + 1):
        got[served(fair).tier.name] += 1
        for tier in backlog:
            assert abs(got[tier] - turn * TIERS[tier].weight / total) <= len(backlog)
    assert turns < total or all(got[tier] for tier in backlog)


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(0.0, 0.5))
def test_who_would_be_late_goes_first_and_pays_for_it(seed: int, often: float) -> None:
    fair, counts, chance = Fair(), Counter[str](), Random(seed)
    tickets = [entered(fair, tier, "t", due=chance.random()) for tier in TIERS for _ in range(340)]
    for _ in range(320):
        late = chance.choice(tickets)
        if chance.random() < often and not late.left:
            fair.slip(late, LANE)
        first = served(fair)
        counts[first.tier.name] += 1
        for name, tier in TIERS.items():
            assert counts[name] == pytest.approx(sum(counts.values()) * tier.weight / 16, abs=BORROWED + 2), (
                name
            )


def test_of_those_who_would_be_late_the_earliest_goes_first_and_who_has_left_does_not() -> None:
    fair = Fair()
    first = entered(fair, "pro", "a", due=1.0)
    late = [entered(fair, "free", "b", due=due) for due in (9.0, 7.0, 8.0)]
    for one in late:
        fair.slip(one, LANE)
    fair.leave(late[1], LANE)
    assert [served(fair) for _ in range(3)] == [late[2], late[0], first]
    assert not fair.heads()


def test_who_comes_back_has_saved_nothing_up() -> None:
    fair = Fair()
    for _ in range(100):
        entered(fair, "pro", "busy")
    for _ in range(50):
        served(fair)
    for _ in range(20):
        entered(fair, "pro", "idle")
        entered(fair, "free", "new")
    tickets = [served(fair) for _ in range(20)]
    assert 9 <= sum(ticket.tenant == "busy" for ticket in tickets) <= 11
    assert sum(ticket.tenant == "new" for ticket in tickets) <= 3


def test_leaving_and_coming_again_is_no_way_ahead() -> None:
    fair = Fair()
    for _ in range(100):
        entered(fair, "pro", "steady")
    got: Counter[str] = Counter()
    for _ in range(40):
        if not got["clever"] or fair.waiting < 200:
            entered(fair, "pro", "clever")
        got[served(fair).tenant] += 1
    assert got["clever"] <= 21


# ── lanes ────────────────────────────────────────────────────────────────────────────────────────────


def test_who_waits_in_a_closed_lane_is_passed_over_and_keeps_no_credit() -> None:
    fair = Fair()
    for _ in range(100):
        entered(fair, "pro", "shut", lanes=("b",))
        entered(fair, "pro", "open")
    for _ in range(50):
        assert served(fair).tenant == "open"
    got = []
    for _ in range(20):  # now both are open
        lane, ticket = fair.heads()[0]
        fair.serve(ticket, (str(lane),))
        got.append(ticket.tenant)
    assert 9 <= got.count("shut") <= 12


def test_lanes_of_one_tenant_share_its_turns_and_none_starves() -> None:
    fair = Fair()
    for number in range(50):
        entered(fair, "pro", "both", due=float(number), lanes=("a",))
        entered(fair, "pro", "both", due=float(number), lanes=("b",))
        entered(fair, "pro", "one", due=float(number), lanes=("a",))
    got: Counter[tuple[str, str]] = Counter()
    for _ in range(60):
        lane, ticket = fair.heads()[0]
        fair.serve(ticket, (str(lane),))
        got[ticket.tenant, str(lane)] += 1
    assert got["one", "a"] == 30
    assert got["both", "a"] == got["both", "b"] == 15


def test_who_waits_in_two_lanes_leaves_both() -> None:
    fair = Fair()
    ticket = entered(fair, "pro", "t", lanes=("a", "b"))
    assert [lane for lane, _ in fair.heads()] == ["a", "b"]
    fair.serve(ticket, ("a", "b"))
    assert (fair.waiting, fair.heads()) == (0, [])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["enter", "leave", "serve"]),
            st.sampled_from(sorted(TIERS)),
            st.integers(0, 3),
            st.sampled_from([("a",), ("b",), ("a", "b")]),
            st.integers(0, 1000),
        ),
        max_size=150,
    )
)
@settings(max_examples=150, deadline=None)
def test_nobody_is_lost_and_nobody_is_served_twice(
    steps: list[tuple[str, str, int, tuple[str, ...], int]],
) -> None:
    fair = Fair()
    inside: dict[int, tuple[Ticket, tuple[str, ...]]] = {}
    for step, tier, tenant, lanes, pick in steps:
        if step == "enter":
            ticket = Ticket(TIERS[tier], str(tenant), float(pick))
            fair.enter(ticket, lanes)
            inside[id(ticket)] = ticket, lanes
        elif inside and step == "leave":
            ticket, lanes = inside.pop(list(inside)[pick % len(inside)])
            fair.leave(ticket, lanes)
        elif inside:
            heads = fair.heads()
            _, ticket = heads[pick % len(heads)]
            fair.serve(ticket, inside.pop(id(ticket))[1])
        assert fair.waiting == len(inside)
        wanted = {lane for _, lanes in inside.values() for lane in lanes}
        assert {lane for lane, _ in fair.heads()} == wanted
    while inside:
        _, ticket = fair.heads()[0]
        fair.serve(ticket, inside.pop(id(ticket))[1])
    assert fair.heads() == []


# ── estimates ────────────────────────────────────────────────────────────────────────────────────────


def at_the_rate_of(per_s: float) -> Callable[[int], float]:
    return lambda calls: calls / per_s


def test_the_place_counts_who_goes_before_and_not_who_merely_waits() -> None:
    fair = Fair()
    for _ in range(100):
        entered(fair, "free", "greedy")
    place, wait_s = fair.place(TIERS["free"], "modest", 1000.0, at_the_rate_of(10.0), 0.0)
    assert (place, wait_s) == (2, 0.2)
    place, _ = fair.place(TIERS["free"], "greedy", 1000.0, at_the_rate_of(10.0), 0.0)
    assert place == 101
    place, _ = fair.place(TIERS["pro"], "anybody", 1000.0, at_the_rate_of(10.0), 0.0)
    assert place == 2  # of the free, one may be due


def test_of_a_heavier_tier_its_share_goes_before_and_no_more_than_there_are() -> None:
    fair = Fair()
    entered(fair, "free", "me")
    for number in range(8):
        entered(fair, "pro", str(number))
    served(fair), served(fair)
    place, _ = fair.place(TIERS["free"], "me", 1000.0, at_the_rate_of(10.0), 0.0)
    assert place == 8
    for number in range(100):
        entered(fair, "pro", str(number))
    place, _ = fair.place(TIERS["free"], "me", 1000.0, at_the_rate_of(10.0), 0.0)
    assert place == 11  # and of two whose turn it is alike, either may be first


def test_who_has_had_no_more_than_its_turns_need_not_fear_who_is_not_here_yet() -> None:
    fair, tier = Fair(), TIERS["pro"]
    entered(fair, "pro", "modest")
    served(fair)
    for second in range(30):
        for tenant in ("modest", "greedy", "other"):
            fair.came(tier, tenant, float(second))
        entered(fair, "pro", "greedy")
        entered(fair, "pro", "other")
        served(fair), served(fair)
    assert fair.place(tier, "modest", 30.0, at_the_rate_of(1.0), 0.0) == (1, 1.0)
    place, _ = fair.place(tier, "greedy", 30.0, at_the_rate_of(1.0), 0.0)
    assert place >= 2, "of those who have had less, one may still come"


def test_of_two_tiers_whose_turn_it_is_alike_the_one_that_can_wait_less_long_goes_first() -> None:
    patient, urgent = (
        Tier(name=name, weight=10, max_wait_s=s) for name, s in (("patient", 2.0), ("urgent", 1.0))
    )
    for order in ((patient, urgent), (urgent, patient)):
        fair = Fair()
        for tier in order:
            for _ in range(20):
                fair.enter(Ticket(tier, "t", 0.0), LANE)
        assert [served(fair).tier.name for _ in range(40)] == ["urgent", "patient"] * 20


@pytest.mark.parametrize("tier", sorted(TIERS))
def test_an_estimate_is_kept_while_others_go_on_coming(tier: str) -> None:
    """Everybody sends more than there is room for; who is told a wait has to wait no longer."""
    fair, chance, kept, told = Fair(), Random(3), 0, []
    since: dict[int, tuple[float, float]] = {}
    for tick in range(6000):
        now = tick / 100
        for name in TIERS:
            if chance.random() < 0.3:
                tenant = str(chance.randrange(5))
                fair.came(TIERS[name], tenant, now)
                _, wait_s = fair.place(TIERS[name], tenant, now, at_the_rate_of(20.0), 10.0)
                if wait_s * 1.1 <= 10.0:
                    ticket = Ticket(TIERS[name], tenant, now + 10.0)
                    fair.enter(ticket, LANE)
                    since[id(ticket)] = now, wait_s
        if tick % 5 == 0 and fair.waiting:
            ticket = served(fair)
            came, wait_s = since.pop(id(ticket))
            if ticket.tier.name == tier and came > 5.0:
                told.append((now - came, wait_s))
                kept += now - came <= wait_s * 1.1 + 0.05
    assert len(told) > 30
    assert kept / len(told) >= 0.95
    assert max(waited for waited, _ in told) <= 10.0


@pytest.mark.parametrize(("greed", "modest"), [(1, False), (100, True)])
def test_who_asks_for_little_is_told_from_who_asks_for_much(greed: int, modest: bool) -> None:
    fair, tier, found = Fair(), TIERS["pro"], Counter[str]()
    for tenant in ("greedy", *"abcdefgh"):
        entered(fair, "pro", tenant)
    for tick in range(600):
        for number, tenant in enumerate("abcdefgh"):
            if tick % 20 == number:
                found[tenant] += fair.came(tier, tenant, tick / 10)
        for _ in range(greed if tick % 20 == 9 else 0):
            found["greedy"] += fair.came(tier, "greedy", tick / 10)
    assert not found["greedy"]
    assert all(found[tenant] >= (28 if modest else 0) for tenant in "abcdefgh")
    assert any(found.values()) is modest
    assert not fair.came(tier, "a", 200.0), "it is forgotten"


# ── what it is made of, and what it costs ────────────────────────────────────────────────────────────


@given(st.lists(st.integers(0, 40), max_size=20), st.integers(0, 60))
def test_lengths_sum_up_to_a_bound(lengths: list[int], most: int) -> None:
    counts = Lengths()
    for length in lengths:
        for to in range(1, length + 3):
            counts.grow(to)
        for was in (length + 2, length + 1):
            counts.shrink(was)
    assert counts.up_to(most) == sum(min(length, most) for length in lengths)


def test_a_pace_is_learnt_and_forgotten() -> None:
    pace = Pace()
    assert pace.per_s(0.0) == 0.0
    for event in range(400):
        pace.one(event / 10)
    assert pace.per_s(39.9) == pytest.approx(10.0, rel=0.02)
    assert pace.per_s(80.0) < 0.01


def test_nothing_is_kept_of_tenants_who_are_gone() -> None:
    fair = Fair()
    waits = entered(fair, "pro", "stays")
    for number in range(5000):
        entered(fair, "pro", f"passing-{number}")
        served(fair)
        if waits.left:
            waits = entered(fair, "pro", "stays")
    tier = fair._tiers["pro"]
    assert len(tier.tenants) < 2500  # those of this round, which is as long as the last two together
    assert waits.left or tier.tenants["stays"].tag > 5.0, "whoever was here before must have its turns too"
    line = tier.lines["a"]
    assert len(line.flows) == fair.waiting
    assert len(line.order) < 100
