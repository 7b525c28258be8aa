"""`headgate sim-providers`: simulated providers as a real HTTP server."""

from __future__ import annotations

import json
import random
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
import uvicorn

from headgate.adapters.system import Ids, SystemClock
from headgate.providers.simulated import FAULTS, Limits, Scheduled, Settings, Simulation
from headgate.server.simulated import SeverableProtocol, SimulatedProviders

_FAULT_HELP = (
    "Something that goes wrong: FAULT, FAULT@SHARE or FAULT@SHARE/FROM-TO, e.g. status:503, 429:7@0.2, "
    "cut-mid:5@0.1/10-20 (a share of the requests, seconds since the start). May be repeated. "
    "--list-faults shows them all."
)


class _Server(uvicorn.Server):
    """uvicorn, announced when it listens, and gone on the first signal with exit code 0."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._announce()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but the signal is not raised again afterwards: being told to stop is no failure."""
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, *_: object) -> None:
        self.should_exit = self.force_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Nobody is waited for: open connections are dropped, which ends their requests."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets=sockets)


def scheduled(text: str) -> Scheduled:
    """Reads `FAULT[@SHARE][/FROM-TO]`; an open end is left out (`/10-`).

    Raises:
        ValueError: for an unknown fault or numbers that are none.
    """
    fault, _, span = text.partition("/")
    fault, _, share = fault.partition("@")
    start, _, end = span.partition("-")
    return Scheduled(
        fault=fault,
        share=float(share) if share else 1.0,
        from_s=float(start) if start else 0.0,
        to_s=float(end) if end else None,
    )


def _schedule(texts: list[str]) -> tuple[Scheduled, ...]:
    try:
        return tuple(map(scheduled, texts))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--fault") from None


def _list_faults(as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({name: effect.what for name, effect in FAULTS.items()}))
        return
    for name, effect in FAULTS.items():
        shown = f"{name}[:{effect.number}]" if effect.number else name
        typer.echo(f"{shown:24} {effect.what}")


def _listening(host: str, port: int) -> socket.socket:
    """A bound socket: the port is known before the server starts, also where it was 0."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        typer.echo(f"cannot listen on {host}:{port}: {error.strerror}", err=True)
        raise typer.Exit(1) from None
    return listener


def _serve(settings: Settings, listener: socket.socket, announce: Callable[[], None]) -> list[Simulation]:
    """Serves until a signal comes. The simulation that served is the one item of the result."""
    made: list[Simulation] = []

    def app() -> SimulatedProviders:
        made.append(Simulation(settings, SystemClock(), random.Random(settings.seed)))
        return SimulatedProviders(made[0], new_id=Ids(""))

    config = uvicorn.Config(
        app,
        factory=True,
        http=SeverableProtocol,
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    _Server(config, announce).run(sockets=[listener])
    return made


def sim_providers(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = 9100,
    rpm: Annotated[int | None, typer.Option(min=0, help="Requests a key may make in any 60 seconds.")] = None,
    tpm: Annotated[int | None, typer.Option(min=0, help="Tokens a key may use in any 60 seconds.")] = None,
    burst: Annotated[
        int | None, typer.Option(min=0, help="Requests a key may make in any one second.")
    ] = None,
    latency_s: Annotated[float, typer.Option(min=0, help="Seconds to the first token.")] = 0.0,
    tokens_per_s: Annotated[
        float, typer.Option(min=0, help="Speed of every answer; 0 is without waiting.")
    ] = 0.0,
    output_tokens: Annotated[int | None, typer.Option(min=1, help="Length of every prose answer.")] = None,
    fault: Annotated[list[str] | None, typer.Option(help=_FAULT_HELP)] = None,
    seed: Annotated[int, typer.Option(help="The same seed, the same answers and the same luck.")] = 0,
    list_faults: Annotated[bool, typer.Option("--list-faults", help="Show the faults and exit.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write for programs.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No summary at the end.")] = False,
) -> None:
    """Simulated providers as a real HTTP server: OpenAI, Anthropic, Gemini and Ollama on one port.

    Limits are enforced per API key in true sliding windows. GET /sim/stats tells what happened; POST
    /sim/reset, /sim/limits and /sim/faults change it. One request breaks by its header `x-sim-fault: FAULT`
    or by its model: `fault-hang`, `gpt-4o-fault-status-503`.
    """
    if list_faults:
        return _list_faults(as_json)
    settings = Settings(
        limits=Limits(rpm=rpm, tpm=tpm, burst=burst),
        latency_s=latency_s,
        tokens_per_s=tokens_per_s,
        output_tokens=output_tokens,
        faults=_schedule(fault or []),
        seed=seed,
    )
    with _listening(host, port) as listener:
        bound = listener.getsockname()[1]
        url = f"http://{f'[{host}]' if ':' in host else host}:{bound}"
        ready = json.dumps({"url": url, "port": bound}) if as_json else f"simulated providers on {url}"
        served = _serve(settings, listener, lambda: typer.echo(ready))
    if not quiet:
        _summary(served, as_json)
    return None


def _summary(served: list[Simulation], as_json: bool) -> None:
    for simulation in served:
        report = simulation.report()
        counts = {word: getattr(report, word) for word in ("requests", "served", "throttled", "faulted")}
        line = json.dumps(counts) if as_json else ", ".join(f"{n} {word}" for word, n in counts.items())
        typer.echo(line, err=not as_json)
