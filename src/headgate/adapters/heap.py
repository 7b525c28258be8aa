"""Memory that a flood of requests needed, given back to the system when it has gone.

Python returns what it used for small objects once nothing is left in a piece of 1 MiB. What was larger goes
to the C library, which keeps it; and cycles wait for the collector, which has nothing to do when nobody
comes.

Known weakness: a piece in which one small object lives on stays, and so does the table of asyncio's set of
all tasks: 4 MB, where there were 100,000 at once.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable


def _trimmer() -> Callable[[int], int] | None:
    """The C library's way to let go of what it does not use, where it has one: glibc."""
    try:
        found = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    trim: Callable[[int], int] = found
    return trim


_TRIM = _trimmer()


def give_back() -> None:
    """Stands still for as long as that takes: some ten milliseconds after a hundred thousand requests."""
    gc.collect()
    if _TRIM is not None:
        _TRIM(0)
