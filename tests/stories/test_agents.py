"""The assembled stack: who asks for whichever agent fits is under the limits of the route behind that one."""

from __future__ import annotations

from typing import Any

import pytest

from asgi import CHAT, HI, KEY, ask, gateway
from virtual import clock, run

CODE = "Write a Python function that parses a CSV file and returns a list of dictionaries."
TALK = "What should I see in Lisbon on a rainy day?"
HOUSE: dict[str, Any] = {
    "keys": [{"name": "me", "key": KEY, "rpm": 50}],
    "providers": {"p": {"dialect": "simulated", "simulated": {"latency_s": 0.1, "tokens_per_s": 1000}}},
    "models": {"m": {"provider": "p"}},
    "routes": {"dear": {"use": ["m"], "rpm": 2}, "plain": {"use": ["m"]}},
    "agents": {
        "coder": {"description": "Writes programs", "skills": {"code": 0.9}, "route": "dear"},
        "guide": {"description": "Talks", "route": "plain", "default": True},
    },
    "cache": {"exact": {"ttl_s": 0}},
    "coalesce": {"window_s": 0},
}


def test_a_key_that_is_called_as_a_tenant_has_limits_of_its_own() -> None:
    async def story() -> None:
        keys = [
            {"name": "tenant/acme", "key": KEY, "rpm": 1},
            {"name": "a", "key": KEY + "2", "tenant": "acme"},
        ]
        house = HOUSE | {"keys": keys, "tenants": {"acme": {"rpm": 5}}}
        app = gateway(**house).endpoints()[CHAT]
        left = [await ask(app, CHAT, {"model": "m", "messages": HI}, key=KEY + "2") for _ in range(6)]
        assert [one.status for one in left] == [200] * 5 + [429]
        own = [await ask(app, CHAT, {"model": "m", "messages": HI}) for _ in range(2)]
        assert [one.status for one in own] == [200, 429]

    run(story())


@pytest.mark.parametrize("first", ["agent:coder", "agent:auto", "dear"])
def test_whichever_way_a_route_is_asked_for_its_limit_is_one(first: str) -> None:
    async def story() -> None:
        app = gateway(**HOUSE).endpoints()[CHAT]

        async def said(model: str, text: str) -> Any:
            return await ask(app, CHAT, {"model": model, "messages": [{"role": "user", "content": text}]})

        assert (await said(first, CODE)).status == 200
        assert (await said("agent:auto", CODE)).status == 200
        refused = await said("agent:auto", CODE)
        assert (refused.status, refused.document["error"]["code"]) == (429, "rate_limit_exceeded")
        assert 50 < float(refused.headers["retry-after"]) <= 61
        assert (await said("agent:coder", CODE)).status == 429
        talk = await said("agent:auto", TALK)
        assert (talk.status, talk.headers["x-ratelimit-limit-requests"]) == (200, "50")
        assert talk.headers["x-ratelimit-remaining-requests"] == "47", "what was refused does not count"
        await clock().sleep(61.0)
        assert (await said("agent:auto", CODE)).status == 200

    run(story())
