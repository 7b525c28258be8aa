"""Dispatch: one upstream is asked, and what its answer may still become of is known by the first event."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from headgate.core.call import Payload, Seen
from headgate.core.errors import (
    UpstreamError,
    UpstreamInterrupted,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.core.standing import Quota, Standing
from headgate.pipeline.dispatch import MAX_ERROR_BODY, Dispatch
from headgate.ports.codec import Header
from headgate.ports.transport import Outgoing
from scripted import (
    HANG,
    Playing,
    Scripted,
    Step,
    TurningLoop,
    asked,
    cancelled_at_every_turn,
    drain,
    fate,
)
from virtual import clock, run

COMMENT, BAD = b":comment", b"BAD"


class Wire:
    """A transport whose every response is `status`, then `steps`. Counts what is open."""

    def __init__(self, *steps: Step, status: int = 200, before: tuple[Step, ...] = ()) -> None:
        self.steps, self.status, self.before = steps, status, before
        self.sent: list[tuple[Outgoing, bool]] = []
        self.open = 0

    @asynccontextmanager
    async def __call__(self, request: Outgoing, *, stream: bool) -> AsyncIterator[Answer]:
        self.sent.append((request, stream))
        self.open += 1
        try:
            async for _ in Playing(self.before):
                pass
            yield Answer(self.status, Playing(self.steps))
        finally:
            self.open -= 1


class Answer:
    """`ports.transport.Response`."""

    def __init__(self, status: int, playing: Playing) -> None:
        self.status = status
        self._playing = playing

    def header(self, name: str) -> str | None:
        return {"retry-after": "7"}.get(name)

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self._playing])

    async def chunk(self) -> bytes | None:
        return await anext(self._playing, None)


class Talk:
    """`ports.codec.Exchange`: a comment is no event, BAD is no word of it, `held` leaves with `close`."""

    def __init__(self, stream: bool, *, held: bytes = b"", incomplete: bool = False) -> None:
        self.outgoing = Outgoing("/chat", b"{}", {"x-own": "1"})
        self.seen = Seen()
        self.stream = stream
        self.closes = 0
        self._held = held
        self._incomplete = incomplete

    def feed(self, chunk: bytes) -> bytes:
        if chunk == BAD:
            raise UpstreamUnavailable("not of the dialect", kind="bad")
        if chunk == COMMENT:
            return b""
        self.seen.started = True
        return chunk.removeprefix(b"swallowed")

    def close(self) -> bytes:
        self.closes += 1
        if self._incomplete:
            raise UpstreamInterrupted("broke off", status=200, kind="eof")
        if self._held:
            self.seen.started = True
        return self._held

    def tail(self, metadata: bytes | None) -> bytes:
        return b"tail"


@dataclass
class Line:
    """`ports.codec.Link`: opens `Talk`s, and keeps what refusals it was shown."""

    held: bytes = b""
    incomplete: bool = False
    talks: list[Talk] = field(default_factory=list)
    refusals: list[tuple[int, str | None, bytes, float]] = field(default_factory=list)

    def open(self, payload: Payload) -> Talk:
        self.talks.append(Talk(payload.stream, held=self.held, incomplete=self.incomplete))
        return self.talks[-1]

    def refusal(self, status: int, header: Header, body: bytes, wall: float) -> UpstreamError:
        self.refusals.append((status, header("retry-after"), body, wall))
        return UpstreamRejected("no", status=status)

    def standing(self, header: Header, wall: float) -> Standing | None:
        return Standing(requests=Quota(int(header("retry-after") or 0)))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("status", [200, 429])
def test_how_the_key_stands_is_told_with_an_answer_and_with_a_refusal(stream: bool, status: int) -> None:
    async def story() -> None:
        wire = Wire(b"a", status=status)
        try:
            async with dispatch(wire)(asked(stream=stream)) as reply:
                standing = reply.seen.standing
        except UpstreamRejected as error:
            standing = error.standing
        assert standing == Standing(requests=Quota(7))

    run(story())


def dispatch(wire: Wire, line: Line | None = None) -> Dispatch:
    return Dispatch(link=line or Line(), transport=wire, source=Scripted().source, clock=clock())


def test_a_stream_opens_with_its_first_event_and_passes_piece_by_piece() -> None:
    async def story() -> None:
        wire = Wire(COMMENT, 1.0, b"a", 2.0, b"b", COMMENT, b"c", before=(0.5,))
        async with dispatch(wire)(asked()) as reply:
            assert (reply.asked_at, reply.opened_at, clock().now()) == (0.0, 1.5, 1.5)
            assert [piece async for piece in reply.body] == [b"a", b"b", b"c"]
            assert reply.tail(None) == b"tail"
            assert wire.open == 1
        assert wire.open == 0
        assert wire.sent[0][1] is True

    run(story())


def test_an_answer_that_is_not_streamed_opens_when_it_is_whole() -> None:
    async def story() -> None:
        wire, line = Wire(b"a", 2.0, b"b"), Line(held=b"ignored")
        async with dispatch(wire, line)(asked(stream=False)) as reply:
            assert clock().now() == 2.0
            assert [piece async for piece in reply.body] == []
            assert reply.tail(None) == b"tail"
            assert reply.stream is False
        assert (wire.open, wire.sent[0][1], line.talks[0].closes) == (0, False, 1)

    run(story())


def test_what_was_read_before_the_first_event_is_not_lost() -> None:
    async def story() -> None:
        assert await drain(dispatch(Wire(b"a", b"b")), asked()) == [b"a", b"b"]
        assert await drain(dispatch(Wire(b"swallowed", b"b")), asked()) == [b"b"]

    run(story())


@pytest.mark.parametrize("steps", [(), (COMMENT,)])
def test_a_stream_whose_only_event_comes_with_its_end_is_ended_once(steps: tuple[Step, ...]) -> None:
    """A last event without its blank line, or a last line without its newline."""

    async def story() -> None:
        line = Line(held=b"last")
        assert await drain(dispatch(Wire(*steps), line), asked()) == [b"last"]
        assert line.talks[0].closes == 1

    run(story())


def test_what_is_due_with_the_end_leaves_with_the_end() -> None:
    async def story() -> None:
        line = Line(held=b"last")
        assert await drain(dispatch(Wire(b"a"), line), asked()) == [b"a", b"last"]
        assert line.talks[0].closes == 1

    run(story())


BROKEN = UpstreamUnavailable("reset", status=None, kind="reset")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("wire", "line"),
    [
        (lambda: Wire(before=(BROKEN,)), Line),
        (lambda: Wire(BROKEN), Line),
        (lambda: Wire(COMMENT, BROKEN), Line),
        (lambda: Wire(BAD), Line),
        (Wire, lambda: Line(incomplete=True)),
        (lambda: Wire(COMMENT), lambda: Line(incomplete=True)),
    ],
)
def test_what_breaks_before_the_first_event_may_be_asked_elsewhere(
    wire: Callable[[], Wire], line: Callable[[], Line], stream: bool
) -> None:
    async def story() -> None:
        wired = wire()
        error = await fate(dispatch(wired, line()), asked(stream=stream))
        assert isinstance(error, UpstreamUnavailable)
        assert error.kind in ("reset", "bad", "eof")
        assert wired.open == 0

    run(story())


@pytest.mark.parametrize(
    ("wire", "line"),
    [
        (lambda: Wire(b"a", BROKEN), Line),
        (lambda: Wire(b"a", COMMENT, BROKEN), Line),
        (lambda: Wire(b"a", BAD), Line),
        (lambda: Wire(b"a", UpstreamThrottled("slow down")), Line),
        (lambda: Wire(b"a"), lambda: Line(incomplete=True)),
        (lambda: Wire(b"swallowed", BROKEN), Line),
    ],
)
def test_what_breaks_after_it_may_not(wire: Callable[[], Wire], line: Callable[[], Line]) -> None:
    async def story() -> None:
        wired = wire()
        error = await fate(dispatch(wired, line()), asked())
        assert isinstance(error, UpstreamInterrupted)
        assert wired.open == 0

    run(story())


def test_a_throttle_before_the_first_event_stays_one() -> None:
    async def story() -> None:
        slow = UpstreamThrottled("slow down", status=429, retry_after_s=7.0)
        error = await fate(dispatch(Wire(slow)), asked())
        assert isinstance(error, UpstreamThrottled)
        assert error.retry_after_s == 7.0

    run(story())


@pytest.mark.parametrize("stream", [True, False])
def test_a_refusal_is_read_by_the_link(stream: bool) -> None:
    async def story() -> None:
        wire, line = Wire(b"x" * 40_000, b"y" * 40_000, status=429), Line()
        await clock().sleep(5.0)
        assert isinstance(await fate(dispatch(wire, line), asked(stream=stream)), UpstreamRejected)
        [(status, retry_after, body, wall)] = line.refusals
        assert (status, retry_after, len(body)) == (429, "7", MAX_ERROR_BODY)
        assert wall == clock().wall()
        assert wire.open == 0

    run(story())


def test_the_trace_travels_along_and_nothing_else_is_touched() -> None:
    async def story() -> None:
        wire = Wire(b"a")
        await drain(dispatch(wire), asked())
        await drain(dispatch(wire), asked(traceparent="00-1-2-01"))
        plain, traced = (request for request, _ in wire.sent)
        assert (plain.path, plain.body, dict(plain.headers)) == ("/chat", b"{}", {"x-own": "1"})
        assert dict(traced.headers) == {"x-own": "1", "traceparent": "00-1-2-01"}

    run(story())


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("status", [200, 503])
def test_cancelled_at_any_turn_the_response_is_closed(status: int, stream: bool) -> None:
    async def scene(loop: TurningLoop) -> None:
        wire = Wire(COMMENT, 1.0, b"a", 1.0, b"b", 1.0, before=(1.0,), status=status)
        await loop.on_the_block(drain(dispatch(wire), asked(stream=stream), pause_s=1.0))
        assert wire.open == 0

    cancelled_at_every_turn(scene)


def test_leaving_closes_the_response_at_once() -> None:
    async def story() -> None:
        wire = Wire(b"a", HANG)
        async with dispatch(wire)(asked()) as reply:
            await anext(reply.body)
        assert (wire.open, clock().now()) == (0, 0.0)

    run(story())
