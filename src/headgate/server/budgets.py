"""Tenants and budgets in the admin API: what stands, what is spent, what is agreed at run time."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from headgate.core.budget import Per, zone_named
from headgate.core.errors import InvalidRequest
from headgate.core.issued import Terms
from headgate.core.scope import Scope
from headgate.server.admin import MAX_PAGE, Admin, Limit, answered, budgets_of, desk
from headgate.server.desk import NAME
from headgate.server.front import House, Teller

Kind = Literal["key", "tenant", "tier", "route"]
Usd = Annotated[str, Field(max_length=100, description="100/month, 5/day, or several with commas.")]
Rows = Annotated[int, Query(ge=1, le=MAX_PAGE)]


class TenantTerms(BaseModel, extra="forbid"):
    """What is agreed with a tenant; what is left out is unlimited. What the configuration says wins."""

    budget_usd: Usd = ""
    rpm: Limit | None = None
    tpm: Limit | None = None
    time_zone: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="Where its days begin, such as Europe/Berlin."
    )


class BudgetTerms(BaseModel, extra="forbid"):
    """What may be spent."""

    budget_usd: Annotated[str, Field(min_length=1, max_length=100)]


def describe_budgets(admin: Admin, house: House) -> None:
    """Adds them to the admin API."""
    _describe_tenants(admin, house)
    _describe_budgets(admin, house)


def _describe_tenants(admin: Admin, house: House) -> None:
    async def tenants(after: str = "", limit: Rows = 100) -> dict[str, Any]:
        rows = [row for row in _teller(house).tenants() if row["name"] > after][:limit]
        return _page(rows, limit, "name")

    async def agree(request: Request, name: str, order: TenantTerms) -> dict[str, Any]:
        wanted = Terms(
            kind="tenant",
            name=_named(name),
            budgets=budgets_of(order.budget_usd),
            rpm=order.rpm,
            tpm=order.tpm,
            time_zone=_zone(order.time_zone),
        )
        _not_configured(house, "tenant", name)
        return await _agreed(house, request, wanted)

    async def leave(request: Request, name: str) -> dict[str, Any]:
        return await _gone(house, request, Terms(kind="tenant", name=_named(name)))

    one = "/tenants/{name:path}"
    admin.get("/tenants", Scope.READ, tenants, "Tenants, by name: what is agreed with them, how many keys.")
    admin.route("PUT", one, Scope.OPERATE, agree, "What a tenant may do and spend, from now on.")
    admin.route("DELETE", one, Scope.OPERATE, leave, "Nothing is agreed with it any more.")


def _describe_budgets(admin: Admin, house: House) -> None:
    async def budgets(after: str = "", limit: Rows = 100) -> dict[str, Any]:
        return _page(await answered(_teller(house).budgets(after, limit)), limit, "id")

    async def grant(request: Request, kind: Kind, name: str, order: BudgetTerms) -> dict[str, Any]:
        _not_configured(house, kind, _named(name), budgets=True)
        if not _teller(house).exists(kind, name):
            raise HTTPException(404, f"There is no {kind} {name!r}.")
        wanted = await answered(desk(house, request).terms(kind, name, budgets_of(order.budget_usd)))
        return await _agreed(house, request, wanted)

    async def withdraw(request: Request, kind: Kind, name: str) -> dict[str, Any]:
        return await _gone(house, request, await answered(desk(house, request).terms(kind, _named(name), ())))

    async def forgive(request: Request, kind: Kind, name: str, per: Per) -> dict[str, Any]:
        id_ = f"{kind}/{_named(name)}/{per}"
        if not await answered(_teller(house).forgive(id_)):
            raise HTTPException(404, f"There is no budget {id_!r}.")
        await answered(desk(house, request).note("budget.forgive", id_))
        return {"id": id_, "spent_usd": 0.0}

    one = "/budgets/{kind}/{name:path}"
    admin.get("/budgets", Scope.READ, budgets, "Budgets: what is spent, reserved, left, and to be expected.")
    admin.route("POST", one + "/{per}/forgive", Scope.OWN, forgive, "Nothing counts as spent any more.")
    admin.route("PUT", one, Scope.OPERATE, grant, "What a key, tenant, tier or route may spend.")
    admin.route("DELETE", one, Scope.OPERATE, withdraw, "It may spend without a budget made at run time.")


def _page(rows: list[dict[str, Any]], limit: int, by: str) -> dict[str, Any]:
    return {"data": rows, "next": rows[-1][by] if len(rows) == limit else None}


def _teller(house: House) -> Teller:
    if house.teller is None:
        raise InvalidRequest("No budgets are kept here.", code="no_budgets")
    return house.teller


def _named(name: str) -> str:
    if not NAME.fullmatch(name):
        raise InvalidRequest("Names are of at most 200 ASCII characters without spaces.", param="name")
    return name


def _zone(name: str | None) -> str | None:
    try:
        return None if name is None else zone_named(name)
    except ValueError:
        raise InvalidRequest(
            "'time_zone' takes a name such as Europe/Berlin or UTC.", param="time_zone"
        ) from None


def _not_configured(house: House, kind: str, name: str, *, budgets: bool = False) -> None:
    """What stands in the configuration is changed there."""
    found = _teller(house).configured(kind, name)
    if found is not None and (found.budgets or not budgets):
        raise HTTPException(409, f"What is agreed with {kind} {name!r} stands in the configuration.")


async def _agreed(house: House, request: Request, wanted: Terms) -> dict[str, Any]:
    await answered(desk(house, request).agree(wanted))
    budgets = [{"usd": nano / 1e9, "per": per} for nano, per in wanted.budgets]
    return {"kind": wanted.kind, "name": wanted.name, "budgets": budgets}


async def _gone(house: House, request: Request, wanted: Terms) -> dict[str, Any]:
    if not await answered(desk(house, request).agree(wanted)):
        raise HTTPException(404, f"Nothing was agreed at run time with {wanted.kind} {wanted.name!r}.")
    return {"kind": wanted.kind, "name": wanted.name, "budgets": []}
