"""The exchange itself, free of sockets: the head, the pieces of the body, and where it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

import msgspec

from headgate.core.call import Emitter, Payload
from headgate.core.errors import GatewayError, Overloaded
from headgate.ports.clock import Clock
from headgate.ports.codec import Surface
from headgate.providers.simulated.books import Visit
from headgate.providers.simulated.faults import EARLY, Fault
from headgate.providers.simulated.manners import Manners, Problem, go_duration
from headgate.providers.simulated.script import Ids, Script
from headgate.providers.simulated.several import apart, together
from headgate.providers.simulated.simulation import Simulation
from headgate.providers.simulated.window import Denial

JSON = "application/json"
MID = frozenset({"cut-mid", "cut-mid-json", "error-event", "stall-mid"})
SLOWEST = 1e-3
"""Tokens a second; `slow:0` is this."""

CANNED: Mapping[str, tuple[str, bytes]] = {
    "garbage": ("text/html", b"<!doctype html><html><head><title>502 Bad Gateway</title></head></html>\n"),
    "garbage-json": (JSON, b'{"ok":true,"result":[1,2,{"what":"not an answer"}]}'),
    "garbage-sse": ("text/event-stream", b"data: this is not JSON\n\ndata: {broken\n\ndata: [1,2,3]\n\n"),
    "empty": (JSON, b""),
}

_MESSAGES = {
    "bad-key": (401, "The API key is not valid."),
    "quota": (429, "You have used up your quota. Check your plan and billing."),
    "context": (400, "The prompt is longer than the context of this model. Shorten the messages."),
}


class Cut(Exception):
    """The connection breaks off here; before a head, it is reset."""


class Head(NamedTuple):
    """Status and headers. With `content-length` the body has that many bytes, or breaks off."""

    status: int
    headers: dict[str, str]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the stage takes it: parsed, with the ways of its dialect."""

    payload: Payload
    surface: Surface
    manners: Manners
    key: str = ""
    fault: Fault | None = None


Act = AsyncGenerator[Head | bytes, None]
"""One `Head`, then the body in pieces that leave one by one. Ends by raising `Cut` where it breaks off.
Whoever runs it closes it, so that the books see a client leave."""


class Pace:
    """Keeps events apart: each is due when its tokens have been generated."""

    __slots__ = ("_clock", "_due", "_rate")

    def __init__(self, clock: Clock, rate: float) -> None:
        self._clock = clock
        self._rate = rate
        self._due = clock.now()

    async def wait(self, tokens: float, extra_s: float = 0.0) -> None:
        """Sleeps until so many more tokens are there; one timer at most, none where they already are."""
        self._due += extra_s + (tokens / self._rate if self._rate else 0.0)
        ahead = self._due - self._clock.now()
        if ahead > 0:
            await self._clock.sleep(ahead)


def perform(simulation: Simulation, request: Request) -> Act:
    """What happens to `request`: decided at once, acted out as the result is iterated."""
    visit = simulation.arrive(request.key, request.payload.model)
    fault = simulation.fault(visit, request.key, request.fault)
    act = _Act(simulation, request, visit, fault)
    if fault and fault.name in EARLY:
        return act.early(fault)
    try:
        ids = Ids(request.manners.answer_id + visit.id, f"{request.manners.call_id}{visit.id}-")
        payloads = apart(request.payload, request.surface)
        scripts = [simulation.compose(payload.hub(), key=request.key, ids=ids) for payload in payloads]
    except GatewayError as error:
        return act.document(400, request.surface.error(error, 400, visit.id), {}, ended="invalid")
    denial = simulation.admit(visit, request.key, sum(script.tokens for script in scripts))
    if denial:
        return act.problem(denied(denial, visit.model), ended="throttled")
    return act.begin(scripts, payloads)


def denied(denial: Denial, model: str) -> Problem:
    """A request over its key's limits, in words."""
    span = "1 s" if denial.what == "burst" else "60 s"
    what = "requests" if denial.what == "burst" else denial.what
    wait = denial.retry_after_s
    hint = "The request alone is over it." if wait is None else f"Try again in {go_duration(wait)}."
    return Problem(
        status=429,
        kind="limit",
        what=denial.what,
        model=model,
        message=(
            f"Rate limit reached for {model}: {denial.limit} {what} in {span}; "
            f"{denial.used} used, {denial.asked} asked for. {hint}"
        ),
        retry_after_s=wait,
    )


def _frames(emitter: Emitter, script: Script) -> Iterator[tuple[bytes, int, bool]]:
    """(bytes, tokens since the last bytes, whether this is the end) for everything that is written."""
    tokens = 0
    if frame := emitter.feed(script.opening):
        yield frame, 0, False
    for piece in script.pieces:
        tokens += piece.tokens
        if frame := emitter.feed((piece.event,)):
            yield frame, tokens, False
            tokens = 0
    yield emitter.tail(None), tokens, True


def _document(payload: Payload, script: Script) -> bytes:
    emitter = payload.emitter()
    return emitter.feed(script.events) + emitter.tail(None)


