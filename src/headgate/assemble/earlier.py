"""What was spent of a budget before there was one, in its present period: the books know, and tell its
account.

A budget that is made in the middle of a month, or made again, begins with what its payer has spent since the
month began. Calls that were under way at that moment have no row yet: so it is said again a few times, and an
account believes the greatest number it is told, as it does of processes. Where replicas have books of their
own each says what its own know.

Known weakness: until the books have been read, a moment or, for a tier or a route with millions of rows,
seconds, what was spent before does not count. What was asked of `agent:auto` is in no route's sum, because
its row does not say which agent that was. And a budget that is taken away while no gateway runs, and made
again in the same period, does not know what was spent between. Processes hear of a budget within half a
second of each other: what is spent meanwhile may count twice, or not at all.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b

import msgspec

from headgate.core.account import Span, earlier
from headgate.core.budget import Budget
from headgate.core.kind import DAY_US
from headgate.core.report import Asked
from headgate.ports.accounts import Accounts
from headgate.ports.clock import Clock
from headgate.ports.ledger import LedgerGone
from headgate.ports.store import Store

AGAIN_S = (0.0, 2.0, 30.0, 300.0)
"""When it is said, after a budget was made: rows are some tenths of a second on their way, and calls end
later."""
AWAY_S = 5.0
"""How long books are left alone that do not answer."""
_BY_SUMS = ("key", "tenant")
"""Of whom there are sums by day."""


class Gap(msgspec.Struct, frozen=True):
    """A budget, and the time for which nobody has counted what was spent of it."""

    budget: Budget
    period: int
    span: Span


class Earlier:
    """`names`: under which a route can be asked for. `told` is called for every budget of which something was
    said."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        clock: Clock,
        *,
        names: Callable[[str], Sequence[str]],
        told: Callable[[Budget], None],
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._clock = clock
        self._names = names
        self._told = told
        self._due: asyncio.Queue[tuple[Gap, int]] = asyncio.Queue()

    async def begin(self, budgets: Mapping[tuple[str, int], tuple[Budget, int, int]]) -> None:
        """These are counted here from now on: by account and period, when that began, and the present time.
        Raises `LedgerGone`."""
        wanted = {of: (starts_us, now_us) for of, (_, starts_us, now_us) in budgets.items()}
        spans = await self._accounts.begin(wanted)
        for ((_, period), (budget, *_)), span in zip(budgets.items(), spans, strict=True):
            if span is not None:
                self._due.put_nowait((Gap(budget, period, span), 0))

    async def run(self) -> None:
        """Ends by being cancelled."""
        books = ""
        while True:
            gap, turn = await self._due.get()
            try:
                books = books or await self._name()
                name = earlier(books, gap.span.until_us)
                if turn or name not in gap.span.told:
                    await self._tell(gap, name)
                    self._later(gap, turn + 1)
            except Exception as error:
                self._clock.at(self._clock.now() + AWAY_S, partial(self._due.put_nowait, (gap, turn)))
                if not isinstance(error, LedgerGone):
                    raise

    async def _name(self) -> str:
        """Of these books, wherever they are."""
        pepper = await self._store.pepper(os.urandom(32))
        return blake2b(pepper, digest_size=8, person=b"headgate-books").hexdigest()

    def _later(self, gap: Gap, turn: int) -> None:
        if turn < len(AGAIN_S):
            after_s = AGAIN_S[turn] - AGAIN_S[turn - 1]
            self._clock.at(self._clock.now() + after_s, partial(self._due.put_nowait, (gap, turn)))

    async def _tell(self, gap: Gap, name: str) -> None:
        if spent := await self._spent(gap):
            await self._accounts.bury(name, {(gap.budget.account, gap.period): spent})
            self._told(gap.budget)

    async def _spent(self, gap: Gap) -> int:
        kind, _, rest = gap.budget.account.partition("/")
        name = rest.rpartition("/")[0]
        names = self._names(name) if kind == "route" else (name,)
        rows, days = parts(gap.span, by_sums=kind in _BY_SUMS)
        spent = 0
        for since_us, until_us in rows:
            spent += await self._store.paid(kind, names, since_us, until_us)
        if days is not None:
            asked = Asked(since=days[0], until=days[1])
            for row in await self._store.usage(msgspec.structs.replace(asked, **{kind: name})):
                spent += row["cost_nano"]
        return spent

    async def close(self) -> None:
        await self._store.close()


def parts(span: Span, *, by_sums: bool) -> tuple[list[tuple[int, int]], tuple[int, int] | None]:
    """The times of which rows are read, none of them longer than a day, and the days (in UTC) of which sums
    are."""
    first, last = -(-span.since_us // DAY_US), span.until_us // DAY_US
    if by_sums and first < last:
        ends = (span.since_us, first * DAY_US), (last * DAY_US, span.until_us)
        return [one for one in ends if one[0] < one[1]], (first, last)
    return list(_by_day(span)), None


def _by_day(span: Span) -> Iterator[tuple[int, int]]:
    since_us = span.since_us
    while since_us < span.until_us:
        until_us = min(span.until_us, (since_us // DAY_US + 1) * DAY_US)
        yield since_us, until_us
        since_us = until_us
