"""Where the time goes, without sockets and without a second process: for before and after a change.

    python -m bench.profile                   CPU µs in the gateway's own code, per request and per event
    python -m bench.profile --functions 25    and the functions it is spent in
    python -m bench.profile --start           what start-up imports, and how long each package takes

The assembled application is driven in this process through ASGI, one request at a time, with the one
module that opens connections replaced by canned answers: what is left is the gateway's own work. Compare
two runs of this, never this with a run of `python -m bench`.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import functools
import gc
import importlib
import os
import pstats
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
import yaml
from rich.console import Console
from rich.table import Table

from bench import config, machine
from bench.processes import ROOT, environment
from bench.rows import per_event, quantile
from bench.wire import ANTHROPIC_DOCUMENT, OPENAI_DOCUMENT, Plan, events_of, plan_of, request_maker
from headgate.assemble import upstreams

App = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]],
    Awaitable[None],
]
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|\s*(\S+)")
_BATCHES = 20


# ── the gateway, in this process ─────────────────────────────────────────────────────────────────


def headgate(file: Path) -> App:
    """The application of a configuration file: what `--app` names by default."""
    from headgate.cli.life import Application, Origin

    app: App = Application(Origin(file))()
    return app


class Canned:
    """Stands in for what `adapters.http` makes: answers at once, a piece for every event."""

    def __init__(
        self, base_url: str, *, headers: Mapping[str, str], connect_s: float, total_s: float
    ) -> None:
        self.headers = headers

    def __call__(self, request: Any, *, stream: bool = False) -> AbstractAsyncContextManager[_Answer]:
        return _Answer(request)


class _Answer:
    status = 200

    def __init__(self, request: Any) -> None:
        plan = plan_of(request.body)
        anthropic = request.path.endswith("/messages")
        self._document = ANTHROPIC_DOCUMENT if anthropic else OPENAI_DOCUMENT
        self._pieces = iter(_rendered(plan, anthropic) if plan.stream else [self._document])

    async def __aenter__(self) -> _Answer:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def header(self, name: str) -> str | None:
        return "application/json" if name == "content-type" else None

    async def read(self) -> bytes:
        return self._document

    async def chunk(self) -> bytes | None:
        return next(self._pieces, None)


@functools.cache
def _rendered(plan: Plan, anthropic: bool) -> list[bytes]:
    return events_of(plan, anthropic=anthropic)


@asynccontextmanager
async def alive(app: App) -> AsyncIterator[App]:
    """The application between its start-up and its shutdown, as ASGI's lifespan has it."""
    messages: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    said: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    messages.put_nowait({"type": "lifespan.startup"})
    task = asyncio.ensure_future(
        app({"type": "lifespan", "asgi": {"version": "3.0"}}, messages.get, said.put)
    )
    started = asyncio.ensure_future(said.get())
    await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    try:
        yield app
    finally:
        messages.put_nowait({"type": "lifespan.shutdown"})
        await task


class Request:
    """One request of the bench, as ASGI sees it, asked any number of times."""

    def __init__(self, model: str) -> None:
        head, _, self.body = request_maker(model, port=80)(1).partition(b"\r\n\r\n")
        fields = (line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        self._headers = [(name.lower(), value) for name, value in fields]
        self._never: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    async def __call__(self, app: App) -> bytes:
        """The answer's body. Raises `RuntimeError` where the status is not 200."""
        unread = [{"type": "http.request", "body": self.body, "more_body": False}]
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return unread.pop() if unread else await asyncio.shield(self._never)

        async def send(message: Any) -> None:
            sent.append(message)

        await app(self._scope(), receive, send)
        body = b"".join(message.get("body", b"") for message in sent[1:])
        if sent[0]["status"] != 200:
            raise RuntimeError(f"status {sent[0]['status']}: {body[:400]!r}")
        return body

    def _scope(self) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/v1/chat/completions",
            "raw_path": b"/v1/chat/completions",
            "query_string": b"",
            "root_path": "",
            "headers": list(self._headers),
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 80),
            "state": {},
        }


# ── measuring ────────────────────────────────────────────────────────────────────────────────────