class _Act:
    """The ways one request may go."""

    def __init__(self, simulation: Simulation, request: Request, visit: Visit, fault: Fault | None) -> None:
        self._simulation = simulation
        self._request = request
        self._visit = visit
        self._fault = fault

    def begin(self, scripts: Sequence[Script], payloads: Sequence[Payload]) -> Act:
        """An answer, or what is sent in place of one."""
        fault = self._fault.name if self._fault else ""
        if fault in CANNED:
            kind, body = CANNED[fault]
            return self.document(200, body, {"content-type": kind}, ended="faulted")
        if self._request.payload.stream:
            return self._streamed(scripts[0])
        if fault == "error-event":
            return self.problem(_status(500, None), ended="faulted")
        return self._whole(scripts, payloads)

    # ── refusals ──

    def early(self, fault: Fault) -> Act:
        """Faults that come before the request is looked at."""
        if fault.name in ("refuse", "hang"):
            return self._mute(fault.name == "hang")
        if fault.name == "status":
            return self.problem(_status(fault.count, fault.retry_after_s), ended="faulted")
        status, message = _MESSAGES[fault.name]
        if fault.name == "bad-key":
            status = self._request.manners.bad_key_status
        problem = Problem(status=status, kind=fault.name, message=message, model=self._visit.model)
        return self.problem(problem, ended="faulted")

    async def _mute(self, hang: bool) -> Act:
        with self._watched("faulted"):
            if not hang:
                raise Cut
            yield await _for_ever()

    def problem(self, problem: Problem, *, ended: str) -> Act:
        """A refusal in the dialect's words."""
        manners = self._request.manners
        return self.document(
            problem.status, manners.document(problem), manners.back_off(problem), ended=ended
        )

    async def document(self, status: int, body: bytes, headers: Mapping[str, str], *, ended: str) -> Act:
        """A body of a known length."""
        with self._watched(ended):
            await Pace(self._simulation.clock, 0).wait(
                0, self._simulation.latency_s() if status < 300 else 0.0
            )
            yield self._head(status, {"content-type": JSON, "content-length": str(len(body)), **headers})
            if body:
                self._simulation.close(self._visit, ended)
                yield body

    # ── answers ──

    async def _streamed(self, script: Script) -> Act:
        fault = self._fault
        with self._watched("served"):
            pace = self._pace()
            await pace.wait(0, self._latency_s())
            yield self._head(200, {"content-type": self._request.manners.stream_type})
            if fault and fault.name == "cut-head":
                raise Cut
            for frame, tokens, last in _frames(self._request.payload.emitter(), script):
                await pace.wait(tokens)
                if fault and fault.name in MID and (last or self._visit.events >= fault.count):
                    if final := self._last_words(fault, frame):
                        yield final
                    await self._break(fault)
                    return
                self._visit.events += 1
                if last:
                    self._simulation.close(self._visit, "served")
                yield frame

    async def _whole(self, scripts: Sequence[Script], payloads: Sequence[Payload]) -> Act:
        fault = self._fault
        body = together([_document(*pair) for pair in zip(payloads, scripts, strict=True)])
        with self._watched("served"):
            tokens = max(sum(piece.tokens for piece in script.pieces) for script in scripts)
            await self._pace().wait(tokens, self._latency_s())
            yield self._head(200, {"content-type": JSON, "content-length": str(len(body))})
            if fault and fault.name == "cut-head":
                raise Cut
            if fault and fault.name in MID:
                yield body[: len(body) // 2]
                await self._break(fault)
            self._simulation.close(self._visit, "served")
            yield body

    def _last_words(self, fault: Fault, frame: bytes) -> bytes:
        """What still leaves when a fault strikes in the place of `frame`; may be nothing."""
        if fault.name == "cut-mid-json":
            return frame[: len(frame) // 2]
        if fault.name == "error-event":
            error = Overloaded("The simulated provider broke down while it was answering.")
            return self._request.surface.error_event(error, 503, self._visit.id)
        return b""

    async def _break(self, fault: Fault) -> None:
        """The end a fault makes of a body: by closing, by silence, or none of its own."""
        if fault.name == "stall-mid":
            await _for_ever()
        if fault.name != "error-event":
            raise Cut
        self._simulation.close(self._visit, "faulted")

    # ── what all of them share ──

    def _latency_s(self) -> float:
        late_s = self._fault.number if self._fault and self._fault.name == "late" else 0.0
        return self._simulation.latency_s() + late_s

    def _pace(self) -> Pace:
        fault = self._fault
        rate = self._simulation.settings.tokens_per_s
        if fault and fault.name == "slow":
            rate = max(fault.number, SLOWEST)
        return Pace(self._simulation.clock, rate)

    def _head(self, status: int, headers: Mapping[str, str]) -> Head:
        manners, simulation = self._request.manners, self._simulation
        standing = manners.standing(simulation.standing(self._request.key), simulation.clock.wall())
        return Head(status, {manners.request_id: self._visit.id, **standing, **headers})

    @contextmanager
    def _watched(self, ended: str) -> Iterator[None]:
        """The visit is in the books until this ends: `ended`, or faulted where cut, else client_gone."""
        try:
            yield
        except Cut:
            self._simulation.close(self._visit, "faulted")
            raise
        except BaseException:
            self._simulation.close(self._visit, "client_gone")
            raise
        self._simulation.close(self._visit, ended)


def _status(status: int, retry_after_s: float | None) -> Problem:
    kind = "limit" if status == 429 else "status"
    message = f"The simulated provider answers {status}, as it was told to."
    return Problem(status=status, kind=kind, what="requests", message=message, retry_after_s=retry_after_s)


async def _for_ever() -> NoReturn:
    """Waits for nothing: only cancellation ends it."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody holds this future")
