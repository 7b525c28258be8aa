"""How provider keys do: what each has served, and which the provider refuses. A `ports.Recorder`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from headgate.core.breaker import State
from headgate.core.call import Call, Source
from headgate.core.errors import GatewayError, KeyRejected, Scope
from headgate.core.fleet import Fleet
from headgate.core.hedging import Bet
from headgate.core.record import Record
from headgate.core.tally import Tally
from headgate.core.usage import Usage
from headgate.core.waiting import Left

events = logging.getLogger("headgate.events")

Key = tuple[str, str]
"""Provider, and the name of the key there."""


class KeyWatch:
    """Told of every call. `dead` calls what takes a key out until it is to be asked again."""

    def __init__(self, tally: Tally, dead: Callable[[Key], None]) -> None:
        self._tally = tally
        self._dead = dead
        self.dead: set[Key] = set()

    def settled(self, record: Record) -> None:
        for one in record.discarded:
            self._counted(one.source, one.usage, one.cost_nano)
        reply = record.reply
        if reply is None or reply.reuse.hit:
            return
        key = self._counted(reply.source, reply.usage(), reply.own_nano())
        if key in self.dead:
            self.dead.discard(key)
            self._tell(key, "dead", "active")

    def _counted(self, source: Source, usage: Usage, cost_nano: int | None) -> Key:
        key = source.provider, source.key or "1"
        series = self._tally.key(*key)
        series.served += 1
        series.tokens += usage.total
        series.cost_nano += cost_nano or 0
        return key

    def attempt_failed(self, call: Call, source: Source, error: GatewayError) -> None:
        if not isinstance(error, KeyRejected) or error.scope is Scope.MODEL:
            return
        key = source.provider, source.key or "1"
        self._dead(key)
        if key not in self.dead:
            self.dead.add(key)
            self._tell(key, "active", "dead")

    def _tell(self, key: Key, before: str, after: str) -> None:
        fields = {"provider": key[0], "key": key[1], "from": before, "to": after}
        events.warning("key_moved", extra={"fields": fields})

    def fell_back(self, call: Call, from_model: str, to_model: str, error: GatewayError) -> None:
        """Nothing about keys."""

    def hedged(self, call: Call, model: str, to: str, bet: Bet) -> None:
        """Nothing about keys."""

    def queued(self, call: Call, seconds: float, left: Left) -> None:
        """Nothing about keys."""

    def fleet_moved(self, chain: Sequence[str], fleet: Fleet, *, is_open: bool, load: float) -> None:
        """Nothing about keys."""

    def canary_stopped(self, route: str, model: str, reason: str) -> None:
        """Nothing about keys."""

    def breaker_moved(self, source: Source, before: State, after: State, seconds: float) -> None:
        """Nothing that an attempt has not said."""
