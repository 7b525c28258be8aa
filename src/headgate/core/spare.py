"""What those who ask for much leave free for those who ask for little.

The latter come at random. If n of them come in a minute, it is n with a standard deviation of √n; so many
calls, and a few more, stay free at a provider while others want all of it. Who asks for little then hardly
ever finds it full, and does not notice who asks for much.
"""

from __future__ import annotations

from math import exp, sqrt

from headgate.core.pace import MINUTE_S

DEVIATIONS = 2.0
"""So many standard deviations are kept."""

TENANT_TAU_S = 20.0
"""The memory of what one tenant asks for, in seconds."""

GREED = 4.0
"""Who asks for so many times as much as the others of its tier do on average, and for more than chance may
bring, is greedy."""


def much(mean: float) -> float:
    """Requests a second: more than this is far more than `mean`, and no chance, which could bring six
    arrivals at once, or four deviations."""
    mean = max(mean, 0.0)
    return GREED * mean + 6.0 / TENANT_TAU_S + 4.0 * sqrt(mean / (2.0 * TENANT_TAU_S))


class Spare:
    """One provider's, shared by its keys: each keeps an equal part, and `keys` says of how many."""

    __slots__ = ("_at", "_calls", "keys", "until")

    def __init__(self) -> None:
        self.keys = 1
        self.until = 0.0
        """From then on nothing is kept: nobody has asked for little, while another asked for much, for a
        minute."""
        self._calls = 0.0
        self._at = 0.0

    def one(self, now: float) -> None:
        """A call of somebody who asks for little, while another asks for much."""
        self._calls = 1.0 + self._calls * exp((self._at - now) / MINUTE_S)
        self._at = now
        self.until = now + MINUTE_S

    def calls(self, now: float) -> int:
        """How many calls a key must have room for beside the one that somebody wants who asks for much."""
        if now >= self.until:
            return 0
        calls = self._calls * exp((self._at - now) / MINUTE_S)
        return round(DEVIATIONS * sqrt(calls) / self.keys)
