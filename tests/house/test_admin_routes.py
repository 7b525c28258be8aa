"""Every admin route says which scope it needs, and holds to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from msgspec import json

from asgi import ask
from headgate.core.issued import Known
from headgate.core.report import REQUEST_FILTERS
from headgate.core.scope import Admin, Scope
from headgate.providers.openai import OpenAISurface
from headgate.server import cold
from headgate.server.admin import SCOPE
from virtual import run


class Door:
    """Knows one admin key for each scope, by its name."""

    def admit(self, headers: Mapping[bytes, bytes]) -> Admin | None:
        name = headers.get(b"authorization", b"").removeprefix(b"Bearer ").decode().upper()
        return Admin(name, Scope[name]) if name in Scope.__members__ else None


def app() -> FastAPI:
    front = SimpleNamespace(admin=Door(), config=dict, known=Known(), body_patience_s=1.0)
    house: Any = SimpleNamespace(
        front=front, store=None, teller=None, wall=lambda: 0.0, denied=lambda error, asked: None
    )
    return cold.create(house, OpenAISurface(lambda: 0.0, lambda: "id"))


def routes() -> list[APIRoute]:
    return [one for one in app().routes if isinstance(one, APIRoute) and one.path.startswith("/admin")]


def status(route: APIRoute, key: str) -> int:
    path = route.path.replace("{", "").replace("}", "")
    method = min(route.methods or ())
    found: int = run(ask(app(), path, method=method, key=key)).status
    return found


def test_there_are_some() -> None:
    assert len(routes()) >= 3


@pytest.mark.parametrize("route", routes(), ids=lambda route: f"{min(route.methods)} {route.path}")
def test_a_route_without_a_scope_fails_the_build(route: APIRoute) -> None:
    declared = (route.openapi_extra or {}).get(SCOPE)
    assert declared in {"read", "operate", "own"}, f"{route.path} declares no scope"
    wanted = Scope[declared.upper()]
    assert status(route, "") == 401
    assert status(route, "a caller's") == 401
    for scope in Scope:
        allowed = status(route, scope.name) not in (401, 403)
        assert allowed == (scope >= wanted), scope


def test_what_is_described_is_what_is_answered() -> None:
    described = app().openapi()
    assert not {"HTTPValidationError", "ValidationError"} & {*described["components"]["schemas"]}
    for path, operations in described["paths"].items():
        for operation in operations.values():
            answers = {*operation["responses"]}
            assert "422" not in answers, path
            assert "401" in answers or operation["security"] == [], path
            if path.startswith("/admin"):
                assert {"200", "400", "401", "403", "503"} <= answers, path
    named = {one["name"] for one in described["paths"]["/admin/v1/requests"]["get"]["parameters"]}
    assert named == {"after", "limit", *REQUEST_FILTERS}


def test_every_reference_leads_somewhere() -> None:
    text = json.encode(app().openapi()).decode()
    known = app().openapi()["components"]["schemas"]
    assert {*re.findall(r'"#/components/schemas/([^"]+)"', text)} <= {*known}
    assert not [line for line in re.findall(r'"#/[^"]+"', text) if "components/schemas" not in line]
