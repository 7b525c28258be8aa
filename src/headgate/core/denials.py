"""Requests that were refused by who asked, not by how we are: for the audit log, and bounded.

The first refusal of somebody for a reason is an act of its own, a moment later; what follows is one act a
minute that says how many there were. So many of them, and so many callers at a time, are told apart; the rest
count together: whoever knocks a million times a minute writes two lines.

Known weakness: what has been counted since the last act dies with a process that is killed.
"""

from __future__ import annotations

from math import inf

import msgspec

from headgate.core.audit import Act
from headgate.core.entry import clean
from headgate.core.errors import (
    BudgetSpent,
    Forbidden,
    GatewayError,
    OverLimit,
    RateLimited,
    Unauthenticated,
)

DENIED = "request.denied"
SOON_S = 1.0
"""From the first refusal to its act."""
EVERY_S = 60.0
"""Between two acts about the same."""
MOST = 200
"""Callers and reasons that are told apart at a time."""
ROWS = 120
"""Refusals of one caller for one reason that have a row of their own between two acts; the others are only
counted."""
OTHERS = "(others)"
ADMIN = "/admin/"
"""Who knocks there is told apart from who knocks elsewhere."""
_About = tuple[str, str, int, str, str]
"""Key, tenant, status, code, and whether it was an admin's door."""
_STATUS = {Unauthenticated: 401, BudgetSpent: 402, Forbidden: 403, RateLimited: 429}


def denied(error: BaseException | None) -> int | None:
    """The status of a refusal by policy; `None` for any other ending."""
    if error is None or isinstance(error, OverLimit):
        return None
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), None)


class Asked(msgspec.Struct, frozen=True):
    """Who asked for what: a key's name, its tenant, a model or a path, and the id of the request."""

    key: str
    tenant: str
    target: str
    request_id: str


class _Run(msgspec.Struct):
    """What has been refused since the last act about it. `rows` of it have one of their own."""

    due_at: float
    count: int = 0
    rows: int = 0
    since_us: int = 0
    first: Asked | None = None


class Denials:
    """`now` is the clock's, which does not go back; `wall` the time of day."""

    def __init__(self) -> None:
        self._runs: dict[_About, _Run] = {}

    def note(self, status: int, error: GatewayError, asked: Asked, now: float, wall: float) -> bool:
        """Counts it; whether it may have a row of its own."""
        door = ADMIN if asked.target.startswith(ADMIN) else ""
        about = (asked.key, asked.tenant, status, error.code or "", door)
        run = self._runs.get(about)
        if run is None:
            if len(self._runs) >= MOST:
                about = (OTHERS, "", status, "", door)
                run = self._runs.get(about)
            if run is None:
                run = self._runs[about] = _Run(now + SOON_S)
        if not run.count:
            run.since_us, run.first = int(wall * 1e6), asked
        run.count += 1
        run.rows += 1
        return run.rows <= ROWS

    def due(self, now: float = inf) -> list[Act]:
        """The acts that are due; all that is known, where no time is given."""
        found = []
        for about, run in list(self._runs.items()):
            if now < run.due_at:
                continue
            if run.count and run.first is not None:
                found.append(_act(about, run, run.first))
                run.count, run.rows, run.due_at = 0, 0, now + EVERY_S
            else:
                del self._runs[about]
        return found

    @property
    def quiet(self) -> bool:
        """Whether nothing is known that may become due."""
        return not self._runs


def _act(about: _About, run: _Run, first: Asked) -> Act:
    key, tenant, status, code, _ = about
    said = {"status": status, "code": code, "tenant": tenant, "count": run.count, "first": first.request_id}
    return Act(
        at_us=run.since_us,
        who=clean(key) or "nobody",
        action=DENIED,
        target=clean(first.target),
        detail=" ".join(f"{name}={clean(str(value))}" for name, value in said.items() if value != ""),
    )
