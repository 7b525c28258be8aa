"""One key at a provider: what it is allowed by the configuration, by the provider's own word, and by what has
been used of it.

The word of the provider counts at once, where it is stricter; a limit raised again is believed to answers of
calls that were sent after the cut was heard of. Where the provider has counted more than we can have sent,
somebody else uses the key, and what they used counts too.

In the dark, only half of a limit is trusted: when nothing has been heard from the provider for `NEWS_S`, and
more than half of the limit counts, calls go one at a time until an answer has come (each `PROBE_S` after the
last at the latest). A limit that is cut by half while nobody asks then costs one refusal at most, however
many calls wait.

Known weakness: a provider that says nothing of its limits but 429 is not asked until the time it names, and
then as often as before.
"""

from __future__ import annotations

from math import inf
from typing import Any

from headgate.core.allowance import FREE, Allowance, Grant, Rates
from headgate.core.listeners import Listeners, Wake
from headgate.core.pace import MINUTE_S, Haste, ahead_of_pace_s, ahead_s, gap_s, within
from headgate.core.spare import Spare
from headgate.core.standing import Quota, Standing

NEWS_S = 2.0
PROBE_S = 1.0
PAUSE_MAX_S = 3600.0
ROUNDED = 0.02
"""Providers round what remains of tokens, and count a call's a little differently than they report them: so
much of the limit more than ours is no sign of somebody else."""
EAGER = 0.9
"""The distance between calls reckons with so much of what calls have taken: tokens held in reserve and given
back too late to be used would otherwise be lost."""
EMPTY = 0.05
"""So little of a limit in use calls for no distance worth reckoning: a hundredth of the full one."""
LEAVING = (Haste.STEADY, Haste.EARLY)
"""Who must leave room for those who ask for little."""
IN_LINE = (Haste.STEADY, Haste.FAIR)
"""Who keeps the pace."""
NEWEST = 0.1
"""Weight of the newest call in the usual size of one."""


