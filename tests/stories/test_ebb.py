"""A flood of requests that wait, and has gone: its memory goes back to the system."""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

import pytest

from crowded import Crowd
from headgate.adapters import heap
from headgate.core.waiting import Bounds
from scripted import Scripted
from staged import SOAK
from virtual import clock, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much memory it has")

MANY = 100_000
PAGE = resource.getpagesize()


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


def test_what_the_c_library_keeps_is_given_back() -> None:
    """Pieces that are too large for Python's own heap and too small to be mapped, below one that stays."""
    many = [bytes(2000) for _ in range(20_000)]
    stays = bytes(2000)
    full = resident_mb()
    del many
    heap.give_back()
    assert full - resident_mb() >= 30.0
    assert len(stays) == 2000


@pytest.mark.skipif(not SOAK, reason="takes a while: make soak")
def test_when_a_flood_has_gone_its_memory_goes_back_to_the_system() -> None:
    """Nine parts of ten at least. What stays is told; asyncio's set of tasks is 4 MB of it."""

    async def story() -> list[float]:
        up = Scripted()
        crowd = Crowd(up, bounds=Bounds(max_wait_s=1e5, max_size=2 * MANY))
        calls = [crowd.call(tenant=f"tenant-{number % 1000}") for number in range(MANY)]
        heap.give_back()
        resident = [resident_mb()]
        for many in (MANY, 1000):  # and a few that come later
            up.is_ready = False
            waiting = {asyncio.ensure_future(crowd.queue.turn(call, ("m",))) for call in calls[:many]}
            await clock().sleep(1.0)
            assert crowd.hall.waiting == many
            resident.append(resident_mb())
            up.is_ready = True
            up.listeners()
            await asyncio.wait(waiting)
            assert crowd.is_empty()
            for each in (waiting, crowd.notes.waits, up.seen, up.replies):
                each.clear()
            await clock().sleep(1.0)
            heap.give_back()
            resident.append(resident_mb())
        return resident

    before, during, after, _, later = run(story())
    print(f"{MANY} waited: {before:.1f} MB before, {during:.1f} while, {after:.1f} after, {later:.1f} later")
    assert later - before <= 0.1 * (during - before)
