"""What the ledger keeps of a request: one row, and one for every other upstream call made for it: those that
failed on the way, and those whose answer was put aside.

Plain numbers and short texts, nothing of what was said. Money is nano-dollars, durations are microseconds,
token classes are disjoint. The upstream call that served a request has no row of its own: it *is* the
request's row. What a request cost is its row's cost and that of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import IntFlag
from functools import lru_cache
from math import floor
from typing import Any

import msgspec

from headgate.core.attempt import Attempt
from headgate.core.call import Caller, Discarded, Source
from headgate.core.decision import Decision
from headgate.core.kind import DAY_US, MOST, Kind, packed
from headgate.core.price import Price
from headgate.core.record import Record
from headgate.core.reuse import BYPASS, MISS
from headgate.core.usage import Usage

MAX_TAGS_CHARS = 1_000
MAX_NAME_CHARS = 200


class Flag(IntFlag):
    """What to know of a row's numbers. `ESTIMATED`: the provider did not count; `UNRECONCILED`: its sum is
    not that of its classes; `UNPRICED`: tokens were used and nobody knows what they cost. `HEDGE`: one of two
    calls at once for the same request, which did not serve."""

    STREAM = 1
    ESTIMATED = 2
    UNRECONCILED = 4
    UNPRICED = 8
    SHADOW = 16
    HEDGE = 32


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One request. `kind`, `packed`: what it has in common with others of its day. `at_us`: when it arrived,
    in microseconds since the epoch."""

    kind: bytes
    at_us: int
    request_id: str
    tags: str
    total_us: int
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    cost_nano: int = 0
    saved_nano: int = 0
    attempts: int = 0
    queue_us: int = 0
    first_byte_us: int = 0
    upstream_us: int = 0
    others: tuple[Attempt, ...] = ()


OWN = Entry.__struct_fields__[1:-1]
"""What of a row is not of its kind."""
COLUMNS = (*OWN, *Kind.__struct_fields__[1:])
NONE = Usage()
_STREAM, _ESTIMATED, _UNRECONCILED, _UNPRICED, _SHADOW, HEDGE = map(int, Flag)
"""Plain numbers: a flag's own arithmetic costs ten times as much."""
_DAY_US = float(DAY_US)
"""Whole numbers of this size are divided in twice the time."""
_NOBODY = Caller(key="", tenant="")
_NOWHERE = Source(provider="", model_id="", model_name="")


def entry(record: Record, wall: float) -> Entry:
    """The row of a request that has just ended; `wall` is the time of day."""
    reply, began = record.reply, record.started_at
    total_us = floor((record.ended_at - began) * 1e6)
    at_us = floor(wall * 1e6) - total_us
    tags = clean(",".join(record.tags), MAX_TAGS_CHARS) if record.tags else ""
    others = record.failed
    if record.discarded:
        others += tuple(map(_put_aside, record.discarded))
    if reply is None:
        kind = _kind(record, at_us, record.decision, _SHADOW * record.shadow, _NOWHERE, None, "")
        return Entry(kind, at_us, record.request_id, tags, total_us, others=others)
    usage, cost, reuse = reply.usage(), reply.own_nano(), reply.reuse
    if reuse is not MISS and reuse is not BYPASS:  # an answer that was kept used nothing
        usage, cost = NONE, 0
    flags = _SHADOW * record.shadow + _STREAM * reply.stream + _counted(usage, cost)
    return Entry(
        _kind(record, at_us, reply.decision, flags, reply.source, reply.seen.model, reuse),
        at_us,
        record.request_id,
        tags,
        total_us,
        usage.input,
        usage.cache_read,
        usage.cache_write,
        usage.output,
        usage.reasoning,
        cost or 0,
        reply.saved_nano,
        reply.attempts,
        floor(reply.queued.waited_s * 1e6) if reply.queued else 0,
        floor((reply.opened_at - began) * 1e6),
        floor((reply.opened_at - reply.asked_at) * 1e6),
        others,
    )


def _kind(
    record: Record,
    at_us: int,
    decision: Decision | None,
    flags: int,
    source: Source,
    served: str | None,
    reuse: str,
) -> bytes:
    caller, cause = record.caller or _NOBODY, record.cause
    return _packed(
        at_us // _DAY_US,
        record.outcome,
        record.operation,
        caller.tenant,
        caller.key,
        caller.tier.name,
        record.requested,
        decision and decision.intent,
        "" if cause is None else type(cause).__name__,
        flags,
        source,
        served,
        reuse,
    )


@lru_cache(maxsize=MOST)
def _packed(
    day: float,
    outcome: str,
    operation: str,
    tenant: str,
    key: str,
    tier: str,
    requested: str,
    intent: str | None,
    error: str,
    flags: int,
    source: Source,
    served: str | None,
    reuse: str,
) -> bytes:
    return packed(
        Kind(
            int(day),
            outcome,
            operation,
            tenant,
            key,
            tier,
            clean(requested),
            intent or "",
            error,
            flags,
            source.model_id,
            source.model_name,
            clean(served or ""),
            source.provider,
            source.key,
            source.region,
            price_name(source.price) if source.price else "",
            reuse,
        )
    )


def _counted(usage: Usage, cost: int | None) -> int:
    """What there is to know of these numbers."""
    flags = 0 if cost is not None else _UNPRICED
    if usage.estimated:
        return flags + _ESTIMATED
    return flags + _UNRECONCILED if usage.unreconciled else flags


def _put_aside(one: Discarded) -> Attempt:
    """The row of an answer that was paid for and not told."""
    source, usage, cost = one.source, one.usage, one.cost_nano
    return Attempt(
        source.provider,
        source.model_id,
        source.model_name,
        source.key,
        source.region,
        "",
        200,
        usage.input,
        usage.cache_read,
        usage.cache_write,
        usage.output,
        usage.reasoning,
        cost or 0,
        price_name(source.price) if source.price else "",
        _counted(usage, cost) + HEDGE * one.hedge,
    )


def clean(text: str, at_most: int = MAX_NAME_CHARS) -> str:
    """A caller's or a provider's word, as any store takes it: bounded, nothing but what can be printed."""
    if len(text) > at_most:
        text = text[:at_most]
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


@lru_cache(maxsize=4096)
def price_name(price: Price) -> str:
    """The list a price is from, and its amounts in nano-dollars per million tokens: enough to reckon anew."""
    amounts = (price.input, price.output, price.cache_read, price.cache_write, price.reasoning)
    return f"{price.source} {'/'.join('-' if amount is None else str(amount) for amount in amounts)}"


_CLASSES = ("input", "cache_read", "cache_write", "output", "reasoning")
_TIMINGS = {
    "queue_us": "queue_s",
    "first_byte_us": "first_byte_s",
    "upstream_us": "upstream_s",
    "total_us": "total_s",
}


def entry_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the store as it is told: tokens and timings together, times in words, and what it cost with
    all the calls that were made for it."""
    found = _told(row)
    found["other_attempts"] = [_told(one) for one in row["other_attempts"]]
    found["total_nano_usd"] = row["cost_nano"] + sum(one["cost_nano"] for one in row["other_attempts"])
    found["timings"] = {told: found.pop(name) / 1e6 for name, told in _TIMINGS.items()}
    found["at"] = datetime.fromtimestamp(found.pop("at_us") / 1e6, UTC).isoformat(timespec="microseconds")
    found["requested_model"] = found.pop("requested")
    found["saved_nano_usd"] = found.pop("saved_nano")
    return found


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(row)
    found["tokens"] = {name: found.pop(name) for name in _CLASSES}
    found["cost_nano_usd"] = found.pop("cost_nano")
    return found
