"""Several recorders as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headgate.core.breaker import State
from headgate.core.call import Call, Source
from headgate.core.errors import GatewayError
from headgate.core.fleet import Fleet
from headgate.core.hedging import Bet
from headgate.core.record import Record
from headgate.core.waiting import Left
from headgate.ports.recorder import Recorder


class Recorders:
    """Tells each of `recorders`, in order."""

    def __init__(self, *recorders: Recorder) -> None:
        self._recorders: tuple[Recorder, ...] = ()
        self._settled: tuple[Callable[[Record], None], ...] = ()
        for recorder in recorders:
            self.add(recorder)

    def add(self, recorder: Recorder) -> None:
        """Tells this one too, from now on, after the others."""
        self._recorders = (*self._recorders, recorder)
        self._settled = (*self._settled, recorder.settled)

    def settled(self, record: Record) -> None:
        for settled in self._settled:
            settled(record)

    def attempt_failed(self, call: Call, source: Source, error: GatewayError) -> None:
        for recorder in self._recorders:
            recorder.attempt_failed(call, source, error)

    def fell_back(self, call: Call, from_model: str, to_model: str, error: GatewayError) -> None:
        for recorder in self._recorders:
            recorder.fell_back(call, from_model, to_model, error)

    def hedged(self, call: Call, model: str, to: str, bet: Bet) -> None:
        for recorder in self._recorders:
            recorder.hedged(call, model, to, bet)

    def queued(self, call: Call, seconds: float, left: Left) -> None:
        for recorder in self._recorders:
            recorder.queued(call, seconds, left)

    def fleet_moved(self, chain: Sequence[str], fleet: Fleet, *, is_open: bool, load: float) -> None:
        for recorder in self._recorders:
            recorder.fleet_moved(chain, fleet, is_open=is_open, load=load)

    def breaker_moved(self, source: Source, before: State, after: State, seconds: float) -> None:
        for recorder in self._recorders:
            recorder.breaker_moved(source, before, after, seconds)

    def canary_stopped(self, route: str, model: str, reason: str) -> None:
        for recorder in self._recorders:
            recorder.canary_stopped(route, model, reason)
