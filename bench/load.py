"""The load: a closed loop of raw connections that checks every answer and does little else.

Each connection sends a request, waits for the whole answer, checks it and sends the next. Requests are
rendered beforehand but for a number that makes each prompt unique, so that no cache can answer.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from bench import machine
from bench.processes import HOST, BenchError
from bench.wire import STAMP, WORD, plan_of, request_maker

_NUMBERS = itertools.count(1)
"""Numbers of prompts, never used twice in one run of the bench."""

_SETTLE_S = 0.03
"""Time for a server to finish what it does after the last byte of an answer, and to accept connections."""

_MAX_PROBLEMS = 20

_WORD = b'"%b"' % WORD.encode()


@dataclass
class Tally:
    """What a drive came to. Latencies are seconds from the request's first byte to the answer's last."""

    requests: int = 0
    reads: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    latencies: list[float] = field(default_factory=list)
    delays_ms: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def cpu_us(self) -> float:
        """CPU µs of the measured process per request."""
        return self.cpu_s * 1e6 / max(1, self.requests)

    @property
    def rate(self) -> float:
        return self.requests / self.wall_s if self.wall_s else 0.0


def dechunked(body: bytes) -> bytes:
    """A body without HTTP's chunked coding. Raises `ValueError` where it breaks off."""
    pieces: list[bytes] = []
    at = 0
    while True:
        line_end = body.index(b"\r\n", at)
        size = int(body[at:line_end], 16)
        if size == 0:
            return b"".join(pieces)
        at = line_end + 2 + size + 2
        if at > len(body):
            raise ValueError("a chunk is cut")
        pieces.append(body[line_end + 2 : at - 2])


class Script:
    """What to ask, when to stop, and what a right answer looks like."""

    def __init__(self, model: str, *, port: int, same: bool = False) -> None:
        """`same`: every request is the same, down to its number."""
        self.model = model
        make = request_maker(model, port=port)
        self.make = (lambda _: make(0)) if same else make
        self.plan = plan_of(self.make(0))

    def problem(self, answer: bytes) -> str | None:
        """What is wrong with an answer, with its first bytes; `None` if nothing is."""
        head, _, body = answer.partition(b"\r\n\r\n")
        try:
            if b"\r\ntransfer-encoding: chunked" in head.lower():
                body = dechunked(body)
            wrong = self._wrong(head, body)
        except ValueError as error:
            wrong = str(error)
        return wrong and f"{self.model}: {wrong}: {answer[:400]!r}"

    def _wrong(self, head: bytes, body: bytes) -> str | None:
        if head[9:12] != b"200":
            return "status"
        if not self.plan.stream:
            complete = b'"choices":' in body and body.rstrip().endswith(b"}")
            return None if complete else "not a whole document"
        if body.count(_WORD) != self.plan.deltas:
            return f"{body.count(_WORD)} deltas instead of {self.plan.deltas}"
        return None if b"data: [DONE]" in body[-40:] else "no [DONE] at the end"


