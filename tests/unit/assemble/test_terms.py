"""What is agreed with whom: by the configuration, when a key was made, and at run time after that; and who
pays for what."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from headgate.adapters.memory.accounts import MemoryAccounts
from headgate.adapters.sqlite import SqliteLedger
from headgate.assemble.bank import Bank
from headgate.assemble.budgets import Purses, under
from headgate.assemble.issued import IssuedKeys
from headgate.assemble.terms import Agreed
from headgate.config.tree import Settings
from headgate.core.budget import Per
from headgate.core.call import Call, Caller
from headgate.core.decision import Decision
from headgate.core.issued import Issued, Snapshot, Terms
from headgate.core.price import NANO
from headgate.core.tier import NO_TIER, Tier
from scripted import FakePayload
from virtual import clock, run

NOWHERE = Path("nowhere")
"""Nobody opens it."""
DAY: tuple[tuple[int, Per], ...] = ((5 * NANO, "day"),)
MONTH: tuple[tuple[int, Per], ...] = ((7 * NANO, "month"),)
SETTINGS = Settings.model_validate(
    {
        "providers": {"p": {"dialect": "simulated"}},
        "models": {"m": {"provider": "p"}},
        "routes": {"auto": {"use": ["m"]}, "dear": {"use": ["m"], "budget": {"usd": 3}}},
        "agents": {"coder": {"description": "writes code", "route": "dear"}},
        "tiers": {"free": {"budget": {"usd": 2}}},
        "tenants": {"acme": {"budget": {"usd": 9}, "time_zone": "Europe/Berlin"}},
        "keys": [{"name": "app", "key": "app-key-0123456789", "tenant": "acme", "budget": {"usd": 1}}],
    }
)


def issued(*terms: Terms, **members: Any) -> IssuedKeys:
    key = Issued(name="made", tenant="acme", digest=b"d", hint="h", created_at=0.0, tier="free", **members)
    found = IssuedKeys(SqliteLedger(NOWHERE), NOWHERE, cast(Any, None))
    # it never looks
    found.snapshot = Snapshot(1, b"", (key,), terms)
    return found


def budgets(*terms: Terms, of: str, name: str, **members: Any) -> list[tuple[str, int, str]]:
    found = Agreed(SETTINGS, issued(*terms, **members)).budgets
    return [(one.account, one.nano // NANO, one.zone) for payer, one in found if payer == (of, name)]


def test_what_is_agreed_later_with_a_key_made_at_run_time_takes_the_place_of_what_it_was_made_with() -> None:
    later = Terms(kind="key", name="made", budgets=MONTH)
    berlin = "Europe/Berlin"
    assert budgets(of="key", name="made", budgets=DAY) == [("key/made/day", 5, berlin)]
    assert budgets(later, of="key", name="made", budgets=DAY) == [("key/made/month", 7, berlin)]
    assert budgets(later, of="key", name="made") == [("key/made/month", 7, berlin)]


@pytest.mark.parametrize(
    ("kind", "name", "usd"),
    [("key", "app", 1), ("tenant", "acme", 9), ("tier", "free", 2), ("route", "dear", 3)],
)
def test_what_the_configuration_says_wins(kind: str, name: str, usd: int) -> None:
    [(_, found, _)] = budgets(Terms(kind=kind, name=name, budgets=DAY), of=kind, name=name)
    assert found == usd


def call(model: str, key: str, agent: str | None = None) -> Call:
    decision = Decision(requested=model, chain=("m",), agent=agent) if agent else None
    return Call(
        payload=FakePayload(model),
        caller=Caller(key=key, tenant="acme", tier=Tier(name="free") if key == "made" else NO_TIER),
        request_id="r",
        started_at=0.0,
        deadline_at=1.0,
        decision=decision,
    )


@pytest.mark.parametrize(
    ("asked", "paying"),
    [
        (call("m", "app"), {"key/app/month", "tenant/acme/month"}),
        (call("dear", "app"), {"key/app/month", "tenant/acme/month", "route/dear/month"}),
        (call("auto", "made"), {"tier/free/month", "tenant/acme/month"}),
        (call("agent:coder", "made"), {"tier/free/month", "tenant/acme/month", "route/dear/month"}),
        (call("agent:auto", "made", "coder"), {"tier/free/month", "tenant/acme/month", "route/dear/month"}),
        (call("agent:auto", "made", "other"), {"tier/free/month", "tenant/acme/month"}),
    ],
)
def test_who_pays(asked: Call, paying: set[str]) -> None:
    async def story() -> set[str]:
        bank = Bank("memory", MemoryAccounts(clock()), clock(), name="p", folder=None)
        payers = Purses(SETTINGS, Agreed(SETTINGS, issued()), bank).money
        return {slot.purse.account for slot in payers(asked.caller, under(asked))}

    assert run(story()) == paying
