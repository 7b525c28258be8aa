"""What a process has spent, in a file that outlives it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headgate.adapters.totals import LONG_BYTES, TotalsFile, orphans


def test_the_latest_counts_and_the_living_are_left_alone(tmp_path: Path) -> None:
    one = TotalsFile(tmp_path / "deep", "one")
    one.write({("a", 1): 5, ("b", 1): 7})
    one.write({("a", 1): 9})
    assert list(orphans(tmp_path / "deep")) == []
    one.close(told=False)
    [left] = orphans(tmp_path / "deep")
    assert (left.name, left.totals) == ("one", {("a", 1): 9, ("b", 1): 7})
    assert list(orphans(tmp_path / "deep")) == []  # it is being taken over
    left.leave()
    [left] = orphans(tmp_path / "deep")
    left.done()
    assert list((tmp_path / "deep").iterdir()) == []


def test_who_has_told_everything_leaves_nothing(tmp_path: Path) -> None:
    one = TotalsFile(tmp_path, "one")
    one.write({("a", 1): 5})
    one.close(told=True)
    assert list(tmp_path.iterdir()) == []


def test_what_was_being_written_may_be_torn(tmp_path: Path) -> None:
    one = TotalsFile(tmp_path, "one")
    one.write({("a", 1): 5})
    whole = (tmp_path / "one.totals").read_bytes()
    one.write({("a", 1): 6})
    one.close(told=False)
    data = (tmp_path / "one.totals").read_bytes()
    for length in range(len(whole), len(data) + 1):
        os.truncate(tmp_path / "one.totals", 0)
        (tmp_path / "one.totals").write_bytes(data[:length])
        [left] = orphans(tmp_path)
        assert left.totals == {("a", 1): 6 if length == len(data) else 5}
        left.leave()


def test_a_disk_that_was_full_for_a_while_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, write = TotalsFile(tmp_path, "one"), os.write
    one.write({("a", 1): 5})
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:11]))
    for _ in range(2):
        with pytest.raises(OSError, match="No space"):
            one.write({("b", 1): 6})
    monkeypatch.undo()
    one.write({("c", 1): 7})
    one.close(told=False)
    [left] = orphans(tmp_path)
    assert left.totals == {("a", 1): 5, ("b", 1): 6, ("c", 1): 7}
    left.done()


def test_a_long_file_begins_anew_and_forgets_nothing(tmp_path: Path) -> None:
    one = TotalsFile(tmp_path, "one")
    one.write({("kept", 1): 1})
    turns = 0
    while (size := (tmp_path / "one.totals").stat().st_size) <= LONG_BYTES:
        turns += 1
        one.write({("a" * 4096, 1): turns})
    one.write({("a" * 4096, 1): turns + 1})
    assert (tmp_path / "one.totals").stat().st_size < size
    one.close(told=False)
    [left] = orphans(tmp_path)
    assert left.totals == {("kept", 1): 1, ("a" * 4096, 1): turns + 1}
    left.done()
