"""Sums of many rows by day and by who, what and where: what reports are read from, so that no report reads
the ledger row by row.

An answer that was put aside counts by its own model and provider: what it took and cost, not as a request.
Every request counts once under the tag "" and once more under each of its tags: a report by tag reads the
latter, every other the former. Where something of it was understood it counts once more, under its intent: as
a tag that begins with a comma, which no tag of a caller's does.

Known weakness: a day is a day in UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import astuple

from headgate.core.attempt import Attempt
from headgate.core.call import Outcome
from headgate.core.entry import Entry, Flag
from headgate.core.kind import Kind, unpacked
from headgate.core.reuse import Reuse

INTENT = ","
"""What the tag of an intent begins with."""
Bucket = tuple[int, str, str, str, str, str]
"""Day since the epoch, tenant, key, model, provider, tag."""
BUCKET = ("day", "tenant", "key_name", "model", "provider", "tag")
SUMS = (
    "requests",
    "failed",
    "hits",
    "input",
    "cache_read",
    "cache_write",
    "output",
    "reasoning",
    "cost_nano",
    "saved_nano",
    "unpriced",
    "estimated",
    "unreconciled",
)
_AMOUNTS = [Entry.__struct_fields__.index(name) for name in SUMS[3:10]]
_WELL = frozenset({Outcome.FINISHED, Outcome.CLIENT_GONE, Outcome.CANCELLED, Outcome.DEFERRED})
"""Endings that are nobody's failure."""
_UNPRICED, _ESTIMATED, _UNRECONCILED = int(Flag.UNPRICED), int(Flag.ESTIMATED), int(Flag.UNRECONCILED)
"""Plain numbers: a flag's own arithmetic costs ten times as much."""
_MISSES = frozenset({"", Reuse.BYPASS, Reuse.MISS})


def rolled(entries: Iterable[Entry]) -> dict[Bucket, tuple[int, ...]]:
    """The sums of these rows. Copies for a mirror count too: under their own name."""
    alike: defaultdict[tuple[bytes, str], list[Entry]] = defaultdict(list)
    for one in entries:
        alike[one.kind, one.tags].append(one)
    found: defaultdict[Bucket, list[tuple[int, ...]]] = defaultdict(list)
    for (packed, tags), rows in alike.items():
        kind = unpacked(packed)
        calls = [(kind.model, kind.provider, _sums(kind, rows))]
        others = [other for one in rows if one.others for other in one.others if not other.error]
        calls += [(other.model, other.provider, _paid(other)) for other in others]
        for tag in _tags(tags, kind.intent):
            for model, provider, sums in calls:
                found[kind.day, kind.tenant, kind.key, model, provider, tag].append(sums)
    return {bucket: _added(each) for bucket, each in found.items()}


def _added(each: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*each, strict=True)))


def _tags(tags: str, intent: str) -> Iterator[str]:
    yield ""
    yield from filter(None, dict.fromkeys(tags.split(",")))
    if intent:
        yield INTENT + intent


def _sums(kind: Kind, rows: Sequence[Entry]) -> tuple[int, ...]:
    """Of rows of one kind."""
    count, flags, columns = len(rows), kind.flags, list(zip(*map(astuple, rows), strict=True))
    return (
        count,
        count * (kind.outcome not in _WELL),
        count * (kind.reuse not in _MISSES),
        *(sum(columns[at]) for at in _AMOUNTS),
        count * bool(flags & _UNPRICED),
        count * bool(flags & _ESTIMATED),
        count * bool(flags & _UNRECONCILED),
    )


def _paid(other: Attempt) -> tuple[int, ...]:
    flags = other.flags
    return (
        0,
        0,
        0,
        other.input,
        other.cache_read,
        other.cache_write,
        other.output,
        other.reasoning,
        other.cost_nano,
        0,
        flags & _UNPRICED and 1,
        flags & _ESTIMATED and 1,
        flags & _UNRECONCILED and 1,
    )
