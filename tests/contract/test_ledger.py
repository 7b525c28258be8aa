"""`ports.ledger.Ledger`: one suite, over SQLite and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from booked import ASIDE, DAY, FAILED, NOON_US, Make, entry, run, shown
from headgate.adapters.postgres import PostgresLedger
from headgate.adapters.sqlite import SqliteLedger
from headgate.core.audit import Act, broken_at
from headgate.core.entry import COLUMNS, Flag, entry_document
from headgate.core.issued import Terms
from headgate.core.journaled import refused
from headgate.core.kind import DAY_US
from headgate.core.report import Asked
from headgate.core.retention import Old
from headgate.ports.ledger import Ledger, LedgerGone, RowRefused
from headgate.ports.store import Store

ALL = Asked()


def test_rows_come_back_as_they_were_newest_first(make: Make) -> None:
    late = entry(at_us=NOON_US + 5, request_id="late", others=(FAILED, FAILED), flags=Flag.STREAM, tags="a,b")

    async def story(ledger: Ledger) -> Any:
        assert await ledger.append("j", 0, [entry(), late]) == 2
        return await ledger.requests(0, 10, {})

    first, second = run(make, story)
    assert (first["request_id"], first["stream"], first["estimated"]) == ("late", True, False)
    assert first["price"] == "config 3/15/-/-/-"
    assert [one["status"] for one in first["other_attempts"]] == [503, 503]
    assert second["request_id"] == "req_1"
    assert first["other_attempts"][0]["price"] == ""
    assert second["other_attempts"] == []
    for name in COLUMNS:
        if name != "flags":
            assert first[name] == getattr(shown(late), name)


@pytest.mark.parametrize("count", [57, 58, 59, 150])
def test_however_many_come_together_all_are_there(make: Make, count: int) -> None:
    rows = [entry(at_us=NOON_US + number, request_id=f"r{number}", input=number) for number in range(count)]

    async def story(ledger: Ledger) -> Any:
        assert await ledger.append("j", 0, rows) == count
        return await ledger.requests(0, 200, {}), await ledger.usage(ALL)

    found, [sums] = run(make, story)
    assert [(one["request_id"], one["input"]) for one in reversed(found)] == [
        (one.request_id, one.input) for one in rows
    ]
    assert (sums["requests"], sums["input"]) == (count, sum(range(count)))


def test_an_answer_that_was_put_aside_is_paid_for_by_its_own_model(make: Make) -> None:
    rows = [entry(others=(FAILED, ASIDE), cost_nano=100, tags="x"), entry(cost_nano=1)]

    async def story(ledger: Ledger) -> Any:
        await ledger.append("j", 0, rows)
        by_model = await ledger.usage(Asked(group_by=("provider", "model")))
        return by_model, await ledger.usage(ALL), await ledger.requests(0, 10, {"request_id": "req_1"})

    by_model, [total], told = run(make, story)
    sums = ("provider", "model", "requests", "input", "reasoning", "cost_nano", "estimated")
    assert [tuple(one[name] for name in sums) for one in by_model] == [
        ("p", "m", 2, 20, 0, 101, 0),
        ("weak", "w", 0, 10, 3, 7, 1),
    ]
    assert (total["requests"], total["cost_nano"]) == (2, 108)
    documents = [entry_document(one) for one in told]
    assert sum(one["total_nano_usd"] for one in documents) == 108
    assert sum(one["cost_nano_usd"] for one in documents) == 101
    [failed, aside] = next(one["other_attempts"] for one in documents if one["other_attempts"])
    assert (failed["error"], failed["cost_nano_usd"], failed["price"]) == ("UpstreamUnavailable", 0, "")
    assert (aside["error"], aside["cost_nano_usd"], aside["price"]) == ("", 7, ASIDE.price)
    assert aside["tokens"] == {"input": 10, "cache_read": 1, "cache_write": 2, "output": 4, "reasoning": 3}
    assert aside["estimated"]


def test_nothing_is_written_twice_whatever_is_asked_again(make: Make) -> None:
    async def story(ledger: Ledger) -> Any:
        rows = [entry(cost_nano=number) for number in range(1, 9)]
        counts = [
            await ledger.append("j", first, rows[first:until])
            for first, until in ((0, 3), (0, 3), (2, 6), (0, 8), (5, 8))
        ]
        return counts, await ledger.mark("j"), await ledger.usage(ALL)

    counts, mark, [sums] = run(make, story)
    assert counts == [3, 0, 3, 2, 0]
    assert mark == 8
    assert (sums["requests"], sums["cost_nano"]) == (8, 36)


@pytest.mark.parametrize("poison", [{"cost_nano": 1 << 63}, {"tags": "a\ud800"}])
def test_a_row_that_no_table_has_room_for_is_refused_and_nothing_is_written(
    make: Make, poison: dict[str, Any]
) -> None:
    async def story(ledger: Ledger) -> Any:
        with pytest.raises(RowRefused):
            await ledger.append("j", 0, [entry(), entry(**poison), entry()])
        none = await ledger.mark("j"), await ledger.usage(ALL)
        assert await ledger.append("j", 0, [entry(), refused(entry(**poison), "x"), entry()]) == 3
        return none, await ledger.usage(ALL)

    (mark, before), [after] = run(make, story)
    assert (mark, before[0]["requests"] if before else 0, after["requests"]) == (0, 0, 2)


def test_what_was_paid_by_whom_in_a_time(make: Make) -> None:
    """With answers that were put aside, and without copies."""

    async def story(ledger: Ledger) -> Any:
        rows = [
            entry(at_us=NOON_US - 1),
            entry(at_us=NOON_US, others=(FAILED, ASIDE)),
            entry(at_us=NOON_US + 9, key="other", requested="agent:a"),
            entry(at_us=NOON_US + 9, tier="free", tenant="t", key="x"),
            entry(at_us=NOON_US + 9, tenant="mirror", key="mirror", flags=int(Flag.SHADOW)),
            entry(at_us=NOON_US + 10),
        ]
        await ledger.append("j", 0, rows)
        asked = [
            ("key", ["k"]),
            ("tenant", ["acme"]),
            ("tier", ["free"]),
            ("route", ["auto", "agent:a"]),
            ("route", ["no'body"]),
        ]
        return [await ledger.paid(of, names, NOON_US, NOON_US + 10) for of, names in asked]

    assert run(make, story) == [100 + ASIDE.cost_nano, 200 + ASIDE.cost_nano, 100, 300 + ASIDE.cost_nano, 0]


def test_journals_do_not_meet(make: Make) -> None:
    async def story(ledger: Ledger) -> Any:
        await ledger.append("j", 0, [entry()])
        await ledger.append("k", 0, [entry(), entry()])
        return await ledger.mark("j"), await ledger.mark("k"), await ledger.mark("never heard of")

    assert run(make, story) == (1, 2, 0)


def test_several_processes_write_at_once(make: Make) -> None:
    async def story(ledger: Ledger) -> Any:
        others = [make() for _ in range(3)]

        async def write(number: int, one: Ledger) -> None:
            for first in range(0, 60, 20):
                rows = [entry(tenant=f"t{place % 4}", price=f"list {place}") for place in range(20)]
                await one.append(f"j{number}", first, rows)

        await asyncio.gather(*(write(number, one) for number, one in enumerate(others)))
        for one in others:
            await one.close()
        return await ledger.usage(Asked(group_by=("tenant",)))

    sums = run(make, story)
    assert {(one["tenant"], one["requests"]) for one in sums} == {(f"t{number}", 45) for number in range(4)}


def test_reports_group_filter_and_know_tags(make: Make) -> None:
    rows = [
        entry(tags="x,y", cost_nano=5),
        entry(tags="y,y", cost_nano=7, model="n", key="l"),
        entry(tenant="other", cost_nano=100, at_us=NOON_US + DAY_US),
        entry(tenant="other", outcome="failed", cost_nano=0, at_us=NOON_US + DAY_US, flags=Flag.UNPRICED),
        entry(tenant="other", reuse="exact", saved_nano=3, cost_nano=0, at_us=NOON_US + 2 * DAY_US),
    ]

    async def story(ledger: Ledger) -> Any:
        await ledger.append("j", 0, rows)
        return [
            await ledger.usage(one)
            for one in (
                Asked(group_by=("tenant", "model")),
                Asked(group_by=("tag",), tenant="acme"),
                Asked(group_by=("day",), since=DAY + 1, until=DAY + 2),
                Asked(tenant="acme", key="l"),
                Asked(tenant="nobody"),
            )
        ]

    by_model, by_tag, by_day, of_key, of_nobody = run(make, story)
    assert [(one["tenant"], one["model"], one["cost_nano"]) for one in by_model] == [
        ("other", "m", 100),
        ("acme", "n", 7),
        ("acme", "m", 5),
    ]
    assert (
        by_model[0] | {"requests": 3, "failed": 1, "hits": 1, "saved_nano": 3, "unpriced": 1} == by_model[0]
    )
    assert [(one["tag"], one["requests"], one["cost_nano"]) for one in by_tag] == [("y", 2, 12), ("x", 1, 5)]
    assert [(one["day"], one["requests"]) for one in by_day] == [("2026-10-27", 2)]
    assert of_key[0]["cost_nano"] == 7
    assert (of_nobody[0]["requests"], of_nobody[0]["cost_nano"]) == (0, 0)


def test_reports_by_intent_are_of_what_was_understood_and_no_tag_is_one(make: Make) -> None:
    rows = [
        entry(intent="code", cost_nano=5, tags="x"),
        entry(intent="code", cost_nano=7, others=(ASIDE,), model="n"),
        entry(intent="reasoning", cost_nano=1),
        entry(cost_nano=2, tags="code"),
    ]

    async def story(ledger: Ledger) -> Any:
        await ledger.append("j", 0, rows)
        groups = [("intent",), ("model", "intent"), ("tag",), ("tenant",)]
        return [await ledger.usage(Asked(group_by=one)) for one in groups]

    by_intent, by_both, by_tag, whole = run(make, story)
    sums = [(one["intent"], one["requests"], one["cost_nano"]) for one in by_intent]
    assert sums == [("code", 2, 12 + ASIDE.cost_nano), ("reasoning", 1, 1)]
    assert {(one["model"], one["intent"], one["cost_nano"]) for one in by_both} == {
        ("m", "code", 5), ("n", "code", 7), ("w", "code", ASIDE.cost_nano), ("m", "reasoning", 1)
    }  # fmt: skip
    assert {(one["tag"], one["cost_nano"]) for one in by_tag} == {("x", 5), ("code", 2)}
    assert [(one["requests"], one["cost_nano"]) for one in whole] == [(4, 15 + ASIDE.cost_nano)]


def test_pages_go_on_where_they_ended_and_heed_filters(make: Make) -> None:
    rows = [entry(at_us=NOON_US + number // 2, request_id=f"r{number}") for number in range(5)]

    async def story(ledger: Ledger) -> Any:
        await ledger.append("j", 0, [*rows, entry(tenant="other", at_us=NOON_US + 99)])
        found, after = [], 0
        while page := await ledger.requests(after, 2, {"tenant": "acme"}):
            found += [one["request_id"] for one in page]
            after = page[-1]["id"]
        return found

    assert run(make, story) == ["r4", "r3", "r2", "r1", "r0"]


def test_what_is_old_is_forgotten_rows_and_sums_apart(make: Make) -> None:
    rows = [entry(at_us=NOON_US + number * DAY_US, others=(FAILED,)) for number in range(4)]

    async def story(ledger: Store) -> Any:
        await ledger.append("j", 0, rows)
        old = Old(
            now_us=NOON_US + 9 * DAY_US,
            rows_before_us=NOON_US + 3 * DAY_US,
            sums_before_day=DAY + 1,
            acts_before_us=0,
        )
        gone = [await ledger.forget(old, at_most=2) for _ in range(3)]
        return gone, await ledger.requests(0, 10, {}), await ledger.usage(ALL), await ledger.acts(0, 99)

    gone, left, [sums], acts = run(make, story)
    assert gone == [2, 1, 0]
    assert [len(one["other_attempts"]) for one in left] == [1]
    assert sums["requests"] == 3
    assert broken_at(acts) is None
    assert [(one.action, one.target, one.detail.split()[0]) for one in acts] == [
        ("retention.delete", "requests", "rows=2"),
        ("retention.delete", "other_attempts", "rows=2"),
        ("retention.delete", "sums", "rows=1"),
        ("retention.delete", "requests", "rows=1"),
        ("retention.delete", "other_attempts", "rows=1"),
    ]
    assert acts[0].detail.split()[1] == "last=2026-10-27T12:00:00+00:00"


@pytest.mark.parametrize("text", ["'; DROP TABLE requests; --", "a\r\nb", '"', "ü" * 50, "\\", "%s", "$1"])
def test_names_are_only_names(make: Make, text: str) -> None:
    async def story(ledger: Ledger) -> Any:
        await ledger.append("j", 0, [entry(tenant=text, key=text, requested=text, tags=text)])
        sums = await ledger.usage(Asked(group_by=("tenant", "key"), tenant=text, key=text))
        return sums, await ledger.requests(0, 1, {"tenant": text})

    sums, rows = run(make, story)
    assert (sums[0]["tenant"], sums[0]["requests"], rows[0]["requested"]) == (text, 1, text)


def test_no_server_is_a_ledger_that_is_gone() -> None:
    async def story(ledger: Ledger) -> None:
        with pytest.raises(LedgerGone):
            await ledger.append("j", 0, [entry()])

    run(lambda: PostgresLedger("postgresql://postgres@127.0.0.1:9/test", schema="s"), story)


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "books.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    async def story(ledger: Ledger) -> None:
        with pytest.raises(LedgerGone, match="newer version"):
            await ledger.mark("j")

    run(lambda: SqliteLedger(file), story)


def test_what_is_agreed_with_others_holds_until_it_is_taken_away(make: Make) -> None:
    acme = Terms(
        kind="tenant", name="acme", budgets=((5, "day"), (7, "month")), rpm=3, time_zone="Asia/Kolkata"
    )
    key = Terms(kind="key", name="acme", tpm=9)

    async def story(store: Store) -> Any:
        await store.pepper(b"p" * 32)
        assert await store.agree(key)
        assert await store.agree(Terms(kind="tenant", name="acme", rpm=1))
        assert await store.agree(acme, Act(at_us=1, who="me", action="terms.set", target="tenant/acme"))
        before = await store.snapshot(-1)
        assert not await store.agree(Terms(kind="tier", name="acme"))
        assert await store.snapshot(before.generation if before else -1) is None
        assert await store.agree(Terms(kind="key", name="acme"))
        return before, await store.snapshot(-1), await store.acts(0, 10)

    before, after, [act] = run(make, story)
    assert before.terms == (key, acme)
    assert (after.terms, after.generation) == ((acme,), before.generation + 1)
    assert (act.action, act.target) == ("terms.set", "tenant/acme")
