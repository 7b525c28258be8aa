"""What every store of answers keeps to (`ports.cache`): in memory, in a file, at a Redis server, in tiers."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from headgate.adapters.memory.cache import MemoryCache, _chained
from headgate.adapters.redis import RedisShelf
from headgate.adapters.sqlite import SqliteShelf
from headgate.adapters.system import SystemClock
from headgate.assemble.shelved import Shelved
from headgate.core.identity import Identity, Naming, known
from headgate.core.reuse import Form, Life, Stored
from headgate.core.usage import Usage
from headgate.ports.cache import Cache, Extent, Shelf, ShelfGone
from redises import SHARED, needs_redis, private

ROOM = 16_384
NOW = 1_000.0

Make = Callable[[], Cache]


def named(key: bytes, form: Form = Form.STREAM) -> Identity:
    return known(key, form)


NAMES = (f"test-{os.getpid()}-{number}" for number in itertools.count())
KINDS = ("sqlite", "redis")


class Store:
    """Somewhere outside of memory; `open()` gives another process's way to it."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.file = folder / "answers.db"
        self._name = next(NAMES)
        if kind == "redis":
            needs_redis()

    def open(self, max_bytes: int = ROOM) -> Shelf:
        if self.kind == "sqlite":
            return SqliteShelf(self.file, max_bytes=max_bytes)
        return RedisShelf(SHARED, max_bytes=max_bytes, namespace=self._name)

    def close(self) -> None:
        if self.kind == "redis":
            with Redis.from_url(SHARED) as client:
                shelf = RedisShelf(SHARED, max_bytes=1, namespace=self._name)
                client.delete(*shelf.keys, shelf.epochs)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = Store(request.param, tmp_path)
    yield made
    made.close()


@pytest.fixture
def make() -> Make:
    return lambda: MemoryCache(max_bytes=ROOM)


def answer(body: bytes = b"hello", *, ttl_s: float = 10.0, at: float = NOW) -> Stored:
    return Stored(
        provider="p",
        model_id="m",
        model_name="m-1",
        served_model="m-1-0613",
        finish="stop",
        usage=Usage(input=3, output=5),
        cost_nano=7,
        stream=True,
        body=body,
        end=(b"data: {", b"}\n\n"),
        stored_at=at,
        life=Life(ttl_s),
    )


def test_what_is_put_is_found_as_it_was(make: Make) -> None:
    cache = make()
    assert cache.get(named(b"a"), NOW) is None
    cache.put(named(b"a"), answer())
    assert cache.get(named(b"a"), NOW) == answer()
    assert cache.get(named(b"b"), NOW) is None


def test_the_newer_answer_takes_the_place_of_the_older(make: Make) -> None:
    cache = make()
    cache.put(named(b"a"), answer(b"old"))
    cache.put(named(b"a"), answer(b"new"))
    assert cache.get(named(b"a"), NOW) == answer(b"new")


def test_an_answer_is_there_until_it_expires(make: Make) -> None:
    cache = make()
    cache.put(named(b"a"), answer(ttl_s=10.0))
    assert cache.get(named(b"a"), NOW + 9.9) is not None
    assert cache.get(named(b"a"), NOW + 10.0) is None


def test_clearing_forgets_everything(make: Make) -> None:
    cache = make()
    for number in range(3):
        cache.put(named(b"%d" % number), answer())
    assert cache.clear() == 3
    assert cache.get(named(b"0"), NOW) is None
    assert cache.clear() == 0


def test_the_least_recently_used_goes_first(make: Make) -> None:
    cache = make()
    size = ROOM // 8 - 600
    for number in range(7):
        cache.put(named(b"%d" % number), answer(b"x" * size))
    assert cache.get(named(b"0"), NOW) is not None
    for number in range(7, 14):
        cache.get(named(b"0"), NOW)
        cache.put(named(b"%d" % number), answer(b"x" * size))
    assert cache.get(named(b"0"), NOW) is not None
    assert cache.get(named(b"1"), NOW) is None


def test_one_answer_does_not_push_out_all_others(make: Make) -> None:
    cache = make()
    cache.put(named(b"small"), answer())
    cache.put(named(b"huge"), answer(b"x" * ROOM))
    assert cache.get(named(b"huge"), NOW) is None
    assert cache.get(named(b"small"), NOW) is not None


def apart(words: bytes, form: Form) -> Identity:
    """Named by a mark, which one in three has; a question mark is nothing that anybody can read."""
    return NAMING.name(words, (words.lower()[0] % 3, ""), form)


NAMING = Naming(b"s" * 16, bytes.lower, lazy=True)
STEPS = st.tuples(
    st.sampled_from(["put", "put", "get", "others", "clear", "resize"]),
    st.sampled_from([b"a", b"A", b"b", b"c", b"d", b"D", b"e", b"f", b"g" * 5_000, b"G" * 5_000]),
    st.sampled_from(Form),
    st.integers(0, 3_000),
)


