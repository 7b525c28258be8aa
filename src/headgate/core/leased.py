"""What a key allows, where several processes use it: an `Allowance` that draws on leased slices.

A call goes if this process's own windows let it, and if it has a slice in hand for it: the windows know when
calls left and were answered, the slices how much the others have used. Their span is longer than a minute by
the longest guard of a window and by what a step of the store's clock may cost.

Known weakness: of `burst`, which is about one second, each process gets an even share and no slices. Where
there are more processes than `burst` allows requests, each may still make one.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import msgspec

from headgate.core.allowance import FREE, Grant, Levels, Rates
from headgate.core.hand import Hand
from headgate.core.holder import Holder
from headgate.core.lease import DOUBT_MS
from headgate.core.window import GUARD_MAX_S, MINUTE_S, Windows

SPAN_S = MINUTE_S + GUARD_MAX_S + DOUBT_MS / 1e3
TURN_S = 0.01
"""How long after a message is due its answer may be expected."""
DRY_S = 1.0
"""Where the store had nothing left a moment ago, nobody waits for the next answer."""

Urge = Callable[[Hand, float], None]


class LeasedWindows:
    """`core.allowance.Allowance` of one key, in the hands of `holder`. `scope` is the key's name among all
    processes; `urge` is told of a hand in which something is wanted that is not there."""

    def __init__(self, scope: str, holder: Holder, urge: Urge, *, frugal: bool = False) -> None:
        """`frugal`: callers wait for what is not in hand, and ask again."""
        self._scope = scope
        self._frugal = frugal
        self._holder = holder
        self._urge = urge
        self._own = Windows(FREE)
        self._calls: Hand | None = None
        self._tokens: Hand | None = None
        self._holders = holder.holders
        self.rates = FREE

    def allow(self, rates: Rates) -> None:
        self.rates = rates
        self._calls = self._hand("requests", rates.rpm)
        self._tokens = self._hand("tokens", rates.tpm)
        self._share()

    def _hand(self, kind: str, limit: int | None) -> Hand | None:
        name, hands = f"{self._scope}|{kind}", self._holder.hands
        if limit is None:
            hands.pop(name, None)
            return None
        hand = hands.get(name)
        if hand is None:
            hand = hands[name] = Hand(name, limit=limit, span_s=SPAN_S, frugal=self._frugal)
            self._holder.admit(hand)
        hand.limit = limit
        return hand

    def _share(self) -> None:
        """Of what is limited by the second, this process's part."""
        self._holders, burst = self._holder.holders, self.rates.burst
        if burst:
            burst = max(1, burst // self._holders)
        self._own.allow(msgspec.structs.replace(self.rates, burst=burst), of=self.rates)

    # ── asking ──

    def fits(self, now: float, tokens: int) -> bool:
        if self._holders != self._holder.holders:
            self._share()
        if not self._own.fits(now, tokens):
            return False
        return self._there(self._calls, 1, now) and self._there(self._tokens, self._size(tokens), now)

    def _there(self, hand: Hand | None, units: int, now: float) -> bool:
        if hand is None or hand.free(now) >= units:
            return True
        hand.miss(units, now)
        self._urge(hand, now)
        return False

    def _size(self, tokens: int) -> int:
        return min(max(tokens, 1), self.rates.tpm or 1)

    def next_at(self, now: float, tokens: int) -> float:
        at = self._own.next_at(now, tokens)
        for hand, units in ((self._calls, 1), (self._tokens, self._size(tokens))):
            if hand is not None and hand.free(now) < units:
                answer = max(self._holder.next_at, now) + TURN_S
                at = max(at, min(hand.ready_at(units, now), answer + (DRY_S if hand.dry else 0.0)))
        return at

    def clears_at(self, now: float) -> float:
        return self._own.clears_at(now)

    def refill(self, now: float, calls: int, tokens: int) -> float:
        at = self._own.refill(now, calls, tokens)
        for hand, units in ((self._calls, calls), (self._tokens, calls * self._size(tokens))):
            if hand is not None:
                beyond = units - hand.known(now, at)
                at = max(at, now + beyond * self._holders * hand.span_s / max(hand.limit, 1))
        return at

    def room(self, now: float, until: float, tokens: int) -> float:
        room = self._own.room(now, until, tokens)
        for hand, size in ((self._calls, 1), (self._tokens, self._size(tokens))):
            if hand is not None:
                flow = max(until - now, 0.0) * hand.limit / hand.span_s / self._holders
                room = min(room, max(hand.known(now, until), flow) // size)
        return room

    def levels(self, now: float) -> Levels:
        return self._own.levels(now)

    def fullness(self, now: float) -> float:
        return self._own.fullness(now)

    @property
    def spent(self) -> int:
        return self._own.spent

    def upper(self, grant: Grant) -> Levels:
        """All of it: what the provider has counted beyond our own is what the others used, and they had
        slices for it."""
        return Levels(self.rates.rpm or 0, self.rates.tpm or 0)

    @property
    def pending(self) -> int:
        return self._own.pending

    # ── taking and giving back ──

    def reserve(self, now: float, tokens: int) -> Grant | None:
        if self._holders != self._holder.holders:
            self._share()
        size = self._size(tokens)
        calls, units = self._there(self._calls, 1, now), self._there(self._tokens, size, now)
        if not (calls and units):  # both are asked for at once
            return None
        grant = self._own.reserve(now, tokens)
        if grant is None:
            return None
        self._holder.calls += 1
        if self._calls is not None:
            self._calls.use(1, grant.at)
        if self._tokens is not None:
            self._tokens.use(size, grant.at)
        return grant

    def reserve_part(self, now: float, tokens: int) -> Grant | None:
        """While the store is away: what is within this process's part of the limits, though nobody has leased
        it. Others may still use what they leased before, so that together it may be too much, for as long as
        that lasts: only for limits that are ours to hold."""
        holders, rates, size = self._holder.holders, self.rates, self._size(tokens)
        levels = self._own.levels(now)
        if (
            not self._holder.away
            or (rates.rpm is not None and levels.calls >= ceil(rates.rpm / holders))
            or (rates.tpm is not None and levels.tokens and levels.tokens + size > ceil(rates.tpm / holders))
        ):
            return None
        grant = self._own.reserve(now, tokens)
        if grant is None:
            return None
        self._holder.calls += 1
        for hand, units in ((self._calls, 1), (self._tokens, size)):
            if hand is not None:
                hand.overdraw(units, grant.at)
        return grant

    def answered(self, grant: Grant, now: float) -> None:
        self._own.answered(grant, now)

    def settle(self, grant: Grant, tokens: int, now: float) -> None:
        self._own.settle(grant, tokens, now)
        if self._tokens is None:
            return
        more = tokens - self._size(grant.tokens)
        if more > 0:
            self._tokens.overdraw(more, now)
        elif more < 0:
            self._tokens.give_back(-more, grant.at)

    def cancel(self, grant: Grant, now: float) -> None:
        self._own.cancel(grant, now)
        if self._calls is not None:
            self._calls.give_back(1, grant.at)
        if self._tokens is not None:
            self._tokens.give_back(self._size(grant.tokens), grant.at)

    def taken(self, now: float, calls: int, tokens: int) -> None:
        """Beyond all that the processes may have used together: by somebody else altogether."""
        for hand, units in ((self._calls, calls), (self._tokens, tokens)):
            if hand is not None and units:
                hand.overdraw(units, now)
