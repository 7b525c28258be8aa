"""`ports.Store`: the audit log, keys made at run time and what is kept of content, over SQLite and a real
PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

from booked import FAILED, NOON_US, Make, entry, run, shown
from headgate.adapters import books
from headgate.adapters.books.retention import digest
from headgate.core.audit import Act, Noting, broken_at
from headgate.core.captured import Captured
from headgate.core.entry import COLUMNS
from headgate.core.issued import NOBODY, Issued
from headgate.core.journaled import Row
from headgate.core.retention import Old
from headgate.ports.store import Store


def act(who: str, at_us: int = 1) -> Act:
    return Act(at_us=at_us, who=who, action="key.create", target="a'; DROP TABLE audit", detail="ü")


def issued(name: str, **members: Any) -> Issued:
    return Issued(name=name, tenant="acme", digest=b"d" * 32, hint="…abcd", created_at=1.5, **members)


def test_who_has_the_rows_can_prove_that_they_were_deleted(make: Make) -> None:
    """The hash is that of the rows as every store of the books has them."""
    rows = [entry(at_us=NOON_US + number, price="p") for number in range(3)]

    async def story(store: Store) -> Any:
        await store.append("j", 0, rows)
        old = Old(now_us=NOON_US, rows_before_us=NOON_US + 2, sums_before_day=0, acts_before_us=0)
        await store.forget(old, at_most=10)
        return await store.acts(0, 9)

    [act] = run(make, story)
    first = 1 << books.JOURNAL_BITS
    kept = [
        (id_, *(getattr(shown(one), name) for name in COLUMNS)) for id_, one in enumerate(rows, start=first)
    ]
    assert act.detail.endswith(digest(kept[:2]))
    assert digest(kept[:2]) != digest(kept[1:])


def test_a_chain_may_lose_its_beginning_and_says_so(make: Make) -> None:
    async def story(store: Store) -> Any:
        for at in range(6):
            await store.note(act(f"w{at}", at_us=NOON_US + at))
        old = Old(now_us=NOON_US, rows_before_us=0, sums_before_day=0, acts_before_us=NOON_US + 4)
        gone = [await store.forget(old, at_most=3) for _ in range(3)]
        everything = Old(now_us=NOON_US, rows_before_us=0, sums_before_day=0, acts_before_us=2 * NOON_US)
        acts = await store.acts(0, 99)
        await store.forget(everything, at_most=99)
        return gone, acts, await store.acts(0, 99)

    gone, acts, last = run(make, story)
    assert gone == [3, 1, 0]
    assert [one.number for one in acts] == [5, 6, 7, 8]
    assert broken_at(acts) is None
    assert broken_at(acts[1:]) == 1
    assert [one.number for one in last] == [8, 9]
    assert broken_at(last) is None


def test_acts_and_what_is_kept_of_content_come_with_the_rows(make: Make) -> None:
    """Once, in their order, whatever is asked again."""
    kept = Captured(NOON_US, NOON_US + 5, "req_1", "acme", "k", "m", '{"a":1}', "hello", "email=1")
    rows: list[Row] = [entry(), Noting(act("a")), kept, entry(request_id="late"), Noting(act("b"))]

    async def story(store: Store) -> Any:
        counts = [await store.append("j", first, rows[first:]) for first in (0, 0, 3)]
        found = await store.captured("req_1"), await store.acts(0, 9), await store.requests(0, 9, {})
        old = Old(now_us=NOON_US + 6, rows_before_us=0, sums_before_day=0, acts_before_us=0)
        await store.forget(old, at_most=9)
        return counts, *found, await store.captured("req_1"), await store.acts(2, 9)

    counts, captured, acts, requests, gone, proof = run(make, story)
    assert counts == [5, 0, 0]
    assert (captured, gone) == ([kept], [])
    assert [one.who for one in acts] == ["a", "b"]
    assert len(requests) == 2
    assert [(one.target, one.detail.split()[0]) for one in proof] == [("captures", "rows=1")]


def test_who_changes_a_key_is_noted_with_it_or_not_at_all(make: Make) -> None:
    async def story(store: Store) -> Any:
        await store.pepper(b"p" * 32)
        done = [
            await store.add(issued("a"), act("made")),
            await store.add(issued("a"), act("again")),
            await store.change(issued("a", rpm=1), act("changed")),
            await store.change(issued("b"), act("nobody's")),
        ]
        return done, await store.acts(0, 9)

    done, acts = run(make, story)
    assert done == [True, False, True, False]
    assert [one.who for one in acts] == ["made", "changed"]


def test_acts_are_one_chain_whoever_writes(make: Make) -> None:
    async def story(store: Store) -> None:
        others = [make() for _ in range(3)]
        await asyncio.gather(
            *(one.note(act(f"w{n}-{turn}")) for n, one in enumerate(others) for turn in range(4))
        )
        for one in others:
            await one.close()
        acts = await store.acts(0, 100)
        assert [one.number for one in acts] == list(range(1, 13))
        assert broken_at(acts) is None
        assert await store.acts(10, 1) == acts[10:11]

    run(make, story)


def test_where_a_tenant_s_requests_went(make: Make) -> None:
    rows = [entry(region="eu", others=(FAILED,)), entry(region="us"), entry(tenant="other", region="cn")]

    async def story(store: Store) -> Any:
        await store.append("j", 0, rows)
        return await store.places("acme")

    found = run(make, story)
    assert [(one["provider"], one["region"], one["requests"]) for one in found] == [
        ("bad", "eu", 1),
        ("p", "eu", 1),
        ("p", "us", 1),
    ]


def test_keys_are_known_by_generation_and_never_made_twice(make: Make) -> None:
    """`ports.issuing.Issuing`, over the same stores."""

    async def story(store: Store) -> None:
        assert await store.snapshot(NOBODY.generation) is None
        assert await store.snapshot(7) == NOBODY, "another store than the one that was known, and new"
        pepper = await store.pepper(b"p" * 32)
        other = make()
        assert await other.pepper(b"q" * 32) == pepper == b"p" * 32
        await other.close()
        key = issued("a", models=("m",), expires_at=2.5)
        assert await store.add(key)
        assert not await store.add(issued("a", rpm=7))
        first = await store.snapshot(0)
        assert first is not None
        assert (first.pepper, first.keys) == (pepper, (key,))
        assert await store.snapshot(first.generation) is None
        await store.change(issued("a", revoked_at=9.0))
        await store.change(issued("nobody's"))
        second = await store.snapshot(first.generation)
        assert second is not None
        assert second.generation == first.generation + 1
        assert [one.revoked_at for one in second.keys] == [9.0]

    run(make, story)


def test_of_many_who_make_the_same_key_one_does(make: Make) -> None:
    async def story(store: Store) -> None:
        await store.pepper(b"p" * 32)
        others = [make() for _ in range(4)]
        made = await asyncio.gather(*(one.add(issued("a", rpm=n)) for n, one in enumerate(others, 1)))
        for one in others:
            await one.close()
        assert sorted(made) == [False, False, False, True]
        found = await store.snapshot(-1)
        assert found is not None
        assert found.generation == 1

    run(make, story)
