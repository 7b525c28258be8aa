"""`ports.accounts.Accounts`: one suite, over memory, SQLite, a real PostgreSQL and a real Redis."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from booked import POSTGRES, schema
from gateway import free_port
from headgate.adapters.memory.accounts import MemoryAccounts
from headgate.adapters.postgres import PostgresAccounts
from headgate.adapters.redis import RedisAccounts
from headgate.adapters.sqlite import SqliteAccounts, SqliteLedger
from headgate.adapters.system import SystemClock
from headgate.core.account import Ask, Span, earlier, spent_nano
from headgate.ports.accounts import Accounts
from headgate.ports.ledger import LedgerGone
from redises import SHARED, needs_redis, private

Make = Callable[[], Accounts]
NAMES = (f"accounts-{os.getpid()}-{number}" for number in itertools.count())
DAY, LIMIT = 739_000, 1_000


@pytest.fixture(params=["memory", "sqlite", "postgresql", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Each call gives another process's way to the same store."""
    if request.param == "memory":
        memory: list[Accounts] = []

        def one() -> Accounts:
            memory[:] = memory or [MemoryAccounts(SystemClock())]
            return memory[0]

        yield one
    elif request.param == "sqlite":
        yield lambda: SqliteAccounts(tmp_path / "deep" / "books.db", SystemClock())
    elif request.param == "postgresql":
        with schema() as name:
            yield lambda: PostgresAccounts(POSTGRES, schema=name)
    else:
        needs_redis()
        name = next(NAMES)
        yield lambda: RedisAccounts(SHARED, namespace=name)
        with Redis.from_url(SHARED) as client:
            for key in client.scan_iter(f"*{{headgate:{name}}}*"):
                client.delete(key)


def run(story: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(story)


def ask(name: str = "a", *, total: int = 0, keep: int = 0, want: int = 0, short: int = 0) -> Ask:
    return Ask(name, DAY, LIMIT, total, keep, want, short, short)


def test_what_one_says_others_hear(make: Make) -> None:
    async def story() -> None:
        one, other = make(), make()
        first = await one.tell("one", 1, [ask(total=300, keep=100, want=50), ask("b", short=LIMIT)])
        assert [told.lease for told in first] == [150, LIMIT]
        told, whole = await other.tell("other", 1, [ask(short=200), ask("b", short=1)])
        assert (told.spent, told.others, told.lease) == (300, 150, 200)
        assert (whole.lease, whole.others) == (0, LIMIT)
        await one.tell("one", 2, [ask("b", total=1)])
        assert (await other.tell("other", 2, [ask("b", short=1)]))[0].lease == 1
        for each in {one, other}:
            await each.close()

    run(story())


def test_what_was_told_is_found_again_by_who_comes_later(make: Make) -> None:
    async def told() -> None:
        one = make()
        await one.tell("one", 7, [ask(total=300, keep=1)])
        assert (await one.tell("one", 6, [ask(total=200, keep=900)]))[0].lease == 1
        await one.bury("one", {("a", DAY): 310, ("c", DAY): 5})
        await one.bury("one", {("a", DAY): 310})
        await one.close()

    async def found() -> None:
        other = make()
        accounts = await other.read(["a", "b", "c"])
        assert sorted(accounts) == ["a", "c"]
        assert spent_nano(accounts["a"], DAY) == (310, 0)
        assert await other.read([]) == {}
        await other.forgive("a", DAY)
        assert spent_nano((await other.read(["a"]))["a"], DAY) == (0, 0)
        await other.close()

    run(told())
    run(found())


def test_processes_that_speak_at_once_never_have_the_same_money(make: Make) -> None:
    async def story() -> int:
        several = [make() for _ in range(8)]
        asks = [ask(name, short=130) for name in ("a", "b", "c")]
        answers = await asyncio.gather(
            *(
                one.tell(f"p{number}", 1, asks[:: 1 if number % 2 else -1])
                for number, one in enumerate(several)
            )
        )
        accounts = await several[0].read(["a", "b", "c"])
        for one in set(several):
            await one.close()
        leased = {name: spent_nano(account, DAY)[1] for name, account in accounts.items()}
        assert set(leased.values()) == {7 * 130}
        return sum(told.lease for answer in answers for told in answer)

    assert run(story()) == 3 * 7 * 130


def test_since_when_it_is_counted_all_hear_alike(make: Make) -> None:
    async def story() -> None:
        one, other = make(), make()
        assert await one.begin({("a", DAY): (100, 900), ("b", DAY): (100, 900)}) == [Span(100, 900)] * 2
        await other.bury(earlier("x", 900), {("a", DAY): 40})
        told = frozenset({earlier("x", 900)})
        assert await other.begin({("a", DAY): (100, 950)}) == [Span(100, 900, told)]
        [found] = await other.tell("p", 1, [ask(short=LIMIT - 40)])
        assert (found.spent, found.lease) == (40, LIMIT - 40)
        await one.leave({("a", DAY): 1000, ("never", DAY): 5})
        assert await other.begin({("a", DAY): (100, 1500)}) == [Span(1000, 1500, told)]
        for each in {one, other}:
            await each.close()

    run(story())


def test_a_store_that_is_not_there() -> None:
    async def gone(make: Callable[[], Accounts]) -> None:
        accounts = make()
        with pytest.raises(LedgerGone):
            await accounts.tell("one", 1, [ask()])
        with pytest.raises(LedgerGone):
            await accounts.read(["a"])
        await accounts.close()

    run(gone(lambda: PostgresAccounts("postgresql://postgres@127.0.0.1:1/test", schema="x")))
    run(gone(lambda: RedisAccounts("redis://127.0.0.1:1")))
    run(gone(lambda: SqliteAccounts(Path("/dev/null/books.db"), SystemClock())))


def test_a_cluster_is_asked_whichever_of_its_nodes_is_named() -> None:
    async def story(urls: list[str]) -> list[int]:
        found = [RedisAccounts(url, namespace="headgate") for url in urls]
        for number, one in enumerate(found, start=1):
            await one.tell(f"p{number}", 1, [ask("a", total=number), ask("b", total=10 * number)])
        accounts = [await one.read(["a", "b"]) for one in found]
        for one in found:
            await one.close()
        return [spent_nano(account, DAY)[0] for each in accounts for account in each.values()]

    def options() -> tuple[str, ...]:
        return ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))

    with private(*options()) as one, private(*(far := options())) as other:
        one.command("CLUSTER", "ADDSLOTSRANGE", "0", "8191")
        other.command("CLUSTER", "ADDSLOTSRANGE", "8192", "16383")
        one.command("CLUSTER", "MEET", "127.0.0.1", str(other.port), far[-1])
        for node in (one, other):  # a cluster takes two seconds to believe in itself
            while "cluster_state:ok" not in node.lines("CLUSTER", "INFO"):
                node.command("WAIT", "1", "50")
        assert run(story([one.url, other.url])) == [3, 30, 3, 30]


def test_the_accounts_lie_beside_the_rows(tmp_path: Path) -> None:
    """In one file, whoever makes it first."""

    async def story() -> None:
        ledger = SqliteLedger(tmp_path / "books.db")
        assert await ledger.mark("j") == 0
        accounts = SqliteAccounts(tmp_path / "books.db", SystemClock())
        assert (await accounts.tell("one", 1, [ask(short=1)]))[0].lease == 1
        await accounts.close()
        await ledger.close()

    run(story())
