"""The heads of our answers: request id, decision, cache, timings."""

from __future__ import annotations

import msgspec

from headgate.core.call import Call, Reply
from headgate.core.price import NANO

RawHeaders = list[tuple[bytes, bytes]]

_JSON = (b"content-type", b"application/json")
_SSE = (b"content-type", b"text/event-stream; charset=utf-8")
_NO_BUFFER = (b"x-accel-buffering", b"no")
_UNCACHED = [(b"cache-status", b"headgate; fwd=bypass"), (b"x-cache", b"BYPASS")]
_NO_STORE = (b"cache-control", b"no-cache")


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """`x-routing-metadata`: what was decided and what it cost. In the head of a stream, which leaves before
    the answer is known, cost and time are those of its first byte."""

    model_id: str
    model_name: str
    provider: str
    intent: str | None = None
    confidence: float | None = None
    fallback_used: bool
    attempts: int
    cache: str = "bypass"
    cost_usd: float | None
    total_time_seconds: float


_encode = msgspec.json.Encoder().encode


def metadata(call: Call, reply: Reply, now: float, *, final: bool) -> bytes:
    """`final`: the body is exhausted, so the cost is known."""
    source = reply.source
    cost = reply.cost_nano() if final else None
    return _encode(
        Metadata(
            model_id=source.model_id,
            model_name=source.model_name,
            provider=source.provider,
            fallback_used=reply.fallback_from is not None,
            attempts=reply.attempts,
            cost_usd=None if cost is None else cost / NANO,
            total_time_seconds=round(now - call.started_at, 6),
        )
    )


def head(call: Call, reply: Reply, now: float, *, length: int | None, decision: bytes | None) -> RawHeaders:
    """Headers of an answer that opened; `length` of its body in bytes where that is known."""
    upstream_s = reply.opened_at - reply.asked_at
    ours_s = now - call.started_at - upstream_s
    headers = [
        (b"x-request-id", call.request_id.encode()),
        (b"server-timing", b"gateway;dur=%.2f, upstream;dur=%.2f" % (ours_s * 1e3, upstream_s * 1e3)),
        *_UNCACHED,
    ]
    if length is None:
        headers += [_SSE, _NO_STORE, _NO_BUFFER]
    else:
        headers += [_JSON, (b"content-length", b"%d" % length)]
    if decision is not None:
        headers.append((b"x-routing-metadata", decision))
    return headers


def error_head(request_id: str, *, length: int, retry_after: bytes | None) -> RawHeaders:
    headers = [_JSON, (b"content-length", b"%d" % length), (b"x-request-id", request_id.encode())]
    if retry_after is not None:
        headers.append((b"retry-after", retry_after))
    return headers
