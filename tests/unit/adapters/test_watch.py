"""A file that changes, vanishes, comes back; an operator who says so."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from headgate.adapters import watch


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "EVERY_S", 0.005)


def noticed(file: Path, *doings: Callable[[], object], expected: int) -> None:
    """How many changes are noticed while these things are done, one after the other."""

    async def main() -> None:
        found: asyncio.Queue[None] = asyncio.Queue()

        async def follow(changes: AsyncIterator[None]) -> None:
            async for _ in changes:
                found.put_nowait(None)

        following = asyncio.create_task(follow(watch.changes(file)))
        count = 0
        for doing in (lambda: None, *doings):
            await settled(found)
            count += found.qsize()
            while not found.empty():
                found.get_nowait()
            doing()
        await settled(found)
        count += found.qsize()
        following.cancel()
        await asyncio.wait({following})
        assert count == expected

    asyncio.run(main())


async def settled(found: asyncio.Queue[None]) -> None:
    """Several looks at the file later."""
    await asyncio.wait({asyncio.create_task(found.join())}, timeout=0.05)
    waiting = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.05, waiting.set_result, None)
    await waiting


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "headgate.yaml"
    made.write_text("one")
    return made


def replaced(file: Path, text: str) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(file)


def test_a_quiet_file_is_quiet(file: Path) -> None:
    noticed(file, lambda: None, lambda: file.read_text(), expected=0)


def test_writing_replacing_and_touching_are_changes(file: Path) -> None:
    noticed(
        file,
        lambda: file.write_text("three"),
        lambda: replaced(file, "fives"),
        lambda: os.utime(file, (1, 1)),
        expected=3,
    )


def test_a_file_that_vanishes_is_waited_for(file: Path) -> None:
    noticed(file, file.unlink, lambda: file.write_text("one"), expected=1)


def test_a_link_that_points_elsewhere_is_a_change(file: Path, tmp_path: Path) -> None:
    """As where a configuration map is mounted."""
    link, other = tmp_path / "link.yaml", tmp_path / "other.yaml"
    other.write_text("one")
    link.symlink_to(file)

    def turn() -> None:
        fresh = tmp_path / "fresh"
        fresh.symlink_to(other)
        fresh.replace(link)

    noticed(link, turn, expected=1)


def test_a_signal_is_a_change_whatever_the_file_is(file: Path) -> None:
    hang_up = lambda: os.kill(os.getpid(), signal.SIGHUP)  # noqa: E731 - said twice
    noticed(file, hang_up, hang_up, expected=2)


def test_the_signal_is_given_back() -> None:
    before = signal.getsignal(signal.SIGHUP)

    async def main() -> None:
        changes = watch.changes(Path("nowhere"))
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.wait({waiting}, timeout=0.02)
        waiting.cancel()
        await asyncio.wait({waiting})

    asyncio.run(main())
    assert signal.getsignal(signal.SIGHUP) == before