async def _costs_us(app: App, requests: Mapping[str, int]) -> dict[str, list[float]]:
    """CPU µs per request of each model, batch by batch; the models take turns within every batch."""
    asks = {model: Request(model) for model in requests}
    costs: dict[str, list[float]] = {model: [] for model in requests}
    for turn in range(_BATCHES + 1):
        for model, ask in asks.items():
            number = max(1, requests[model] // _BATCHES)
            gc.collect()
            began = time.process_time()
            for _ in range(number):
                await ask(app)
            if turn:
                costs[model].append((time.process_time() - began) / number * 1e6)
    return costs


async def _profile(app: App, requests: int, functions: int) -> list[tuple[str, float, float]]:
    """(what, µs a request, µs an event), relayed and crossed; with `functions`, the costliest are printed."""
    events = _events(config.LONG) - _events(config.SHORT)
    rows = []
    for cross, what in (("", "relayed"), ("x", "dialects crossed")):
        document, short, long = f"{cross}json", cross + config.SHORT, cross + config.LONG
        costs = await _costs_us(app, {document: requests, short: requests // 2, long: requests // 5})
        rows.append(
            (what, quantile(costs[document], 0.25), median(per_event(costs[short], costs[long], events)))
        )
    for model in ("json", config.LONG, f"x{config.LONG}") if functions else ():
        await _functions(app, model, requests // 2, functions)
    return rows


def _events(model: str) -> int:
    return plan_of(f'"model":"{model}"'.encode()).events


async def _functions(app: App, model: str, requests: int, functions: int) -> None:
    ask, profiler = Request(model), cProfile.Profile()
    profiler.enable()
    for _ in range(requests):
        await ask(app)
    profiler.disable()
    print(f"\n{model}, {requests} requests (the profiler itself makes calls dearer than they are)")
    pstats.Stats(profiler).sort_stats("tottime").print_stats(functions)


@contextmanager
def canned_answers() -> Iterator[None]:
    """Puts `Canned` in the place of the transport the gateway is assembled with."""
    real = vars(upstreams)["http_transport"]
    setattr(upstreams, "http_transport", Canned)  # noqa: B010 - the one thing that is not real here
    try:
        yield
    finally:
        setattr(upstreams, "http_transport", real)  # noqa: B010 - put back


async def _in_process(
    make: Callable[[Path], App], requests: int, functions: int
) -> list[tuple[str, float, float]]:
    with tempfile.TemporaryDirectory(prefix="bench-") as at, canned_answers():
        file = Path(at) / "headgate.yaml"
        file.write_text(yaml.safe_dump(config.settings(port=9, json_port=9, sse_port=9)))
        async with alive(make(file)) as app:
            await asyncio.to_thread(machine.wait_until_idle, os.getpid())
            return await _profile(app, requests, functions)


# ── start-up ─────────────────────────────────────────────────────────────────────────────────────


def _import_log(statement: str) -> str:
    command = [sys.executable, "-X", "importtime", "-c", statement]
    return subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    ).stderr


def import_times(statement: str) -> tuple[list[tuple[str, float, int]], float]:
    """(package, ms of its own modules, modules) in falling order, and the sum, of what `statement` imports.

    The second of two runs: the first may have to compile.
    """
    _import_log(statement)
    own_us: dict[str, int] = defaultdict(int)
    modules: dict[str, int] = defaultdict(int)
    for line in _import_log(statement).splitlines():
        if found := _IMPORT.match(line):
            package = found[3].partition(".")[0].lstrip("_")
            own_us[package] += int(found[1])
            modules[package] += 1
    ordered = sorted(own_us, key=own_us.__getitem__, reverse=True)
    return [(name, own_us[name] / 1e3, modules[name]) for name in ordered], sum(own_us.values()) / 1e3


def _print_start(console: Console, statement: str, lines: int) -> None:
    packages, total_ms = import_times(statement)
    shown = Table(title=f"import time {total_ms:.0f} ms ({statement})", title_justify="left")
    for heading in ("package", "own ms", "modules"):
        shown.add_column(heading, justify="left" if heading == "package" else "right")
    for name, own_ms, modules in packages[:lines]:
        shown.add_row(name, f"{own_ms:.1f}", str(modules))
    console.print(shown)


def _named(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.profile",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--app", default="bench.profile:headgate", metavar="MODULE:NAME", help="config path → app"
    )
    parser.add_argument("--requests", type=int, default=4000, metavar="N")
    parser.add_argument(
        "--functions", type=int, default=0, metavar="N", help="list the N costliest functions"
    )
    parser.add_argument("--start", action="store_true", help="import times instead")
    parser.add_argument("--statement", default="import headgate.cli.serve", help="what --start imports")
    options = parser.parse_args(argv)
    console = Console() if sys.stdout.isatty() else Console(width=130)
    if options.start:
        _print_start(console, options.statement, 20)
        return 0
    gc.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rows = runner.run(_in_process(_named(options.app), options.requests, options.functions))
    for what, request_us, event_us in rows:
        console.print(f"{what}: {request_us:.1f} µs a request, {event_us:.2f} µs an event", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
