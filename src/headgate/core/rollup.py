"""Sums of many rows by day and by who, what and where: what reports are read from, so that no report reads
the ledger row by row.

An answer that was put aside counts by its own model and provider: what it took and cost, not as a request.
Every request counts once under the tag "" and once more under each of its tags: a report by tag reads the
latter, every other the former. Where something of it was understood it counts once more, under its intent: as
a tag that begins with a comma, which no tag of a caller's does.

Known weakness: a day is a day in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headgate.core.attempt import Attempt
from headgate.core.call import Outcome
from headgate.core.entry import Entry, Flag
from headgate.core.reuse import Reuse

DAY_US = 86_400_000_000

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
_WELL = frozenset({Outcome.FINISHED, Outcome.CLIENT_GONE, Outcome.CANCELLED, Outcome.DEFERRED})
"""Endings that are nobody's failure."""
_UNTAGGED = ("",)
_UNPRICED, _ESTIMATED, _UNRECONCILED = int(Flag.UNPRICED), int(Flag.ESTIMATED), int(Flag.UNRECONCILED)
"""Plain numbers: a flag's own arithmetic costs ten times as much."""
_MISSES = frozenset({"", Reuse.BYPASS, Reuse.MISS})


def rolled(entries: Iterable[Entry]) -> dict[Bucket, tuple[int, ...]]:
    """The sums of these rows. Copies for a mirror count too: under their own name."""
    found: dict[Bucket, list[tuple[int, ...]]] = {}
    for one in entries:
        day, sums = one.at_us // DAY_US, _sums(one)
        if not one.tags and not one.others:  # nearly all
            for tag in ("", INTENT + one.intent) if one.intent else _UNTAGGED:
                bucket = (day, one.tenant, one.key, one.model, one.provider, tag)
                if bucket in found:
                    found[bucket].append(sums)
                else:
                    found[bucket] = [sums]
            continue
        calls = [(one.model, one.provider, sums)]
        calls += [(other.model, other.provider, _paid(other)) for other in one.others if not other.error]
        for tag in _tags(one):
            for model, provider, sums in calls:
                found.setdefault((day, one.tenant, one.key, model, provider, tag), []).append(sums)
    return {bucket: tuple(map(sum, zip(*each, strict=True))) for bucket, each in found.items()}


def _tags(entry: Entry) -> Iterator[str]:
    yield ""
    yield from filter(None, dict.fromkeys(entry.tags.split(",")))
    if entry.intent:
        yield INTENT + entry.intent


def _sums(entry: Entry) -> tuple[int, ...]:
    flags = entry.flags
    return (
        1,
        entry.outcome not in _WELL,
        entry.reuse not in _MISSES,
        entry.input,
        entry.cache_read,
        entry.cache_write,
        entry.output,
        entry.reasoning,
        entry.cost_nano,
        entry.saved_nano,
        flags & _UNPRICED and 1,
        flags & _ESTIMATED and 1,
        flags & _UNRECONCILED and 1,
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
