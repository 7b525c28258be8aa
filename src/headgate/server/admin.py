"""The admin API, under keys of its own. Deny by default: a route exists only with the scope that it needs.

Known weakness: it is on the port of the callers; who wants it elsewhere puts a proxy in front.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from difflib import get_close_matches
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, FastAPI, Path, Query, Request
from msgspec import json, structs
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from headgate.core.audit import Act
from headgate.core.budget import Per, terms
from headgate.core.call import Caller
from headgate.core.captured import Captured
from headgate.core.entry import clean, entry_document
from headgate.core.errors import Forbidden, InvalidRequest, Overloaded, Unauthenticated
from headgate.core.issued import ends_at
from headgate.core.report import REQUEST_FILTERS, asked, costs, month_of
from headgate.core.scope import Scope
from headgate.ports.ledger import LedgerGone
from headgate.ports.store import Store
from headgate.server.desk import MOST_A_MINUTE, MOST_OVERLAP_S, Desk, NameTaken, NoSuchKey
from headgate.server.front import House

AGAIN_S = 5.0
MAX_PAGE = 1000
SCOPE = "x-headgate-scope"
"""Where a route's description says what it needs."""
_OWN_GROUPS = frozenset({"day", "model", "provider", "tag", "intent"})
"""What a caller may tell its own use apart by."""

MANY = "group_by"
"""What may be given more than once."""
_HIDDEN = frozenset({"digest", "former"})

T = TypeVar("T")
Group = Annotated[list[str] | None, Query(description="day, tenant, key, model, provider, tag, intent")]
OwnGroup = Annotated[list[str] | None, Query(description="day, model, provider, tag, intent")]
Since = Annotated[str | None, Query(alias="from", description="First day (UTC), such as 2026-11-01.")]
Until = Annotated[
    str | None, Query(alias="to", description="Day after the last. A time within a day stands for all of it.")
]


Name = Annotated[str, Field(pattern=r"^[!-~]{1,200}$")]
Names = Annotated[list[Name], Field(min_length=1, max_length=1000)]
Limit = Annotated[int, Field(ge=1, le=MOST_A_MINUTE, strict=True)]
After = Annotated[int, Query(ge=0, lt=1 << 63)]


class NewKey(BaseModel, extra="forbid"):
    """What a key for a caller is to be; what is left out is unlimited."""

    tenant: Name
    name: Name | None = Field(default=None, description="What it is called; default: by the tenant.")
    tier: str = Field(default="", max_length=200)
    models: Names | None = None
    regions: Names | None = None
    privacy: Literal["standard", "no_content", "local_only"] = "standard"
    rpm: Limit | None = None
    tpm: Limit | None = None
    budget_usd: Annotated[str, Field(max_length=100)] = Field(
        default="", description="What it may spend: 100/month, 5/day, or several with commas."
    )
    expires: Annotated[str, Field(max_length=20)] | None = Field(
        default=None, description="12h, 30d, or a day such as 2027-01-31."
    )


class Overlap(BaseModel, extra="forbid"):
    """For how long the old key is good beside the new one."""

    overlap_s: Annotated[float, Field(ge=0, le=MOST_OVERLAP_S, strict=True)] = 300.0


class Admin:
    """Routes of an app, each with its scope."""

    def __init__(self, app: FastAPI, house: House) -> None:
        self._app = app
        self._house = house

    def get(self, path: str, scope: Scope, work: Callable[..., Awaitable[Any]], summary: str) -> None:
        self.route("GET", path, scope, work, summary)

    def route(
        self, method: str, path: str, scope: Scope, work: Callable[..., Awaitable[Any]], summary: str
    ) -> None:
        self._app.add_api_route(
            f"/admin/v1{path}",
            work,
            methods=[method],
            tags=["admin"],
            summary=summary,
            dependencies=[Depends(self._needs(scope)), Depends(nothing_else)],
            openapi_extra={SCOPE: scope.name.lower()},
            responses=_answers(method, path),
        )

    def _needs(self, scope: Scope) -> Callable[[Request], Awaitable[None]]:
        async def check(request: Request) -> None:
            held = self._house.front.admin.admit(dict(request.scope["headers"]))
            if held is None:
                raise Unauthenticated("This is for admin keys.", code="invalid_api_key")
            request.state.who = held.name
            if held.scope < scope:
                raise Forbidden(
                    f"This admin key may not: it takes the scope '{scope.name.lower()}'.", code="scope"
                )

        return check


