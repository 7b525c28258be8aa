"""`headgate serve`: the gateway as a server process, or several behind one port."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import ceil
from pathlib import Path

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from headgate.cli.life import Application, Origin
from headgate.config.tree import Settings
from headgate.server.protocol import BoundedProtocol

DESCRIPTORS = 1 << 20
"""More open files and connections than any one process here can serve."""

BACKLOG = 4096
"""Connections the kernel may hold for us; a burst is not an attack."""

HEALTH_S = 30
"""A worker that does not answer its supervisor for so long is replaced. Many that start at once are slow, and
starting them again does not make them quicker."""

_STOP = (signal.SIGINT, signal.SIGTERM)


class Server(uvicorn.Server):
    """uvicorn, for which being told to stop is no failure: the process ends with exit code 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but the signal is not raised again once everything is done."""
        before = {number: signal.signal(number, self.handle_exit) for number in _STOP}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Workers(Multiprocess):
    """uvicorn's supervisor, which restarts workers that die.

    SIGHUP is handed on: each worker reloads as a lone one would, instead of being replaced. The listening
    socket is closed before workers drain: this process holds it too, and the kernel would go on accepting
    connections that nobody serves.
    """

    def handle_hup(self) -> None:
        for worker in self.processes:
            if worker.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGHUP)

    def terminate_all(self) -> None:
        for listener in self.sockets:
            listener.close()
        super().terminate_all()


def config(application: Application, settings: Settings) -> uvicorn.Config:
    """How uvicorn is to run the application."""
    server = settings.server
    return uvicorn.Config(
        application,
        factory=True,
        host=server.host,
        port=server.port,
        workers=server.workers,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        backlog=BACKLOG,
        timeout_keep_alive=75,
        timeout_worker_healthcheck=HEALTH_S,
        timeout_graceful_shutdown=ceil(server.drain_s),
    )


def listening(host: str, port: int) -> socket.socket:
    """A socket that clients may connect to from now on; they are answered once the gateway has started.

    Raises:
        OSError: where the address is taken or not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host.strip("[]"), port), family=family, backlog=BACKLOG)
    listener.set_inheritable(True)
    return listener


def serve(file: Path | None, *, host: str | None, port: int | None, workers: int | None) -> int:
    """Runs until a signal says stop; then lets running requests finish for up to `drain_s`.

    Returns the exit code: 1 where it could not start.

    Raises:
        ConfigError: before anything is started.
    """
    origin = Origin(file, host=host, port=port, workers=workers)
    settings, banner = origin.read()
    for line in banner:
        sys.stderr.write(line + "\n")
    server = settings.server
    try:
        listener = listening(server.host, server.port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        sys.stderr.write(f"cannot listen on {_shown(server.host)}:{server.port}: {reason}\n")
        return 1
    sys.stderr.write(f"Listening on http://{_shown(server.host)}:{listener.getsockname()[1]}\n")
    sys.stderr.flush()
    _allow_connections()
    return _run(origin, settings, listener)


def _allow_connections() -> None:
    """A connection is a descriptor. The usual limit of 1,024 is for programs that do not know better; the
    hard limit is what the operator has set. Workers inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host and "[" not in host else host


def _run(origin: Origin, settings: Settings, listener: socket.socket) -> int:
    if settings.server.workers == 1:
        lone = Server(config(Application(origin), settings))
        lone.run(sockets=[listener])
        return 0 if lone.started else 1
    with tempfile.TemporaryDirectory(prefix="headgate-") as folder:
        several = Workers(config(Application(origin, Path(folder)), settings), sockets=[listener])
        several.run()
        return 1 if any(worker.exitcode == STARTUP_FAILURE for worker in several.processes) else 0
