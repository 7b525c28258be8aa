"""Where what happened is written down: metrics, logs, and later the ledger."""

from __future__ import annotations

from typing import Protocol

from headgate.core.breaker import State
from headgate.core.call import Call, Source
from headgate.core.errors import GatewayError
from headgate.core.record import Record


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

    def breaker_moved(self, source: Source, before: State, after: State, seconds: float) -> None:
        """A breaker changed state after `seconds` in the one before."""
        ...
