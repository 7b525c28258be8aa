"""What is spent of a budget, exact across processes: the store's side, pure.

Every process tells what it has spent of an account in all since it began, a number that only grows: so to be
told twice, or late, changes nothing, and nothing is counted twice. What it has reserved, and a little more
for what comes next, is leased to it *before* it is used: what all have spent and what is leased never comes
to more than the limit, whoever speaks when. A process that dies says nothing; its lease ends when its time is
up, or when somebody finds what it had written down and tells that in its name.

The little more shrinks with what is left, among so many processes that all of it together is less than half
of that; and where somebody has not enough for a call that waits, he is marked as short, and the others hear
of it and give back what they do not need. So the last cent can be spent, and by whoever wants it.

A period never gives way to an earlier one: a clock that is set back opens no budget that was closed. Time
here is the store's own, in milliseconds; set back it makes leases last longer, up to `LEASE_MS` from then.

Known weakness: a store whose clock is set forward ends leases early: until their holders speak again, within
seconds, somebody else may have what they still use.
"""

from __future__ import annotations

import msgspec

from headgate.core.budget import SHARES

LEASE_MS = 60_000
"""How long a lease is good for without a word."""
EARLIER = "before/"
PAGES = 3
"""Periods that are remembered: what was reserved in the last may end in this one."""


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """What a process says of one account. `total`: nano-dollars it has spent of it in this period since it
    began; `keep`: what it holds and does not give back; `want`: how much more would be good; `short`: how
    much more is needed now, for calls that wait, and `least`: for the first of them, to whom less is of no
    use; `refused`: somebody was refused for want of it."""

    account: str
    period: int
    limit: int
    total: int
    keep: int
    want: int
    short: int = 0
    least: int = 0
    refused: bool = False


class Told(msgspec.Struct, frozen=True, array_like=True):
    """The store's answer. `latest`: the period that is open; `spent`: by all, so far as is known; `lease`:
    what
    this process may spend beyond its total; `others`: what is leased to others; `short`: one of them needs
    more; `crossed`: percent of the limit that were passed just now, told to one process alone."""

    latest: int
    spent: int
    lease: int
    others: int
    short: bool
    crossed: tuple[int, ...] = ()


class Part(msgspec.Struct, array_like=True):
    """A process's part of an account. `number`: of its last message."""

    total: int = 0
    lease: int = 0
    until: int = 0
    short: int = 0
    number: int = 0


class Page(msgspec.Struct, array_like=True):
    """One period of an account, by process; `alerted`: percent of the limit of which somebody was told;
    `forgiven`: what was spent when somebody said that it should not count. From `since_us` until `until_us`
    (microseconds since the epoch) nobody counted; `left_us`: nor does anybody since then."""

    parts: dict[str, Part] = {}
    alerted: int = 0
    forgiven: int = 0
    limit: int = 0
    since_us: int = 0
    until_us: int = 0
    left_us: int = 0

    @property
    def spent(self) -> int:
        return sum(one.total for one in self.parts.values()) - self.forgiven


class Span(msgspec.Struct, frozen=True):
    """A time of which the books alone know what was spent; `told`: by whom that was said (`earlier`)."""

    since_us: int
    until_us: int
    told: frozenset[str] = frozenset()


class Account(msgspec.Struct, array_like=True):
    """All that a store knows of an account: its periods, by their first day."""

    latest: int = 0
    pages: dict[int, Page] = {}


def tell(account: Account, holder: str, number: int, ask: Ask, now: int) -> Told:
    """What the store does with what it is told when its time is `now`; changes the account."""
    page = _page(account, ask.period)
    _expire(page, now)
    part = page.parts.get(holder)
    if part is None:
        part = page.parts[holder] = Part()
    part.total = max(part.total, ask.total)
    others = sum(one.lease for name, one in page.parts.items() if name != holder)
    spent = page.spent
    if number > part.number:
        part.number = number
        part.until = now + LEASE_MS
        part.short = ask.short
        free = max(0, ask.limit - spent - others - ask.keep)
        part.lease = ask.keep + _more(ask, free, _holders(page, holder))
        if ask.period < account.latest:
            part.lease, part.short = ask.keep, 0
    short = any(one.short for name, one in page.parts.items() if name != holder)
    return Told(account.latest, spent, part.lease, others, short, _crossed(page, ask, spent))


def bury(account: Account, holder: str, period: int, total: int) -> None:
    """What a process that is gone had spent; nothing is leased to it any more."""
    part = _page(account, period).parts.setdefault(holder, Part())
    part.total = max(part.total, total)
    part.lease = part.short = 0


def begin(account: Account, period: int, starts_us: int, now_us: int) -> Span | None:
    """Somebody counts from now on. Nobody did before, where there is no page yet, or since the budget was
    taken away."""
    if period < account.latest:
        return None
    page = account.pages.get(period)
    if page is None or page.left_us:
        page = _page(account, period)
        page.since_us, page.until_us, page.left_us = page.left_us or starts_us, now_us, 0
    told = frozenset(name for name in page.parts if name.startswith(EARLIER))
    return Span(page.since_us, page.until_us, told) if page.until_us else None


def leave(account: Account, period: int, now_us: int) -> None:
    """The budget was taken away: nobody counts any more."""
    if (page := account.pages.get(period)) is not None:
        page.left_us = max(page.left_us, now_us)


def earlier(books: str, until_us: int) -> str:
    """The name under which those books say what was spent before anybody counted (`bury`)."""
    return f"{EARLIER}{books}/{until_us}"


def spent_nano(account: Account, period: int) -> tuple[int, int]:
    """(spent, leased) of a period."""
    page = account.pages.get(period, Page())
    return page.spent, sum(one.lease for one in page.parts.values())


def forgive(account: Account, period: int) -> None:
    """From now on nothing counts as spent in that period, which is the one that is open, even if a later one
    was before: a clock may have run ahead."""
    account.latest = period
    page = account.pages.setdefault(period, Page())
    page.forgiven += page.spent
    page.alerted = 0


def _page(account: Account, period: int) -> Page:
    account.latest = max(account.latest, period)
    page = account.pages.get(period)
    if page is None:
        page = account.pages[period] = Page()
        for day in sorted(account.pages)[:-PAGES]:
            del account.pages[day]
    return page


def _expire(page: Page, now: int) -> None:
    for part in page.parts.values():
        if part.until <= now:
            part.lease = part.short = 0
        part.until = min(part.until, now + LEASE_MS)


def _holders(page: Page, holder: str) -> int:
    """Who shares what is left."""
    return 1 + sum(name != holder and (one.lease > 0 or one.short > 0) for name, one in page.parts.items())


def _more(ask: Ask, free: int, holders: int) -> int:
    """What is needed now, or a part of what is free for what comes next. Two who each held what the other
    lacked would wait for ever: who has not enough for a single call has nothing of it."""
    if ask.short:
        return min(free, ask.short) if free >= ask.least else 0
    return min(ask.want, free // (2 * holders))


def _crossed(page: Page, ask: Ask, spent: int) -> tuple[int, ...]:
    reached = 100 if ask.refused or spent >= ask.limit else spent * 100 // ask.limit
    if ask.limit > page.limit:  # a limit that was raised may be told of again
        page.alerted = min(page.alerted, _highest(spent * 100 // ask.limit))
    page.limit = ask.limit
    crossed = tuple(share for share in SHARES if page.alerted < share <= reached)
    page.alerted = max(page.alerted, *crossed) if crossed else page.alerted
    return crossed


def _highest(percent: int) -> int:
    return max((share for share in SHARES if share <= percent), default=0)
