"""`ports.neighbours.Register`: one suite, over SQLite and a real PostgreSQL with pgvector."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from headgate.adapters.near.questions import Questions
from headgate.adapters.postgres.questions import PostgresRegister
from headgate.adapters.sqlite import SqliteRegister
from headgate.adapters.system import SystemClock
from headgate.assemble.remembered import Remembered
from headgate.ports.neighbours import Kept, Near, Register, RegisterGone, Written
from vectors import served

Vectors = NDArray[np.float32]
DIMENSION = 16
A, B = b"a" * 16, b"b" * 16
MOST = 1000
LATE = 1e12
Make = Callable[[], Register]


@pytest.fixture(scope="session")
def pgvector() -> Iterator[str]:
    yield from served()


@pytest.fixture(params=["sqlite", "pgvector"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Each call gives another process's way to the same questions."""
    if request.param == "sqlite":
        return lambda: SqliteRegister(tmp_path / "deep" / "questions.db", made_by="test 1", most=MOST)
    url, schema = request.getfixturevalue("pgvector"), f"test_{uuid4().hex[:12]}"
    return lambda: PostgresRegister(url, schema=schema, dimension=DIMENSION, most=MOST)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "questions.db"


def of(file: Path, made_by: str = "test 1", most: int = MOST) -> SqliteRegister:
    return SqliteRegister(file, made_by=made_by, most=most)


