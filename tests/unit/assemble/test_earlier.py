"""What was spent before there was a budget: from sums by day, and rows at the ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booked import ASIDE, NOON_US, entry
from headgate.adapters.memory.accounts import MemoryAccounts
from headgate.adapters.sqlite import SqliteLedger
from headgate.adapters.system import SystemClock
from headgate.assemble.earlier import Earlier, parts
from headgate.core.account import Span, spent_nano
from headgate.core.budget import Budget, period_at
from headgate.core.kind import DAY_US

MOMENT = st.integers(0, 60 * DAY_US)


@given(st.tuples(MOMENT, MOMENT).map(sorted), st.booleans())
def test_every_moment_is_read_once(span: list[int], by_sums: bool) -> None:
    since, until = span
    rows, days = parts(Span(since, until), by_sums=by_sums)
    spans = [*rows, *([(days[0] * DAY_US, days[1] * DAY_US)] if days else [])]
    at = since
    for begins, ends in sorted(spans):
        assert begins == at
        assert ends > begins
        at = ends
    assert at == until
    assert all(ends - begins <= DAY_US for begins, ends in rows)
    assert by_sums or days is None


@pytest.mark.parametrize("per", ["day", "week", "month"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"])
@pytest.mark.parametrize("kind", ["key", "tenant", "tier", "route"])
def test_a_budget_begins_with_what_its_period_cost(kind: str, zone: str, per: str, tmp_path: Path) -> None:
    """The week after clocks were set back in Berlin: half an hour on either side of each midnight counts."""
    name = {"key": "k", "tenant": "acme", "tier": "gold", "route": "auto"}[kind]
    budget = Budget(f"{kind}/{name}/{per}", 10_000, per, zone)  # type: ignore[arg-type]  # one of them
    now_us = NOON_US + 2 * DAY_US
    period = period_at(now_us / 1e6, budget.per, zone)
    half_us = 1_800_000_000
    times = [int(period.starts_at * 1e6) + off for off in (-half_us, half_us)]
    times += [now_us - half_us, now_us - 1, now_us, now_us + half_us]

    async def story() -> tuple[int, int]:
        clock, told = SystemClock(), list[Budget]()
        ledger, accounts = SqliteLedger(tmp_path / "books.db"), MemoryAccounts(clock)
        rows = [entry(at_us=at, tier="gold", others=(ASIDE,)) for at in times]
        rows += [entry(at_us=at, key="x", tenant="x", requested="x") for at in times]
        await ledger.append("j", 0, rows)
        found = Earlier(ledger, accounts, clock, names=lambda route: [route], told=told.append)
        begun = {(budget.account, period.day): (budget, int(period.starts_at * 1e6), now_us)}
        for _ in range(2):
            await found.begin(begun)  # so says another process
        task = asyncio.create_task(found.run())
        for _ in range(500):
            if len(told) == 2:
                break
            await clock.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await found.close()
        [account] = (await accounts.read([budget.account])).values()
        return spent_nano(account, period.day)

    assert asyncio.run(story()) == (3 * (100 + ASIDE.cost_nano), 0)
