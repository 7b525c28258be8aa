"""Who waits for a purse: whoever knows is asked, and what is only reserved for others is waited for.

Where there is room nobody comes here. Who is refused is told when the budget begins anew.

Known weakness: those who wait are not in a queue; who looks first when there is room has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from headgate.core.errors import BudgetSpent, Overloaded, RateLimited, Refused
from headgate.core.expected import Expected
from headgate.core.purse import Purse, Slot, Verdict
from headgate.ports.clock import Clock

AGAIN_S = 5.0
"""When to come again where nobody knows what is left."""
POLL_S = 0.1
"""Between two questions to the store while somebody waits."""


class Bank(Protocol):
    """Where the purses are filled."""

    async def ask(self, purses: Sequence[Purse], /) -> None:
        """Returns when the store has been told of them and has answered, or cannot be reached."""
        ...

    async def change(self, until: float, /) -> None:
        """Returns when there may be more room in any of them, at that time at the latest."""
        ...

    def turn(self, slot: Slot, /) -> Purse:
        """The purse of the period that has begun; of one that has ended none is taken any more."""
        ...

    def renews_at(self, purse: Purse, /) -> float:
        """When its budget begins anew, in seconds since the epoch."""
        ...


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """`allow_unknown`: who has nothing in hand while the store is away is served all the same; `max_wait_s`:
    for money that is reserved for others."""

    allow_unknown: bool = False
    max_wait_s: float = 30.0


class Cashier:
    def __init__(self, bank: Bank, rules: Rules, clock: Clock) -> None:
        self.bank = bank
        self.rules = rules
        self._clock = clock

    async def room(self, purses: Sequence[Purse], wanted: Callable[[], Expected], until: float) -> Expected:
        """Waits until all of them have room for what is wanted, which may change meanwhile; what to reserve,
        at once.

        Raises:
            BudgetSpent, RateLimited: where one of them will not have it.
            Overloaded: where nobody can know.
        """
        nano = 0
        try:
            while True:
                expected = wanted()
                nano = _longing(purses, nano, expected.nano)
                if not lacking(purses, nano, self._clock.now()):
                    return expected
                await self.bank.ask(purses)
                now = self._clock.now()
                short = lacking(purses, nano, now)
                if not short or self._decided(short, expected.usual, now):
                    return expected
                if now >= until:
                    raise self._spent(short[0], "The rest of this budget is reserved for calls under way.")
                await self.bank.change(min(until, now + POLL_S))
        finally:
            _longing(purses, nano, 0)

    def _decided(self, short: Sequence[Purse], usual: int, now: float) -> bool:
        """Whether it may go on though nobody knows whether there is room. Requests that nobody can count are
        let through."""
        verdicts = {purse.verdict(usual, now): purse for purse in short}
        if (spent := verdicts.get(Verdict.SPENT)) is not None:
            raise self._spent(spent, "This budget is spent.")
        unknown = verdicts.get(Verdict.UNKNOWN)
        if unknown is None:
            return False
        if not self.rules.allow_unknown and not unknown.each:
            raise Overloaded(
                "What is left of this budget cannot be known now.",
                code="budget_unavailable",
                retry_after_s=AGAIN_S,
            )
        return len(verdicts) == 1

    def _spent(self, purse: Purse, message: str) -> Refused:
        purse.refused = True
        who, ends_at = purse.account.rpartition("/")[0], self.bank.renews_at(purse)
        until = datetime.fromtimestamp(ends_at, UTC).isoformat(timespec="seconds")
        if not purse.each:
            return BudgetSpent(f"{message} ({who}, until {until})", code="insufficient_quota")
        return RateLimited(
            f"This day's requests are used up. ({who}, until {until})",
            code="rate_limit_exceeded",
            retry_after_s=max(ends_at - self._clock.wall(), 1.0),
        )


def lacking(purses: Sequence[Purse], nano: int, now: float) -> list[Purse]:
    """Those that have no room for it."""
    return [purse for purse in purses if purse.room(now) < nano]


def _longing(purses: Sequence[Purse], before: int, nano: int) -> int:
    """Says how much a call lacks that waits."""
    for purse in purses:
        purse.short += nano - before
        purse.least = nano
    return nano
