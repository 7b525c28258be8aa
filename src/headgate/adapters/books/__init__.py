"""What the stores of the books have in common: one schema with its migrations, one order of columns."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import astuple

from headgate.core.attempt import Attempt
from headgate.core.audit import Act, Noted, Noting
from headgate.core.captured import Captured
from headgate.core.entry import COLUMNS, OWN, Entry, Flag
from headgate.core.issued import Issued, Snapshot, Terms
from headgate.core.journaled import Row
from headgate.core.kind import MOST, Kind, unpacked
from headgate.core.report import FAR, GROUPS, REQUEST_FILTERS, Asked, shown_day
from headgate.core.rollup import BUCKET, INTENT, SUMS

T = TypeVar("T")

log = logging.getLogger("headgate")

MOST_DAYS = 400
"""Days that are asked for one by one."""
JOURNAL_BITS = 40
"""A row's id: its journal's number, and its own there in so many bits."""

MIGRATIONS = tuple(file.read_text() for file in sorted(Path(__file__).parent.glob("*.sql")))
COLUMN = {"key": "key_name"}
"""Names of ours that SQL keeps for itself."""
REQUESTS = ("id", *(COLUMN.get(name, name) for name in COLUMNS))
"""Columns of the view that rows are read from."""
ENTRIES = ("kind", *OWN, "id")
"""Of the table: an entry's own, in its order; where it has the other attempts, a row has its id."""
WIDTH = len(ENTRIES)
KINDS = ("number", *(COLUMN.get(name, name) for name in Kind.__struct_fields__))
PAYERS = {"key": "key_name", "tenant": "tenant", "tier": "tier", "route": "requested"}
CAPTURES = (
    "id",
    "at_us",
    "until_us",
    "request_id",
    "tenant",
    "key_name",
    "requested",
    "question",
    "answer",
    "found",
)
ATTEMPTS = ("request", "number", *Attempt.__struct_fields__)
ROLLED = (*BUCKET, *SUMS)
_TAGS = {"tag": f"tag <> '' AND tag NOT LIKE '{INTENT}%'", "intent": f"tag LIKE '{INTENT}%'"}
_FLAGS = {flag: flag.name.lower() for flag in Flag if flag.name}


def statements(script: str) -> list[str]:
    """A script's statements, one by one."""
    lines = [line for line in script.splitlines() if not line.startswith("--")]
    return [one.strip() for one in "\n".join(lines).split(";") if one.strip()]


class Sorted(msgspec.Struct):
    """What a journal brings, by where it goes; entries and their ids."""

    ids: Sequence[int]
    entries: Sequence[Entry]
    acts: list[Act]
    captures: list[tuple[Any, ...]]


def sorted_out(start: int, rows: Sequence[Row]) -> Sorted:
    """`start` is the id of the first of them."""
    if {*map(type, rows)} == {Entry}:  # nearly always
        return Sorted(range(start, start + len(rows)), rows, [], [])  # type: ignore[arg-type]  # so they are
    ids: list[int] = []
    entries: list[Entry] = []
    found = Sorted(ids, entries, [], [])
    for id_, one in enumerate(rows, start):
        if type(one) is Entry:
            ids.append(id_)
            entries.append(one)
        elif isinstance(one, Noting):
            found.acts.append(one.act)
        elif isinstance(one, Captured):
            found.captures.append((id_, *astuple(one)))
    return found


