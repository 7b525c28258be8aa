"""What one key of a caller's may do: requests and tokens a minute, requests a day. All at once or nothing.

Known weakness: a day's requests are counted by each process for itself, up to its part of them; a restart
forgets them.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import msgspec

from headgate.core.allowance import Allowance, Grant, Rates
from headgate.core.window import Entry, Window

DAY_S = 86_400.0


class Allowed(msgspec.Struct, frozen=True):
    """Limits of a minute, and what is left of them; `None` where there is none. They are whole again after
    `reset_s` seconds, if nobody asks."""

    requests: int | None
    tokens: int | None
    requests_left: int
    tokens_left: int
    reset_s: float = 0.0


class Taken(msgspec.Struct, eq=False):
    """One request's part."""

    grant: Grant
    of_day: Entry | None


class Quota:
    """`processes`: among how many the requests of a day are divided."""

    def __init__(self, minute: Allowance, *, processes: Callable[[], int]) -> None:
        self._minute = minute
        self._day = Window(DAY_S)
        self._processes = processes
        self._per_day: int | None = None

    def allow(self, rates: Rates, per_day: int | None) -> None:
        """So much, from now on; what was used before still counts."""
        if rates != self._minute.rates:
            self._minute.allow(rates)
        self._per_day = per_day

    @property
    def metered(self) -> bool:
        """Whether tokens count."""
        return self._minute.rates.tpm is not None

    def take(self, now: float, tokens: int) -> Taken | None:
        """A request's part of every limit; of none, where one of them is used up."""
        if self._day_left(now) <= 0:
            return None
        grant = self._minute.reserve(now, tokens)
        if grant is None:
            return None
        return Taken(grant, None if self._per_day is None else self._day.add(now, 1, 0))

    def _day_left(self, now: float) -> float:
        if self._per_day is None:
            return inf
        self._day.expire(now)
        return max(1, self._per_day // self._processes()) - self._day.calls

    def next_at(self, now: float, tokens: int) -> float:
        """When the same might be taken; infinity where that cannot be known."""
        at = self._minute.next_at(now, tokens)
        return max(at, self._day.frees_at(now, 1, 0)) if self._day_left(now) <= 0 else at

    def answered(self, taken: Taken, now: float) -> None:
        """Its answer has begun."""
        self._minute.answered(taken.grant, now)

    def settle(self, taken: Taken, tokens: int, now: float) -> None:
        """It took so many tokens."""
        self._minute.settle(taken.grant, tokens, now)

    def cancel(self, taken: Taken, now: float) -> None:
        """It has come to nothing, by no doing of the caller's."""
        self._minute.cancel(taken.grant, now)
        if taken.of_day is not None:
            self._day.change(taken.of_day, -1, 0)

    def allowed(self, now: float) -> Allowed:
        rates, levels = self._minute.rates, self._minute.levels(now)
        return Allowed(
            rates.rpm,
            rates.tpm,
            max(0, (rates.rpm or 0) - levels.calls),
            max(0, (rates.tpm or 0) - levels.tokens),
            self._minute.clears_at(now) - now,
        )
