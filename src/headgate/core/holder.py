"""Slices of a limit, exact across processes: a holder's side, pure.

A holder takes units from the slices in its hands without asking anybody, and now and then tells the store
(`hello`, answered by `heard`) what it used, what it gives back and what it wants: some 32 requests a message,
at most `SLOWEST_S` apart. Nobody waits for a message while there is room.

Where the store cannot be reached (`lost`) it goes on with what it has in hand; then with the slots that it
used last itself, which the store has leased to nobody since; and, once nothing leased before can be in use
any more, with its part of the limit among the holders that were known. What it used alone it tells when the
store is back; that leases nothing for `GRACE_MS`, until all have said what they used.

Known weakness: a holder that alone cannot reach the store, while others can, uses its part of the limit
beside them: up to limit/holders too much, for as long as that lasts.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

import msgspec

from headgate.core.hand import Dial, Hand
from headgate.core.lease import DOUBT_MS, Ask, Hello, Reply

PER_MESSAGE = 32
"""Requests between two messages, where there are many."""
BEGIN_S = 0.5
QUICKEST_S = 0.25
SLOWEST_S = 10.0
"""Seconds between two messages."""
URGENT_S = 0.05
"""A message that is wanted at once comes so long after the last; doubled while they bring nothing."""
HORIZON = 2.0
LEASE = 3.0
"""How far ahead slots are leased and how long they may be used, in times between two messages."""
PATIENT = 3
"""So often at most where callers are refused meanwhile."""
ALONE_AFTER_S = 5.0
"""How long the store may be silent before we go on alone: a lost message or three are no outage."""
CLOSED_EVERY_S = 0.4
"""Between two messages while the store leases nothing: it must know of everything before it leases again."""
LAST_WORD_S = 1.0
"""So long before that nothing of our own is used any more."""
AGAIN_S = 0.5
"""Between two attempts to reach a store that is away."""
SETTLED_S = (1.0 + HORIZON + LEASE) * SLOWEST_S
"""After so long nothing that was leased before the store was lost is used any more."""
DRIFT_MS = 2.0
"""How far two clocks may drift apart between two messages."""


class Holder:
    """A process among those that share limits. `processes`: how many there are at least. Whoever lets a
    request through adds one to `calls`."""

    def __init__(self, name: str, hands: Mapping[str, Hand], now: float, *, processes: int = 1) -> None:
        self.name = name
        self.hands: dict[str, Hand] = dict(hands)
        self.holders = self._least = processes
        self.rank = 0
        self.alone = False
        self.calls = 0
        self.messages = 0
        self.next_at = now
        self._every_s = BEGIN_S
        self._number = 0
        self._born = 0
        self._told = 0
        self._heard_at = now
        self._silent_since = inf
        self._patience_ms = DOUBT_MS
        self._asked_at = now
        self._said_at = now
        self._dial = Dial()
        self._returning = False
        self._says_so = False
        self._resent = False
        self._doubts = 0
        self._pending: Hello | None = None
        self._closes_at = -inf
        self._fruitless = 0

    def admit(self, hand: Hand) -> None:
        """One more window. What has been used of it by others the store will say; or nobody."""
        self.hands[hand.window] = hand
        if self.alone:
            hand.go_alone(self._part(hand), 0.0, self._heard_at)
        self.next_at = min(self.next_at, self._asked_at + URGENT_S)

    @property
    def away(self) -> bool:
        """Whether the store has not answered of late."""
        return self.alone or self._silent_since < inf

    # ── messages ──

    def urge(self, hand: Hand, now: float) -> float:
        """What is wanted is not in this hand: when the next message should be sent."""
        if not self.alone and (hand.spare > 0 or hand.frugal):
            fruitless = min(self._fruitless, PATIENT) if hand.frugal else self._fruitless
            soon = self._asked_at + min(self._every_s, URGENT_S * 2.0**fruitless)
            self.next_at = min(self.next_at, max(now, soon))
        return self.next_at

    def hello(self, now: float, *, leaving: bool = False) -> Hello:
        """The next message; the last once more, if that has not been answered."""
        self.messages += 1
        self._asked_at = now
        passed_ms = max(0, int((now - self._heard_at) * 1e3))
        self._resent = self._pending is not None
        if self._pending is not None:
            pending = self._pending
            self._pending = msgspec.structs.replace(
                pending, passed_ms=passed_ms, returning=pending.returning or self._returning
            )
            return self._pending
        passed_s = max(now - self._said_at, 1e-2)
        self._every_s = self._rhythm(passed_s)
        self._number += 1
        self._said_at = now
        self._says_so = self._returning
        self._pending = Hello(
            holder=self.name,
            number=self._number,
            born=self._born,
            told_ms=self._told,
            passed_ms=passed_ms,
            patience_ms=self._patience_ms,
            doubts=self._doubts,
            horizon_ms=int(self._every_s * HORIZON * 1e3),
            lease_ms=int(self._every_s * LEASE * 1e3),
            returning=self._returning,
            leaving=leaving,
            asks=[self._ask(hand, now, passed_s, leaving=leaving) for hand in self.hands.values()],
        )
        return self._pending

    def heard(self, reply: Reply, now: float) -> bool:
        """The store has answered; whether that may let somebody through who could not be before."""
        hello, self._pending = self._pending, None
        if hello is None:
            return False
        self._silent_since = inf
        took_ms = int((now - self._asked_at) * 1e3)
        self._patience_ms = max(DOUBT_MS, 2 * took_ms, self._patience_ms * 3 // 4)
        self.holders, self.rank = max(self._least, reply.holders), reply.rank
        if self._resent or not reply.sure:  # when it was written is not known well enough
            self._doubts += not reply.sure
            self._refuse(hello, reply)
            self.next_at = now + (URGENT_S if self._doubts else 0.0)
            return False
        if self._born and reply.born != self._born:
            self._start_over(hello, reply, now)
            return True
        self._doubts = 0
        self._set_dial(reply.now - now * 1e3, reply.now - self._said_at * 1e3)
        self._born, self._told, self._heard_at = reply.born, reply.now, now
        more = self._receive(hello, reply, now)
        self._fruitless = 0 if more else min(self._fruitless + 1, 8)
        self.next_at = now + self._every_s
        if self.alone:
            self._rejoin(reply, now)
            return True
        return more > 0

    def lost(self, now: float, *, nobody_there: bool = False) -> bool:
        """No answer came, or an error; whether that means being alone from now on. `nobody_there`: not even
        a connection; who has not met the store yet need not wait for it then."""
        self.next_at = now + AGAIN_S
        self._silent_since = min(self._silent_since, self._asked_at)
        silent = now - self._silent_since >= ALONE_AFTER_S or (nobody_there and not self._born)
        if self.alone:
            if self._closes_at > -inf:  # it was back for a moment only
                self._go_alone(now)
            return False
        if silent:
            self._go_alone(now)
        return silent

    def _rhythm(self, passed_s: float) -> float:
        """Seconds between messages: by how many requests there were, at most twice or half as many as
        before."""
        calls, self.calls = self.calls, 0
        wanted_s = PER_MESSAGE * passed_s / calls if calls else SLOWEST_S
        return min(SLOWEST_S, 2 * self._every_s, max(QUICKEST_S, wanted_s, self._every_s / 2))

    def _ask(self, hand: Hand, now: float, passed_s: float, *, leaving: bool) -> Ask:
        wanted = hand.wish(now, passed_s, self._every_s * HORIZON, self.holders)
        wanted = 0 if leaving else wanted
        renew_before = inf if leaving else now + self._every_s * 1.5
        moves = hand.turn_in(now, renew_before, wanted, self._dial)
        return Ask(
            hand.window,
            hand.limit,
            round(hand.span_s * 1e3),
            moves,
            max(0, wanted - hand.held),
            hand.held,
            max(1, round(hand.rate * 100)),
        )

    def _receive(self, hello: Hello, reply: Reply, now: float) -> int:
        more = 0
        for ask, spare, slices in zip(hello.asks, reply.spare, reply.slices, strict=True):
            hand = self.hands.get(ask.window)
            if hand is not None:
                hand.spare = spare
                hand.dry = hand.frugal and ask.want > 0 and not slices
                more += hand.receive(slices, hello.lease_ms, now, self._dial)
        return more

    def _set_dial(self, least: float, most: float) -> None:
        """The store's clock showed its time after the message was sent and before its answer came: the
        narrowest that we know of the difference to ours."""
        before = self._dial
        narrowed = Dial(max(least, before.least - DRIFT_MS), min(most, before.most + DRIFT_MS))
        fits = self._born and narrowed.least <= narrowed.most
        self._dial = narrowed if fits else Dial(least, most)

    # ── without a store ──

    def _go_alone(self, now: float) -> None:
        known = self._born != 0
        self.alone = self._returning = True
        self._closes_at = -inf
        for hand in self.hands.values():
            settled_at = now + SETTLED_S + hand.span_s if known else now
            hand.go_alone(self._part(hand), now + HORIZON * SLOWEST_S, settled_at)

    def _part(self, hand: Hand) -> int:
        return hand.limit // self.holders + (self.rank < hand.limit % self.holders)

    def _start_over(self, hello: Hello, reply: Reply, now: float) -> None:
        """The store has forgotten everything: as if it had been lost, and were back this moment."""
        for hand in self.hands.values():
            hand.drop()
        self._refuse(hello, reply)
        self._born, self._told, self._heard_at = reply.born, reply.now, now
        self._dial = Dial(reply.now - now * 1e3, reply.now - self._said_at * 1e3)
        if not self.alone or self._closes_at > -inf:
            self._go_alone(now)
        self.next_at = now

    def _refuse(self, hello: Hello, reply: Reply) -> None:
        """What it leases goes back."""
        for ask, slices in zip(hello.asks, reply.slices, strict=True):
            if hand := self.hands.get(ask.window):
                hand.refuse(slices)

    def _rejoin(self, reply: Reply, now: float) -> None:
        """Alone no longer, once the store leases again and knows what we did meanwhile."""
        if self._returning and not self._says_so:
            self.next_at = now  # that message was from before
            return
        self._returning = False
        if reply.closed_until > reply.now:
            self._closes_at = self._dial.not_after(reply.closed_until) - LAST_WORD_S
            self.next_at = now + CLOSED_EVERY_S
            for hand in self.hands.values():
                hand.alone_until = self._closes_at
            return
        self.alone = False
        self._closes_at = -inf
        for hand in self.hands.values():
            hand.rejoin()
