"""What a process has spent and may not have told: a file that outlives it.

Every change is appended as (account, period, total), the latest of each counts; the file begins anew when it
is long. A process holds the lock of its own; one whose lock is free is of a process that is gone. It is
written but not synced: what it is there for is a process that is killed, not a machine that falls.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from errno import ENOSPC
from pathlib import Path
from struct import Struct

import msgspec

SUFFIX = ".totals"
LONG_BYTES = 1_048_576
Totals = Mapping[tuple[str, int], int]
"""By account and period."""

_HEAD = Struct("<II")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[str, int, int]]).decode


class TotalsFile:
    """One process's own. Raises `OSError` where there can be no such file."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / f"{name}{SUFFIX}"
        self._known: dict[tuple[str, int], int] = {}
        fresh = folder / name
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(fresh, flags, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        fresh.rename(self._path)  # whoever looks for it finds it locked
        self._size = 0
        self._torn = False

    def write(self, totals: Totals) -> None:
        """Those that have changed. Raises `OSError`; all that was ever told is written the next time then."""
        self._known.update(totals)
        if self._size > LONG_BYTES:
            self._size, self._torn = 0, True
        if self._torn:  # nobody reads behind what is half written
            os.ftruncate(self._file, self._size)
            totals = self._known
        self._torn = True
        body = _encode([(name, period, total) for (name, period), total in totals.items()])
        piece = _HEAD.pack(len(body), zlib.crc32(body)) + body
        written = os.write(self._file, piece)
        if written < len(piece):
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        self._size += written
        self._torn = False

    def close(self, *, told: bool) -> None:
        """`told`: the store has everything; otherwise the file stays for whoever finds it."""
        if told:
            self._path.unlink(missing_ok=True)
        os.close(self._file)


class Orphan:
    """What a process that is gone had spent. Its file stays locked until it is `done` with, or left."""

    def __init__(self, path: Path, handle: int, totals: Totals) -> None:
        self.name = path.stem
        self.totals = totals
        self._path = path
        self._handle = handle

    def done(self) -> None:
        """The store has it all."""
        self._path.unlink(missing_ok=True)
        self.leave()

    def leave(self) -> None:
        """For another time, or another process."""
        os.close(self._handle)


def orphans(folder: Path) -> Iterator[Orphan]:
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with suppress(OSError):
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                totals = dict(_read(path.read_bytes()))
            except OSError:
                os.close(handle)
                continue
            yield Orphan(path, handle, totals)


def _read(data: bytes) -> Iterator[tuple[tuple[str, int], int]]:
    """As far as it can be read: what was being written last may be torn."""
    at = 0
    while len(data) - at >= _HEAD.size:
        length, crc = _HEAD.unpack_from(data, at)
        body = data[at + _HEAD.size : at + _HEAD.size + length]
        if len(body) < length or zlib.crc32(body) != crc:
            return
        for name, period, total in _decode(body):
            yield (name, period), total
        at += _HEAD.size + length
