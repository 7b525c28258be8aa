"""The heads of our answers: request id, decision, cache, timings. As bytes: lines, each with its break."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from headgate.core.call import Call, Queued, Reply, Source
from headgate.core.job import Deferred, document
from headgate.core.price import NANO
from headgate.core.quota import Allowed
from headgate.core.reuse import Reuse, Rung

RawHeaders = list[tuple[bytes, bytes]]

_JSON = b"content-type: application/json\r\ncontent-length: %d\r\n"
_PRICED = _JSON + b"x-headgate-cost-usd: %b\r\n"
_SSE = (
    b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"
)
_NOTHING = b"0.000000000"
UNKNOWN = b"null"
"""A cost that nobody knows, or not yet."""

_OURS = b"x-request-id: %b\r\nserver-timing: gateway;dur=%.2f, upstream;dur=%.2f%b\r\n%b"
_PUT_OFF = (
    b"location: /v1/jobs/%b\r\npreference-applied: respond-async\r\ncache-status: headgate; fwd=miss\r\n"
    b"x-cache: MISS\r\n"
)
_HERE = b"x-request-id: %b\r\nserver-timing: gateway;dur=%.2f, upstream;dur=0.00\r\n%b; ttl=%d\r\nage: %d\r\n"
_CACHE = {
    Reuse.BYPASS: b"cache-status: headgate; fwd=bypass\r\nx-cache: BYPASS\r\n",
    Reuse.MISS: b"cache-status: headgate; fwd=miss\r\nx-cache: MISS\r\n",
    **{
        reuse: b"x-cache: HIT\r\ncache-status: headgate; hit; detail=%b" % reuse.encode()
        for reuse in Reuse
        if reuse.hit
    },
}
"""`Cache-Status` (RFC 9211), and the same in one word."""


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
    cache: Reuse


_encode = msgspec.json.Encoder().encode


@lru_cache(maxsize=4096)
def _decided(
    source: Source,
    fallback_used: bool,
    attempts: int,
    reuse: Reuse,
    intent: str | None = None,
    hundredths: int | None = None,
) -> bytes:
    """The part of the metadata that many answers share, open at its end. `hundredths` of confidence."""
    known = Metadata(
        model_id=source.model_id,
        model_name=source.model_name,
        provider=source.provider,
        intent=intent,
        confidence=None if hundredths is None else hundredths / 100,
        fallback_used=fallback_used,
        attempts=attempts,
        cache=reuse,
    )
    return _encode(known)[:-1]


def _queue(queued: Queued) -> bytes:
    """The wait for room, as one more of the timings."""
    expected = b"place %d, %.0f ms expected" % (queued.place, queued.estimate_s * 1e3)
    return b', queue;dur=%.2f;desc="%b"' % (queued.waited_s * 1e3, expected)


def _queued(queued: Queued | None) -> bytes:
    """The wait for room, as members of the metadata; nothing where there was none."""
    if queued is None:
        return b""
    members = queued.waited_s, queued.place, queued.estimate_s
    return b',"queue_s":%.6f,"queue_place":%d,"queue_estimate_s":%.6f' % members


def _said_besides(reply: Reply) -> bytes:
    """How sure a likeness was, what a cascade decided, which rung of the ladder bore the request, and with
    how many others it was asked; mostly none of them."""
    sure = b"" if reply.sure is None else b',"cache_confidence":%.2f' % reply.sure
    judged = b"" if reply.judged is None else b',"cascade":"%b"' % reply.judged.encode()
    degraded = b"" if reply.degraded is None else b',"degraded":"%b"' % reply.degraded.encode()
    batched = b"" if reply.batched == 1 else b',"batched":%d' % reply.batched
    return sure + judged + degraded + batched


def metadata(call: Call, reply: Reply, now: float, cost: bytes = UNKNOWN) -> bytes:
    """`cost`: once the body is exhausted, so that it is known."""
    decision = reply.decision
    fallback_used = reply.fallback_from is not None
    if decision is None or decision.confidence is None:
        known = _decided(reply.source, fallback_used, reply.attempts, reply.reuse)
    else:
        sure = round(decision.confidence * 100)
        known = _decided(reply.source, fallback_used, reply.attempts, reply.reuse, decision.intent, sure)
    return b'%b,"cost_usd":%b,"total_time_seconds":%.6f%b}' % (
        known,
        cost,
        now - call.started_at,
        b"" if _is_plain(reply) else _queued(reply.queued) + _said_besides(reply),
    )


def cost_of(reply: Reply) -> bytes:
    """What it cost, in dollars, as JSON has them."""
    cost_nano = reply.cost_nano()
    if not cost_nano:
        return _NOTHING if cost_nano == 0 else UNKNOWN
    return b"%.9f" % (cost_nano / NANO)


def _is_plain(reply: Reply) -> bool:
    """Whether there is nothing to say besides, as mostly."""
    return (
        reply.queued is None
        and reply.sure is None
        and reply.judged is None
        and reply.degraded is None
        and reply.batched == 1
    )


def head(
    call: Call,
    reply: Reply,
    now: float,
    *,
    length: int | None = None,
    cost: bytes = UNKNOWN,
    decision: bytes | None,
) -> bytes:
    """The head of an answer that opened; `length` of its body in bytes, and its `cost`, where they are
    known."""
    lines = _how(call, reply, now)
    if (allowed := call.line.allowed) is not None:
        lines += limits(allowed(now))
    if length is None:
        lines += _SSE
    else:
        lines += _JSON % length if cost is UNKNOWN else _PRICED % (length, cost)
    if decision is not None:
        lines = b"".join((lines, b"x-routing-metadata: ", decision, b"\r\n"))
    return lines


def _how(call: Call, reply: Reply, now: float) -> bytes:
    """How long what has taken, and what of it was here already."""
    request_id, reuse, queued = call.request_id.encode(), _CACHE[reply.reuse], reply.queued
    upstream_s = reply.opened_at - reply.asked_at
    ours_s = now - call.started_at - upstream_s
    if reply.left_s is not None and not upstream_s and queued is None:
        return _HERE % (request_id, ours_s * 1e3, reuse, reply.left_s, reply.age_s)
    waited = b""
    if queued is not None:
        ours_s -= queued.waited_s
        waited = _queue(queued)
    lines = _OURS % (request_id, ours_s * 1e3, upstream_s * 1e3, waited, reuse)
    if reply.reuse.hit:
        ttl = b"" if reply.left_s is None else b"; ttl=%d" % reply.left_s
        lines += b"%b\r\nage: %d\r\n" % (ttl, reply.age_s)
    return lines


_LIMIT = b"x-ratelimit-limit-%b: %d\r\nx-ratelimit-remaining-%b: %d\r\nx-ratelimit-reset-%b: %.3fs\r\n"


def limits(allowed: Allowed) -> bytes:
    """The caller's own limits, as OpenAI's clients know them."""
    lines = b""
    for kind, limit, left in (
        (b"requests", allowed.requests, allowed.requests_left),
        (b"tokens", allowed.tokens, allowed.tokens_left),
    ):
        if limit is not None:
            lines += _LIMIT % (kind, limit, kind, left, kind, allowed.reset_s)
    return lines


def error_head(request_id: str, status: int, *, length: int, retry_after: bytes | None) -> bytes:
    lines = _JSON % length + b"x-request-id: " + request_id.encode() + b"\r\n"
    if status == 405:
        lines += b"allow: POST\r\n"
    if retry_after is not None:
        lines += b"retry-after: " + retry_after + b"\r\n"
    return lines


def put_off(
    call: Call, deferred: Deferred, now: float, wall: float, *, in_head: bool, in_body: bool
) -> tuple[bytes, bytes]:
    """Head and body of the answer that tells of a job (RFC 7240 § 4.1), with the metadata where it goes."""
    job, now_us = deferred.job, int(wall * 1e6)
    decided = _encode({"degraded": Rung.JOB, "total_time_seconds": round(now - call.started_at, 6)})
    told = document(job, now_us) | {"durable": deferred.durable}
    body = _encode(told | ({"x-routing-metadata": msgspec.Raw(decided)} if in_body else {}))
    soon_s = max(1, -(-(job.due_us - now_us) // 1_000_000))
    lines = error_head(call.request_id, 202, length=len(body), retry_after=b"%d" % soon_s)
    lines += _PUT_OFF % job.id.encode()
    return lines + (b"x-routing-metadata: " + decided + b"\r\n" if in_head else b""), body


def as_pairs(lines: bytes) -> RawHeaders:
    """A head as ASGI wants it."""
    pairs = (line.split(b": ", 1) for line in lines.split(b"\r\n") if line)
    return [(name, value) for name, value in pairs]
