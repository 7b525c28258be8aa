"""What one key of a caller's may do: requests and tokens a minute, requests a day. All at once or nothing;
and the same of its tenant, its tier and a route, of which many have a part.

Known weakness: a day's requests are counted by each process for itself, up to its part of them. After a
restart they are taken from the books' sums by day, whose hours nobody knows: yesterday's count in proportion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil, inf
from typing import Any, Protocol

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


class Limits(Protocol):
    """What `pipeline.quota` asks: one quota, or several at once. What `take` returns is given back to it."""

    @property
    def metered(self) -> bool: ...
    def take(self, now: float, tokens: int) -> Any: ...
    def next_at(self, now: float, tokens: int) -> float: ...
    def answered(self, taken: Any, now: float) -> None: ...
    def settle(self, taken: Any, tokens: int, now: float) -> None: ...
    def cancel(self, taken: Any, now: float) -> None: ...
    def allowed(self, now: float) -> Allowed: ...


def lately(by_day: Mapping[int, int], wall: float) -> list[tuple[float, int]]:
    """Requests of the last 24 hours, from sums by day (days since the epoch): of yesterday's those that fall
    into them if they were spread evenly, as old as today is; today's, half as old. Oldest first."""
    today, into_s = divmod(wall, DAY_S)
    rest = ceil(by_day.get(int(today) - 1, 0) * (1 - into_s / DAY_S))
    found = [(into_s, rest), (into_s / 2, by_day.get(int(today), 0))]
    return [(age_s, requests) for age_s, requests in found if requests]


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

    def remember(self, lately: Iterable[tuple[float, int]], now: float) -> None:
        """What all processes together let through before this one began: ages in seconds, oldest first, and
        how many. Each process bears its part."""
        for age_s, requests in lately:
            self._day.add(now - age_s, -(-requests // self._processes()), 0)

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


class Several:
    """Several quotas as one: a request takes its part of all of them, or of none."""

    def __init__(self, quotas: Sequence[Quota]) -> None:
        self._quotas = tuple(quotas)
        self.metered = any(one.metered for one in quotas)

    def take(self, now: float, tokens: int) -> list[tuple[Quota, Taken]] | None:
        found: list[tuple[Quota, Taken]] = []
        for one in self._quotas:
            taken = one.take(now, tokens)
            if taken is None:
                self.cancel(found, now)
                return None
            found.append((one, taken))
        return found

    def next_at(self, now: float, tokens: int) -> float:
        return max(one.next_at(now, tokens) for one in self._quotas)

    def answered(self, taken: list[tuple[Quota, Taken]], now: float) -> None:
        for one, part in taken:
            one.answered(part, now)

    def settle(self, taken: list[tuple[Quota, Taken]], tokens: int, now: float) -> None:
        for one, part in taken:
            one.settle(part, tokens, now)

    def cancel(self, taken: list[tuple[Quota, Taken]], now: float) -> None:
        for one, part in taken:
            one.cancel(part, now)

    def allowed(self, now: float) -> Allowed:
        """Of each kind, that of which least is left."""
        each = [one.allowed(now) for one in self._quotas]
        calls = min((one for one in each if one.requests is not None), key=_requests_left, default=None)
        tokens = min((one for one in each if one.tokens is not None), key=_tokens_left, default=None)
        return Allowed(
            calls.requests if calls else None,
            tokens.tokens if tokens else None,
            calls.requests_left if calls else 0,
            tokens.tokens_left if tokens else 0,
        )


def _requests_left(of: Allowed) -> int:
    return of.requests_left


def _tokens_left(of: Allowed) -> int:
    return of.tokens_left
