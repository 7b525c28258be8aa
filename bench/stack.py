"""What the parts cost: `python -m bench.stack`, the numbers behind docs/decisions/002.

CPU µs per chat request and per live event of the same pass-through on other parts, how long each holds a
first event back, and what reading one request's JSON costs. Sides take turns as in `bench.measures`; the
ratios are to the pass-through the gateway is measured against (uvicorn, uvloop, httptools, pyreqwest).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import tempfile
import timeit
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median

import msgspec
import uvloop
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from bench import config, machine
from bench.load import drive
from bench.measures import CONNECTIONS, STREAMS
from bench.processes import (
    NGINX,
    Server,
    bare,
    document_upstream,
    end_with_us,
    nginx,
    python_upstream,
    running,
)
from bench.rows import per_event, quantile, ratios
from bench.variants import VARIANTS
from bench.wire import plan_of, request_maker

TITLES = {
    "nginx": "nginx, answering by itself",
    "nginx-pass": "nginx, proxying",
    "alone": "uvicorn + raw ASGI, answering by itself",
    "fastapi": "uvicorn + FastAPI, answering by itself",
    "fastapi-pydantic": "… body as a pydantic model",
    "pyreqwest": "uvicorn + raw ASGI + pyreqwest",
    "held-back": "… its buffering of streams left on",
    "aiohttp": "uvicorn + raw ASGI + aiohttp",
    "asyncio": "… on asyncio's own loop",
    "h11": "… with h11",
    "httpx": "uvicorn + raw ASGI + httpx",
}
_OPTIONS = {"asyncio": ("--loop", "asyncio"), "h11": ("--http", "h11")}
_NO_UPSTREAM = ("nginx", "alone", "fastapi", "fastapi-pydantic")
_BASE = "pyreqwest"


@contextmanager
def _sides(at: Path, cores: machine.Cores) -> Iterator[tuple[dict[str, Server], dict[str, Server]]]:
    """Everything to be measured, running: who answers documents, who relays streams."""
    with ExitStack() as stack:

        def run(server: Server) -> Server:
            return stack.enter_context(running(server))

        documents = run(document_upstream(at, cores=cores.others))
        streams = run(python_upstream(at, cores=cores.others))
        whole: dict[str, Server] = {}
        relayed: dict[str, Server] = {}
        if NGINX:
            whole["nginx"] = run(nginx(at, cores=cores.gateway, name="nginx-answers"))
            whole["nginx-pass"] = run(nginx(at, cores=cores.gateway, name="pass-1", pass_to=documents.port))
            relayed["nginx-pass"] = run(nginx(at, cores=cores.gateway, name="pass-2", pass_to=streams.port))
        for name in TITLES:
            if name == _BASE or name in VARIANTS or name in _OPTIONS:
                ports = {"json_port": documents.port, "sse_port": streams.port}
                client = name if name in VARIANTS else _BASE
                options = _OPTIONS.get(name, ())
                server = run(bare(at, **ports, cores=cores.gateway, client=client, options=options))
                if name != "held-back":
                    whole[name] = server
                if name not in _NO_UPSTREAM:
                    relayed[name] = server
        yield whole, relayed


async def _turns(
    servers: dict[str, Server], model: str, *, connections: int, rounds: int, slice_s: float
) -> dict[str, list[float]]:
    """CPU µs per request of each server, round by round."""
    cost: dict[str, list[float]] = {name: [] for name in servers}
    names = list(servers)
    for turn in range(rounds + 1):
        for name in names:
            gc.collect()
            server = servers[name]
            tally = await drive(server.port, model, connections=connections, seconds=slice_s, pid=server.pid)
            if tally.problems:
                raise SystemExit(f"{name}: {tally.problems[0]}")
            if turn:
                cost[name].append(tally.cpu_us)
        names.reverse()
    return cost


def _summary(cost: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    return {
        name: {
            "us": round(median(each), 1),
            "us_quiet": round(quantile(each, 0.25), 1),
            "ratio": round(median(ratios(each, cost[_BASE])), 2),
        }
        for name, each in cost.items()
    }


@dataclass(frozen=True)
class Costs:
    """CPU µs by part (median, lower quartile, ratio to bare), delays in ms, µs to read a body."""

    request: dict[str, dict[str, float]]
    event: dict[str, dict[str, float]]
    first_event_ms: dict[str, float]
    reading_us: dict[str, float]


async def _measure(whole: dict[str, Server], relayed: dict[str, Server], rounds: int) -> Costs:
    per_request = await _turns(whole, "json", connections=CONNECTIONS, rounds=rounds, slice_s=0.3)
    live = {name: server for name, server in relayed.items() if name != "held-back"}
    short, long = [
        await _turns(live, model, connections=STREAMS, rounds=rounds, slice_s=0.3)
        for model in (config.SHORT, config.LONG)
    ]
    events = _events(config.LONG) - _events(config.SHORT)
    delays = {}
    for name, server in relayed.items():
        tally = await drive(server.port, config.STAMP, connections=1, requests=15, stamped=True)
        delays[name] = round(median(tally.delays_ms), 2)
    per_live_event = {name: per_event(short[name], long[name], events) for name in live}
    return Costs(_summary(per_request), _summary(per_live_event), delays, reading())


def _events(model: str) -> int:
    return plan_of(f'"model":"{model}"'.encode()).events


class _Message(msgspec.Struct):
    role: str
    content: str


class _Chat(msgspec.Struct):
    model: str
    messages: list[_Message]
    stream: bool = False
    temperature: float | None = None
    max_tokens: int | None = None


class _Envelope(msgspec.Struct):
    model: str
    stream: bool = False
    messages: msgspec.Raw = msgspec.Raw()


class _PydanticMessage(BaseModel):
    role: str
    content: str


class _PydanticChat(BaseModel):
    model: str
    messages: list[_PydanticMessage]
    stream: bool = False
    temperature: float | None = None
    max_tokens: int | None = None


def reading() -> dict[str, float]:
    """CPU µs to read the body of one request of the bench, best of many."""
    body = request_maker("json", port=80)(1).partition(b"\r\n\r\n")[2]
    readers: dict[str, Callable[[bytes], object]] = {
        "msgspec, members of interest": msgspec.json.Decoder(_Envelope).decode,
        "msgspec, typed": msgspec.json.Decoder(_Chat).decode,
        "json, untyped": json.loads,
        "pydantic, typed": _PydanticChat.model_validate_json,
    }
    return {
        name: round(min(timeit.repeat(partial(read, body), number=2000, repeat=15)) / 2000 * 1e6, 2)
        for name, read in readers.items()
    }


def _table(found: Costs) -> Table:
    shown = Table(title="What the parts cost, CPU µs: median (lower quartile)", title_justify="left")
    for heading in ("", "a request", "÷ bare", "a live event", "÷ bare", "first event held, ms"):
        shown.add_column(heading, justify="right" if heading else "left")
    for name, title in TITLES.items():
        cells: list[str] = []
        for kind in (found.request, found.event):
            cost = kind.get(name)
            cells += (
                [f"{cost['us']:.0f} ({cost['us_quiet']:.0f})", f"{cost['ratio']:.2f}"] if cost else ["", ""]
            )
        if any(cells) or name in found.first_event_ms:
            shown.add_row(title, *cells, str(found.first_event_ms.get(name, "")))
    return shown


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.stack", description=__doc__)
    parser.add_argument("--rounds", type=int, default=12, metavar="N")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    cores = machine.cores()
    machine.raise_file_limit()
    os.sched_setaffinity(0, cores.others)
    gc.disable()
    end_with_us()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as at,
        _sides(Path(at), cores) as (whole, relayed),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        found = runner.run(_measure(whole, relayed, options.rounds))
    if options.json:
        print(json.dumps({"machine": machine.facts()} | asdict(found), indent=1))
        return 0
    console = Console() if sys.stdout.isatty() else Console(width=130)
    console.print(_table(found))
    for name, cost in found.reading_us.items():
        console.print(f"reading one request, {name}: {cost} µs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