def _answers(method: str, path: str) -> dict[int | str, dict[str, Any]]:
    """What else a route may say."""
    found = {
        400: "What is asked for makes no sense; `param` names it.",
        401: "No admin key, or none of ours.",
    }
    found[403] = "This admin key has not the scope."
    if "{" in path and method != "GET":
        found[404] = "There is nothing of that name."
    if method in ("POST", "PUT"):
        found[409] = "The name is taken, or what is to be changed stands in the configuration."
    found[503] = "The books cannot be read now; `retry-after` tells when."
    return {status: {"description": text} for status, text in found.items()}


async def nothing_else(request: Request) -> None:
    """A query says nothing that nobody hears: a filter that is misspelt would tell of everybody."""
    described = request.app.openapi()["paths"][request.scope["route"].path_format][request.method.lower()]
    known = [one["name"] for one in described.get("parameters", ()) if one["in"] == "query"]
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f" Do you mean '{near[0]}'?" if near else ""
            raise InvalidRequest(
                f"There is no parameter '{clean(name, 100)}' here.{hint}", param=clean(name, 100)
            )
        if name != MANY and names.count(name) > 1:
            raise InvalidRequest(f"'{name}' is given more than once.", param=name)


async def _filters(
    tenant: str | None = None,
    key: str | None = None,
    model: str | None = None,
    provider: str | None = None,
    outcome: str | None = None,
    request_id: str | None = None,
) -> dict[str, str]:
    """`core.report.REQUEST_FILTERS`."""
    given = zip(REQUEST_FILTERS, (tenant, key, model, provider, outcome, request_id), strict=True)
    return {name: clean(value) for name, value in given if value is not None}


Only = Annotated[dict[str, str], Depends(_filters)]


