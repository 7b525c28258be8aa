"""The hot endpoints: raw ASGI between a caller's bytes and the one Service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from headgate.core.call import Call, Caller, Operation, Outcome, Reply
from headgate.core.errors import GatewayError, InternalError, MethodNotAllowed, Overloaded, RateLimited
from headgate.core.job import Deferred
from headgate.core.record import Record
from headgate.core.reuse import ANY
from headgate.ports.clock import Clock
from headgate.ports.codec import Surface
from headgate.server import intake
from headgate.server.app import Scope, Send
from headgate.server.errors import retry_after, status_of
from headgate.server.front import Front, House
from headgate.server.hangup import Hangup, is_gone
from headgate.server.head import as_pairs, cost_of, error_head, head, limits, metadata, put_off
from headgate.server.intake import ClientGone, Direct, Headers, Message, Receive

FAILED = "request %s failed"

log = logging.getLogger("headgate")


class Endpoint:
    """One hot path: a surface and an operation in front of the Service of the present generation."""

    def __init__(
        self, house: House, surface: Surface, operation: Operation, *, clock: Clock, new_id: Callable[[], str]
    ) -> None:
        self._house = house
        self._surface = surface
        self._operation = operation
        self._clock = clock
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._handle(scope["method"], dict(scope["headers"]), receive, send, None)

    def serve(self, direct: Direct) -> Coroutine[Any, Any, None]:
        """The same for a POST on our own server."""
        return self._handle("POST", direct.headers, direct.receive, _nowhere, direct)

    async def _handle(
        self, method: str, headers: Headers, receive: Receive, send: Send, direct: Direct | None
    ) -> None:
        front, started_at = self._house.front, self._clock.now()
        request_id = intake.request_id(headers) if b"x-request-id" in headers else None
        visit = _Visit(self._surface, direct, send, request_id or self._new_id())
        caller: Caller | None = None
        try:
            if method != "POST":
                raise MethodNotAllowed("This endpoint takes POST.")
            caller = front.door.admit(headers)
            body = direct.body(front.max_body_bytes) if direct else None
            if body is None:
                body = await intake.read_body(
                    receive, headers, max_bytes=front.max_body_bytes, patience_s=front.body_patience_s
                )
            call = self._call(front, caller, headers, body, visit.request_id, started_at)
        except (ClientGone, GatewayError) as error:
            await self._turn_away(front, visit, caller, error, started_at)
            return
        except asyncio.CancelledError:  # the server stops, and has waited for the rest of the body
            await self._turn_away(front, visit, caller, _stopping(), started_at)
            return
        except Exception:
            log.exception(FAILED, visit.request_id)
            await visit.fail()
            return
        await self._serve(front, call, receive, visit)

    def _call(
        self, front: Front, caller: Caller, headers: Headers, body: bytes, request_id: str, started_at: float
    ) -> Call:
        payload = self._surface.parse(self._operation, body, headers)
        deadline_s = front.deadlines.get(payload.model, front.deadline_s)
        if b"x-headgate-deadline" in headers:
            deadline_s = min(deadline_s, intake.deadline_s(headers))
        return Call(
            payload=payload,
            caller=caller,
            request_id=request_id,
            started_at=started_at,
            deadline_at=started_at + deadline_s,
            traceparent=intake.traceparent(headers) if b"traceparent" in headers else None,
            tags=intake.tags(headers) if b"x-headgate-tags" in headers else (),
            session=intake.session(headers) if front.sessions else None,
            wants=intake.freshness(headers) if b"cache-control" in headers else ANY,
            later=intake.later(headers, self._surface.heeds) if b"prefer" in headers else None,
        )

    async def _serve(self, front: Front, call: Call, receive: Receive, visit: _Visit) -> None:
        watch, line = visit.direct or Hangup(receive), call.line
        try:
            try:
                if watch.watch(line):
                    return
                async with front.service(call) as reply:
                    if reply.stream:
                        await self._stream(front, call, reply, visit)
                    else:
                        await self._answer(front, call, reply, visit)
            finally:
                watch.watch(None)
        except GatewayError as error:
            await visit.refuse(error)
        except Deferred as deferred:
            now, wall = self._clock.now(), self._clock.wall()
            in_head, in_body = front.metadata_in_headers, front.metadata_in_body
            await visit.answer(202, *put_off(call, deferred, now, wall, in_head=in_head, in_body=in_body))
        except asyncio.CancelledError:  # nobody else cancels a request: the server stops, and has waited
            if not is_gone(line):
                await visit.refuse(_stopping())
        except Exception:
            log.exception(FAILED, call.request_id)
            await visit.fail()

    async def _answer(self, front: Front, call: Call, reply: Reply, visit: _Visit) -> None:
        if reply.seal is not None:
            await reply.seal()
        now = self._clock.now()
        cost = cost_of(reply)
        decision = metadata(call, reply, now, cost)
        body = reply.tail(decision if front.metadata_in_body else None)
        shown = decision if front.metadata_in_headers else None
        lines = head(call, reply, now, length=len(body), cost=cost, decision=shown)
        if visit.direct:
            visit.direct.answer(200, lines, body)
        else:
            await visit.answer(200, lines, body)

    async def _stream(self, front: Front, call: Call, reply: Reply, visit: _Visit) -> None:
        now = self._clock.now()
        shown = metadata(call, reply, now) if front.metadata_in_headers else None
        await visit.start(head(call, reply, now, decision=shown))
        write = visit.direct.piece if visit.direct else visit.piece
        async for piece in reply.body:
            await write(piece)
        if reply.seal is not None:
            await reply.seal()
        now, cost = self._clock.now(), cost_of(reply)
        decision = metadata(call, reply, now, cost) if front.metadata_in_body else None
        await visit.finish(reply.tail(decision))

    async def _turn_away(
        self, front: Front, visit: _Visit, caller: Caller | None, error: Exception, started_at: float
    ) -> None:
        """What became of a request that never was a call: its record, and its answer if anybody waits."""
        record = Record(
            visit.request_id,
            Outcome.CLIENT_GONE if isinstance(error, ClientGone) else Outcome.REFUSED,
            self._operation,
            False,
            "",
            caller,
            started_at,
            self._clock.now(),
            error,
        )
        front.recorder.settled(record)
        if isinstance(error, GatewayError):
            await visit.refuse(error)


def _stopping() -> GatewayError:
    return Overloaded("The gateway is shutting down.", code="shutting_down")


async def _nowhere(message: Message) -> None:
    """Where nothing is sent: our own server is told directly."""


class _Visit(msgspec.Struct, eq=False):
    """One request's way out: knows whether the head has left, and so what form an error can still take."""

    _surface: Surface
    direct: Direct | None
    _send: Send
    request_id: str
    _started: bool = False

    async def answer(self, status: int, lines: bytes, body: bytes) -> None:
        """A whole answer."""
        self._started = True
        if self.direct:
            self.direct.answer(status, lines, body)
            return
        await self._send({"type": "http.response.start", "status": status, "headers": as_pairs(lines)})
        await self._send({"type": "http.response.body", "body": body})

    async def start(self, lines: bytes) -> None:
        """The head of a stream."""
        self._started = True
        if self.direct:
            self.direct.begin(200, lines)
            return
        await self._send({"type": "http.response.start", "status": 200, "headers": as_pairs(lines)})

    async def piece(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes) -> None:
        """The last piece of a stream."""
        if self.direct:
            self.direct.end(data)
            return
        await self._send({"type": "http.response.body", "body": data})

    async def fail(self) -> None:
        """A fault of ours: the log has what the caller may not see."""
        await self.refuse(InternalError(f"The gateway failed. Its log has more under {self.request_id}."))

    async def refuse(self, error: GatewayError) -> None:
        """An error document; or, of a stream that has begun, its last event."""
        status = status_of(error)
        if self._started:
            last = self._surface.error_event(error, status, self.request_id)
            if self.direct:
                self.direct.cut(last)
            else:
                await self.finish(last)
            return
        body = self._surface.error(error, status, self.request_id)
        after = retry_after(error, status)
        lines = error_head(self.request_id, status, length=len(body), retry_after=after)
        if isinstance(error, RateLimited) and error.allowed is not None:
            lines += limits(error.allowed)
        await self.answer(status, lines, body)
