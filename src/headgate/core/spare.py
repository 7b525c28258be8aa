"""What those who ask for much leave free for those who ask for little.

The latter come at random. If n of them are usual in a minute, there are n in any one with a standard
deviation of √n. So whoever asks for much may hold what is left beside n and a few deviations more, however
few are here just now: a call that is let through takes its room for a minute, and more will be here before it
is over. That n is itself only known from a few minutes adds to its deviation. Who asks for little then hardly
ever finds the provider full, and does not notice who asks for much. Nobody starves: a small part of the limit
is for who asks for much, whatever is left.
"""

from __future__ import annotations

from math import exp, inf, sqrt

from headgate.core.pace import MINUTE_S

DEVIATIONS = 2.4
"""So many standard deviations are kept: of 100 moments, one is worse."""

TAU_S = 180.0
"""The memory of how many calls there are in a minute, in seconds."""

YOUNG_S = 5.0
"""What has gone on for less than this is taken for as old."""

SECONDS = 60
"""A minute is counted in so many parts."""

TENANT_TAU_S = 20.0
"""The memory of what one tenant asks for, in seconds."""

GREED = 4.0
"""Who asks for so many times as much as the others of its tier do on average, and for more than chance may
bring, is greedy."""

FLOOR = 0.005
"""The share of the limit that who asks for much gets even where the others leave nothing: of twenty-one
tenants, a tenth of an equal one."""


def much(mean: float) -> float:
    """Requests a second: more than this is far more than `mean`, and no chance, which could bring six
    arrivals at once, or four deviations."""
    mean = max(mean, 0.0)
    return GREED * mean + 6.0 / TENANT_TAU_S + 4.0 * sqrt(mean / (2.0 * TENANT_TAU_S))


class Spare:
    """One provider's, shared by its keys: each keeps an equal part, and `keys` says of how many."""

    __slots__ = ("_at", "_calls", "_minute", "_second", "_since", "keys", "left_at", "until")

    def __init__(self) -> None:
        self.keys = 1
        self.until = 0.0
        """From then on nothing is kept: nobody has asked for little, while another asked for much, for a
        minute."""
        self.left_at = -inf
        """When the last call went of somebody who must leave room."""
        self._calls = 0.0
        self._at = 0.0
        self._since = 0.0
        self._second = 0
        self._minute = [0] * SECONDS

    def one(self, now: float) -> None:
        """A call of somebody who asks for little, while another asks for much."""
        if now >= self.until:
            self._calls, self._since = 0.0, now
        self._turn(now)
        self._minute[self._second % SECONDS] += 1
        self._calls = 1.0 + self._calls * exp((self._at - now) / TAU_S)
        self._at = now
        self.until = now + MINUTE_S

    def calls(self, now: float) -> int:
        """How many calls a key must have room for beside the one that somebody wants who asks for much."""
        if now >= self.until:
            return 0
        self._turn(now)
        age_s = max(now - self._since, YOUNG_S)
        usual = self._calls * exp((self._at - now) / TAU_S) / (1.0 - exp(-age_s / TAU_S)) * MINUTE_S / TAU_S
        doubt = 1.0 + MINUTE_S / min(age_s, 2.0 * TAU_S)
        here = sum(self._minute) + usual * max(1.0 - age_s / MINUTE_S, 0.0)
        return max(round((usual + DEVIATIONS * sqrt(usual * doubt) - here) / self.keys), 0)

    def owed_at(self, share: float) -> float:
        """When who asks for much has one more call, where one takes such a share of a key's limit."""
        return self.left_at + MINUTE_S * share / (FLOOR * self.keys)

    def _turn(self, now: float) -> None:
        """Forgets the calls of more than a minute ago."""
        second = int(now)
        for gone in range(max(self._second + 1, second - SECONDS + 1), second + 1):
            self._minute[gone % SECONDS] = 0
        self._second = second
