"""Which fleets of providers are open: pure, from how the fleets stand and what was so before.

The primary is always open. The secondary opens when the primary's load has reached `open_at`, or when none of
the primary is well; the backup when neither has anybody who is well. An open one closes once its reason has
been gone, the load below `close_at`, for `hold_s` without a break: between the two marks nothing ever moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Fleet(StrEnum):
    """In the order in which they are wanted."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    BACKUP = "backup"


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of what a fleet can do, and seconds."""

    open_at: float = 0.8
    close_at: float = 0.6
    hold_s: float = 30.0


class Strength(msgspec.Struct, frozen=True):
    """How a fleet stands: `load` is the share in use, from 0 to 1, of those who are well; `well` whether
    anybody is."""

    load: float = 0.0
    well: bool = True


class Door(msgspec.Struct, frozen=True):
    """Of one fleet. `calm_since`: since when there has been no reason to have it open, if it is."""

    is_open: bool = False
    calm_since: float | None = None

    def seen(self, *, needed: bool, calm: bool, hold_s: float, now: float) -> Door:
        """The door at `now`. `needed`: there is reason to open it; `calm`: there is none to keep it open."""
        if needed:
            return self if self.is_open and self.calm_since is None else OPEN
        if not self.is_open:
            return self
        if not calm:
            return self if self.calm_since is None else OPEN
        if self.calm_since is None:
            return Door(True, now)
        return CLOSED if now - self.calm_since >= hold_s else self


OPEN = Door(True)
CLOSED = Door()


class Fleets(msgspec.Struct, frozen=True, kw_only=True):
    """The doors that can be shut."""

    secondary: Door = CLOSED
    backup: Door = CLOSED

    def seen(self, strengths: Mapping[Fleet, Strength], marks: Marks, now: float) -> Fleets:
        """After a look at the fleets; one that is not there has no strength."""
        primary, secondary = strengths.get(Fleet.PRIMARY), strengths.get(Fleet.SECONDARY)
        well = primary is not None and primary.well
        load = primary.load if primary is not None else 0.0
        anybody = well or (secondary is not None and secondary.well)
        return Fleets(
            secondary=self.secondary.seen(
                needed=not well or load >= marks.open_at,
                calm=well and load < marks.close_at,
                hold_s=marks.hold_s,
                now=now,
            ),
            backup=self.backup.seen(needed=not anybody, calm=anybody, hold_s=marks.hold_s, now=now),
        )

    def is_open(self, fleet: Fleet) -> bool:
        match fleet:
            case Fleet.SECONDARY:
                return self.secondary.is_open
            case Fleet.BACKUP:
                return self.backup.is_open
        return True

    def order(self, strengths: Mapping[Fleet, Strength], marks: Marks) -> list[Fleet]:
        """The open fleets, in the order in which they are to be asked: the primary first, unless it has
        reached `open_at` and the secondary is less loaded. What is left of the primary then is for those who
        come when the secondary is as full."""
        able = [fleet for fleet in Fleet if fleet in strengths and self.is_open(fleet)]
        if Fleet.PRIMARY in able and Fleet.SECONDARY in able:
            primary, secondary = strengths[Fleet.PRIMARY], strengths[Fleet.SECONDARY]
            over = primary.well and primary.load >= marks.open_at
            if over and secondary.well and secondary.load < primary.load:
                able[:2] = [Fleet.SECONDARY, Fleet.PRIMARY]
        return able
