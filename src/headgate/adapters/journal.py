"""The local journal: rows wait here, on disk, until the store has them.

A folder a process, locked for as long as it lives; in it segments of frames (length, CRC-32, MessagePack of
the number of the first row and the rows). A thread writes what has gathered, a group at a time, and syncs it:
every 20 ms, or at once where somebody waits for it. The hot path appends to a list. What a process that was
killed leaves behind is found by its lock being free, and adopted by whoever looks first.

Known weakness: what has gathered since the last group, some 20 ms, dies with the process, unless its caller
waited for it. Where the disk is full rows are held in memory, a bounded number of them.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from headgate.core.frames import frame, frames, resumed, torn
from headgate.core.journaled import UNFIT, Recent, Row, fitting

GATHER_S = 0.02
"""How long rows gather where nobody waits."""
RETRY_S = 0.5
"""After a disk has refused."""
SEGMENT_BYTES = 4_194_304
MAX_HELD = 100_000
"""Rows in memory while the disk refuses them: some 100 MB."""
SUFFIX = ".journal"

log = logging.getLogger("headgate")


class JournalFailed(Exception):
    """The disk does not take the row now."""


class Journal:
    """One process's own. Build it inside the loop it serves; append from that loop alone.

    Raises `OSError` where there can be no such folder.
    """

    def __init__(self, folder: Path, name: str, *, news: Callable[[], None]) -> None:
        """`news` is called in the loop when a group has been written, or could not be."""
        self.name = name
        self.folder = folder / name
        self.next = 0
        self.written = 0
        self.lost = 0
        self.error = ""
        self._lock = _locked(self.folder, make=True)
        self._news = news
        self._loop = asyncio.get_running_loop()
        self._pending: list[Row] = []
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._otherwise: dict[int, Row] = {}
        self._refused: set[int] = set()
        self._wake, self._urgent = threading.Event(), threading.Event()
        self._asleep = True
        self._closing = False
        self.recent: Recent[Spot] = Recent()
        self._segment = _Segment(self.folder)
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    @property
    def length(self) -> int:
        """Rows that are not written yet."""
        return self.next - self.written

    def append(self, entry: Row, otherwise: Row | None = None) -> int:
        """The row's number; -1 where too many are held already, and it is lost. `otherwise` takes its place
        where the disk refuses it at first: for whoever asks then whether it is `kept`."""
        if self.error and self.length >= MAX_HELD:
            self.lost += 1
            return -1
        number = self.next
        if otherwise is not None:
            self._otherwise[number] = otherwise
        self._pending.append(entry)
        self.next = number + 1
        if self._asleep:
            self._asleep = False
            self._wake.set()
        return number

    async def kept(self, number: int) -> None:
        """Waits until that row is on disk. Raises `JournalFailed` where the disk does not take it now."""
        if number < 0 or self._closing:
            raise JournalFailed(self.error or "the journal is closed")
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append((number, waiter))
        if number < self.written or number in self._refused:
            self._told()
        else:
            self._urgent.set()
        try:
            await waiter
        finally:
            self._otherwise.pop(number, None)
            self._refused.discard(number)

    # ── the thread ──

    def _work(self) -> None:
        held: list[Row] = []
        while not (self._closing and not self._pending):
            self._wake.wait(RETRY_S if held else None)
            self._wake.clear()
            self._asleep = True  # who appends from here on wakes it once more
            self._urgent.wait(GATHER_S)
            self._urgent.clear()
            there = len(self._pending)
            held += self._pending[:there]
            del self._pending[:there]
            if held and self._wrote(held):
                held = []
            elif held:
                self._refuse(held)
            with suppress(RuntimeError):  # the loop has ended: nobody is left to tell
                self._loop.call_soon_threadsafe(self._told)
        if held:  # refused a moment ago: once more
            self._wrote(held)

    def _wrote(self, held: list[Row]) -> bool:
        try:
            try:
                spot = self._segment.write(self.written, held)
            except UNFIT:
                log.error("a row cannot be written down: the audit log has what it says")
                held[:] = map(fitting, held)
                spot = self._segment.write(self.written, held)
        except OSError as error:
            if not self.error:
                log.error("the journal cannot be written (%s): rows are held in memory", error.strerror)
            self.error = error.strerror or type(error).__name__
            return False
        self.recent.add(self.written, held, spot)
        self.written += len(held)
        if self.error:
            log.warning("the journal can be written again")
            self.error = ""
        return True

    def _refuse(self, held: list[Row]) -> None:
        """Rows that somebody waits for say from now on that he was refused; whoever asks will be."""
        for number in list(self._otherwise):
            place = number - self.written
            if 0 <= place < len(held) and (otherwise := self._otherwise.pop(number, None)) is not None:
                self._refused.add(number)
                held[place] = otherwise

    # ── the loop ──

    def _told(self) -> None:
        waiting, self._waiting = self._waiting, []
        for number, waiter in waiting:
            if waiter.done():
                continue
            if number in self._refused:
                waiter.set_exception(JournalFailed(self.error or "the disk has refused it"))
            elif number < self.written:
                waiter.set_result(None)
            elif self.error and number not in self._otherwise:
                waiter.set_exception(JournalFailed(self.error))
            else:
                self._waiting.append((number, waiter))
        if self._waiting:
            self._urgent.set()
            self._wake.set()
        self._news()

    def close(self) -> None:
        """Writes what has gathered. The folder stays, and stays locked until `release`."""
        self._closing = True
        self._wake.set()
        self._urgent.set()
        self._thread.join()
        self._segment.close()

    def release(self) -> None:
        """From now on whoever looks may take it over."""
        os.close(self._lock)


class _Segment:
    """The file that is written to, and the next when it is full."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder
        self._file = -1
        self._size = 0

    def write(self, first: int, entries: Sequence[Row]) -> Spot:
        """All of it, on disk, or `OSError` and nothing. The place behind it."""
        if self._file < 0 or self._size >= SEGMENT_BYTES:
            self._open(first)
        data = memoryview(b"".join(frames(first, entries)))
        try:
            done = 0
            while done < len(data):
                done += os.write(self._file, data[done:])
            os.fdatasync(self._file)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
                os.lseek(self._file, self._size, os.SEEK_SET)
            raise
        self._size += len(data)
        return Spot(self._path, self._size, first + len(entries))

    def _open(self, first: int) -> None:
        path = self._folder / f"{first:016d}{SUFFIX}"
        fresh = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        self.close()
        self._path, self._file, self._size = path, fresh, 0
        _sync_folder(self._folder)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _locked(folder: Path, *, make: bool = False) -> int:
    """The lock of a journal's folder. Raises `OSError` where somebody has it."""
    if make:
        folder.mkdir(mode=0o700, parents=True)
    handle = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


