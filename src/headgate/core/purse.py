"""What is spent of a budget, exact across processes: one process's side, pure.

A purse holds what the store has leased to this process of one account in one period. Calls reserve from it
and settle, and nobody is asked; now and then the store is told (`ask`, answered by `heard`): what was spent,
what is still needed. What has been spent since it was last told counts against the lease; so does what is
reserved.

While a message is under way the purse lets out no more than what it told that it keeps: so it does not matter
whether an answer that is lost was lost on the way there or back. Where the store cannot be reached the lease
is used until its time is up.

Known weakness: a call that costs more than was reserved for it is paid all the same; that much an account can
be overdrawn.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from math import inf

from headgate.core.account import LEASE_MS, Ask, Told
from headgate.core.budget import Budget, Period

MARGIN_S = 5.0
"""So long before its time is up nothing is taken from a lease any more."""
LEASE_S = LEASE_MS / 1e3 - MARGIN_S
RENEW_S = 20.0
"""So long before that it is renewed."""
IDLE_S = 60.0
"""Who has not spent anything for so long gives back what he holds, and asks as seldom how the others fare."""
UNUSED_S = 5.0
"""The same of who has never spent anything."""
LISTEN_S = 1.0
MUCH = 0.05
"""Who holds more than that share of a budget asks so often whether others need it."""
SELDOM_S = 3.0
"""And who holds less, so often: one call may need all that is left."""
AHEAD_S = 30.0
"""For so long a lease should last, at the rate at which money was spent of late."""
CALLS = 8
"""And for so many calls."""
PARTS = 200
"""And for one part in so many of the limit."""
TAU_S = 10.0
TIGHT = 0.3
"""Where less than that share of a budget is neither spent nor leased."""
SPENT = 0.95
"""A budget of which so much is spent refuses who does not fit at once."""


class Verdict(Enum):
    """Why a call does not fit: all is `SPENT`, or what is left is `RESERVED` for others, or nobody
    `KNOWS`."""

    SPENT = "spent"
    RESERVED = "reserved"
    UNKNOWN = "unknown"


class Purse:
    """Of one account, in the period that begins on day `period`. Times are the clock's seconds, amounts
    nano-dollars; or requests, where a call takes `each` of it, whatever it costs. `reserved`: for calls under
    way; `total`: spent by this process in all; `short`: what calls need that wait, `least`: what one of them
    does; `lost`: the last message has found nobody; `changed`: something was settled, and `news` knows it."""

    __slots__ = (
        "_news",
        "_rate",
        "_sent_at",
        "_sent_total",
        "account",
        "changed",
        "each",
        "lease",
        "lease_until",
        "least",
        "limit",
        "lost",
        "others",
        "period",
        "posted",
        "refused",
        "reserved",
        "short",
        "short_elsewhere",
        "spent",
        "total",
        "used_at",
        "usual",
    )

    def __init__(
        self,
        account: str,
        period: int,
        limit: int,
        now: float,
        each: int = 0,
        news: Callable[[Purse], None] = lambda purse: None,
    ) -> None:
        """`news` is told of what is settled: of the first that was, until somebody says that it is not
        `changed` any more; and of all, while calls wait."""
        self.account = account
        self.changed = False
        self._news = news
        self.each = each
        self.period = period
        self.limit = limit
        self.reserved = 0
        self.total = 0
        self.posted = 0
        self.lease = 0
        self.lease_until = now
        self.spent = 0
        self.others = 0
        self.short = 0
        self.least = 0
        self.short_elsewhere = False
        self.refused = False
        self.lost = True
        self.usual = 0
        self.used_at = now
        self._rate = 0.0
        self._sent_at = now
        self._sent_total = 0

    # ── calls ──

    def room(self, now: float) -> int:
        """What may be reserved now."""
        return self.lease - (self.total - self.posted) - self.reserved if now < self.lease_until else 0

    def take(self, nano: int, now: float) -> bool:
        """Reserves so much, if there is room."""
        if now >= self.lease_until or self.lease - self.total + self.posted - self.reserved < nano:
            return False
        self.reserved += nano
        self.usual = nano
        self.used_at = now
        return True

    def reserve(self, nano: int, now: float) -> None:
        """Whether there is room or not."""
        self.reserved += nano
        self.usual = nano
        self.used_at = now

    def release(self, nano: int) -> None:
        """It was reserved a moment ago, and nobody has asked since."""
        self.reserved -= nano

    def settle(self, reserved: int, cost: int) -> None:
        """What was reserved for a call is free, and so much was spent."""
        self.reserved -= reserved
        self.total += cost
        if not self.changed or self.short:
            self.changed = True
            self._news(self)

    def left(self) -> int:
        """Of the limit, so far as is known, reserved or not."""
        return self.limit - self.spent - (self.total - self.posted)

    def verdict(self, usual: int, now: float) -> Verdict:
        """Why a call that usually costs so much does not fit, if the store has just been asked."""
        if self.lost or now >= self.lease_until:
            return Verdict.UNKNOWN
        left = self.left()
        if usual > left or left <= self.limit * (1.0 - SPENT):
            return Verdict.SPENT
        return Verdict.RESERVED

    @property
    def alone(self) -> bool:
        """Whether nothing of the account is reserved by anybody, so far as is known: then a call may have all
        that is left, though it might cost more."""
        return not self.reserved and not self.others

    # ── messages ──

    def low(self, now: float) -> bool:
        """Whether more should be leased before it is needed."""
        return self.room(now) < 2 * self.usual

    def due(self, now: float) -> bool:
        """Whether there is something to tell."""
        if self.lost or self.short or self.refused or self.total != self._sent_total:
            return True
        silent_s = now - self._sent_at
        if not self.reserved and self._idle(now):
            return self.lease > 0 or (self.usual > 0 and silent_s >= IDLE_S)
        if self.low(now):
            return True
        listens = silent_s >= (LISTEN_S if self.lease > self.limit * MUCH else SELDOM_S)
        return self.lease > 0 and (listens or self.tight or self.lease_until - now < RENEW_S)

    def _idle(self, now: float) -> bool:
        return now - self.used_at > (IDLE_S if self.usual else UNUSED_S)

    @property
    def tight(self) -> bool:
        """Whether somebody may soon need what this process holds."""
        return self.short_elsewhere or (self.left() - self.others - self.lease) < self.limit * TIGHT

    @property
    def over(self) -> bool:
        """Nothing is left to tell of a period that has ended."""
        return not self.reserved and self.total == self._sent_total and self.posted == self._sent_total

    def ask(self, now: float) -> Ask:
        """What to tell; from now on no more is let out than is told to be kept, until there is an answer."""
        passed_s = max(now - self._sent_at, 1e-2)
        recent = (self.total - self._sent_total) / passed_s
        weight = passed_s / (TAU_S + passed_s)
        self._rate += (recent - self._rate) * weight
        wanted = self._wanted(now)
        slack = max(0, min(self.room(now), wanted))
        keep = self.reserved + slack
        self.posted = self._sent_total = self.total
        self.lease = keep
        self._sent_at = now
        refused, self.refused = self.refused, False
        short, least = max(0, self.short - slack), max(0, self.least - slack)
        want = wanted - slack
        return Ask(self.account, self.period, self.limit, self.total, keep, want, short, least, refused)

    def _wanted(self, now: float) -> int:
        """Beyond what is reserved. Where others need it too, what the calls need that wait here: if it is
        enough for one of them, who will have it before anybody else speaks."""
        if self.short_elsewhere:
            return self.short if self.room(now) >= self.least else 0
        if self._idle(now):
            return 0
        return max(CALLS * self.usual, int(self._rate * AHEAD_S), self.limit // PARTS)

    def leave(self) -> None:
        """Nothing more is spent here: the next message gives back all that is not reserved."""
        self.used_at = -inf

    def heard(self, told: Told) -> None:
        """The store has answered the last message."""
        self.lease = told.lease
        self.lease_until = self._sent_at + LEASE_S
        self.lost = False
        self.spent, self.others, self.short_elsewhere = told.spent, told.others, told.short


class Slot:
    """A budget, and the purse of its present period, which ends at `ends_at` in seconds since the epoch."""

    __slots__ = ("budget", "ends_at", "period", "purse")

    def __init__(self, budget: Budget, period: Period, purse: Purse) -> None:
        self.budget = budget
        self.enter(period, purse)

    def enter(self, period: Period, purse: Purse) -> None:
        self.period = period
        self.ends_at = period.ends_at
        self.purse = purse
