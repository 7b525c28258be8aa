"""`headgate serve`: the gateway as a server process, or several behind one port."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import uvicorn
from pydantic import ValidationError
from uvicorn.supervisors import Multiprocess

from headgate.cli.life import Application, Origin
from headgate.config.check import ConfigError, Problem
from headgate.config.tree import Server, Settings
from headgate.server.protocol import BoundedProtocol

BACKLOG = 4096
"""Connections the kernel may hold for us; a burst is not an attack."""


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
        timeout_graceful_shutdown=max(1, round(server.drain_s)),
    )


def overridden(settings: Settings, **given: object) -> Settings:
    """The settings with what the command line says of the server in the place of what they say.

    Raises:
        ConfigError: where the two together make no sense, such as an open door to the network.
    """
    server = {name: getattr(settings.server, name) for name in type(settings.server).model_fields}
    server |= {name: value for name, value in given.items() if value is not None}
    try:
        return settings.model_copy(update={"server": Server(**server)})
    except ValidationError as error:
        raise ConfigError([Problem(path="server", message=e["msg"]) for e in error.errors()]) from None


def serve(file: Path | None, *, host: str | None, port: int | None, workers: int | None) -> None:
    """Runs until a signal says stop; then lets running requests finish for up to `drain_s`.

    Raises:
        ConfigError: before anything is started.
    """
    origin = Origin(file)
    settings, banner = origin.read()
    settings = overridden(settings, host=host, port=port, workers=workers)
    for line in banner:
        sys.stderr.write(line + "\n")
    running = config(Application(origin), settings)
    if settings.server.workers == 1:
        uvicorn.Server(running).run()
        return
    with tempfile.TemporaryDirectory(prefix="headgate-") as folder:
        running = config(Application(origin, Path(folder)), settings)
        Multiprocess(running, sockets=[running.bind_socket()]).run()
