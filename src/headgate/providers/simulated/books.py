"""What a simulated provider has seen: for tests that count, and for people who look."""

from __future__ import annotations

from collections import Counter, deque

import msgspec

CLOSED_KEPT = 2000
MAX_NAMES = 1000
"""Distinct model names counted; what comes after is counted as `other`."""


class Visit(msgspec.Struct, kw_only=True):
    """One request, from its arrival until its last byte left or its connection was seen closed.

    Times are seconds of the simulation's clock (for a real server: CLOCK_MONOTONIC on Linux). `ended` is
    null while it is open, then served | throttled | faulted | client_gone | invalid. `events` counts
    pieces of body that left.
    """

    id: str
    key: str
    model: str
    opened_at: float
    closed_at: float | None = None
    ended: str | None = None
    fault: str | None = None
    events: int = 0


class KeyReport(msgspec.Struct, kw_only=True):
    """One key: counts, what its limits granted, and the fullest windows of what was granted."""

    requests: int = 0
    served: int = 0
    throttled: int = 0
    faulted: int = 0
    client_gone: int = 0
    invalid: int = 0
    granted: int = 0
    granted_tokens: int = 0
    first_at: float | None = None
    last_at: float | None = None
    limits: dict[str, int | None] = {}
    worst: dict[str, int] = {}


class Report(msgspec.Struct, kw_only=True):
    """Everything, as GET /sim/stats tells it. `throttled` counts 429s for limits, not those of faults."""

    now: float
    since: float
    requests: int
    served: int
    throttled: int
    faulted: int
    client_gone: int
    invalid: int
    open: list[Visit]
    closed: list[Visit]
    keys: dict[str, KeyReport]
    models: dict[str, int]
    faults: dict[str, int]


ENDINGS = ("served", "throttled", "faulted", "client_gone", "invalid")


class Books:
    """Keeps count. `closed` holds the last 2,000 visits; everything else is a sum."""

    def __init__(self, now: float) -> None:
        self.since = now
        self._open: dict[str, Visit] = {}
        self._closed: deque[Visit] = deque(maxlen=CLOSED_KEPT)
        self._keys: dict[str, KeyReport] = {}
        self._models: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()

    def open(self, visit: Visit) -> None:
        """A request has come."""
        self._open[visit.id] = visit
        report = self._key(visit.key)
        report.requests += 1
        report.last_at = visit.opened_at
        if report.first_at is None:
            report.first_at = visit.opened_at
        known = visit.model in self._models or len(self._models) < MAX_NAMES
        self._models[visit.model if known else "other"] += 1

    def fault(self, visit: Visit, name: str) -> None:
        """This is what goes wrong with it."""
        visit.fault = name
        self._faults[name] += 1

    def grant(self, visit: Visit, tokens: int) -> None:
        """The key's limits let it through."""
        report = self._key(visit.key)
        report.granted += 1
        report.granted_tokens += tokens

    def close(self, visit: Visit, ended: str, now: float) -> None:
        """It is over. Only the first call for a visit counts; one from before a reset counts for nothing."""
        if self._open.pop(visit.id, None) is None:
            return
        visit.closed_at, visit.ended = now, ended
        self._closed.append(visit)
        report = self._key(visit.key)
        setattr(report, ended, getattr(report, ended) + 1)

    def _key(self, label: str) -> KeyReport:
        return self._keys.setdefault(label, KeyReport())

    def report(self, now: float) -> Report:
        """A copy of the books, but for limits and windows."""
        sums = {
            word: sum(getattr(key, word) for key in self._keys.values()) for word in ("requests", *ENDINGS)
        }
        return Report(
            now=now,
            since=self.since,
            **sums,
            open=list(self._open.values()),
            closed=list(self._closed),
            keys=dict(self._keys),
            models=dict(self._models),
            faults=dict(self._faults),
        )
