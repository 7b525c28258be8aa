"""The measures. Each takes the rig and writes its rows into the findings.

The speed of a core of a shared machine wanders, by a factor of two within a second on some. So the bare
pass-through and the gateway take turns in short slices, back and forth (A B, B A, A B …), and what is
judged is the median of the ratios of neighbouring slices; times without a ratio are judged by their lower
quartile.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench import config, machine
from bench.load import Script, Tally, drive, hold
from bench.processes import HOST, BenchError, Server, bare, running
from bench.rows import Findings, per_event, quantile
from bench.wire import plan_of

CONNECTIONS = 32
STREAMS = 16
HELD_STREAMS = 500


@dataclass(frozen=True)
class Effort:
    """How long to look. `rounds` are pairs of slices of `slice_s` seconds."""

    rounds: int = 14
    slice_s: float = 0.4
    starts: int = 5
    stamps: int = 40
    bursts: bool = True
    warm_requests: int = 20_000
    soak_requests: int = 200_000


QUICK = Effort(
    rounds=6, slice_s=0.2, starts=5, stamps=12, bursts=False, warm_requests=5_000, soak_requests=20_000
)


@dataclass
class Rig:
    """What runs while measuring: two upstreams, the bare pass-through and the gateway."""

    at: Path
    cores: machine.Cores
    effort: Effort
    recipe: config.Recipe
    documents: Server
    streams: Server
    bare: Server
    gateway: Server
    found: Findings = field(default_factory=Findings)
    speeds: list[float] = field(default_factory=list)

    def new_gateway(self, *, by_intent: bool = True, reuse: str = "nothing") -> Server:
        return self.recipe.server(
            self.at,
            json_port=self.documents.port,
            sse_port=self.streams.port,
            cores=self.cores.gateway,
            name="gateway",
            by_intent=by_intent,
            reuse=reuse,
        )

    def new_bare(self, client: str = "pyreqwest") -> Server:
        return bare(
            self.at,
            json_port=self.documents.port,
            sse_port=self.streams.port,
            cores=self.cores.gateway,
            client=client,
        )

    async def slice(self, server: Server, model: str, *, connections: int, same: bool = False) -> Tally:
        """One slice of one server; what was wrong with its answers is noted."""
        gc.collect()
        tally = await drive(
            server.port,
            model,
            connections=connections,
            seconds=self.effort.slice_s,
            pid=server.pid,
            same=same,
        )
        self.found.problems += [f"{server.name}: {problem}" for problem in tally.problems]
        return tally

    def note_speed(self) -> None:
        """How fast the gateway's core is just now."""
        os.sched_setaffinity(0, self.cores.gateway)
        self.speeds.append(machine.spin_ns())
        os.sched_setaffinity(0, self.cores.others)

    async def turns(
        self, *, times: int = 1, **sides: Callable[[], Awaitable[Tally]]
    ) -> dict[str, list[Tally]]:
        """Every side in turn, `rounds` × `times` times, each round in the other direction than the last.

        Before that each side runs once unrecorded: connections open, caches fill.
        """
        tallies: dict[str, list[Tally]] = {name: [] for name in sides}
        names = list(sides)
        for name in names:
            await sides[name]()
        for _ in range(self.effort.rounds * times):
            self.note_speed()
            for name in names:
                tallies[name].append(await sides[name]())
            names.reverse()
        return tallies

    def side(
        self, server: Server, model: str, connections: int, *, same: bool = False
    ) -> Callable[[], Awaitable[Tally]]:
        return lambda: self.slice(server, model, connections=connections, same=same)


def _cpu(tallies: list[Tally]) -> list[float]:
    return [tally.cpu_us for tally in tallies]


def _latency_ms(tallies: list[Tally], share: float) -> list[float]:
    return [quantile(tally.latencies, share) * 1e3 for tally in tallies]