class Kinds:
    """Which number each kind has in the store, as far as this process has put it there."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}

    def values(self, found: Sorted) -> tuple[list[Any], dict[bytes, int]]:
        """Of all rows, one after another, each in the order of `ENTRIES`; and the kinds that are to be put
        there with them. One list, not one a row: what there are many of, the garbage collector looks at."""
        known, new = self._known, dict[bytes, int]()
        values: list[Any] = []
        for id_, one in zip(found.ids, found.entries, strict=True):
            values += astuple(one)
            values[-WIDTH] = known.get(one.kind) or new.setdefault(one.kind, id_)
            values[-1] = id_
        return values, new

    def are(self, new: Mapping[bytes, int]) -> None:
        """There they are, for all to see."""
        if len(self._known) > MOST:
            self._known.clear()
        self._known.update(new)


def kind_rows(kinds: Mapping[bytes, int]) -> list[tuple[Any, ...]]:
    """In the order of `KINDS`."""
    return [(number, *astuple(unpacked(packed))) for packed, number in kinds.items()]


def attempt_rows(found: Sorted) -> list[tuple[Any, ...]]:
    """Of these requests; in the order of `ATTEMPTS`."""
    return [
        (id_, number, *astuple(one))
        for id_, entry in zip(found.ids, found.entries, strict=True)
        if entry.others
        for number, one in enumerate(entry.others, start=1)
    ]


def captured(values: Sequence[Any]) -> Captured:
    """Of a row in the order of `CAPTURES`."""
    return Captured(*values[1:])


def captured_query(place: str) -> str:
    of = place_of(place, 1)
    return f"SELECT {', '.join(CAPTURES)} FROM captures WHERE request_id = {of} ORDER BY id"  # noqa: S608 - names of ours


def _days(asked: Asked) -> tuple[list[str], list[tuple[str, Any]]]:
    """A condition without values, or with them. Days one by one are found by the sums' own order; a span of
    them is read with all tags."""
    if 0 < asked.until - asked.since <= MOST_DAYS:
        return [f"day IN ({', '.join(str(int(day)) for day in range(asked.since, asked.until))})"], []
    return [], [("day >= ", asked.since), ("day < ", min(asked.until, FAR))]


def usage_query(asked: Asked, place: str) -> tuple[str, list[Any]]:
    """SQL and its values; `place` is how a value's place is written, such as `?` or `$%d`."""
    columns = [GROUPS[name] for name in asked.group_by]
    days, wanted = _days(asked)
    wanted += [("tenant = ", asked.tenant)] if asked.tenant is not None else []
    wanted += [("key_name = ", asked.key)] if asked.key is not None else []
    places = [text + place_of(place, number) for number, (text, _) in enumerate(wanted, start=1)]
    where = " AND ".join([*days, *places])
    tags = next((_TAGS[name] for name in asked.group_by if name in _TAGS), "tag = ''")
    sums = ", ".join(f"CAST(COALESCE(SUM({name}), 0) AS BIGINT) AS {name}" for name in SUMS)
    group = f" GROUP BY {', '.join(columns)}" if columns else ""
    order = "day" if "day" in asked.group_by else "cost_nano DESC"
    names = ", ".join(columns)
    select = f"{names}, {sums}" if names else sums
    text = f"SELECT {select} FROM sums WHERE {where} AND {tags}{group} ORDER BY {order}"  # noqa: S608 - names of ours
    return text, [value for _, value in wanted]


def usage_row(asked: Asked, values: Sequence[Any]) -> dict[str, Any]:
    found = dict(zip((*asked.group_by, *SUMS), values, strict=True))
    return found | {"day": shown_day(found["day"])} if "day" in found else found


def paid_query(of: str, count: int, place: str) -> str:
    """SQL for what was paid; its values are the time from and until, then so many names."""
    names = ", ".join(place_of(place, number) for number in range(3, count + 3))
    found = (
        f"FROM requests WHERE at_us >= {place_of(place, 1)} AND at_us < {place_of(place, 2)}"
        f" AND {PAYERS[of]} IN ({names}) AND (flags & {int(Flag.SHADOW)}) = 0"
    )
    own = f"SELECT COALESCE(SUM(cost_nano), 0) {found}"
    others = f"SELECT COALESCE(SUM(cost_nano), 0) FROM other_attempts WHERE request IN (SELECT id {found})"  # noqa: S608 - names of ours
    return f"SELECT CAST(({own}) + ({others}) AS BIGINT)"


