"""What is spent of a budget, by many processes: however they interleave, whatever is lost on the way, whoever
dies, never more than the limit and what calls cost beyond what was reserved for them; and nobody is refused
while there is money."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.account import (
    LEASE_MS,
    Account,
    Ask,
    Span,
    Told,
    begin,
    bury,
    earlier,
    forgive,
    leave,
    spent_nano,
    tell,
)
from headgate.core.purse import Purse, Verdict

LIMIT = 1_000
DAY = 700_000


@dataclass
class Process:
    """One that calls, tells, and may die."""

    name: str
    purse: Purse
    number: int = 0
    calls: list[int] = field(default_factory=list)
    under_way: list[tuple[int, Ask]] = field(default_factory=list)
    answers: list[tuple[int, Told]] = field(default_factory=list)


class World:
    """A store, processes, and one clock."""

    def __init__(self, count: int, limit: int = LIMIT) -> None:
        self.limit = limit
        self.now = 1_000.0
        self.account = Account()
        self.born = 0
        self.processes = [self.another() for _ in range(count)]
        self.spent = 0
        self.beyond = 0
        """What calls cost beyond what was reserved for them."""

    def another(self) -> Process:
        self.born += 1
        return Process(f"p{self.born}", Purse("key/k/month", DAY, self.limit, self.now))

    def ask(self, of: Process) -> Ask:
        of.number += 1
        return of.purse.ask(self.now)

    def talk(self, of: Process, *, arrives: bool = True, returns: bool = True) -> None:
        """A message and its answer, either of which may be lost."""
        ask = self.ask(of)
        if not arrives:
            of.purse.lost = True
            return
        told = tell(self.account, of.name, of.number, ask, int(self.now * 1e3))
        if returns:
            of.purse.heard(told)
        else:
            of.purse.lost = True

    def send(self, of: Process) -> None:
        of.under_way.append((of.number + 1, self.ask(of)))

    def arrive(self, of: Process, place: int) -> None:
        """One of those that are under way, perhaps long after the next."""
        number, ask = of.under_way.pop(place % len(of.under_way))
        of.answers.append((number, tell(self.account, of.name, number, ask, int(self.now * 1e3))))

    def answer(self, of: Process) -> None:
        """Heard, if nothing was said since."""
        number, told = of.answers.pop(0)
        if number == of.number:
            of.purse.heard(told)

    def begin(self, of: Process, nano: int) -> bool:
        if of.purse.room(self.now) < nano:
            return False
        of.purse.reserve(nano, self.now)
        of.calls.append(nano)
        return True

    def end(self, of: Process, cost: int) -> None:
        reserved = of.calls.pop(0)
        of.purse.settle(reserved, cost)
        self.spent += cost
        self.beyond += max(0, cost - reserved)

    def die(self, of: Process, *, found: bool) -> None:
        """What it had reserved is not spent; what it had spent is found, if it is."""
        self.processes.remove(of)
        if found:
            bury(self.account, of.name, DAY, of.purse.total)
        else:  # nobody ever hears of it
            told = self.account.pages[DAY].parts.get(of.name) if DAY in self.account.pages else None
            self.spent -= of.purse.total - (told.total if told else 0)
        self.processes.append(self.another())


STEPS = st.one_of(
    st.tuples(st.just("talk"), st.integers(0, 3), st.sampled_from([3, 3, 3, 1, 0])),
    st.tuples(st.just("send"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("arrive"), st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.just("answer"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("begin"), st.integers(0, 3), st.integers(1, 60)),
    st.tuples(st.just("begin"), st.integers(0, 3), st.integers(1, 300)),
    st.tuples(st.just("end"), st.integers(0, 3), st.integers(0, 80)),
    st.tuples(st.just("pass"), st.just(0), st.integers(0, 40_000)),
    st.tuples(st.just("die"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("short"), st.integers(0, 3), st.integers(0, 100)),
)


@settings(max_examples=300)
@given(steps=st.lists(STEPS, max_size=120))
def test_never_more_than_the_limit_whatever_happens(steps: list[tuple[str, int, int]]) -> None:
    world = World(4)
    for what, which, amount in steps:
        one = world.processes[which]
        if what == "talk":
            world.talk(one, arrives=amount > 0, returns=amount > 1)
        elif what == "send":
            world.send(one)
        elif what == "arrive" and one.under_way:
            world.arrive(one, amount)
        elif what == "answer" and one.answers:
            world.answer(one)
        elif what == "begin":
            world.begin(one, amount)
        elif what == "end" and one.calls:
            world.end(one, amount)
        elif what == "pass":
            world.now += amount / 1e3
        elif what == "die":
            world.die(one, found=bool(amount))
        elif what == "short":
            one.purse.short = one.purse.least = amount
        under_way = sum(sum(each.calls) for each in world.processes if each.calls)
        held_too_long = any(each.calls and world.now >= each.purse.lease_until for each in world.processes)
        if not held_too_long:
            assert world.spent + under_way <= LIMIT + world.beyond


@settings(max_examples=100)
@given(
    costs=st.lists(st.integers(5, 12), min_size=150, max_size=150),
    order=st.lists(st.integers(0, 7), min_size=150, max_size=150),
)
def test_nobody_is_refused_before_all_but_a_call_is_spent(costs: list[int], order: list[int]) -> None:
    """Eight processes, calls that are expected to cost 12 and cost less, in any order: who does not fit asks;
    he is refused only when less than one call is left."""
    world = World(8)
    for cost, which in zip(costs, order, strict=True):
        one = world.processes[which]
        for _ in range(20):
            if world.begin(one, 12):
                break
            one.purse.short = one.purse.least = 12
            world.talk(one)
            one.purse.short = one.purse.least = 0
            if one.purse.room(world.now) >= 12:
                continue
            if one.purse.verdict(12, world.now) is Verdict.SPENT:
                assert world.spent >= LIMIT * 0.95 or LIMIT - world.spent < 12
                return
            for each in world.processes:  # everybody speaks within a second
                if each is not one:
                    world.talk(each)
            world.now += 0.1
        else:
            raise AssertionError("neither served nor refused")
        world.end(one, cost)
    assert world.spent <= LIMIT


def ask(total: int = 0, keep: int = 0, want: int = 0, short: int = 0, **more: int) -> Ask:
    return Ask("a", more.get("period", DAY), more.get("limit", LIMIT), total, keep, want, short, short)


def test_what_was_told_twice_counts_once() -> None:
    account = Account()
    for _ in range(3):
        tell(account, "p", 1, ask(total=100), 0)
    tell(account, "p", 2, ask(total=90), 0)  # one that was overtaken
    assert spent_nano(account, DAY) == (100, 0)


def test_a_message_that_was_overtaken_takes_nothing_away() -> None:
    account = Account()
    assert tell(account, "p", 2, ask(keep=0, short=300), 0).lease == 300
    assert tell(account, "p", 1, ask(keep=0), 0).lease == 300


def test_a_lease_ends_with_its_time_and_with_its_holder() -> None:
    account = Account()
    tell(account, "dead", 1, ask(short=LIMIT), 0)
    assert tell(account, "p", 1, ask(short=10), LEASE_MS - 1).lease == 0
    assert tell(account, "p", 2, ask(short=10), LEASE_MS).lease == 10
    tell(account, "dead", 2, ask(total=400, short=LIMIT), LEASE_MS)
    bury(account, "dead", DAY, 450)
    assert tell(account, "p", 3, ask(short=LIMIT - 450), LEASE_MS + 1).lease == LIMIT - 450


def test_a_clock_that_is_set_back_ends_nothing_early_and_nothing_never() -> None:
    account = Account()
    tell(account, "p", 1, ask(short=LIMIT), 10 * LEASE_MS)
    assert tell(account, "q", 1, ask(short=10), 0).lease == 0
    assert tell(account, "q", 2, ask(short=10), LEASE_MS).lease == 10


def test_an_earlier_period_is_not_opened_again() -> None:
    account = Account()
    tell(account, "p", 1, ask(short=10), 0)
    told = tell(account, "q", 1, ask(short=10, period=DAY - 30), 0)
    assert (told.latest, told.lease) == (DAY, 0)
    assert tell(account, "q", 2, ask(short=10, period=DAY + 30), 0).lease == 10


def test_what_is_over_is_forgotten_in_the_end() -> None:
    account = Account()
    for month in range(10):
        tell(account, "p", month + 1, ask(total=1, period=DAY + month), 0)
    assert sorted(account.pages) == [DAY + 7, DAY + 8, DAY + 9]


def test_nobody_has_more_than_a_part_of_what_is_left_beyond_what_he_needs() -> None:
    account = Account()
    leases = [tell(account, f"p{one}", 1, ask(want=LIMIT), 0).lease for one in range(8)]
    assert max(leases) <= LIMIT / 2
    assert sum(leases) < LIMIT
    assert min(leases) > 0


def test_two_who_each_hold_what_the_other_lacks_do_not_wait_for_ever() -> None:
    account = Account()
    for name in ("p", "q"):
        tell(account, name, 1, ask(total=496, keep=0, short=4), 0)
    assert spent_nano(account, DAY) == (992, 8)
    told = tell(account, "p", 2, ask(total=496, short=8), 0)
    assert (told.lease, told.short) == (0, True)
    assert tell(account, "q", 2, ask(total=496, short=8), 0).lease == 8


@pytest.mark.parametrize(
    ("totals", "told"), [([499, 500, 501], [(), (50,), ()]), ([900, 1000, 1001], [(50, 80), (100,), ()])]
)
def test_each_share_is_told_once(totals: list[int], told: list[tuple[int, ...]]) -> None:
    account = Account()
    found = [tell(account, "p", n, ask(total=total), 0).crossed for n, total in enumerate(totals, 1)]
    assert found == told


def test_who_is_refused_has_reached_the_end_of_it_and_a_higher_limit_begins_anew() -> None:
    account = Account()
    refused = Ask("a", DAY, LIMIT, 970, 0, 0, refused=True)
    assert tell(account, "p", 1, refused, 0).crossed == (50, 80, 100)
    assert tell(account, "p", 2, refused, 0).crossed == ()
    assert tell(account, "p", 3, ask(total=970), 0).crossed == ()
    assert tell(account, "p", 4, ask(total=970, limit=2 * LIMIT), 0).crossed == ()
    assert tell(account, "p", 5, ask(total=1700, limit=2 * LIMIT), 0).crossed == (50, 80)


def test_what_is_forgiven_does_not_count_and_is_not_forgotten() -> None:
    account = Account()
    tell(account, "p", 1, ask(total=900), 0)
    forgive(account, DAY)
    assert tell(account, "p", 2, ask(total=950, short=LIMIT - 50), 0).lease == LIMIT - 50
    later = Account()
    tell(later, "p", 1, ask(period=DAY + 400), 0)
    forgive(later, DAY)
    assert tell(later, "p", 2, ask(short=10), 0).lease == 10


def test_a_limit_of_nothing_is_spent() -> None:
    purse = Purse("a", DAY, 0, 0.0)
    account = Account()
    purse.heard(tell(account, "p", 1, purse.ask(0.0), 0))
    assert purse.verdict(1, 0.0) is Verdict.SPENT


def test_while_a_message_is_under_way_no_more_is_let_out_than_it_says() -> None:
    account, purse = Account(), Purse("a", DAY, LIMIT, 0.0)
    purse.short = purse.least = 400
    purse.heard(tell(account, "p", 1, purse.ask(0.0), 0))
    purse.short = purse.least = 0
    purse.reserve(100, 0.0)
    purse.settle(100, 100)
    purse.leave()  # so that it gives back what it has
    tell(account, "p", 2, purse.ask(0.0), 0)
    assert tell(account, "q", 1, ask(short=900), 0).lease == 900
    assert purse.room(0.0) <= 0, "the answer is not here, and somebody else has it"


def test_who_begins_to_count_is_told_since_when_nobody_did() -> None:
    account = Account()
    assert begin(account, DAY, 100, 900) == Span(100, 900)
    bury(account, earlier("books", 900), DAY, 50)
    tell(account, "p", 1, ask(total=7), 0)
    told = frozenset({earlier("books", 900)})
    assert begin(account, DAY, 100, 950) == Span(100, 900, told), "whoever comes later"
    assert spent_nano(account, DAY) == (57, 0)
    leave(account, DAY, 2000)
    leave(account, DAY, 1990)
    assert begin(account, DAY, 100, 3000) == Span(2000, 3000, told), "it was taken away for a while"
    assert begin(account, DAY - 30, 0, 1) is None


def test_a_period_that_has_followed_another_is_counted_from_its_beginning() -> None:
    account = Account()
    tell(account, "p", 1, ask(), 0)
    assert begin(account, DAY, 100, 900) is None
    leave(account, DAY + 30, 5)
    assert begin(account, DAY + 30, 100, 900) == Span(100, 900), "nobody has opened that one yet"


def test_whoever_writes_down_is_told_once_and_while_somebody_waits_every_time() -> None:
    told: list[Purse] = []
    purse = Purse("a", DAY, LIMIT, 0.0, news=told.append)
    for _ in range(3):
        purse.reserve(1, 0.0)
        purse.settle(1, 1)
    assert told == [purse]
    purse.changed = False
    purse.settle(0, 1)
    assert len(told) == 2
    purse.short = 1
    purse.settle(0, 1)
    purse.settle(0, 1)
    assert len(told) == 4