async def json(rig: Rig) -> None:
    """Chat requests answered whole, 32 connections: the gateway's core is full."""
    got = await rig.turns(
        times=2,
        bare=rig.side(rig.bare, "json", CONNECTIONS),
        gateway=rig.side(rig.gateway, "json", CONNECTIONS),
    )
    rig.found.ratio("json_cpu", "CPU per chat request", _cpu(got["bare"]), _cpu(got["gateway"]), target=1.8)
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        rig.found.absolute(
            f"json_{name}",
            f"latency {name}, {CONNECTIONS} connections",
            "ms",
            _latency_ms(got["gateway"], share),
            bare=_latency_ms(got["bare"], share),
        )
    rate = {name: max(tally.rate for tally in tallies) for name, tallies in got.items()}
    rig.found.single("json_rate", "requests a second, one core", "/s", rate["gateway"], bare=rate["bare"])


async def routing(rig: Rig) -> None:
    """Prompts of many kinds by name and by intent: none of them twice, then each as often as agents ask."""
    got = await rig.turns(
        times=2,
        name=rig.side(rig.gateway, config.BY_NAME, CONNECTIONS),
        intent=rig.side(rig.gateway, config.BY_INTENT, CONNECTIONS),
        agents=rig.side(rig.gateway, config.BY_AGENTS, CONNECTIONS),
    )
    for side, what in (("intent", "every prompt new"), ("agents", "each prompt eight times")):
        rig.found.ratio(
            f"routing_cpu_{side}",
            f"… by intent, beside by name: {what}",
            _cpu(got["name"]),
            _cpu(got[side]),
            target=1.6,
        )


async def reuse(rig: Rig) -> None:
    """What a hit costs beside a server that always says the same, and what looking costs who misses."""
    with running(rig.new_bare("alone")) as constant, ExitStack() as stack:
        kinds = {
            kind: stack.enter_context(running(rig.new_gateway(reuse=kind))) for kind in ("exact", "both")
        }
        hits = await rig.turns(
            constant=rig.side(constant, "json", CONNECTIONS, same=True),
            hit=rig.side(kinds["exact"], "json", CONNECTIONS, same=True),
        )
        what = "exact hit, beside a constant answer"
        rig.found.ratio("reuse_hit", what, _cpu(hits["constant"]), _cpu(hits["hit"]), target=2.2)
        sides = {kind: rig.side(server, "json", CONNECTIONS) for kind, server in kinds.items()}
        got = await rig.turns(times=2, nothing=rig.side(rig.gateway, "json", CONNECTIONS), **sides)
    nothing = _cpu(got["nothing"])
    for kind, what, target in (("exact", "exact miss adds", 6), ("both", "… and coalescing", None)):
        added = [one - base for one, base in zip(_cpu(got[kind]), nothing, strict=True)]
        rig.found.absolute(f"reuse_{kind}_miss", what, "µs", added, target=target)


def _events(short: str, long: str) -> int:
    """How many more events the long stream has."""
    return _count(long) - _count(short)


def _count(model: str) -> int:
    return plan_of(f'"model":"{model}"'.encode()).events


async def sse(rig: Rig) -> None:
    """Streams relayed: each event by itself (live), and as fast as they come (burst)."""
    kinds = [("live", config.SHORT, config.LONG), ("burst", config.BURST_SHORT, config.BURST_LONG)]
    for kind, short, long in kinds if rig.effort.bursts else kinds[:1]:
        got = await rig.turns(
            bare_short=rig.side(rig.bare, short, STREAMS),
            gateway_short=rig.side(rig.gateway, short, STREAMS),
            bare_long=rig.side(rig.bare, long, STREAMS),
            gateway_long=rig.side(rig.gateway, long, STREAMS),
        )
        events = _events(short, long)
        rig.found.ratio(
            f"sse_{kind}_event_cpu",
            f"CPU per relayed event, {kind}",
            per_event(_cpu(got["bare_short"]), _cpu(got["bare_long"]), events),
            per_event(_cpu(got["gateway_short"]), _cpu(got["gateway_long"]), events),
            target=1.25 if kind == "live" else None,
        )
    got = await rig.turns(
        bare=rig.side(rig.bare, config.TYPICAL, STREAMS),
        gateway=rig.side(rig.gateway, config.TYPICAL, STREAMS),
    )
    what = f"CPU per stream of {_count(config.TYPICAL)} events"
    rig.found.ratio("sse_stream_cpu", what, _cpu(got["bare"]), _cpu(got["gateway"]))


