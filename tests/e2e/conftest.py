"""One simulated provider and one gateway over every dialect of it, for all tests that only ask."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from configs import PLANTED, every_dialect
from gateway import Gateway, running
from simserver import Server

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # child processes start twice as fast from bytecode


@pytest.fixture(scope="session")
def sim() -> Iterator[Server]:
    server = Server()
    try:
        yield server
        assert server.stop()[::2] == (0, b""), "the simulated provider logged something, or did not end well"
    finally:
        server.kill()


@pytest.fixture(scope="session")
def gateway(sim: Server) -> Iterator[Gateway]:
    """Every dialect, and nothing breaks a breaker. Tests may ask; none may change it."""
    with running(every_dialect(sim.port)) as served:
        yield served
        assert PLANTED not in served.log
