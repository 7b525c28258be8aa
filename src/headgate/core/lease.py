"""Slices of a limit, exact across processes: the store's side, pure.

A limit of n units in any span is n slots, none used twice within a span: so in no window of that length,
wherever it is laid, are there more than n uses. All that is known of a slot is when it is free again.
Leasing one writes `until + span` against it *before* it is used, the worst that the lease allows; a use
that is reported brings that forward to `used + span`, a slot given back unused to when it was free before.
A holder that dies says nothing, and its slots are free again when that is safe. Slots that become free soon
are leased ahead, to be used from then on: so a minute's capacity is passed on without a gap however rarely
holders ask.

Time is the store's own, in whole milliseconds, and never goes back. It is read from a clock that may be
set. A clock set back only makes time pass more slowly, which is safe. Set forward it would let slots go too
early: so where more time seems to have passed than a holder can vouch for, the store answers that it is in
doubt, and if the holder's next message finds the same, it goes by the holder. Known weakness: a process
that is new can vouch for nothing; if it is the first to speak after the clock was set forward, it is
believed.

`adapters/redis/sync.lua` is this module in Lua, and tested against it.
"""

from __future__ import annotations

import msgspec

QUANTUM_MS = 100
"""Slots are free again on multiples of this: it bounds a window's books to some 700 entries."""

DOUBT_MS = 100
"""A step of the store's clock that is smaller than this is not noticed: spans should be longer by as much."""

MEMBER_MS = 32_000
"""A holder that has not been heard of for so long is not counted any more."""

FORGET_MS = 180_000
"""For so long a message that arrives again is known: until nothing in it can matter any more."""

GRACE_MS = 3_000
"""After an outage nothing is leased for so long: every holder must first have said what it used meanwhile."""


YOUNG_MS = 12_000
"""And after a store came back empty for so long: by then also those have spoken who had not missed it."""


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """What a holder says of one window. `moves`: (free again at, as the store has it; the new time; units),
    time 0 for slots the store does not know; `want` units for now and soon, `held` units in hand, `weight`
    for sharing out what is scarce."""

    window: str
    limit: int
    span_ms: int
    moves: list[tuple[int, int, int]]
    want: int
    held: int
    weight: int


