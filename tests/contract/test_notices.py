"""`ports.notices.Notices`: one suite, over a folder and a real Redis."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from headgate.adapters.notices import FolderNotices, folder_of
from headgate.adapters.redis import RedisNotices
from headgate.core.keyring import Notice
from headgate.ports.notices import Notices, NoticesGone
from redises import SHARED, needs_redis, private

NAMES = (f"test-notices-{os.getpid()}-{number}" for number in itertools.count())
SAID = Notice(seen_at=5.0, revoked_at=10.0, successor=bytes(range(256)))

Open = Callable[[], Notices]


@pytest.fixture(params=["folder", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    if request.param == "folder":
        yield lambda: FolderNotices(tmp_path / "a" / "b")
        return
    needs_redis()
    name = next(NAMES)
    yield lambda: RedisNotices(SHARED, namespace=name)
    with Redis.from_url(SHARED) as client:
        client.delete(f"{{headgate:{name}}}:notices")


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


def test_what_is_posted_is_there_for_others_and_adds_to_what_was(place: Open) -> None:
    async def story() -> None:
        mine, other = place(), place()
        assert await other.all() == {}
        await mine.post("aa", SAID)
        await mine.post("bb", Notice(seen_at=7.0))
        await other.post("bb", Notice(revoked_at=8.0))
        await other.post("aa", Notice(revoked_at=99.0))
        assert await mine.all() == {"aa": SAID, "bb": Notice(seen_at=7.0, revoked_at=8.0)}
        for one in (mine, other):
            await one.close()

    run(story())


def test_who_listens_knows_within_a_second(place: Open) -> None:
    async def story() -> None:
        mine, other = place(), place()
        heard = asyncio.Event()

        async def listen() -> None:
            async for _ in other.changes():
                if await other.all():
                    heard.set()

        listening = asyncio.create_task(listen())
        await asyncio.wait([listening], timeout=0.05)
        await mine.post("aa", SAID)
        async with asyncio.timeout(1.0):
            await heard.wait()
        listening.cancel()
        await asyncio.wait([listening])
        for one in (mine, other):
            await one.close()

    run(story())


def test_many_at_once_lose_nothing(place: Open) -> None:
    async def story() -> None:
        places = [place() for _ in range(6)]
        notices = [Notice(seen_at=float(number)) for number in range(5)] + [Notice(revoked_at=3.0)]
        await asyncio.gather(*(one.post("aa", said) for one, said in zip(places, notices, strict=True)))
        assert await places[0].all() == {"aa": Notice(seen_at=0.0, revoked_at=3.0)}
        for one in places:
            await one.close()

    run(story())


def test_a_server_that_goes_away_is_told_and_listened_to_again() -> None:
    async def story() -> None:
        with private() as server:
            mine = RedisNotices(server.url)
            heard: asyncio.Queue[int] = asyncio.Queue()

            async def listen() -> None:
                async for _ in mine.changes():
                    heard.put_nowait(1)

            listening = asyncio.create_task(listen())
            await heard.get()
            server.kill()
            with pytest.raises(NoticesGone):
                await mine.all()
            with pytest.raises(NoticesGone):
                await mine.post("aa", SAID)
            server.start()
            async with asyncio.timeout(5.0):
                await heard.get()
            listening.cancel()
            await asyncio.wait([listening])
            await mine.close()

    run(story())


def test_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "gateway.yaml")
    assert folder == tmp_path.resolve() / ".headgate" / "gateway"
    run(FolderNotices(folder).post("aa", SAID))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.glob("*.key"))


def test_a_folder_that_cannot_be_made_and_a_file_that_is_no_notice(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NoticesGone):
        run(FolderNotices(tmp_path / "file" / "x").post("aa", SAID))
    (tmp_path / "aa.key").write_text("{not json")

    async def story() -> None:
        await FolderNotices(tmp_path).all()

    with pytest.raises(NoticesGone):
        run(story())
