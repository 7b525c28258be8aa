"""How loaded an upstream is: peak-EWMA of its latency, times what it has in hand.

The estimate jumps to a worse sample at once and forgets it slowly, so that a slow spell is avoided
quickly and returned to gently (Finagle's `PeakEwma` balancer).
"""

from __future__ import annotations

from math import exp

UNTRIED = 1e6
"""Seconds charged to an upstream that has calls in hand but never answered one: enough to let the first
answer arrive before the second call goes there, while any other can take it."""

LEAST = 1e-4
"""Seconds: no latency counts for less, so that of two upstreams too quick to measure, or long unused, the
one with fewer calls in hand is the less loaded."""


class PeakEwma:
    """Latency to the first byte, in seconds, decaying with time constant `tau_s`.

    Known weakness: it says nothing about how fast tokens flow after the first.
    """

    __slots__ = ("_at", "_cost", "_tau_s")

    def __init__(self, *, tau_s: float = 10.0) -> None:
        self._tau_s = tau_s
        self._cost = 0.0
        self._at = 0.0

    def observe(self, seconds: float, now: float) -> None:
        """One more latency, seen at `now`."""
        if seconds < LEAST:
            seconds = LEAST
        if seconds >= self._cost:
            self._cost = seconds
        else:
            weight = exp(-(now - self._at) / self._tau_s)
            self._cost = self._cost * weight + seconds * (1.0 - weight)
        self._at = now

    def at_least(self, seconds: float, now: float) -> None:
        """Somebody has waited so long and given up: that counts where it is longer than we believed."""
        if seconds > self.latency(now):
            self.observe(seconds, now)

    def penalise(self, seconds: float, now: float) -> None:
        """As if an answer had just taken `seconds` longer than we believed: a throttle, a failure."""
        self.observe(self.latency(now) + seconds, now)

    def latency(self, now: float) -> float:
        """The estimate at `now`, in seconds; it fades while nothing is observed."""
        return self._cost * exp(-(now - self._at) / self._tau_s)

    def load(self, in_flight: int, now: float, *, waiting: bool = False) -> float:
        """Expected seconds of work in front of the next call. While somebody is `waiting` for a first byte
        the estimate does not fade: silence must not make an upstream look quick."""
        if not self._cost:
            return in_flight * UNTRIED
        latency = self._cost if waiting else max(self.latency(now), LEAST)
        return latency * (in_flight + 1)