class Hello(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A holder's message. `number` grows by one a message: one that arrives twice is answered twice, and done
    once. `born` is the store as the holder knows it (0: not at all), `told_ms` what that last said the time
    was, `passed_ms` how much has passed since at least; `patience_ms` more is not surprising; `doubts`: so
    many answers in a row were in doubt. `leaving`: it will not come again. `returning`: it went on alone
    while the store could not be reached.
    """

    holder: str
    number: int
    born: int
    told_ms: int
    passed_ms: int
    patience_ms: int
    doubts: int
    horizon_ms: int
    lease_ms: int
    returning: bool
    leaving: bool
    asks: list[Ask]


class Slice(msgspec.Struct, frozen=True, array_like=True):
    """`units` to be used from `since` on, and until `free_at` less the span."""

    since: int
    free_at: int
    units: int


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """The store's answer: its time, and whether it is `sure` of that; how many holders there are, which of
    them this one is, until when nothing is leased because of an outage; and for every ask what is still
    free now, and what is leased."""

    born: int
    now: int
    sure: bool
    holders: int
    rank: int
    closed_until: int
    spare: list[int]
    slices: list[list[Slice]]


class Share(msgspec.Struct, array_like=True):
    """What a holder said of itself. Where holders disagree about the limit, the lowest holds."""

    weight: int
    held: int
    limit: int


class Member(msgspec.Struct, array_like=True):
    seen: int
    number: int
    reply: Reply | None


class Window(msgspec.Struct, array_like=True):
    """The slots of one limit, by when they are free: (time, units) in order of time."""

    limit: int
    levels: list[tuple[int, int]]
    shares: dict[str, Share] = {}


class Books(msgspec.Struct, array_like=True):
    """All that a store knows."""

    born: int = 0
    now: int = 0
    clock: int = 0
    closed_until: int = 0
    members: dict[str, Member] = {}
    windows: dict[str, Window] = {}


def sync(books: Books, hello: Hello, clock: int) -> Reply:
    """What the store does with a message when its clock shows `clock`; changes the books."""
    known = books.members.get(hello.holder)
    if known is not None and known.reply is not None and known.number == hello.number:
        return known.reply
    now, sure = _tick(books, hello, clock)
    if hello.returning and books.closed_until <= now - GRACE_MS:
        books.closed_until = max(now + GRACE_MS, books.born + YOUNG_MS)
    _count(books, hello, now)
    served = [_serve(books, hello, ask, now) for ask in hello.asks]
    spare, slices = [free for free, _ in served], [leased for _, leased in served]
    there = _alive(books, now)
    rank = sum(name < hello.holder for name in there)
    reply = Reply(books.born, now, sure, len(there), rank, books.closed_until, spare, slices)
    if not hello.leaving:
        books.members[hello.holder] = Member(now, hello.number, reply)
    return reply


def _tick(books: Books, hello: Hello, clock: int) -> tuple[int, bool]:
    """The store's time, and whether that is beyond doubt."""
    if not books.born:
        books.born = books.now = max(1, clock)
        books.clock = clock
    now = books.now + max(0, clock - books.clock)
    least = hello.told_ms + hello.passed_ms
    if hello.born == books.born and now > least + hello.patience_ms:
        if not hello.doubts:
            return books.now, False
        now = max(books.now, least)
    books.clock, books.now = clock, now
    return now, True


def _count(books: Books, hello: Hello, now: int) -> None:
    """Who is there."""
    gone = [name for name, member in books.members.items() if member.seen <= now - FORGET_MS]
    for name in gone:
        del books.members[name]
    if hello.leaving:
        books.members.pop(hello.holder, None)
    else:
        books.members[hello.holder] = Member(now, hello.number, None)


def _alive(books: Books, now: int) -> set[str]:
    return {name for name, member in books.members.items() if member.seen > now - MEMBER_MS}


def _serve(books: Books, hello: Hello, ask: Ask, now: int) -> tuple[int, list[Slice]]:
    """Writes down what is told of one window and leases from it: (units still free now, slices)."""
    window = books.windows.get(ask.window)
    if window is None:
        window = books.windows[ask.window] = Window(ask.limit, [(0, ask.limit)])
    levels: dict[int, int] = {}
    for at, units in window.levels:  # what is free already is free alike
        levels[at if at > now else 0] = levels.get(at if at > now else 0, 0) + units
    _move(levels, ask, now)
    alive = _alive(books, now) - {hello.holder}
    window.shares = {name: share for name, share in window.shares.items() if name in alive}
    if not hello.leaving:
        window.shares[hello.holder] = Share(max(1, ask.weight), ask.held, ask.limit)
        _resize(levels, window, _up(now + ask.span_ms))
    soon = _soon(levels, window.limit, now + hello.horizon_ms)
    there = sum(units for _, units in soon)
    slices: list[Slice] = []
    if not hello.leaving:
        wanted = 0 if now < books.closed_until else min(ask.want, _due(window, hello.holder, there))
        slices = _lease(levels, soon, wanted, hello.lease_ms, ask.span_ms, now)
        window.shares[hello.holder].held += sum(one.units for one in slices)
    window.levels = sorted(levels.items())
    return levels.get(0, 0), slices


def _move(levels: dict[int, int], ask: Ask, now: int) -> None:
    """A slot whose entry is not there (the store was emptied, the limit lowered) takes another's place if it
    has been used, and is forgotten if it has not. Where no other was free there is one too many for
    a while: `_resize` takes it away when one comes back."""
    for before, after, units in ask.moves:
        found = min(units, levels.get(before, 0)) if before else 0
        _take(levels, before, found)
        used = units - found if after > now else 0
        for at in sorted(levels) if used else ():
            if at > after - ask.span_ms or not used:  # it was not free when this was used
                break
            part = min(used, levels[at])
            _take(levels, at, part)
            used -= part
            found += part
        if found or used:
            free_at = after if after > now else 0
            levels[free_at] = levels.get(free_at, 0) + found + used


def _take(levels: dict[int, int], at: int, units: int) -> None:
    if units:
        levels[at] -= units
        if not levels[at]:
            del levels[at]


def _resize(levels: dict[int, int], window: Window, after: int) -> None:
    """A lower limit takes away the slots that are free soonest; the new ones of a higher limit are free
    `after` a span, because a limit that goes up and down must not make slots out of nothing."""
    limit = min(share.limit for share in window.shares.values())
    more, window.limit = limit - window.limit, limit
    if more > 0:
        levels[after] = levels.get(after, 0) + more
    for at in sorted(levels) if more < 0 else ():
        part = min(-more, levels[at])
        _take(levels, at, part)
        more += part
    surplus = sum(levels.values()) - limit
    if surplus > 0:
        _take(levels, 0, min(surplus, levels.get(0, 0)))


def _soon(levels: dict[int, int], limit: int, until: int) -> list[tuple[int, int]]:
    """What will be free by then: (time, units). Not the first of them, where there are more slots than the
    limit allows: it will not be exceeded only because those are free again."""
    surplus = sum(levels.values()) - limit
    found: list[tuple[int, int]] = []
    for at in sorted(levels):
        if at > until:
            break
        part = max(0, min(surplus, levels[at]))
        surplus -= part
        if levels[at] > part:
            found.append((at, levels[at] - part))
    return found


def _due(window: Window, holder: str, there: int) -> int:
    """A holder's part, by weight, of what is there and what all have in hand, less what it has."""
    whole = there + sum(share.held for share in window.shares.values())
    weights = sum(share.weight for share in window.shares.values())
    mine = window.shares[holder]
    return max(0, min(there, -(-whole * mine.weight // weights) - mine.held))


def _lease(
    levels: dict[int, int], soon: list[tuple[int, int]], wanted: int, lease_ms: int, span_ms: int, now: int
) -> list[Slice]:
    """Takes the slots that are free first."""
    found: dict[int, int] = {}
    for at, units in soon:
        part = min(wanted, units)
        if not part:
            break
        _take(levels, at, part)
        found[max(now, at)] = found.get(max(now, at), 0) + part
        wanted -= part
    slices = [Slice(since, _up(since + lease_ms + span_ms), units) for since, units in found.items()]
    for one in slices:
        levels[one.free_at] = levels.get(one.free_at, 0) + one.units
    return slices


def _up(time_ms: int) -> int:
    return -(-time_ms // QUANTUM_MS) * QUANTUM_MS
