"""`ports.Notices` in a folder beside the configuration file: for the workers of one host."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec

from headgate.core.keyring import NOTHING_SAID, Notice
from headgate.ports.notices import NoticesGone

EVERY_S = 0.25
"""Seconds between two looks at the folder: one `stat`, some 2 µs."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Notice).decode


def folder_of(file: Path) -> Path:
    """Where the state of what `file` configures is kept."""
    return file.resolve().parent / ".headgate" / file.stem


class FolderNotices:
    """A file each. The folder is made when there is something to say, for its owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def all(self) -> Mapping[str, Notice]:
        try:
            return {file.stem: _decode(file.read_bytes()) for file in self._folder.glob("*.key")}
        except (OSError, msgspec.DecodeError) as error:
            raise NoticesGone(f"{self._folder}: {error}") from error

    async def post(self, fingerprint: str, notice: Notice) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (self._folder / "lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._write(self._folder / f"{fingerprint}.key", notice)
        except (OSError, msgspec.DecodeError) as error:
            raise NoticesGone(f"{self._folder}: {error}") from error

    def _write(self, file: Path, notice: Notice) -> None:
        before = _decode(file.read_bytes()) if file.exists() else NOTHING_SAID
        if (merged := before.merged(notice)) != before:
            fresh = file.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_bytes(_encode(merged))
            fresh.replace(file)

    async def changes(self) -> AsyncIterator[None]:
        seen = self._look()
        while True:
            await _pause(EVERY_S)
            if (now := self._look()) != seen:
                seen = now
                yield

    def _look(self) -> int:
        try:
            return os.stat(self._folder).st_mtime_ns
        except OSError:
            return 0

    async def close(self) -> None:
        """Nothing to close."""


async def _pause(seconds: float) -> None:
    await asyncio.wait([asyncio.get_running_loop().create_future()], timeout=seconds)
