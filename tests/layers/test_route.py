"""Route: a name becomes a chain of pools."""

from __future__ import annotations

import pytest

from headgate.core.call import Caller
from headgate.core.errors import Forbidden, UnknownModel
from headgate.core.routes import Routes
from headgate.pipeline.route import Route
from scripted import Scripted, asked, drain
from virtual import run

ROUTES = Routes(routes={"auto": ("a", "b")}, models={"a": ("p", "x"), "b": ("p", "y")})


def test_the_chain_is_put_into_the_call_and_nothing_else_changes() -> None:
    async def story() -> None:
        up, call = Scripted(), asked("auto")
        await drain(Route(up, routes=ROUTES), call)
        assert up.seen[0].chain == ("a", "b")
        assert up.seen[0].payload is call.payload
        assert call.chain == ()

    run(story())


def test_a_key_gets_only_the_models_it_may_use() -> None:
    async def story() -> None:
        up = Scripted()
        bob = Caller(key="bob", tenant="t", models=frozenset({"b"}))
        await drain(Route(up, routes=ROUTES), asked("auto", caller=bob))
        assert up.seen[0].chain == ("b",)
        with pytest.raises(Forbidden):
            await drain(Route(up, routes=ROUTES), asked("a", caller=bob))
        assert up.calls == 1

    run(story())


def test_an_unknown_name_reaches_nobody() -> None:
    async def story() -> None:
        up = Scripted()
        with pytest.raises(UnknownModel):
            await drain(Route(up, routes=ROUTES), asked("nope"))
        assert up.calls == 0

    run(story())
