"""Durable: a strict answer ends when its row is on disk, or not at all."""

from __future__ import annotations

import asyncio

import pytest

from headgate.core.call import Outcome
from headgate.core.errors import Overloaded
from headgate.core.record import Record
from headgate.pipeline.durable import Durable
from headgate.pipeline.meter import Meter
from headgate.pipeline.service import Service
from headgate.ports.journal import NotKept
from scripted import Notes, Scripted, answers, asked
from virtual import clock, run


class Disk:
    """A journal that takes a second for a row, or refuses it."""

    def __init__(self, *, full: bool = False) -> None:
        self.full = full
        self.records: list[Record] = []

    async def keep(self, record: Record) -> None:
        self.records.append(record)
        await clock().sleep(1.0)
        if self.full:
            raise NotKept("No space left on device")


def service(disk: Disk, notes: Notes, name: str) -> Service:
    inner = Durable(Scripted(answers(b"a", b"b")), strict={name}, journal=disk, clock=clock())
    return Meter(inner, recorder=notes, clock=clock())


async def served(disk: Disk, notes: Notes, name: str) -> float:
    """Serves one request as the rim does; how long it took."""
    begun = clock().now()
    async with service(disk, notes, name)(asked()) as reply:
        assert [piece async for piece in reply.body] == [b"a", b"b"]
        if reply.seal is not None:
            await reply.seal()
    return clock().now() - begun


def test_a_strict_answer_waits_for_its_row_and_leaves_one() -> None:
    async def story() -> None:
        disk, notes = Disk(), Notes()
        assert await served(disk, notes, asked().payload.model) == pytest.approx(1.0)
        [kept], [settled] = disk.records, notes.records
        assert kept.outcome is Outcome.FINISHED
        assert settled.reply is not None
        assert settled.reply.sealed
        assert kept.usage == settled.usage
        assert settled.reply.seal is None

    run(story())


def test_any_other_does_not() -> None:
    async def story() -> None:
        disk, notes = Disk(), Notes()
        assert await served(disk, notes, "another") == 0.0
        assert disk.records == []
        assert notes.records[0].reply is not None
        assert not notes.records[0].reply.sealed

    run(story())


def test_a_full_disk_is_a_refusal_and_still_no_second_row() -> None:
    async def story() -> None:
        disk, notes = Disk(full=True), Notes()
        with pytest.raises(Overloaded) as refused:
            await served(disk, notes, asked().payload.model)
        assert refused.value.code == "ledger_unavailable"
        assert len(disk.records) == 1
        assert notes.records[0].reply is not None
        assert notes.records[0].reply.sealed

    run(story())


def test_who_hangs_up_while_it_waits_has_a_row_too() -> None:
    async def story() -> None:
        disk, notes = Disk(), Notes()
        task = asyncio.ensure_future(served(disk, notes, asked().payload.model))
        await clock().sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(disk.records) == 1
        assert notes.records[0].reply is not None
        assert notes.records[0].reply.sealed

    run(story())