async def cross(rig: Rig) -> None:
    """OpenAI's dialect in front, Anthropic's behind: every event passes through the hub.

    The bare pass-through translates nothing; beside it stands what it takes to relay OpenAI's own.
    """
    got = await rig.turns(
        short=rig.side(rig.gateway, f"x{config.SHORT}", STREAMS),
        long=rig.side(rig.gateway, f"x{config.LONG}", STREAMS),
        bare_short=rig.side(rig.bare, config.SHORT, STREAMS),
        bare_long=rig.side(rig.bare, config.LONG, STREAMS),
        json=rig.side(rig.gateway, "xjson", CONNECTIONS),
        bare_json=rig.side(rig.bare, "json", CONNECTIONS),
    )
    events = _events(config.SHORT, config.LONG)
    cost = per_event(_cpu(got["short"]), _cpu(got["long"]), events)
    relayed = per_event(_cpu(got["bare_short"]), _cpu(got["bare_long"]), events)
    rig.found.absolute(
        "cross_event_cpu", "CPU per event, dialects crossed", "µs", cost, bare=relayed, target=40
    )
    rig.found.ratio(
        "cross_json_cpu", "CPU per chat request, dialects crossed", _cpu(got["bare_json"]), _cpu(got["json"])
    )


async def latency(rig: Rig) -> None:
    """One request at a time against the upstream called directly; and how long a first event is held."""
    got = await rig.turns(
        direct=rig.side(rig.documents, "json", 1),
        bare=rig.side(rig.bare, "json", 1),
        gateway=rig.side(rig.gateway, "json", 1),
    )
    for share, name, target in ((0.5, "p50", 0.35), (0.99, "p99", None)):
        each = {side: _latency_ms(tallies, share) for side, tallies in got.items()}
        added = {
            side: [via - direct for via, direct in zip(each[side], each["direct"], strict=True)]
            for side in ("bare", "gateway")
        }
        rig.found.absolute(
            f"added_{name}",
            f"latency added, {name}, one at a time",
            "ms",
            added["gateway"],
            bare=added["bare"],
            target=target,
        )
    delays = {
        "bare": await _delays(rig, rig.bare, config.STAMP),
        "gateway": await _delays(rig, rig.gateway, config.STAMP),
        "cross": await _delays(rig, rig.gateway, f"x{config.STAMP}"),
    }
    what = "first event held back"
    rig.found.absolute("first_event", what, "ms", delays["gateway"], bare=delays["bare"], target=5)
    rig.found.absolute("first_event_crossed", f"{what}, dialects crossed", "ms", delays["cross"], target=5)


async def _delays(rig: Rig, server: Server, model: str) -> list[float]:
    """Milliseconds from the upstream's writing a first event to the client's having it, stream by stream."""
    tally = await drive(server.port, model, connections=1, requests=rig.effort.stamps, stamped=True)
    rig.found.problems += [f"{server.name}: {problem}" for problem in tally.problems]
    if not tally.delays_ms:
        raise BenchError(f"{server.name}: no stream came whole: {tally.problems[:1]}")
    return tally.delays_ms