@given(st.lists(STEPS, max_size=60), st.sampled_from([named, apart]))
def test_memory_is_bounded_and_tells_nobody_what_others_were_told(
    steps: list[tuple[str, bytes, Form, int]], name: Callable[[bytes, Form], Identity]
) -> None:
    cache, put = MemoryCache(max_bytes=ROOM), dict[tuple[bytes, Form], Stored]()
    for verb, words, form, size in steps:
        meant = words.lower() if name is apart else words
        now = NOW + size / 300.0
        match verb:
            case "put":
                put[meant, form] = answer(b"x" * size, ttl_s=words[0] - 96.0)
                cache.put(name(words, form), put[meant, form])
                fits = put[meant, form].weight() + len(words) <= cache.max_bytes / 8
                assert not fits or cache.get(name(words, form), NOW - 99.0) is put[meant, form], "at once"
            case "get":
                assert cache.get(name(words, form), now) in (None, put.get((meant, form)))
            case "others":
                told = {id(one) for one in cache.others(name(words, form), now)}
                assert told <= {id(put.get((meant, other))) for other in Form if other is not form}
            case "clear":
                cache.clear()
            case _:
                cache.resize(1_000 + size * 5)
        held = [one for first in cache._answers.values() for one in _chained(first)]
        assert len(held) == len(cache)
        assert cache.bytes == sum(one.weight for one in held) <= cache.max_bytes


def test_others_of_the_same_mark_are_found_for_as_long_as_they_are_asked_for() -> None:
    cache = MemoryCache(max_bytes=ROOM)
    for words in (b"a", b"d"):
        cache.put(apart(words, Form.WHOLE), answer(words))
    for number in range(40):
        assert cache.get(apart(b"D", Form.WHOLE), NOW) == answer(b"d")
        cache.put(named(b"%d" % number), answer(b"x" * 1_000))
    assert cache.get(apart(b"d", Form.STREAM), NOW) is None
    assert list(cache.others(apart(b"d", Form.STREAM), NOW)) == [answer(b"d")]
    assert cache.get(apart(b"A", Form.WHOLE), NOW) == answer(b"a")


# ── shelves ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_shelf_gives_back_what_it_was_given(store: Store) -> None:
    async def story() -> None:
        shelf = store.open()
        assert await shelf.find(b"a", NOW) is None
        await shelf.keep([(b"a", answer(b"old")), (b"b", answer(b"other"))], NOW)
        await shelf.keep([(b"a", answer(b"new"))], NOW)
        assert await shelf.find(b"a", NOW) == answer(b"new")
        assert await shelf.find(b"c", NOW) is None
        assert (await shelf.extent()).answers == 2
        await shelf.close()

    asyncio.run(story())


def test_a_shelf_survives_its_process_and_is_shared(store: Store) -> None:
    async def story() -> None:
        first, second = store.open(), store.open()
        await first.keep([(b"a", answer())], NOW)
        assert await second.find(b"a", NOW) == answer()
        await first.close()
        await second.close()
        third = store.open()
        assert await third.find(b"a", NOW + 9.0) == answer()
        assert await third.find(b"a", NOW + 10.0) is None, "it has expired"
        fourth = store.open()
        epoch = await fourth.epoch()
        assert await third.clear() in (0, 1)
        assert await fourth.epoch() != epoch, "everybody learns of it"
        await fourth.close()
        assert await third.extent() == Extent(0, 0)
        await third.close()

    asyncio.run(story())


def test_a_shelf_is_bounded_and_the_least_recently_used_goes_first(store: Store) -> None:
    async def story() -> None:
        shelf = store.open()
        for number in range(40):
            await shelf.keep([(b"%d" % number, answer(b"x" * 1000, ttl_s=99.0))], NOW + number)
            assert (await shelf.extent()).bytes <= ROOM
            assert await shelf.find(b"0", NOW + number + 0.5) is not None
        assert await shelf.find(b"1", NOW + 40.0) is None
        assert await shelf.find(b"39", NOW + 40.0) is not None
        await shelf.keep([(b"huge", answer(b"x" * ROOM))], NOW)
        assert await shelf.find(b"huge", NOW) is None
        await shelf.close()

    asyncio.run(story())