class Connection(asyncio.Protocol):
    """One connection of a drive. Idle until `send`."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive
        self._transport: asyncio.Transport | None = None
        self._asked = False
        self._begin()

    def _begin(self) -> None:
        self._parts: list[bytes] = []
        self._needed: int | None = None
        self._got = 0
        self.arrivals: list[int] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self) -> None:
        assert self._transport is not None
        self._begin()
        self._asked = True
        self._sent_at = time.perf_counter()
        self._transport.write(self._drive.script.make(next(_NUMBERS)))

    def data_received(self, data: bytes) -> None:
        self._drive.tally.reads += 1
        self._parts.append(data)
        self._got += len(data)
        if self._drive.stamped:
            self.arrivals.append(time.monotonic_ns())
        if self._needed is None:
            self._read_head()
        if self._complete(data):
            self._finish()

    def _read_head(self) -> None:
        """Learns how long the answer is: a length, or -1 for the chunked coding."""
        so_far = b"".join(self._parts)
        end = so_far.find(b"\r\n\r\n")
        if end < 0:
            return
        _, found, after = so_far[:end].lower().partition(b"\r\ncontent-length:")
        self._needed = end + 4 + int(after.partition(b"\r\n")[0]) if found else -1

    def _complete(self, data: bytes) -> bool:
        if self._needed is None:
            return False
        if self._needed >= 0:
            return self._got >= self._needed
        tail = data if len(data) >= 5 else b"".join(self._parts[-6:])
        return tail.endswith(b"0\r\n\r\n")

    def _finish(self) -> None:
        self._asked = False
        took = time.perf_counter() - self._sent_at
        self._drive.answered(self, b"".join(self._parts), self._parts, took)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._asked:
            self._asked = False
            self._drive.lost(exc)
        self._transport = None

    @property
    def reads(self) -> int:
        return len(self._parts)

    def close(self) -> None:
        self._asked = False
        if self._transport is not None:
            self._transport.abort()


class Drive:
    """Connections working through a script until `more` says no; then each ends with its own answer."""

    def __init__(self, script: Script, more: Callable[[int], bool], *, stamped: bool = False) -> None:
        self.script = script
        self.stamped = stamped
        self.tally = Tally()
        self.done = asyncio.get_running_loop().create_future()
        self._more = more
        self._sent = 0
        self._busy = 0

    def send(self, connection: Connection) -> None:
        self._sent += 1
        self._busy += 1
        connection.send()

    def answered(self, connection: Connection, answer: bytes, parts: list[bytes], took: float) -> None:
        tally = self.tally
        tally.requests += 1
        tally.latencies.append(took)
        self._busy -= 1
        if problem := self.script.problem(answer):
            tally.problems.append(problem)
        elif self.stamped:
            tally.delays_ms.append(_delay_ms(parts, connection.arrivals))
        if len(tally.problems) < _MAX_PROBLEMS and self._more(self._sent):
            self.send(connection)
        else:
            self._end_if_idle()

    def lost(self, error: Exception | None) -> None:
        self.tally.problems.append(f"{self.script.model}: connection lost in mid-answer: {error!r}")
        self._busy -= 1
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self._busy == 0 and not self.done.done():
            self.done.set_result(None)


def _delay_ms(parts: list[bytes], arrivals: list[int]) -> float:
    """How long the stamp of a stream was under way. Raises `BenchError` where it never came whole."""
    for part, at in zip(parts, arrivals, strict=True):
        if found := STAMP.search(part):
            return (at - int(found[1])) / 1e6
    raise BenchError("the stamp of a stream did not arrive in one piece")


async def _connect(drive: Drive, port: int, count: int) -> list[Connection]:
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Connection(drive), HOST, port) for _ in range(count)]
    await asyncio.sleep(_SETTLE_S)
    return [connection for _, connection in made]


async def drive(
    port: int,
    model: str,
    *,
    connections: int,
    seconds: float | None = None,
    requests: int | None = None,
    pid: int | None = None,
    stamped: bool = False,
    same: bool = False,
) -> Tally:
    """Drives `model` for some seconds or a number of requests; `pid` is whose CPU time is measured.

    Every request begun is waited for and counted, so CPU per request has no ragged edge.
    Raises `BenchError` where the server stops answering.
    """
    deadline = time.perf_counter() + (seconds or 0)
    limit = requests or 0

    def more(sent: int) -> bool:
        return sent < limit if seconds is None else time.perf_counter() < deadline

    run = Drive(Script(model, port=port, same=same), more, stamped=stamped)
    opened = await _connect(run, port, connections)
    deadline = time.perf_counter() + (seconds or 0)
    cpu_before = machine.cpu_s(pid) if pid else 0.0
    began = time.perf_counter()
    for connection in opened:
        run.send(connection)
    try:
        await asyncio.wait_for(run.done, (seconds or 0) + limit * 0.05 + 30)
    except TimeoutError:
        raise BenchError(f"{model}: the server stopped answering") from None
    run.tally.wall_s = time.perf_counter() - began
    await asyncio.sleep(_SETTLE_S)
    run.tally.cpu_s = machine.cpu_s(pid) - cpu_before if pid else 0.0
    for connection in opened:
        connection.close()
    return run.tally


async def hold(port: int, model: str, *, streams: int, reads: int = 3) -> Callable[[], None]:
    """Opens many streams, waits until each has brought `reads` pieces, and returns what hangs up on them.

    Raises `BenchError` where they do not all come.
    """
    run = Drive(Script(model, port=port), lambda _: False)
    opened = await _connect(run, port, streams)
    for connection in opened:
        run.send(connection)
    for _ in range(300):
        await asyncio.sleep(0.1)
        if all(connection.reads >= reads for connection in opened):
            break
    else:
        raise BenchError(f"{model}: not every one of {streams} streams came; {run.tally.problems[:1]}")

    def hang_up() -> None:
        for connection in opened:
            connection.close()

    return hang_up
