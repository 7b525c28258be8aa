"""The journal: in order, once, whatever is torn, full or left behind."""

from __future__ import annotations

import asyncio
import errno
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booked import FAILED, entry, shown
from headgate.adapters import journal
from headgate.adapters.journal import Journal, JournalFailed, Reader, orphans
from headgate.core import frames
from headgate.core.audit import Act, Noting
from headgate.core.captured import Captured
from headgate.core.entry import Entry
from headgate.core.journaled import FORMER, GROUP_ROWS, GROUPS, Recent, Row


def rows(count: int) -> list[Row]:
    return [entry(request_id=f"r{number}", others=(FAILED,) * (number % 3)) for number in range(count)]


def written(folder: Path, entries: Sequence[Row], *, wait_every: int = 0) -> None:
    """A journal `j` that holds these, closed and let go of."""

    async def story() -> None:
        made = Journal(folder, "j", news=lambda: None)
        for number, one in enumerate(entries):
            assert made.append(one) == number
            if wait_every and number % wait_every == 0:
                await made.kept(number)
        await asyncio.to_thread(made.close)
        made.release()

    asyncio.run(story())


def read(folder: Path, at_most: int = 1000) -> list[tuple[int, list[Row]]]:
    reader, found = Reader(folder / "j"), []
    while (batch := reader.read(at_most)) is not None:
        found.append(batch[:2])
        reader.go_on(batch[2])
    return found


def test_what_was_appended_is_read_in_order(tmp_path: Path) -> None:
    written(tmp_path, rows(700), wait_every=50)
    found = read(tmp_path, 100)
    assert [one for _, entries in found for one in entries] == rows(700)
    assert [first for first, _ in found] == [
        sum(len(entries) for _, entries in found[:place]) for place in range(len(found))
    ]


def test_acts_and_content_keep_their_place_among_the_rows(tmp_path: Path) -> None:
    act = Act(at_us=1, who="w", action="key.create", target="a\r\nb", detail="'; DROP TABLE audit")
    mixed: list[Row] = [entry(), Noting(act), Captured(1, 2, "r", "t", "k", "m", "q", "a", ""), entry()]
    written(tmp_path, [*mixed, *rows(200), *mixed])
    assert [one for _, entries in read(tmp_path) for one in entries] == [*mixed, *rows(200), *mixed]


def test_a_journal_of_the_version_before_is_read(tmp_path: Path) -> None:
    """Rows had all their members then, and no kind."""
    act = Noting(Act(at_us=1, who="w", action="key.create", target="a"))
    requests = [entry(request_id=f"r{number}", others=(FAILED,) * number) for number in range(5)]
    former: list[Any] = [[getattr(shown(one), name) for name in FORMER] for one in requests]
    body = msgspec.msgpack.encode((7, [*former, msgspec.msgpack.encode(act)]))
    (tmp_path / "j").mkdir()
    segment = tmp_path / "j" / f"{7:016d}.journal"
    segment.write_bytes(frames.HEAD.pack(len(body), zlib.crc32(body)) + body)
    assert read(tmp_path) == [(7, [*requests, act])]


@pytest.mark.parametrize("poison", [{"cost_nano": 1 << 70}, {"tags": "a\ud800"}, {"request_id": "\udfff"}])
def test_a_row_that_cannot_be_written_down_holds_up_nobody(tmp_path: Path, poison: dict[str, Any]) -> None:
    written(tmp_path, [entry(), entry(**poison), *rows(3)], wait_every=1)
    [first, instead, *others] = [one for _, entries in read(tmp_path) for one in entries]
    assert [first, *others] == [entry(), *rows(3)]
    assert isinstance(instead, Noting)
    assert instead.act.action == "row.refused"
    assert str(next(iter(poison.values()))).encode("ascii", "backslashreplace").decode() in instead.act.detail