@pytest.mark.parametrize("damage", ["garbage", "torn", "empty"])
def test_a_damaged_file_is_set_aside_and_begun_anew(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "answers.db"

    async def story() -> None:
        shelf = SqliteShelf(file, max_bytes=ROOM)
        await shelf.keep([(b"%d" % number, answer()) for number in range(20)], NOW)
        await shelf.close()
        whole = file.read_bytes()
        torn = whole[:4096] + b"\xff" * (len(whole) - 4096)
        file.write_bytes({"garbage": b"not a database " * 400, "torn": torn, "empty": b""}[damage])
        shelf = SqliteShelf(file, max_bytes=ROOM)
        assert await shelf.find(b"1", NOW) is None
        await shelf.keep([(b"a", answer())], NOW)
        assert await shelf.find(b"a", NOW) == answer()
        await shelf.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(story())
    assert ("set aside" in caplog.text) == (damage != "empty")
    assert file.with_name("answers.db.corrupt").exists() == (damage != "empty")


def test_a_damaged_answer_is_forgotten(store: Store) -> None:
    async def story() -> None:
        shelf = store.open()
        await shelf.keep([(b"a", answer())], NOW)
        packed = answer().packed()[:-1] + b"?"
        if isinstance(shelf, SqliteShelf):
            await shelf._aside(
                lambda connection: connection.execute("UPDATE answers SET answer = ?", (packed,))
            )
        elif isinstance(shelf, RedisShelf):
            await shelf._client.hset(shelf.keys[0], b"a", packed)
        assert await shelf.find(b"a", NOW) is None
        await shelf.close()

    asyncio.run(story())


def test_who_does_not_answer_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        nowhere = SqliteShelf(tmp_path, max_bytes=ROOM)
        silent = RedisShelf("redis://127.0.0.1:1", max_bytes=ROOM)
        for shelf in (nowhere, silent):
            with pytest.raises(ShelfGone):
                await shelf.find(b"a", NOW)
            with pytest.raises(ShelfGone):
                await shelf.keep([(b"a", answer())], NOW)
            await shelf.close()

    asyncio.run(story())


# ── tiers ────────────────────────────────────────────────────────────────────────────────────────────


def tiers(store: Store) -> Shelved:
    return Shelved(MemoryCache(max_bytes=ROOM), store.open(10 * ROOM), SystemClock())


def test_what_memory_has_forgotten_the_shelf_knows(store: Store) -> None:
    async def story() -> None:
        cache = tiers(store)
        cache.put(named(b"a"), answer())
        assert cache.get(named(b"a"), NOW) == answer(), "at once"
        await cache.settled()
        cache.memory.clear()
        assert cache.get(named(b"a"), NOW) is None
        found = await asyncio.gather(*(cache.seek(named(b"a"), NOW) for _ in range(100)))
        assert found == [answer()] * 100
        assert cache.get(named(b"a"), NOW) == answer(), "it is in memory again"
        assert await cache.seek(named(b"b"), NOW) is None
        await cache.close()
        after = tiers(store)
        assert await after.seek(named(b"a"), NOW) == answer()
        after.clear()
        assert await after.seek(named(b"a"), NOW) is None
        await after.close()

    asyncio.run(story())


def test_what_is_not_written_yet_is_found_and_close_writes_it(store: Store) -> None:
    async def story() -> None:
        cache = tiers(store)
        cache.put(named(b"a"), answer())
        cache.memory.clear()
        assert await cache.seek(named(b"a"), NOW) == answer()
        await cache.close()
        after = tiers(store)
        assert await after.seek(named(b"a"), NOW) == answer()
        await after.close()

    asyncio.run(story())


@pytest.mark.parametrize("heard_of", [False, True])
def test_what_was_kept_before_the_shelf_was_cleared_is_not_put_back(store: Store, heard_of: bool) -> None:
    """By a process that has not heard of it yet, or just has, and has told it in another form."""

    async def story() -> None:
        one, other = tiers(store), tiers(store)
        one.put(named(b"a"), answer())
        await one.settled()
        other.clear()
        await other.settled()
        one.put(named(b"b"), answer())
        if heard_of:
            following = asyncio.ensure_future(one.follow())
            await asyncio.wait({following}, timeout=0.1)
            following.cancel()
        await one.settled()
        assert [await other.seek(name, NOW) for name in (named(b"a"), named(b"b"))] == [None, None]
        assert one.get(named(b"a"), NOW) is one.get(named(b"b"), NOW) is None, "and it is known here too"
        for cache, reader, name in ((one, other, named(b"c")), (other, one, named(b"d"))):
            cache.put(name, answer())
            await cache.settled()
            assert await reader.seek(name, NOW) == answer()
        await one.close()
        await other.close()

    asyncio.run(story())


def test_a_shelf_that_is_gone_is_left_alone_and_memory_serves(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        with private() as server:
            cache = Shelved(
                MemoryCache(max_bytes=ROOM), RedisShelf(server.url, max_bytes=ROOM), SystemClock()
            )
            server.kill()
            cache.put(named(b"a"), answer())
            assert [await cache.seek(named(b"b"), NOW) for _ in range(3)] == [None] * 3
            assert cache.get(named(b"a"), NOW) == answer()
            await cache.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(story())
    assert caplog.text.count("cannot be reached") == 1
