"""Workers that know each other's counts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headgate.adapters.shared import Folder
from headgate.core.tally import Tally


def counting(number: float) -> Tally:
    tally = Tally()
    tally.counters["errors_total", "m", "E"] = number
    tally.gauges["in_flight",] = number
    return tally


@pytest.fixture
def dead() -> int:
    """The id of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_nobody_reads_their_own_file(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(counting(1))
    assert list(folder.others()) == []


def test_others_are_read_with_whether_they_live(tmp_path: Path, dead: int) -> None:
    """The dead worker's counts remain; it is known to be dead."""
    folder = Folder(tmp_path)
    folder.write(counting(1))
    mine = tmp_path / f"{os.getpid()}.json"
    (tmp_path / f"{os.getppid()}.json").write_bytes(mine.read_bytes())
    folder.write(counting(2))
    (tmp_path / f"{dead}.json").write_bytes(mine.read_bytes())
    found = {living: snapshot for snapshot, living in folder.others()}
    assert dict(found[True].counters) == {("errors_total", "m", "E"): 1.0}
    assert dict(found[False].counters) == {("errors_total", "m", "E"): 2.0}


def test_writing_replaces_the_whole_file_at_once(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for number in range(20):
        folder.write(counting(number))
        assert [file.name for file in tmp_path.iterdir()] == [f"{os.getpid()}.json"]
