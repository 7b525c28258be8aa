"""What a journal holds, in one order: rows of requests, acts for the audit log, what is kept of content.

Rows that were written a moment ago are remembered for whoever takes them to the store: nobody has to read
what this process has just written. The journal on disk has them all; here are few, and those of requests
alone, which are small.

Known weakness: where somebody waits for nearly every row groups are small, and most are read from the disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec.structs import astuple

from headgate.core.audit import Act, Noting
from headgate.core.captured import Captured
from headgate.core.entry import OWN, Entry
from headgate.core.kind import DAY_US, Kind, packed

Row = Entry | Noting | Captured

REFUSED = "row.refused"
"""The action of an act that stands for a row which could not be written."""

MOST_US = 1 << 62

FORMER = (
    *("at_us", "request_id", "outcome", "operation", "tenant", "key", "tier", "requested", "intent", "tags"),
    *("total_us", "error", "flags", "model", "upstream_model", "served_model", "provider", "provider_key"),
    *("region", "input", "cache_read", "cache_write", "output", "reasoning", "cost_nano", "saved_nano"),
    *("price", "reuse", "attempts", "queue_us", "first_byte_us", "upstream_us", "others"),
)
"""What a row had, in this order, before it had a kind."""


def of_former(values: Sequence[Any]) -> Entry:
    """A row that was written down in that way."""
    found = dict(zip(FORMER, values, strict=True))
    kind = [found["at_us"] // DAY_US, *(found[name] for name in Kind.__struct_fields__[1:])]
    own = [found[name] for name in OWN]
    return msgspec.convert([packed(kind), *own, found["others"]], Entry)


UNFIT = (OverflowError, UnicodeError)
"""What is wrong with a row for which MessagePack has no form."""
_encode = msgspec.msgpack.Encoder().encode


def fitting(row: Row) -> Row:
    """The row, or what takes its place where it cannot be written down at all."""
    try:
        _encode(row)
    except UNFIT as error:
        return refused(row, type(error).__name__)
    return row


def refused(row: Row, why: str) -> Noting:
    """What takes the place of a row that nobody can write: an act with all that it says, in ASCII. Of content
    only that there was some."""
    if isinstance(row, Captured):
        at_us, target, said = row.at_us, row.request_id, "content"
    elif isinstance(row, Entry):
        at_us, target, said = row.at_us, row.request_id, ascii(astuple(row))
    else:
        at_us, target, said = row.act.at_us, row.act.target, ascii(astuple(row.act))
    act = Act(
        at_us=min(max(at_us, 0), MOST_US),
        who="headgate",
        action=REFUSED,
        target=ascii(target)[1:-1],
        detail=f"{why}: {said}",
    )
    return Noting(act)


GROUPS = 16
GROUP_ROWS = 1000
"""So many groups of so many rows at most are remembered: some 6 MB."""

SpotT = TypeVar("SpotT")


class Group(NamedTuple, Generic[SpotT]):
    """Rows that were written together; the place in the journal behind them."""

    first: int
    rows: Sequence[Row]
    spot: SpotT


class Recent(Generic[SpotT]):
    """One thread adds, another takes."""

    def __init__(self) -> None:
        self._groups: deque[Group[SpotT]] = deque(maxlen=GROUPS)

    def add(self, first: int, rows: Sequence[Row], spot: SpotT) -> None:
        """The newest drives the oldest out."""
        if len(rows) <= GROUP_ROWS and {*map(type, rows)} == {Entry}:
            self._groups.append(Group(first, rows, spot))

    def read(self, number: int, at_most: int) -> tuple[int, list[Row], SpotT] | None:
        """Rows from that one on, about `at_most`, and the place behind them; nothing where that one is not
        here."""
        rows: list[Row] = []
        spot: SpotT | None = None
        for group in tuple(self._groups):
            skipped = number + len(rows) - group.first
            if 0 <= skipped < len(group.rows):
                rows += group.rows[skipped:] if skipped else group.rows
                spot = group.spot
                if len(rows) >= at_most:
                    break
        return None if spot is None else (number, rows, spot)

    def forget(self, number: int) -> None:
        """Rows before that one are needed no more."""
        with suppress(IndexError):  # others may have been driven out meanwhile
            while self._groups[0].first + len(self._groups[0].rows) <= number:
                self._groups.popleft()
