"""Spreading calls over the minute instead of spending it at once.

A sliding window that has been filled in one second empties in one second, a minute later: under load the
calls would come in a lump a minute for ever, and whoever cannot wait that long would find no room at all. So
the next call keeps a distance: none to speak of for a few calls out of the blue, growing with the square of
how full the window is, and from half full on what the limit itself comes to. A whole minute's worth at once
takes forty seconds; the minute after that is spread evenly, and so is every one that follows. Nothing is
lost: a window that is asked for more than it has is used to its limit.

`level`: the share of the tightest limit in use; `share`: what one call takes of it. Both from 0 to 1.
"""

from __future__ import annotations

from enum import IntEnum

MINUTE_S = 60.0
FULL = 0.5
"""The level from which on calls keep their full distance."""
RAMP_S = MINUTE_S * FULL / 3.0
"""How long it takes to come there."""


AHEAD_S = 6.0
AHEAD_CALLS = 2
"""How far a call may run ahead of the pace: so long, or so many full distances, whichever is more."""


class Haste(IntEnum):
    """What a call may do. Who waits in line goes at the pace. Who finds nobody waiting may run ahead of it,
    so that calls at random below the limit need not wait for what is there. Who is URGENT may run twice as
    far ahead, even though others wait, and use what they must leave. FAIR is who waits in line and need leave
    nothing."""

    STEADY = 0
    EARLY = 1
    URGENT = 2
    FAIR = 3


def ahead_of_pace_s(share: float) -> float:
    return max(AHEAD_S, AHEAD_CALLS * MINUTE_S * share)


def gap_s(level: float, share: float) -> float:
    """Seconds to keep after a call that has brought the window to `level`."""
    return MINUTE_S * share * min(level / FULL, 1.0) ** 2


def ahead_s(level: float, share: float, calls: int) -> float:
    """Seconds between the first and the last of so many calls, if no others leave the window meanwhile."""
    return _reached_s(level + share * max(calls - 1, 0)) - _reached_s(level)


def within(level: float, share: float, seconds: float) -> float:
    """The inverse: how many calls fit into so many seconds, the first at their beginning."""
    at_s = _reached_s(level) + max(seconds, 0.0)
    over_s = at_s - RAMP_S
    to = FULL + over_s / MINUTE_S if over_s > 0.0 else FULL * (at_s / RAMP_S) ** (1.0 / 3.0)
    return 1.0 + (to - level) / share


def _reached_s(level: float) -> float:
    """How long it takes to fill an empty window to `level`."""
    return RAMP_S * min(level / FULL, 1.0) ** 3 + MINUTE_S * max(level - FULL, 0.0)
