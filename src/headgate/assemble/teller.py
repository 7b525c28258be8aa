"""What admins are told of budgets and tenants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from headgate.assemble.bank import Bank
from headgate.assemble.terms import Agreed, configured
from headgate.config.tree import Settings
from headgate.core.account import Account, spent_nano
from headgate.core.budget import forecast_nano, period_at
from headgate.core.issued import Terms
from headgate.core.price import usd
from headgate.core.purse import Slot
from headgate.ports.clock import Clock


class Teller:
    """`server.front.Teller`. `settings`, and what was `agreed`, are the present ones."""

    def __init__(
        self, settings: Callable[[], Settings], agreed: Callable[[], Agreed], bank: Bank | None, clock: Clock
    ) -> None:
        self._settings = settings
        self._agreed = agreed
        self._bank = bank
        self._clock = clock

    def configured(self, kind: str, name: str) -> Terms | None:
        return configured(self._settings()).get((kind, name))

    def exists(self, kind: str, name: str) -> bool:
        return kind == "tenant" or (kind, name) in self._agreed().terms

    def tenants(self) -> list[dict[str, Any]]:
        agreed = self._agreed()
        keys: dict[str, int] = {}
        for key in agreed.keys:
            keys[key.tenant or key.name] = keys.get(key.tenant or key.name, 0) + 1
        names = sorted({*keys, *(name for kind, name in agreed.terms if kind == "tenant")})
        return [self._tenant(agreed, name) | {"keys": keys.get(name, 0)} for name in names]

    def _tenant(self, agreed: Agreed, name: str) -> dict[str, Any]:
        terms = agreed.terms.get(("tenant", name), Terms(kind="tenant", name=name))
        return {
            "name": name,
            "time_zone": agreed.zone("tenant", name),
            "rpm": terms.rpm,
            "tpm": terms.tpm,
            "budgets": [{"usd": usd(nano), "per": per} for nano, per in terms.budgets],
        }

    async def budgets(self, after: str, limit: int) -> list[dict[str, Any]]:
        """In the order of their ids, from behind `after` on."""
        slots = self._bank.slots if self._bank else {}
        names = sorted(name for name in slots if name > after and not slots[name].budget.each)[:limit]
        accounts = await self._read(names)
        return [self._row(slots[name], accounts.get(name, Account())) for name in names]

    async def _read(self, names: Sequence[str]) -> dict[str, Account]:
        return await self._bank.accounts.read(names) if self._bank and names else {}

    def _row(self, slot: Slot, account: Account) -> dict[str, Any]:
        budget, period = slot.budget, slot.period
        spent, leased = spent_nano(account, period.day)
        kind, _, rest = budget.account.partition("/")
        return {
            "id": budget.account,
            "kind": kind,
            "name": rest.rpartition("/")[0],
            "per": budget.per,
            "time_zone": budget.zone,
            "from": period.starts_at,
            "to": period.ends_at,
            "budget_usd": usd(budget.nano),
            "spent_usd": usd(spent),
            "leased_usd": usd(leased),
            "left_usd": usd(max(0, budget.nano - spent)),
            "forecast_usd": usd(forecast_nano(spent, period, self._clock.wall())),
        }

    async def forgive(self, id_: str) -> bool:
        slot = self._bank.slots.get(id_) if self._bank else None
        if self._bank is None or slot is None:
            return False
        period = period_at(self._clock.wall(), slot.budget.per, slot.budget.zone)
        await self._bank.accounts.forgive(id_, period.day)
        return True