def test_a_row_that_was_waited_for_is_on_disk(tmp_path: Path) -> None:
    async def story() -> int:
        made = Journal(tmp_path, "j", news=lambda: None)
        numbers = [made.append(one) for one in rows(5)]
        await asyncio.gather(*(made.kept(number) for number in numbers))
        on_disk = read(tmp_path)
        await asyncio.to_thread(made.close)
        made.release()
        return sum(len(entries) for _, entries in on_disk)

    assert asyncio.run(story()) == 5


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(cut=st.floats(0, 1), flip=st.booleans())
def test_a_torn_tail_loses_what_was_torn_and_nothing_before(
    tmp_path_factory: pytest.TempPathFactory, cut: float, flip: bool
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    written(folder, rows(300))
    [segment] = (folder / "j").glob("*.journal")
    data = bytearray(segment.read_bytes())
    place = min(int(cut * len(data)), len(data) - 1)
    if flip:
        data[place] ^= 0x40
    segment.write_bytes(data if flip else data[:place])
    found = [one for _, entries in read(folder) for one in entries]
    assert found == ([one for one in rows(300) if one in found] if flip else rows(300)[: len(found)])
    whole = len(found) // frames.FRAME_ROWS
    assert whole <= 300 // frames.FRAME_ROWS


def test_segments_are_taken_away_once_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 2_000)
    written(tmp_path, rows(400), wait_every=10)
    before = len(list((tmp_path / "j").glob("*.journal")))
    assert before > 5
    assert [one for _, entries in read(tmp_path, 10) for one in entries] == rows(400)
    assert len(list((tmp_path / "j").glob("*.journal"))) == 1
    reader = Reader(tmp_path / "j")
    reader.clear()
    assert not (tmp_path / "j").exists()


