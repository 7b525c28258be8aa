"""A request as it came: its head read once, its body bounded in bytes and in time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any, Protocol

from msgspec.structs import replace

from headgate.core.call import Later, Line
from headgate.core.directives import wanted
from headgate.core.errors import InvalidRequest, RequestTooLarge
from headgate.core.job import preferred
from headgate.core.reuse import Freshness

Headers = Mapping[bytes, bytes]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:\-]{1,128}")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_DURATION = re.compile(rb"([0-9]{1,7}(?:\.[0-9]{1,6})?)(ms|s|m)?")
_UNIT_S = {b"ms": 0.001, b"s": 1.0, b"m": 60.0, None: 1.0}

MAX_TAGS = 16
MAX_DIGITS = 18
"""A length with more digits is too large without being read: Python refuses thousands of them."""


class Direct(Protocol):
    """The short way in and out that our own server offers (`server.turn`); others do not."""

    @property
    def headers(self) -> Headers:
        """By lower-case name."""
        ...

    def body(self, at_most: int, /) -> bytes | None: ...
    async def receive(self) -> Message: ...
    def watch(self, line: Line | None, /) -> bool: ...
    def answer(self, status: int, head: bytes, body: bytes, /) -> None: ...
    def begin(self, status: int, head: bytes, /) -> None: ...
    async def piece(self, data: bytes, /) -> None: ...
    def end(self, data: bytes, /) -> None: ...
    def cut(self, data: bytes, /) -> None: ...


class ClientGone(Exception):
    """The caller hung up before the request was complete: nobody is left to tell."""


def request_id(headers: Headers) -> str | None:
    """The caller's `x-request-id`, if it is fit to be echoed and logged."""
    given = headers.get(b"x-request-id")
    return given.decode() if given and _REQUEST_ID.fullmatch(given) else None


def traceparent(headers: Headers) -> str | None:
    """The caller's W3C `traceparent`; a malformed one is ignored, as the recommendation asks."""
    given = headers.get(b"traceparent")
    return given.decode() if given and _TRACEPARENT.fullmatch(given) else None


SESSION = (
    b"x-headgate-session",
    b"x-claude-code-session-id",
    b"session-id",  # Codex; `session_id` in older versions, and in pi
    b"session_id",
    b"x-opencode-session",
    b"x-amp-thread-id",
    b"x-session-id",  # OpenCode and Crush, towards providers that are not their own
    b"x-session-affinity",
)
"""Where clients say which conversation a request belongs to: our own header, then those that coding agents
send of themselves."""

_SESSIONS = frozenset(SESSION)


def session(headers: Headers) -> str | None:
    """The caller's word for the conversation, if it is fit to be logged."""
    if _SESSIONS.isdisjoint(headers):
        return None
    given = next(headers[name] for name in SESSION if name in headers)
    return given.decode() if _REQUEST_ID.fullmatch(given) else None


def deadline_s(headers: Headers) -> float:
    """Seconds the caller gives us: `x-headgate-deadline: 2.5s` (also `ms`, `m`; a bare number is seconds).

    Raises:
        InvalidRequest: for anything else, and for zero.
    """
    match = _DURATION.fullmatch(headers[b"x-headgate-deadline"].strip())
    seconds = float(match[1]) * _UNIT_S[match[2]] if match else 0.0
    if seconds <= 0.0:
        raise InvalidRequest("A deadline is a duration like '2.5s' or '800ms'.", param="x-headgate-deadline")
    return seconds


def tags(headers: Headers) -> tuple[str, ...]:
    """`x-headgate-tags: a,b`, at most 16 of at most 64 printable ASCII characters; others are left out."""
    given = headers.get(b"x-headgate-tags")
    if not given:
        return ()
    found = (tag.strip().decode("ascii", "replace") for tag in given.split(b","))
    return tuple(tag for tag in found if 0 < len(tag) <= 64 and tag.isascii() and tag.isprintable())[
        :MAX_TAGS
    ]


def freshness(headers: Headers) -> Freshness:
    """The caller's `Cache-Control`."""
    return wanted(headers.get(b"cache-control", b"").decode("ascii", "replace"))


def later(headers: Headers, heeds: Collection[bytes]) -> Later | None:
    """The caller's `Prefer`; `heeds` are headers that must be there when the request is made again."""
    found = preferred(headers[b"prefer"].decode("ascii", "replace"))
    if found is None:
        return None
    return replace(found, headers=tuple((name, headers[name]) for name in heeds if name in headers))


async def read_body(receive: Receive, headers: Headers, *, max_bytes: int, patience_s: float) -> bytes:
    """The whole body.

    Raises:
        RequestTooLarge: at once where `content-length` says so, else as soon as `max_bytes` is passed.
        InvalidRequest: where it is not complete after `patience_s` seconds.
        ClientGone: where the caller hangs up first.
    """
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and (len(announced) > MAX_DIGITS or int(announced) > max_bytes):
        raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(patience_s):
            return await _rest(receive, max_bytes)
    except TimeoutError:
        raise InvalidRequest(f"The body was not complete after {patience_s:g} s.") from None


async def _rest(receive: Receive, max_bytes: int) -> bytes:
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        parts += message.get("body", b"")
        if len(parts) > max_bytes:
            raise _too_large(max_bytes)
        if not message.get("more_body"):
            return bytes(parts)


def _too_large(max_bytes: int) -> RequestTooLarge:
    return RequestTooLarge(f"The body is over the limit of {max_bytes} bytes.", code="request_too_large")