class KeyLimits:
    """Shared by the upstreams of all models that one key serves, and by the generations of a gateway."""

    __slots__ = (
        "_cut_at",
        "_full",
        "_full_at",
        "_heard_at",
        "_listeners",
        "_paused_until",
        "_sent_at",
        "_spaced_until",
        "_taken",
        "_told",
        "_usual",
        "allowance",
        "configured",
        "limited",
        "metered",
        "smooth",
        "spare",
    )

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        self.limited = False
        """Whether there is anything to reserve."""
        self.metered = False
        """Whether tokens are limited: otherwise nobody needs to count them."""
        self.configured = FREE
        self._told = FREE
        self._cut_at = -inf
        self._heard_at = -inf
        self._sent_at = -inf
        self._paused_until = -inf
        self._spaced_until = -inf
        self._full = 0.0, 0.0
        self._full_at = -inf
        self.spare = Spare()
        self.smooth = False
        """Whether calls keep a distance from each other (`core.pace`)."""
        self._usual = 0.0
        self._taken = 0.0
        self._listeners = Listeners()

    # ── limits ──

    def configure(self, rates: Rates) -> None:
        """What the operator says it is allowed."""
        self.configured = rates
        self._allow()

    @property
    def rates(self) -> Rates:
        """The stricter of what the operator and the provider say."""
        return self.configured.least(self._told)

    def _allow(self) -> None:
        rates = self.rates
        self.limited, self.metered = rates.limited, rates.tpm is not None
        self.allowance.allow(rates)
        self._full_at = -inf
        self._listeners()

    def refilled(self) -> None:
        """The allowance may have more than it had."""
        self._full_at = -inf
        if self.limited:
            self._listeners()

    # ── asking ──

    def fits(self, now: float, tokens: int, haste: Haste = Haste.STEADY) -> bool:
        return self._may(now, haste) and self.allowance.fits(now, tokens)

    def next_at(self, now: float, tokens: int, haste: Haste = Haste.STEADY) -> float:
        at = max(self._paused_until, self._paced_at(haste), self._probe_at(now))
        next_at = self.allowance.next_at(now, tokens)
        if haste in LEAVING and now < self.spare.until:
            left_at = self.allowance.refill(now, 1 + self.spare.calls(now), self.usual)
            next_at = min(left_at, max(next_at, self.spare.owed_at(self._share(self.usual))))
        return max(at, next_at)

    def _may(self, now: float, haste: Haste) -> bool:
        """Whether nothing but the allowance is in the way."""
        if now < self._paused_until or (now < self._spaced_until and now < self._paced_at(haste)):
            return False
        if now - self._heard_at > NEWS_S and now < self._probe_at(now):
            return False
        if now >= self.spare.until or haste not in LEAVING:
            return True
        if now >= self.spare.owed_at(self._share(self.usual)):
            return True
        return self.allowance.room(now, now, self.usual) > self.spare.calls(now)

    def _paced_at(self, haste: Haste) -> float:
        if haste in IN_LINE:
            return self._spaced_until
        far_s = ahead_of_pace_s(self._share(self.usual))
        return self._spaced_until - (2.0 * far_s if haste is Haste.URGENT else far_s)

    def refill(self, now: float, calls: int) -> float:
        """For so many calls of the usual size."""
        if not self.limited:
            return max(self._paused_until, now)
        at = max(self._paused_until, self.allowance.refill(now, calls, self.usual))
        if not self.smooth:
            return at
        level, share = self.allowance.fullness(now), self._share(self.usual)
        spaced_at = max(now, self._spaced_until) + ahead_s(level, share, calls)
        fits, next_at = self._until_full(now)
        beyond = calls - fits - 1
        return max(at, spaced_at, next_at + MINUTE_S * share * beyond if beyond >= 0 else at)

    def room(self, now: float, until: float) -> float:
        if until < self._paused_until:
            return 0.0
        if not self.limited:
            return inf
        room, begin = self.allowance.room(now, until, self.usual), max(now, self._spaced_until)
        if not self.smooth:
            return room
        share = self._share(self.usual)
        if until < begin or not share:
            return room if until >= begin else 0.0
        fits, next_at = self._until_full(now)
        more = max(until - next_at, 0.0) / (MINUTE_S * share) + 1.0 if until >= next_at else 0.0
        return min(room, fits + more, within(self.allowance.fullness(now), share, until - begin))

    def _until_full(self, now: float) -> tuple[float, float]:
        """How many calls the window still takes, and when one more: from then on, at full distance. Asked
        again and again at one moment, and remembered for it."""
        if self._full_at != now:
            fits = self.allowance.room(now, now, self.usual)
            next_at = self.allowance.refill(now, int(fits) + 1, self.usual) if fits < inf else now
            self._full_at, self._full = now, (fits, next_at)
        return self._full

    @property
    def usual(self) -> int:
        """Tokens of a usual call."""
        return round(self._usual)

    def roomy(self, tokens: int) -> bool:
        """Whether less than half of the token limit would be used: then a rough estimate does."""
        tpm = self.allowance.rates.tpm
        return tpm is None or 2 * (self.allowance.spent + tokens) < tpm

    def _share(self, tokens: float) -> float:
        """What one call takes of the limit that it takes most of; 0 where nothing of a minute is limited."""
        rates = self.allowance.rates
        of_calls = 1.0 / rates.rpm if rates.rpm else 0.0
        return max(of_calls, min(tokens / rates.tpm, 1.0) if rates.tpm else 0.0)

    def headroom(self, now: float) -> float:
        """The share of its tightest limit that is left, from 0 to 1."""
        return max(1.0 - self.allowance.fullness(now), 0.0) if self.limited else 1.0

    def usage(self, now: float) -> dict[str, float]:
        """How much of each limit of a minute is used, by `requests` and `tokens`; 1 is all of it."""
        rates = self.allowance.rates
        if rates.rpm is None and rates.tpm is None:
            return {}
        levels, ratios = self.allowance.levels(now), {}
        if rates.rpm is not None:
            ratios["requests"] = levels.calls / rates.rpm if rates.rpm else 1.0
        if rates.tpm is not None:
            ratios["tokens"] = levels.tokens / rates.tpm if rates.tpm else 1.0
        return ratios

    def watch(self, wake: Wake) -> Wake:
        return self._listeners.add(wake)

    def condition(self, now: float) -> dict[str, Any]:
        """For people."""
        rates, levels = self.allowance.rates, self.allowance.levels(now)
        limits: dict[str, Any] = {}
        if rates.rpm is not None:
            limits["requests"] = {"limit": rates.rpm, "used": levels.calls}
        if rates.tpm is not None:
            limits["tokens"] = {"limit": rates.tpm, "used": levels.tokens}
        if rates.burst is not None:
            limits["burst"] = {"limit": rates.burst}
        if limits:
            limits["room_in_s"] = _seconds(self.next_at(now, self.usual) - now)
        return limits

    def _probe_at(self, now: float) -> float:
        """In the dark, and with more than half of a limit in use, when the next call may go at the latest."""
        if now - self._heard_at <= NEWS_S or self._sent_at <= self._heard_at:
            return -inf
        rates, levels = self.allowance.rates, self.allowance.levels(now)
        beyond_half = (rates.rpm is not None and 2 * (levels.calls + 1) > rates.rpm) or (
            rates.tpm is not None and 2 * levels.tokens > rates.tpm
        )
        return self._sent_at + PROBE_S if beyond_half else -inf

    # ── taking and giving back ──

    def reserve(self, now: float, tokens: int, haste: Haste = Haste.STEADY) -> Grant | None:
        """The right to one call, to be settled or cancelled; `None` where it does not fit."""
        if (
            now < self._spaced_until
            or now < self._paused_until
            or now < self.spare.until
            or now - self._heard_at > NEWS_S
        ) and not self._may(now, haste):
            return None
        grant = self.allowance.reserve(now, tokens)
        if grant is not None:
            self._sent_at, self._full_at = now, -inf
            if haste is Haste.URGENT:
                self.spare.one(now)
            elif now < self.spare.until:
                self.spare.left_at = now
            if self.smooth and (full := self.allowance.fullness(now)) > EMPTY:
                eager = (self._taken or tokens) * EAGER
                self._spaced_until = max(now, self._spaced_until) + gap_s(full, self._share(eager))
            self._usual += (tokens - self._usual) * (NEWEST if self._usual else 1.0)
        return grant

    def answered(self, grant: Grant | None, standing: Standing | None, now: float) -> None:
        """The first byte of an answer is here; with it, perhaps, how the key stands."""
        dark = now - self._heard_at > NEWS_S
        self._heard_at, self._full_at = now, -inf
        if grant is not None:
            self.allowance.answered(grant, now)
        if standing is not None:
            self._corrected(grant, standing, now)
        if dark:
            self._listeners()

    def settle(self, grant: Grant, tokens: int, now: float) -> None:
        """It is over, and took so many tokens."""
        self.allowance.settle(grant, tokens, now)
        self._full_at = -inf
        self._taken += (tokens - self._taken) * (NEWEST if self._taken else 1.0)
        if tokens < grant.tokens:
            self._listeners()

    def cancel(self, grant: Grant, now: float) -> None:
        """It never reached the provider."""
        self.allowance.cancel(grant, now)
        self._full_at = -inf
        self._listeners()

    def throttled(self, grant: Grant | None, standing: Standing | None, now: float) -> None:
        """The provider has refused it for want of room: it took no tokens, and may count as a request."""
        self._heard_at, self._full_at = now, -inf
        if standing is not None:
            self._corrected(grant, standing, now)
        if grant is not None:
            self.allowance.settle(grant, 0, now)
        self._listeners()

    def pause(self, seconds: float, now: float) -> None:
        """The provider wants to hear nothing of this key for so long."""
        self._paused_until = max(self._paused_until, now + min(max(seconds, 0.0), PAUSE_MAX_S))

    def paused(self, now: float) -> bool:
        """Whether the provider, or we, want to hear nothing of this key at present."""
        return now < self._paused_until

    # ── the provider's word ──

    def _corrected(self, grant: Grant | None, standing: Standing, now: float) -> None:
        self._believe(standing, grant.at if grant is not None else now, now)
        for quota in (standing.requests, standing.tokens):
            if quota is not None and not quota.of_a_minute and quota.remaining == 0 and quota.reset_s:
                self.pause(quota.reset_s, now)
        self._others(grant, standing, now)

    def _believe(self, standing: Standing, sent_at: float, now: float) -> None:
        """An answer may have been long on its way: it does not undo a cut that was heard of since it was
        asked for."""
        before, told = self._told, standing.rates
        if standing.requests is None or standing.tokens is None:
            told = Rates(
                rpm=before.rpm if standing.requests is None else told.rpm,
                tpm=before.tpm if standing.tokens is None else told.tpm,
            )
        if told == before:
            return
        if sent_at < self._cut_at:
            told = told.least(before)
        if told.least(before) != before:
            self._cut_at = now
        self._told = told
        self._allow()

    def _others(self, grant: Grant | None, standing: Standing, now: float) -> None:
        """Counts what the provider has counted beyond all that can be ours."""
        ours = self.allowance.upper(grant) if grant is not None else self.allowance.levels(now)
        calls = _beyond(standing.requests, ours.calls, 0)
        slack = self.allowance.pending
        if standing.tokens is not None:
            slack += int(standing.tokens.limit * ROUNDED)
        tokens = _beyond(standing.tokens, ours.tokens, slack)
        if calls or tokens:
            self.allowance.taken(now, calls, tokens)


def _beyond(quota: Quota | None, ours: int, slack: int) -> int:
    if quota is None or not quota.of_a_minute:
        return 0
    return max(quota.used - ours - slack, 0)


def _seconds(seconds: float) -> float | None:
    return round(max(seconds, 0.0), 3) if seconds < inf else None
