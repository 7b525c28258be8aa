"""What the suites share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from booked import POSTGRES, Make, schema
from headgate.adapters.postgres import PostgresLedger
from headgate.adapters.sqlite import SqliteLedger
from peer import Run


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop])
def run(request: pytest.FixtureRequest) -> Run:
    def on_that_loop(story: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(story)

    return on_that_loop


@pytest.fixture(params=["sqlite", "postgres"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """A store of the books. Each call gives another process's way to the same one."""
    if request.param == "sqlite":
        yield lambda: SqliteLedger(tmp_path / "deep" / "books.db")
    else:
        with schema() as name:
            yield lambda: PostgresLedger(POSTGRES, schema=name)
