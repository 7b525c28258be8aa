"""Notices that a file has changed, or that the operator says so by SIGHUP."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

EVERY_S = 0.5
"""Seconds between two looks at the file: one `stat`, some 2 µs."""


async def changes(path: Path) -> AsyncIterator[None]:
    """Yields whenever `path` is not what it was, and on every SIGHUP. Never ends by itself.

    Looks at size, time and inode, so that a file that is replaced counts as changed, as a mounted secret or
    a configuration map is; one that vanishes is waited for.
    """
    loop = asyncio.get_running_loop()
    called = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, called.set)
    try:
        seen = _look(path)
        while True:
            try:
                async with asyncio.timeout(EVERY_S):
                    await called.wait()
            except TimeoutError:
                now = _look(path)
                if now is None or now == seen:
                    continue
            called.clear()
            seen = _look(path)
            yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def _look(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
