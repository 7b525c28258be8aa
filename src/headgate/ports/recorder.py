"""Where what happened is written down: metrics, logs, and later the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from headgate.core.breaker import State
from headgate.core.call import Call, Source
from headgate.core.errors import GatewayError
from headgate.core.fleet import Fleet
from headgate.core.hedging import Bet
from headgate.core.record import Record
from headgate.core.waiting import Left


class Recorder(Protocol):
    """Told of every event once, on the hot path: must not block, wait or raise."""

    def settled(self, record: Record) -> None:
        """A request has ended."""
        ...

    def attempt_failed(self, call: Call, source: Source, error: GatewayError) -> None:
        """One upstream call failed; the request may still be served by another."""
        ...

    def fell_back(self, call: Call, from_model: str, to_model: str, error: GatewayError) -> None:
        """The pool of `from_model` could not serve, and that of `to_model` has opened the answer."""
        ...

    def hedged(self, call: Call, model: str, to: str, bet: Bet) -> None:
        """The second call made for a request, to model `to` while `model` was silent, has ended so."""
        ...

    def queued(self, call: Call, seconds: float, left: Left) -> None:
        """A request's wait for room has ended so after `seconds`, or was refused."""
        ...

    def fleet_moved(self, chain: Sequence[str], fleet: Fleet, *, is_open: bool, load: float) -> None:
        """A fleet was opened or closed for a chain of models, at that load (0 to 1) of the others."""
        ...

    def breaker_moved(self, source: Source, before: State, after: State, seconds: float) -> None:
        """A breaker changed state after `seconds` in the one before."""
        ...

    def canary_stopped(self, route: str, model: str, reason: str) -> None:
        """The canary of a route has been shown to be worse: by its `errors`, or by its `latency`."""
        ...