def requests_query(after: int, limit: int, only: Mapping[str, str], place: str) -> tuple[str, list[Any]]:
    values: list[Any] = []
    where: list[str] = []

    def value(of: Any) -> str:
        values.append(of)
        return place_of(place, len(values))

    if after:
        where.append(f"(at_us, id) < (SELECT at_us, id FROM requests WHERE id = {value(after)})")  # noqa: S608 - a place
    where += [f"{COLUMN.get(name, name)} = {value(only[name])}" for name in REQUEST_FILTERS if name in only]
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    columns = ", ".join(REQUESTS)
    text = f"SELECT {columns} FROM requests{condition} ORDER BY at_us DESC, id DESC LIMIT {value(limit)}"  # noqa: S608 - names of ours
    return text, values


def attempts_query(ids: Sequence[int], place: str) -> str:
    places = ", ".join(place_of(place, number) for number in range(1, len(ids) + 1))
    columns = ", ".join(ATTEMPTS)
    return f"SELECT {columns} FROM other_attempts WHERE request IN ({places}) ORDER BY request, number"  # noqa: S608 - names of ours


def request_documents(rows: Sequence[Sequence[Any]], others: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows as they are told: flags by name, each with the other calls made for it."""
    found: list[dict[str, Any]] = []
    for values in rows:
        one = _shown(("id", *COLUMNS), values)
        one["other_attempts"] = [_shown(ATTEMPTS[2:], other[2:]) for other in others if other[0] == one["id"]]
        found.append(one)
    return found


def _shown(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    one = dict(zip(names, values, strict=True))
    flags = one.pop("flags")
    return one | {name: bool(flags & flag) for flag, name in _FLAGS.items()}


def place_of(style: str, number: int) -> str:
    return style % number if "%" in style else style


def issued_snapshot(generation: int, pepper: str, documents: Sequence[str], terms: Sequence[str]) -> Snapshot:
    keys = [*_readable(documents, Issued)]
    agreed = [*_readable(terms, Terms)]
    return Snapshot(
        generation,
        bytes.fromhex(pepper),
        tuple(sorted(keys, key=lambda key: key.name)),
        tuple(sorted(agreed, key=lambda one: (one.kind, one.name))),
    )


def _readable(documents: Iterable[str], kind: type[T]) -> Iterator[T]:
    """One that cannot be read keeps nobody from hearing of the others, such as of a key that was revoked."""
    for document in documents:
        try:
            yield msgspec.json.decode(document, type=kind)
        except msgspec.MsgspecError as error:
            log.error("%s in the store cannot be read, and is left out (%s)", kind.__name__, error)


def issued_document(key: Issued | Terms) -> str:
    return msgspec.json.encode(key).decode()


ACTS = ("number", "at_us", "who", "action", "target", "detail", "hash")
PLACES = ("provider", "region", "requests", "first_us", "last_us")


def act_row(noted: Noted) -> tuple[Any, ...]:
    """In the order of `ACTS`."""
    return tuple(getattr(noted, name) for name in ACTS)


def noted(values: Sequence[Any]) -> Noted:
    return Noted(**dict(zip(ACTS, values, strict=True)))


def places_query(place: str) -> str:
    """Both those that served and those that were asked in vain."""
    of = place_of(place, 1)
    served = f"SELECT provider, region, at_us FROM requests WHERE tenant = {of} AND provider <> ''"  # noqa: S608 - a place
    asked = (
        "SELECT other_attempts.provider, other_attempts.region, at_us FROM other_attempts"  # noqa: S608 - a place
        f" JOIN requests ON requests.id = request WHERE tenant = {of}"
    )
    sums = "COUNT(*), MIN(at_us), MAX(at_us)"
    return (
        f"SELECT provider, region, {sums} FROM ({served} UNION ALL {asked}) AS asked"  # noqa: S608 - names of ours
        " GROUP BY provider, region ORDER BY provider, region"
    )
