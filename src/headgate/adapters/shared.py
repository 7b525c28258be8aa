"""How the workers of one host know each other's counts: a file each, in a folder of theirs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from headgate.core.tally import Snapshot, Tally

EVERY_S = 1.0
"""Seconds between two writings: how old another worker's counts may be on a page."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Snapshot).decode


class Folder:
    """This process's file in the folder of all. A worker that has died leaves its counts behind."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.counters = path / "counters.db"
        """What they share of the limits of keys."""
        self._mine = path / f"{os.getpid()}.json"

    def write(self, tally: Tally) -> None:
        """Replaces this process's file at once, so that nobody reads half of one."""
        fresh = self._mine.with_suffix(".new")
        fresh.write_bytes(_encode(tally.snapshot()))
        fresh.replace(self._mine)

    def others(self) -> Iterator[tuple[Snapshot, bool]]:
        """The other processes' counts, each with whether it still lives."""
        for file in self._path.glob("*.json"):
            if file != self._mine:
                yield _decode(file.read_bytes()), _lives(int(file.stem))


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