async def memory(rig: Rig) -> None:
    """Resident memory of a fresh gateway: after start, after a long run, and per open stream."""
    with running(rig.new_gateway()) as knowing:
        what = "RSS after start, with word vectors"
        rig.found.single("rss_by_intent", what, "MB", _after_start(knowing))
    with running(rig.new_gateway(by_intent=False)) as gateway, running(rig.new_bare()) as plain:
        after_start = _after_start(gateway), _after_start(plain)
        rig.found.single("rss", "RSS after start", "MB", after_start[0], bare=after_start[1], target=90)
        samples = await _soak(rig, gateway)
        growth = (samples[-1] / samples[0] - 1) * 100
        what = f"RSS growth over {rig.effort.soak_requests:,} requests after {rig.effort.warm_requests:,}"
        rig.found.single("rss_growth", what, "%", growth, target=3)
        rig.found.raw["rss_growth"] = {"unit": "MB", "samples": samples}
        for server in (plain, gateway):
            await rig.slice(server, config.TYPICAL, connections=CONNECTIONS)
        each = [await _per_stream_kb(server) for server in (plain, gateway)]
        what = f"memory per open stream, {HELD_STREAMS} open"
        rig.found.single("stream_memory", what, "kB", each[1], bare=each[0])


def _after_start(server: Server) -> float:
    first_answer(server)
    machine.wait_until_idle(server.pid)
    return machine.rss_mb(server.pid)


async def _soak(rig: Rig, gateway: Server) -> list[float]:
    """RSS in MB after the warm-up and after each tenth of the long run."""
    samples = []
    parts = [rig.effort.warm_requests] + [rig.effort.soak_requests // 10] * 10
    for part in parts:
        tally = await drive(gateway.port, "json", connections=CONNECTIONS, requests=part)
        rig.found.problems += tally.problems
        samples.append(machine.rss_mb(gateway.pid))
        gc.collect()
    return samples


async def _per_stream_kb(server: Server) -> float:
    before = machine.rss_mb(server.pid)
    hang_up = await hold(server.port, config.HELD, streams=HELD_STREAMS)
    during = machine.rss_mb(server.pid)
    hang_up()
    await asyncio.sleep(0.5)
    return (during - before) * 1e3 / HELD_STREAMS


async def start(rig: Rig) -> None:
    """From the command to the first 200 on a chat request."""
    taken: dict[str, list[float]] = {"gateway": [], "bare": []}
    cpu: dict[str, list[float]] = {"gateway": [], "bare": []}
    for _ in range(rig.effort.starts):
        for name, make in (("gateway", rig.new_gateway), ("bare", rig.new_bare)):
            server = make()
            with _begun(server) as began:
                first_answer(server)
                taken[name].append(time.perf_counter() - began)
                cpu[name].append(machine.cpu_s(server.pid))
    rig.found.single(
        "start", "start to first 200", "s", median(taken["gateway"]), bare=median(taken["bare"]), target=1.2
    )
    rig.found.single("start_cpu", "CPU until then", "s", median(cpu["gateway"]), bare=median(cpu["bare"]))
    rig.found.raw["start"] = {"unit": "s", "taken": taken, "cpu": cpu}


@contextmanager
def _begun(server: Server) -> Iterator[float]:
    """The moment a server was started; stopped on the way out."""
    began = time.perf_counter()
    server.start()
    try:
        yield began
    finally:
        server.stop()


def first_answer(server: Server, timeout_s: float = 60.0) -> None:
    """Asks until a chat request is answered with 200. Raises `BenchError` where that takes too long."""
    ask = Script("json", port=server.port)
    deadline = time.perf_counter() + timeout_s
    answer = b""
    while time.perf_counter() < deadline:
        _ = server.pid
        try:
            with socket.create_connection((HOST, server.port), timeout=timeout_s) as connection:
                connection.sendall(ask.make(0).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
        except OSError:
            time.sleep(0.002)
            continue
        if ask.problem(answer) is None:
            return
        time.sleep(0.01)
    raise BenchError(f"{server.name}: no 200 within {timeout_s:g} s; the last answer: {answer[:400]!r}")


MEASURES: dict[str, Callable[[Rig], Awaitable[None]]] = {
    "json": json,
    "routing": routing,
    "reuse": reuse,
    "sse": sse,
    "cross": cross,
    "latency": latency,
    "memory": memory,
    "start": start,
}