def describe_admin(app: FastAPI, house: House) -> None:
    """Adds the admin API to `app`."""
    admin = Admin(app, house)

    async def usage(
        group_by: Group = None,
        since: Since = None,
        until: Until = None,
        tenant: str | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        return await _usage(house, group_by or [], since, until, tenant, key)

    async def requests(
        only: Only, after: After = 0, limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100
    ) -> dict[str, Any]:
        return await _requests(house, after, limit, only)

    async def audit(
        after: After = 0, limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100
    ) -> dict[str, Any]:
        return await _acts(house, after, limit)

    async def keys(after: str = "", limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100) -> dict[str, Any]:
        return await _keys(house, after, limit)

    async def config() -> dict[str, Any]:
        return dict(house.front.config())

    async def residency(tenant: Annotated[str, Query(max_length=200)]) -> dict[str, Any]:
        return {"data": await answered(_store(house).places(clean(tenant))), "next": None}

    admin.get("/usage", Scope.READ, usage, "Sums of tokens and cost.")
    admin.get("/requests", Scope.READ, requests, "Single requests, newest first.")
    admin.get("/keys", Scope.READ, keys, "Keys of callers that were made at run time, by name.")
    admin.get("/audit", Scope.READ, audit, "Acts of admins, oldest first, each chained to the one before.")
    admin.get("/audit/residency", Scope.READ, residency, "Where a tenant's requests went.")
    admin.get("/config", Scope.READ, config, "The present configuration, without its secrets.")

    _describe_keys(admin, house)
    _describe_content(admin, house)


def _describe_content(admin: Admin, house: House) -> None:
    """Whoever looks at what was said is in the audit log."""

    async def content(request: Request, request_id: Annotated[str, Path(max_length=128)]) -> dict[str, Any]:
        store = _store(house)
        found = await answered(store.captured(clean(request_id)))
        act = Act(
            at_us=int(house.wall() * 1e6),
            who=request.state.who,
            action="content.read",
            target=clean(request_id),
            detail=f"found={len(found)}",
        )
        await answered(store.note(act))
        return {"data": [_content(one) for one in found], "next": None}

    told = "What a route has kept of a request and its answer, redacted."
    admin.get("/requests/{request_id}/content", Scope.OWN, content, told)


def _content(one: Captured) -> dict[str, Any]:
    return structs.asdict(one) | {"question": json.decode(one.question), "answer": json.decode(one.answer)}


def _describe_keys(admin: Admin, house: House) -> None:
    """What becomes of callers' keys; each act is in the audit log under the admin key's name."""

    async def create(request: Request, order: NewKey) -> dict[str, Any]:
        name = order.name or f"{order.tenant}-{secrets.token_hex(3)}"
        members = order.model_dump(exclude={"name", "expires", "budget_usd"})
        members["budgets"] = budgets_of(order.budget_usd)
        members |= {of: tuple(members[of]) for of in ("models", "regions") if members[of] is not None}
        ends = _ends(order.expires, house.wall())
        text = await _done(desk(house, request).create(name, expires_at=ends, **members))
        return {"name": name, "key": text, "tenant": order.tenant, "expires_at": ends}

    async def rotate(request: Request, name: str, order: Overlap) -> dict[str, Any]:
        return {"name": name, "key": await _done(desk(house, request).rotate(name, order.overlap_s))}

    async def revoke(request: Request, name: str) -> dict[str, Any]:
        gone = await _done(desk(house, request).revoke(name))
        return {"name": name, "tenant": gone.tenant, "state": "revoked"}

    one = "/keys/{name:path}"
    admin.route("POST", "/keys", Scope.OPERATE, create, "Make a key for a caller. It is shown this once.")
    admin.route(
        "POST", f"{one}/rotate", Scope.OPERATE, rotate, "A new key in its place; both are good a while."
    )
    admin.route("DELETE", one, Scope.OPERATE, revoke, "It opens nothing from now on.")


def desk(house: House, request: Request) -> Desk:
    return Desk(_store(house), house.front.known, who=request.state.who, wall=house.wall)


def budgets_of(text: str) -> tuple[tuple[int, Per], ...]:
    """Raises `InvalidRequest`."""
    try:
        return terms(text)
    except ValueError as error:
        raise InvalidRequest(f"'budget_usd' takes {error}.", param="budget_usd") from None


def _ends(text: str | None, wall: float) -> float | None:
    try:
        return None if text is None else ends_at(text, wall)
    except ValueError:
        raise InvalidRequest(
            "'expires' takes 12h, 30d or a day such as 2027-01-31.", param="expires"
        ) from None


async def _done(work: Awaitable[T]) -> T:
    """What was done at the desk; 404 and 409 where that could not be."""
    try:
        return await answered(work)
    except NoSuchKey as error:
        raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from None
    except NameTaken as error:
        raise HTTPException(HTTPStatus.CONFLICT, str(error)) from None


def describe_usage(app: FastAPI, house: House, caller: Callable[[Request], Awaitable[Caller]]) -> None:
    """Adds a caller's view of its own use."""
    here = Depends(caller)

    @app.get(
        "/v1/usage",
        tags=["usage"],
        summary="What this key has used, and what it cost.",
        dependencies=[Depends(nothing_else)],
    )
    async def own(
        group_by: OwnGroup = None,
        since: Since = None,
        until: Until = None,
        caller: Caller = here,
    ) -> dict[str, Any]:
        names = group_by or []
        if not {name for part in names for name in part.split(",") if name} <= _OWN_GROUPS:
            known = ", ".join(sorted(_OWN_GROUPS))
            raise InvalidRequest(f"'group_by' takes {known}.", param="group_by", code="invalid_group")
        return await _usage(house, names, since, until, caller.tenant, caller.key)


def _store(house: House) -> Store:
    if house.store is None:
        raise InvalidRequest("No books are kept here.", code="no_books")
    return house.store


async def answered(work: Awaitable[T]) -> T:
    """What the store answers; 503 where it is away."""
    try:
        return await work
    except LedgerGone as error:
        raise Overloaded(
            "The books cannot be read now.", code="ledger_unavailable", retry_after_s=AGAIN_S
        ) from error


async def _usage(
    house: House,
    group_by: list[str],
    since: str | None,
    until: str | None,
    tenant: str | None,
    key: str | None,
) -> dict[str, Any]:
    of = {"tenant": tenant and clean(tenant), "key": key and clean(key)}
    wanted = asked(group_by, since, until, **of)
    rows, wall = await answered(_store(house).usage(wanted)), house.wall()
    month = month_of(wanted, wall)
    return {"data": [row | costs(row, month, wall) for row in rows], "next": None}


async def _requests(house: House, after: int, limit: int, only: dict[str, str]) -> dict[str, Any]:
    rows = await answered(_store(house).requests(after, limit, only))
    more = rows[-1]["id"] if len(rows) == limit else None
    return {"data": [entry_document(row) for row in rows], "next": more}


async def _acts(house: House, after: int, limit: int) -> dict[str, Any]:
    acts = await answered(_store(house).acts(after, limit))
    more = acts[-1].number if len(acts) == limit else None
    return {"data": [structs.asdict(act) for act in acts], "next": more}


async def _keys(house: House, after: str, limit: int) -> dict[str, Any]:
    """By name, without their digests."""
    found = await answered(_store(house).snapshot(-1))
    names = {key.name: key for key in found.keys if key.name > after} if found else {}
    shown = sorted(names)[:limit]
    rows = [{k: v for k, v in structs.asdict(names[one]).items() if k not in _HIDDEN} for one in shown]
    return {"data": rows, "next": shown[-1] if len(shown) == limit else None}