def vectors(count: int) -> Vectors:
    rows = np.random.default_rng(0).normal(size=(count, DIMENSION)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def question(name: str, vector: Any, *, partition: bytes = A, sign: int = 0, until: float = 100.0) -> Written:
    kept = Kept(f"reads {name}".encode(), name.encode(), b"8 bytes!", sign, until)
    return Written(partition, np.rint(vector * 127.0).astype(np.int8).tobytes(), kept)


def named(found: list[Near] | list[Written]) -> list[str]:
    return [one.kept.identity.decode() for one in found]


class Words:
    """An embedder of that dimension."""

    id = "words:16"
    dimension = DIMENSION

    def embed(self, texts: Any, /) -> Vectors:
        return vectors(len(texts))


async def with_(register: Register, story: Callable[[Register], Coroutine[Any, Any, Any]]) -> Any:
    try:
        return await story(register)
    finally:
        await register.close()


async def everything(register: Register, now: float = 0.0) -> list[Written]:
    """What another process would come to know."""
    found, after = list[Written](), 0
    while True:
        before = after
        after, some = await register.read(before, now)
        found += some
        if after == before:
            return found


async def known(register: Register, rows: Vectors, now: float = 0.0, partition: bytes = A) -> list[str]:
    """Names of what can be found: by looking for all of it, or by reading it."""
    if not register.searches:
        return sorted(named([one for one in await everything(register, now) if one.partition == partition]))
    wanted = np.rint(rows[0] * 127.0).astype(np.int8).tobytes()
    return sorted(named(await register.near(partition, 0, wanted, 500, now)))


def test_what_one_process_writes_another_knows(make: Make) -> None:
    rows = vectors(30)

    async def story() -> None:
        one, other = make(), make()
        await one.write([question(str(at), row, sign=at << 120) for at, row in enumerate(rows)], 0.0)
        await one.write([question("theirs", rows[0], partition=B)], 0.0)
        assert await known(other, rows) == sorted(map(str, range(30)))
        assert await known(other, rows, partition=B) == ["theirs"]
        await one.write([question("3", rows[3], until=50.0), question("4", rows[4])], 0.0)
        assert "3" not in await known(other, rows, now=60.0)
        assert len(await known(other, rows, now=60.0)) == 29
        await other.drop([b"5", b"6", b"never there"])
        assert len(await known(one, rows)) == 28
        assert await other.clear() == 29
        assert await known(one, rows) == []
        await one.close()
        await other.close()

    asyncio.run(story())


def test_what_is_known_is_what_was_written(make: Make) -> None:
    [row] = vectors(1)
    asked = question("x", row, sign=(1 << 127) + 5)

    async def story(register: Register) -> Any:
        await register.write([asked], 0.0)
        if register.searches:
            return await register.near(A, asked.kept.sign, asked.vector, 5, 0.0)
        return await everything(register)

    [found] = asyncio.run(with_(make(), story))
    assert found.kept == asked.kept


def test_the_nearest_and_one_of_the_same_signature(pgvector: str) -> None:
    rows = vectors(200)
    register = PostgresRegister(pgvector, schema=f"test_{uuid4().hex[:12]}", dimension=DIMENSION, most=MOST)

    async def story(register: Register) -> None:
        await register.write([question(str(at), row, sign=at) for at, row in enumerate(rows)], 0.0)
        exact = rows @ rows[7]
        wanted = question("", rows[7]).vector
        found = await register.near(A, 999, wanted, 3, 0.0)
        assert found[0].kept.identity == b"7"
        assert [one.likeness for one in found] == pytest.approx(sorted(exact, reverse=True)[:3], abs=0.02)
        far = int(np.argmin(exact))
        found = await register.near(A, far, wanted, 3, 0.0)
        assert named(found)[-1] == str(far)
        assert found[-1].likeness == pytest.approx(exact[far], abs=0.02)

    asyncio.run(with_(register, story))


def test_the_oldest_go(file: Path, pgvector: str) -> None:
    rows = vectors(200)
    schema = f"test_{uuid4().hex[:12]}"
    for register in (
        of(file, most=50),
        PostgresRegister(pgvector, schema=schema, dimension=DIMENSION, most=50),
    ):

        async def story(register: Register) -> Any:
            for at, row in enumerate(rows):
                await register.write([question(str(at), row)], 0.0)
            return await known(register, rows)

        found = asyncio.run(with_(register, story))
        assert 50 <= len(found) <= 50 + 64
        assert "199" in found
        assert "0" not in found


def test_nobody_there_is_said(tmp_path: Path) -> None:
    gone = PostgresRegister("postgresql://x@127.0.0.1:1/x", schema="s", dimension=DIMENSION, most=9)
    with pytest.raises(RegisterGone):
        asyncio.run(with_(gone, lambda one: one.write([], 0.0)))
    (tmp_path / "folder").mkdir()
    with pytest.raises(RegisterGone):
        asyncio.run(with_(of(tmp_path / "folder"), lambda one: one.read(0, 0.0)))


# ── damage ───────────────────────────────────────────────────────────────────────────────────────────


def filled(file: Path, count: int = 40) -> None:
    rows = vectors(count)

    async def story(register: Register) -> None:
        await register.write([question(str(at), row) for at, row in enumerate(rows)], 0.0)

    asyncio.run(with_(of(file), story))
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def reread(file: Path, made_by: str = "test 1") -> tuple[list[str], list[str]]:
    """What is still known; and after one more has been written."""
    [row] = vectors(1)

    async def story(register: Register) -> Any:
        before = named(await everything(register))
        await register.write([question("new", row)], 0.0)
        return before, named(await everything(register))

    before, after = asyncio.run(with_(of(file, made_by), story))
    assert "new" in after
    return before, after


def test_a_restart_finds_everything(file: Path) -> None:
    filled(file)
    before, _ = reread(file)
    assert before == [str(at) for at in range(40)]
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_set_aside_or_read_as_far_as_it_goes(file: Path, share: float) -> None:
    filled(file)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    before, _ = reread(file)
    assert set(before) <= {str(at) for at in range(40)}


@pytest.mark.parametrize(
    "content", [b"no database " * 500, b"\0" * 8192, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_what_is_no_file_of_questions_is_set_aside(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert reread(file)[0] == []
    assert file.with_name("questions.db.corrupt").read_bytes() == content


def test_flipped_bytes_never_change_a_question(file: Path) -> None:
    """Wherever they are: the file is set aside, a question is forgotten, or nothing has happened."""
    filled(file)
    content = file.read_bytes()
    rows = vectors(40)
    written = {str(at): question(str(at), row) for at, row in enumerate(rows)}
    chance = np.random.default_rng(1)
    for _ in range(40):
        damaged = bytearray(content)
        for at in chance.integers(0, len(content), 20):
            damaged[at] ^= 1 << int(chance.integers(0, 8))
        for more in file.parent.glob("questions.db*"):
            more.unlink()
        file.write_bytes(bytes(damaged))

        async def story(register: Register) -> Any:
            found = await everything(register)
            await register.write([written["7"]], 0.0)
            return found

        try:
            found = asyncio.run(with_(of(file), story))
        except RegisterGone:
            continue
        for one in found:
            assert one == written[one.kept.identity.decode()]


def test_a_file_of_another_embedder_is_set_aside(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    filled(file)
    before, after = reread(file, made_by="test 2")
    assert (before, after) == ([], ["new"])
    assert "was made by test 1, and not by test 2" in caplog.text
    assert reread(file.with_name("questions.db.corrupt"))[0] == [str(at) for at in range(40)]


# ── in front of it, a process's memory ───────────────────────────────────────────────────────────────


def remembered(register: Register) -> Remembered:
    return Remembered(Questions(DIMENSION, MOST), register, SystemClock(), Words())


async def look(index: Remembered, vector: Any) -> list[str]:
    near = index.near(A, vector, 3, 0.0)
    return named(near or await index.seek(A, 0, vector, 3, 0.0))


def test_what_one_process_has_added_another_finds(make: Make) -> None:
    rows = vectors(20)

    async def story() -> None:
        one, other = remembered(make()), remembered(make())
        for at, row in enumerate(rows):
            one.add(A, row, question(str(at), row, until=LATE).kept)
        assert (await look(one, rows[5]))[0] == "5"
        await one.settled()
        await other.catch_up(0)
        assert (await look(other, rows[5]))[0] == "5"
        await one.catch_up(0)
        assert len(one) == 20
        other.drop(A, b"5")
        await other.settled()
        third = remembered(make())
        assert "5" not in await known(third.register, rows)
        for each in (one, other, third):
            await each.close()

    asyncio.run(story())


def test_a_register_that_is_gone_costs_nothing_but_what_it_knows() -> None:
    gone = PostgresRegister("postgresql://x@127.0.0.1:1/x", schema="s", dimension=DIMENSION, most=9)
    [row] = vectors(1)

    async def story() -> None:
        index = remembered(gone)
        index.add(A, row, msgspec.structs.replace(question("1", row).kept, sign=5))
        assert index.same(A, 5, 0.0)
        assert await index.seek(A, 0, row, 3, 0.0) == []
        assert await index.seek(A, 0, row, 3, 0.0) == []
        await index.close()

    asyncio.run(story())