# ── reading ──


class Reader:
    """Reads a journal in order, and takes away what has been read. `Spot` after `Spot`, so that a batch that
    could not be handed on is read again."""

    def __init__(self, folder: Path, recent: Recent[Spot] | None = None) -> None:
        """`recent`: of the process that writes it."""
        self._folder = folder
        self._recent = recent
        self._segment: Path | None = None
        self._offset = 0
        self._next = 0
        self._broken: set[Path] = set()

    def read(self, at_most: int, until: int | None = None) -> tuple[int, list[Row], Spot] | None:
        """The number of the first row, up to about `at_most` rows, and where to go on after them; nothing,
        where there is nothing more. `until`: rows from there on are still being written."""
        if self._recent is not None and (found := self._recent.read(self._next, at_most)):
            return found
        rows: list[Row] = []
        first, spot = 0, Spot(self._segment, self._offset, self._next)
        for number, entries, after in self._frames():
            if until is not None and number + len(entries) > until:
                break
            if rows and number != first + len(rows):  # something between could not be read
                break
            first = first if rows else number
            rows += entries
            spot = after
            if len(rows) >= at_most:
                break
        return (first, rows, spot) if rows else None

    def _frames(self) -> Iterator[tuple[int, list[Row], Spot]]:
        segments = _segments(self._folder)
        if self._segment in segments:
            segments = segments[segments.index(self._segment) :]
        for path in segments:
            offset = self._offset if path == self._segment else 0
            data = _read(path, offset)
            while len(data):
                found = frame(data)
                size = found[1] if found else self._beyond(path, data, last=path == segments[-1])
                if size is None:
                    break
                data, offset = data[size:], offset + size
                if found is not None:
                    first, entries = found[0]
                    yield first, entries, Spot(path, offset, first + len(entries))

    def _beyond(self, path: Path, data: memoryview, *, last: bool) -> int | None:
        """How far behind what cannot be read there is more; nothing, where there is none, or where somebody
        may be writing it at this moment."""
        if last and self._recent is not None:
            return None
        size = resumed(data)
        if size is not None or not last or not torn(data):
            self._broken.add(path)
        return size

    def go_on(self, spot: Spot) -> None:
        """What comes before is needed no more."""
        before, after = self._segment, spot.segment
        self._segment, self._offset, self._next = after, spot.offset, spot.next
        if self._recent is not None:
            self._recent.forget(spot.next)
        if after is not None and after != before:
            self._put_away([path for path in _segments(self._folder) if path < after])

    def clear(self) -> None:
        """All has been read: takes the journal away."""
        self._put_away(_segments(self._folder))
        with suppress(OSError):  # it stays, for what was set aside
            (self._folder / "lock").unlink()
            self._folder.rmdir()

    def _put_away(self, segments: Sequence[Path]) -> None:
        """What could not be read, which is more than the torn end of the last segment, is set aside."""
        for path in segments:
            if path in self._broken:
                log.error("%s cannot be read to its end: it is set aside as .broken", path)
                path.rename(path.with_suffix(".broken"))
            else:
                path.unlink()


class Spot(msgspec.Struct, frozen=True):
    """A place in a journal, and the number of the row that comes there."""

    segment: Path | None
    offset: int
    next: int


def _segments(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


def _read(path: Path, offset: int) -> memoryview:
    with path.open("rb") as file:
        file.seek(offset)
        return memoryview(file.read())


def orphans(folder: Path) -> Iterator[tuple[str, int]]:
    """Journals whose process is gone, each locked for whoever asked; that lock is to be closed."""
    for path in sorted(folder.glob("*/lock")):
        with suppress(OSError):
            yield path.parent.name, _locked(path.parent)
