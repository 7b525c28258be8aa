"""`ports.counters.Counters`: one suite, over memory, SQLite and a real Redis; and Redis going away."""

from __future__ import annotations

import asyncio
import itertools
import os
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from gateway import free_port
from headgate.adapters.memory.counters import MemoryCounters
from headgate.adapters.redis import RedisCounters
from headgate.adapters.sqlite import SqliteCounters
from headgate.core.lease import Ask, Books, Hello, Reply, sync
from headgate.ports.counters import Counters, StoreGone
from redises import SHARED, needs_redis, private

NAMES = (f"test-{os.getpid()}-{number}" for number in itertools.count())


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time_ms = 1_000_000

    def now(self) -> float:
        return (self.time_ms + 0.5) / 1e3

    def wall(self) -> float:
        return self.now()

    async def sleep(self, seconds: float) -> None:
        """Nobody sleeps here."""

    def at(self, when: float, action: Callable[[], None]) -> Any:
        """Nor sets an alarm."""


class Store:
    """One store: `open()` gives another process's way to it, `at` sets its clock."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.clock = Hands()
        self._file = folder / "counters.db"
        self._name = next(NAMES)
        self._memory = MemoryCounters(self.clock)
        self._opened: list[RedisCounters] = []

    def open(self) -> Counters:
        if self.kind == "memory":
            return self._memory
        if self.kind == "sqlite":
            return SqliteCounters(self._file, self.clock)
        made = RedisCounters(SHARED, namespace=self._name, time_ms=self.clock.time_ms)
        self._opened.append(made)
        return made

    def at(self, time_ms: int) -> None:
        self.clock.time_ms = time_ms
        for one in self._opened:
            one.time_ms = time_ms

    def empty(self) -> None:
        self._memory._books = Books()
        for file in self._file.parent.glob("counters.db*"):
            file.unlink()
        if self._opened:
            with Redis.from_url(SHARED) as client:
                client.delete(*self._opened[0].keys)
        self._opened.clear()


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "redis":
        needs_redis()
    made = Store(request.param, tmp_path)
    yield made
    made.empty()


def hello(holder: str = "h", number: int = 1, **members: Any) -> Hello:
    usual: dict[str, Any] = {
        "born": 0,
        "told_ms": 0,
        "passed_ms": 0,
        "patience_ms": 100,
        "doubts": 0,
        "horizon_ms": 1000,
        "lease_ms": 2000,
        "returning": False,
        "leaving": False,
        "asks": [Ask("w", 10, 60_000, [], 4, 0, 1)],
    }
    return Hello(**{**usual, **members}, holder=holder, number=number)


def run(story: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(story)


# ── all do the same ──────────────────────────────────────────────────────────────────────────────────

TIMES = st.integers(900_000, 1_200_000)
UNITS = st.integers(0, 12)
MOVES = st.lists(
    st.tuples(st.just(0) | st.integers(9_000, 12_600).map(lambda at: at * 100), TIMES, UNITS), max_size=3
)
ASKS = st.builds(
    Ask,
    st.sampled_from(["w", "provider/1|tokens", "ü"]),
    st.integers(1, 12),
    st.just(60_000),
    MOVES,
    UNITS,
    UNITS,
    st.integers(0, 300),
)
MESSAGES: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    holder=st.sampled_from(["h", "i", "j"]),
    told_ms=TIMES,
    passed_ms=st.integers(0, 60_000),
    doubts=st.integers(0, 1),
    horizon_ms=st.integers(0, 20_000),
    lease_ms=st.integers(1, 30_000),
    returning=st.booleans(),
    leaving=st.sampled_from([False, False, False, True]),
    known=st.booleans(),
    again=st.booleans(),
    asks=st.lists(ASKS, max_size=3, unique_by=lambda ask: ask.window),
)
EXCHANGES = st.lists(st.tuples(st.integers(-2_000, 70_000), MESSAGES), min_size=1, max_size=8)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(exchanges=EXCHANGES)
def test_every_store_answers_as_the_books_do(
    store: Store, exchanges: list[tuple[int, dict[str, Any]]]
) -> None:
    """The same messages at the same times, some of them twice: Lua and Python agree on every number."""

    async def story() -> None:
        counters, books, time_ms = store.open(), Books(), 1_000_000
        try:
            for number, (passed_ms, wanted) in enumerate(exchanges):
                time_ms = max(1, time_ms + passed_ms)
                members = dict(wanted)
                members["born"] = books.born if members.pop("known") else 0
                message = hello(number=number - members.pop("again"), **members)
                store.at(time_ms)
                assert await counters.sync(message) == sync(books, message, time_ms)
        finally:
            await counters.close()
            store.empty()

    run(story())


def test_what_came_twice_is_done_once(store: Store) -> None:
    async def story() -> tuple[Reply, Reply, Reply]:
        counters = store.open()
        first, again = await counters.sync(hello()), await counters.sync(hello())
        other = await counters.sync(hello("i", asks=[Ask("w", 10, 60_000, [], 10, 0, 1000)]))
        await counters.close()
        return first, again, other

    first, again, other = run(story())
    assert first == again
    assert sum(one.units for one in other.slices[0]) == 6


def test_holders_that_speak_at_once_never_get_the_same_slot(store: Store) -> None:
    async def story() -> int:
        counters = [store.open() for _ in range(8)]
        asks = [Ask("w", 100, 60_000, [], 30, 0, 1)]
        replies = await asyncio.gather(
            *(one.sync(hello(f"h{number}", asks=asks)) for number, one in enumerate(counters))
        )
        for one in set(counters):
            await one.close()
        assert sorted({reply.holders for reply in replies}) == list(range(1, 9))
        return sum(piece.units for reply in replies for piece in reply.slices[0])

    assert 90 <= run(story()) <= 100


# ── stores that fail ─────────────────────────────────────────────────────────────────────────────────


def failure(counters: Counters) -> StoreGone:
    async def story() -> StoreGone:
        try:
            with pytest.raises(StoreGone) as caught:
                await counters.sync(hello())
            return caught.value
        finally:
            await counters.close()

    gone: StoreGone = run(story())
    return gone


def test_nobody_listens() -> None:
    assert failure(RedisCounters("redis://127.0.0.1:1")).nobody_there


def test_a_server_that_is_killed_stopped_and_started_again() -> None:
    async def story() -> None:
        with private() as server:
            counters = RedisCounters(server.url)
            before = await counters.sync(hello())
            server.pause()
            with pytest.raises(StoreGone) as slow:
                await counters.sync(hello(number=2))
            assert not slow.value.nobody_there
            server.go_on()
            assert (await counters.sync(hello(number=2))).born == before.born
            server.kill()
            with pytest.raises(StoreGone):
                await counters.sync(hello(number=3))
            server.start()
            assert (await counters.sync(hello(number=4))).born > before.born
            await counters.close()

    run(story())


def test_a_script_that_the_server_has_forgotten_is_sent_again() -> None:
    async def story() -> None:
        with private() as server:
            counters = RedisCounters(server.url)
            await counters.sync(hello())
            server.command("SCRIPT", "FLUSH")
            assert (await counters.sync(hello(number=2))).holders == 1
            await counters.close()

    run(story())


def test_a_cluster_keeps_it_all_on_one_node() -> None:
    """Commands about keys of different slots are errors there."""

    async def story() -> None:
        bus = str(free_port())  # unless told, it is 10,000 above the other, which need not be a port at all
        with private("--cluster-enabled", "yes", "--cluster-port", bus) as server:
            server.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
            while server.command("GET", "x") != "$-1":
                server.command("WAIT", "1", "50")  # a cluster takes two seconds to believe in itself
            counters = RedisCounters(server.url)
            assert (await counters.sync(hello())).slices[0][0].units == 4
            await counters._use_cluster()
            assert (await counters.sync(hello("i"))).holders == 2
            await counters.close()

    run(story())


def test_the_server_s_own_clock_is_asked() -> None:
    needs_redis()

    async def story() -> tuple[int, float]:
        counters = RedisCounters(SHARED, namespace=next(NAMES))
        reply = await counters.sync(hello())
        with Redis.from_url(SHARED) as client:
            seconds, micros = client.time()
            client.delete(*counters.keys)
        await counters.close()
        return reply.now, seconds * 1e3 + micros / 1e3

    told, clock = run(story())
    assert abs(told - clock) < 1000


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    failure(SqliteCounters(tmp_path / "no" / "counters.db", Hands()))


def test_a_file_that_is_something_else(tmp_path: Path) -> None:
    (tmp_path / "counters.db").write_text("not a database, and long enough to be noticed " * 100)
    failure(SqliteCounters(tmp_path / "counters.db", Hands()))


def test_a_file_that_somebody_will_not_let_go_of(tmp_path: Path) -> None:
    file = tmp_path / "counters.db"
    run(SqliteCounters(file, Hands()).sync(hello()))
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        failure(SqliteCounters(file, Hands()))
        other.execute("ROLLBACK")
    other.close()
