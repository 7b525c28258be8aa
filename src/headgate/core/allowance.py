"""What a provider lets us do under one of our keys there."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """So many requests (`rpm`) and tokens (`tpm`) in any 60 seconds, and requests in any one second
    (`burst`). `None` is no limit, 0 is nothing at all."""

    rpm: int | None = None
    tpm: int | None = None
    burst: int | None = None

    @property
    def limited(self) -> bool:
        return self.rpm is not None or self.tpm is not None or self.burst is not None

    def least(self, other: Rates) -> Rates:
        """The stricter of both, limit by limit."""
        return Rates(
            rpm=_less(self.rpm, other.rpm),
            tpm=_less(self.tpm, other.tpm),
            burst=_less(self.burst, other.burst),
        )


FREE = Rates()
NOTHING = Rates(rpm=0)
"""Of a key that must not be used any more."""


class Grant(msgspec.Struct, eq=False):
    """The right to one call of so many `tokens`, reserved `at`. Made by an `Allowance`, and given back to it:
    what else it holds is its maker's own affair."""

    at: float
    tokens: int


class Levels(msgspec.Struct, frozen=True):
    """What counts of requests and tokens now."""

    calls: int
    tokens: int


class Allowance(Protocol):
    """Where the permits for calls under one key come from: a window of this process's own, or one that draws
    on a store which several processes share. Never waits: whoever must fetch a lease does so beside it.

    The promise: in no window of 60 seconds (of one, for `burst`), wherever it is laid *at the provider*,
    more arrives than the rates allow, however calls are delayed on the way. `now` is the clock's seconds and
    never goes back; one that does is taken for the latest. For each grant comes, in this order, at most one
    `answered` and exactly one of `settle` and `cancel`.
    """

    @property
    def rates(self) -> Rates:
        """In force now."""
        ...

    def allow(self, rates: Rates) -> None:
        """Other rates, from now on. What was granted before still counts: where it is more than allowed,
        nobody is let through until it has left the window."""
        ...

    def reserve(self, now: float, tokens: int) -> Grant | None:
        """A call of `tokens`, or `None` where it does not fit. More than `tpm` counts as `tpm`."""
        ...

    def fits(self, now: float, tokens: int) -> bool:
        """Whether `reserve` would succeed."""
        ...

    def next_at(self, now: float, tokens: int) -> float:
        """The first moment at which `reserve` would succeed if nobody else reserved; infinity for never, or
        where it cannot be known."""
        ...

    def clears_at(self, now: float) -> float:
        """When the limits of a minute will be whole again, if nobody reserves."""
        ...

    def refill(self, now: float, calls: int, tokens: int) -> float:
        """The same for so many calls of `tokens` each."""
        ...

    def room(self, now: float, until: float, tokens: int) -> float:
        """The inverse: how many such calls could have been let through by `until`."""
        ...

    def answered(self, grant: Grant, now: float) -> None:
        """The first byte of its answer is here: the provider has counted it by now."""
        ...

    def settle(self, grant: Grant, tokens: int, now: float) -> None:
        """It took so many tokens: more than reserved or less."""
        ...

    def cancel(self, grant: Grant, now: float) -> None:
        """It has not reached the provider: it counts for nothing."""
        ...

    def taken(self, now: float, calls: int, tokens: int) -> None:
        """Somebody else has used so much of the key."""
        ...

    def levels(self, now: float) -> Levels: ...

    def fullness(self, now: float) -> float:
        """How much of its tightest limit of a minute is used, as a share; more than 1 after a cut."""
        ...

    @property
    def spent(self) -> int:
        """Tokens that count, or counted when somebody last looked: never fewer than do."""
        ...

    def upper(self, grant: Grant) -> Levels:
        """The most the provider can have counted of ours when it answered this call: what counted as it was
        reserved, and all that was reserved since."""
        ...

    @property
    def pending(self) -> int:
        """Tokens reserved for calls that are not settled yet."""
        ...


def _less(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)
