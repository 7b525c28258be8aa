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

MINUTE_S = 60.0
FULL = 0.5
"""The level from which on calls keep their full distance."""
RAMP_S = MINUTE_S * FULL / 3.0
"""How long it takes to come there."""


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