def test_what_cannot_be_read_in_the_middle_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 2_000)
    written(tmp_path, rows(100), wait_every=10)
    first = min((tmp_path / "j").glob("*.journal"))
    first.write_bytes(b"\xff" * 100)
    reader = Reader(tmp_path / "j")
    while (batch := reader.read(1000)) is not None:
        reader.go_on(batch[2])
    assert [path.name for path in (tmp_path / "j").iterdir() if path.suffix == ".broken"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(share=st.floats(0, 1))
def test_what_is_damaged_costs_no_more_than_its_own_frame(
    tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    """Of the only segment, which a process has left that was killed."""
    folder = tmp_path_factory.mktemp("flipped")
    written(folder, rows(200), wait_every=10)
    [segment] = (folder / "j").glob("*.journal")
    data = bytearray(segment.read_bytes())
    data[int(share * 0.9 * len(data))] ^= 0x40
    segment.write_bytes(data)
    reader, found = Reader(folder / "j"), list[Row]()
    while (batch := reader.read(1000)) is not None:
        first, entries, spot = batch
        assert entries == rows(200)[first : first + len(entries)]
        found += entries
        reader.go_on(spot)
    reader.clear()
    assert 170 <= len(found) < 200
    assert [path.suffix for path in (folder / "j").iterdir() if path.name != "lock"] == [".broken"]


def test_only_those_are_orphans_whose_process_is_gone(tmp_path: Path) -> None:
    async def story() -> tuple[list[str], list[str]]:
        made = Journal(tmp_path, "j", news=lambda: None)
        during = [name for name, _ in orphans(tmp_path)]
        await asyncio.to_thread(made.close)
        made.release()
        after = []
        for name, lock in orphans(tmp_path):
            after.append(name)
            assert list(orphans(tmp_path)) == []
            os.close(lock)
        return during, after

    assert asyncio.run(story()) == ([], ["j"])


def test_a_full_disk_holds_rows_back_and_refuses_who_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that takes half of a write and no more, until there is room again."""
    full, write = [True], os.write

    def writes(file: int, data: Any) -> int:
        if full[0] and len(data) > 20:
            write(file, data[:20])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(os, "write", writes)
    monkeypatch.setattr(journal, "RETRY_S", 0.01)

    async def story() -> None:
        made = Journal(tmp_path, "j", news=lambda: None)
        number = made.append(rows(1)[0])
        with pytest.raises(JournalFailed, match="No space"):
            await made.kept(number)
        assert (made.error, made.length) == ("No space left on device", 1)
        monkeypatch.setattr(journal, "MAX_HELD", 1)
        assert made.append(entry()) == -1
        assert made.lost == 1
        full[0] = False
        await asyncio.to_thread(made.close)
        made.release()
        assert (made.error, made.length) == ("", 0)

    asyncio.run(story())
    assert read(tmp_path) == [(0, rows(1))]


def test_a_row_says_what_who_waited_for_it_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that refuses every other write; some of those who come wait, others do not."""
    turns, write = [0], os.write

    def writes(file: int, data: Any) -> int:
        turns[0] += 1
        if turns[0] % 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(os, "write", writes)
    monkeypatch.setattr(journal, "RETRY_S", 0.001)
    monkeypatch.setattr(journal, "GATHER_S", 0.001)

    async def one(made: Journal, number: int) -> str:
        for _ in range(number % 7):
            await asyncio.to_thread(int)
        row = entry(request_id=f"r{number}")
        refused = entry(request_id=row.request_id, outcome="refused")
        place = made.append(row, refused if number % 3 else None)
        if number % 3 == 0:
            return "finished"
        try:
            await made.kept(place)
        except JournalFailed:
            return "refused"
        return "finished"

    async def story() -> dict[str, str]:
        made = Journal(tmp_path, "j", news=lambda: None)
        told: dict[str, str] = {}
        for first in range(0, 200, 10):
            numbers = range(first, first + 10)
            outcomes = await asyncio.gather(*(one(made, number) for number in numbers))
            told |= {f"r{number}": outcome for number, outcome in zip(numbers, outcomes, strict=True)}
        monkeypatch.setattr(os, "write", write)
        await asyncio.to_thread(made.close)
        made.release()
        return told

    told = asyncio.run(story())
    found = [row for _, rows in read(tmp_path) for row in rows if isinstance(row, Entry)]
    assert {row.request_id: shown(row).outcome for row in found} == told
    assert set(told.values()) == {"finished", "refused"}


def test_a_folder_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    async def story() -> None:
        with pytest.raises(OSError, match=r"."):
            Journal(tmp_path / "file", "j", news=lambda: None)

    asyncio.run(story())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    groups=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    others=st.sets(st.integers(0, 29)),
    at_most=st.integers(1, 90),
    refused=st.sets(st.integers(0, 20)),
)
def test_what_was_written_a_moment_ago_is_taken_from_memory_and_all_of_it_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    groups: list[int],
    others: set[int],
    at_most: int,
    refused: set[int],
) -> None:
    """Groups that were driven out of it, or hold more than rows of requests, are read from the disk."""
    folder = tmp_path_factory.mktemp("recent")
    act = Noting(Act(at_us=1, who="w", action="key.create", target="a"))
    given_rows = [
        [act, *rows(size)] if number in others else rows(size) for number, size in enumerate(groups)
    ]

    async def story() -> tuple[list[Row], list[Row], Reader]:
        made = Journal(folder, "j", news=lambda: None)
        appended: list[Row] = []
        for group in given_rows:
            numbers = [made.append(one) for one in group]
            appended += group
            await made.kept(numbers[-1])
        reader, turn = Reader(made.folder, made.recent), 0
        found: list[Row] = []
        while (batch := reader.read(at_most, made.written)) is not None:
            if turn not in refused:  # what could not be handed on is read again
                assert batch[0] == len(found)
                found += batch[1]
                reader.go_on(batch[2])
            turn += 1
        await asyncio.to_thread(made.close)
        made.release()
        return appended, found, reader

    appended, found, reader = asyncio.run(story())
    assert found == appended
    if len(groups) <= GROUPS and not others & set(range(len(groups))):
        assert all(one is other for one, other in zip(found, appended, strict=True))
    assert reader.read(at_most) is None


def test_memory_remembers_a_bounded_number_of_rows() -> None:
    recent: Recent[int] = Recent()
    recent.add(0, rows(GROUP_ROWS + 1), 1)
    assert recent.read(0, 10) is None
    first = GROUP_ROWS + 1
    for number in range(GROUPS + 1):
        recent.add(first + number, rows(1), number)
    assert recent.read(first, 10) is None
    assert recent.read(first + 1, 10) == (first + 1, rows(1) * 10, 10)
    recent.forget(first + GROUPS + 1)
    assert recent.read(first + GROUPS, 10) is None
