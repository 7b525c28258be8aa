"""Experiments: who is on which side, and when a canary has been shown to be worse."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

import msgspec

ALTERNATIVES = (0.55, 0.65, 0.75, 0.85, 0.95)
"""How often the canary would lose, if it is worse: each is bet on with an equal share."""


def place(salt: str, unit: str) -> float:
    """Where `unit` stands in [0, 1): the same for ever, evenly spread, and without regard to other salts."""
    digest = blake2b(f"{salt}\0{unit}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def side(salt: str, unit: str, shares: Mapping[str, float]) -> str:
    """The arm of a split that `unit` is on. `shares` are positive; only their proportions matter."""
    mark, arm = place(salt, unit) * sum(shares.values()), ""
    for arm, share in shares.items():  # noqa: B007  # the last arm is also the answer to rounding
        mark -= share
        if mark < 0.0:
            break
    return arm


class Bets(msgspec.Struct, frozen=True):
    """Wealth won by betting that the canary loses more than half of the comparisons it is in.

    If it does not, each bet is at best fair, wealth is a non-negative supermartingale that begins at 1, and
    the chance that it ever reaches 1/α is at most α, however long one looks (Ville's inequality; Howard et
    al., *Time-uniform Chernoff bounds*, 2020). The stakes are a mixture over `ALTERNATIVES`.
    """

    wealth: tuple[float, ...] = (1.0 / len(ALTERNATIVES),) * len(ALTERNATIVES)

    @property
    def total(self) -> float:
        return sum(self.wealth)

    def after(self, *, lost: bool) -> Bets:
        """One comparison more."""
        return Bets(
            tuple(
                have * 2.0 * (rate if lost else 1.0 - rate)
                for have, rate in zip(self.wealth, ALTERNATIVES, strict=True)
            )
        )


class Ending(msgspec.Struct, frozen=True):
    """How one request of an experiment ended: whether its model failed, and its wait until the answer."""

    failed: bool
    seconds: float = 0.0


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A canary beside what was there before.

    Each of its endings is compared with the latest ending of the other side that has not been compared yet. A
    failure beside a success counts against whoever failed; of two successes a canary that took more than
    `slower` times as long counts as slow. Both tests together raise a false alarm with a chance of
    `false_alarm` at most: each gets half of it.

    Known weakness: what changes over time on both sides alike is compared away, and so is an outage that the
    canary causes for both.
    """

    false_alarm: float
    slower: float
    errors: Bets = Bets()
    waits: Bets = Bets()
    waiting: Ending | None = None
    compared: int = 0
    stopped: str | None = None

    def other(self, ending: Ending) -> Trial:
        """A request of the other side has ended."""
        return msgspec.structs.replace(self, waiting=ending)

    def canary(self, ending: Ending) -> Trial:
        """A request of the canary has ended."""
        other = self.waiting
        if other is None or self.stopped:
            return self
        errors, waits = self.errors, self.waits
        if ending.failed is not other.failed:
            errors = errors.after(lost=ending.failed)
        elif not ending.failed:
            waits = waits.after(lost=ending.seconds > self.slower * other.seconds)
        limit = 2.0 / self.false_alarm
        why = "errors" if errors.total >= limit else "latency" if waits.total >= limit else None
        return msgspec.structs.replace(
            self, errors=errors, waits=waits, waiting=None, compared=self.compared + 1, stopped=why
        )
