"""What is past its time goes, and what went is told: the same for every store of the books."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from headgate.adapters.books import ACTS, ATTEMPTS, CAPTURES, REQUESTS, ROLLED, place_of
from headgate.core.audit import AUDIT, Act, forgotten
from headgate.core.kind import DAY_US
from headgate.core.report import shown_day
from headgate.core.retention import Old

T = TypeVar("T")
Rows = Sequence[Sequence[Any]]
_LAST = {"requests": REQUESTS.index("at_us"), "captures": CAPTURES.index("at_us")}
"""Which column tells how far a table was deleted; else the first."""
Asking = Generator[tuple[str, Sequence[Any]], Rows, T]
"""Gives statements and their values, and is sent what they find."""


def digest(rows: Iterable[Sequence[Any]]) -> str:
    """Of rows in their order, each as a JSON array with a line break: who has them can reckon it anew."""
    found = blake2b(digest_size=32, person=b"headgate-delete")
    for row in rows:
        found.update(msgspec.json.encode(tuple(row)) + b"\n")
    return found.hexdigest()


def forgetting(old: Old, at_most: int, style: str) -> Asking[tuple[int, list[Act]]]:
    """To be run in one transaction that nobody else runs at the same time. Ends with the most rows that were
    deleted of any table, and the acts that say so."""
    requests = yield from _rows(
        "entries", "requests", REQUESTS, ("at_us", old.rows_before_us), at_most, style
    )
    if len(requests) < at_most:  # of an older day there is no row any more
        yield f"DELETE FROM kinds WHERE day < {place_of(style, 1)}", (old.rows_before_us // DAY_US,)  # noqa: S608 - a place
    others = yield from _others(requests, style)
    captures = yield from _rows("captures", "captures", CAPTURES, ("until_us", old.now_us), at_most, style)
    sums = yield from _sums(old.sums_before_day, style)
    gone = yield from _acts(old.acts_before_us, at_most, style)
    tables: list[tuple[str, Rows, Callable[[int], str]]] = [
        ("requests", requests, _moment),
        ("other_attempts", others, str),
        ("captures", captures, _moment),
        ("sums", sums, shown_day),
    ]
    found = [
        forgotten(table, len(rows), last(rows[-1][_LAST.get(table, 0)]), digest(rows), old.now_us)
        for table, rows, last in tables
        if rows
    ]
    if gone:
        number, end = gone[-1][0], gone[-1][ACTS.index("hash")]
        found.append(forgotten(AUDIT, len(gone), str(number), end, old.now_us))
    return max(len(requests), len(captures), len(gone)), found


def _rows(
    table: str, view: str, columns: Sequence[str], before: tuple[str, int], at_most: int, style: str
) -> Asking[Rows]:
    """Takes out of the table what is from before that: as it was in that view, in the order of its ids."""
    column, moment = before
    one, two = place_of(style, 1), place_of(style, 2)
    old = f"SELECT id FROM {table} WHERE {column} < {one} ORDER BY {column} LIMIT {two}"  # noqa: S608 - names of ours
    ids = [row[0] for row in (yield old, (moment, at_most))]
    if not ids:
        return []
    rows = yield _of(f"SELECT {', '.join(columns)} FROM {view}", "id", ids, style)  # noqa: S608 - names of ours
    yield _of(f"DELETE FROM {table}", "id", ids, style)  # noqa: S608 - names of ours
    return sorted(rows, key=lambda row: row[0])


def _others(requests: Rows, style: str) -> Asking[Rows]:
    """The other upstream calls of these requests go with them."""
    if not requests:
        return []
    ids = [row[0] for row in requests]
    rows = yield _of(f"SELECT {', '.join(ATTEMPTS)} FROM other_attempts", "request", ids, style)  # noqa: S608 - names of ours
    yield _of("DELETE FROM other_attempts", "request", ids, style)
    return sorted(rows, key=lambda row: (row[0], row[1]))


def _sums(before_day: int, style: str) -> Asking[Rows]:
    where = f"FROM sums WHERE day < {place_of(style, 1)}"
    rows = yield f"SELECT {', '.join(ROLLED)} {where}", (before_day,)
    if rows:
        yield f"DELETE {where}", (before_day,)
    return sorted(tuple(row) for row in rows)


def _acts(before_us: int, at_most: int, style: str) -> Asking[Rows]:
    """The beginning of the chain, as far as all of it is old; its last act always stays."""
    one = place_of(style, 1)
    found = yield (
        f"SELECT MIN(number), MAX(number), (SELECT MIN(number) FROM audit WHERE at_us >= {one}) FROM audit",  # noqa: S608 - names of ours
        (before_us,),
    )
    first, last, young = found[0]
    until = 0 if first is None else min(last, young or last, first + at_most)
    if first is None or until <= first:
        return []
    where = f"FROM audit WHERE number < {one}"
    gone = yield f"SELECT {', '.join(ACTS)} {where} ORDER BY number", (until,)
    yield f"DELETE {where}", (until,)
    return gone


def _of(text: str, column: str, ids: Sequence[int], style: str) -> tuple[str, Sequence[Any]]:
    places = ", ".join(place_of(style, number) for number in range(1, len(ids) + 1))
    return f"{text} WHERE {column} IN ({places})", ids


def _moment(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="seconds")
