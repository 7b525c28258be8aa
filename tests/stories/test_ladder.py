"""Ten minutes without any provider: everybody gets something, or a clear error, in time."""

from __future__ import annotations

import asyncio
from collections import Counter
from copy import deepcopy
from typing import Any

import pytest

from asgi import CHAT, KEY, Heard, ask, gateway
from headgate.providers.simulated import Scheduled
from virtual import clock, run

OUTAGE_S = 600.0
DEADLINE_S = 20.0
QUICK = {"dialect": "simulated", "simulated": {"latency_s": 0.1, "tokens_per_s": 100}}
TIMEOUTS = {"connect_s": 1, "first_byte_s": 3, "idle_s": 3, "total_s": 15}
HOURS = {"match": "is {what} open", "answer": "{what}: nine to five.", "when": "outage"}
HOUSE: dict[str, Any] = {
    "keys": [{"name": "me", "key": KEY}],
    "providers": {"north": {**QUICK, "timeouts": TIMEOUTS}, "south": {**QUICK, "timeouts": TIMEOUTS}},
    "models": {"a": {"provider": "north"}, "b": {"provider": "south"}},
    "routes": {
        "auto": {"use": ["a", "b"]},
        "strict": {"use": ["a", "b"], "degrade": {"stale": False, "template": False, "after_s": 10}},
    },
    "cache": {
        "exact": {"ttl_s": 60},
        "template": {
            "templates": [{"match": "is {what} open", "answer": "{what}: nine to five.", "when": "outage"}]
        },
    },
    "degrade": {"after_s": 10},
    "server": {"deadline_s": DEADLINE_S},
}


def body(text: str, model: str = "auto", *, stream: bool = False) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream}


def detail(heard: Heard) -> str:
    """What came: the detail of the answer, or the error's code."""
    if heard.status != 200:
        return f"{heard.status} {heard.document['error']['code']}"
    said = heard.headers["cache-status"]
    return said.partition("detail=")[2].partition(";")[0] or said.partition("fwd=")[2]


@pytest.mark.parametrize("fault", ["status:503", "refuse", "hang"])
def test_ten_minutes_without_any_provider(fault: str) -> None:
    async def story() -> None:
        served = gateway(**deepcopy(HOUSE))
        app = served.endpoints()[CHAT]
        known = [body("What is a bridge?"), body("What is a dam?", stream=True)]
        for one in known:
            assert detail(await ask(app, CHAT, one)) == "miss"
        await clock().sleep(120.0)
        for simulation in served.simulations().values():
            simulation.schedule([Scheduled(fault=fault, to_s=OUTAGE_S)])
        told: Counter[tuple[str, str]] = Counter()
        asked = [
            *((one, "stale") for one in known),
            (body("What is a bridge?", stream=True), "stale"),
            (body("What is a dam?"), "stale"),
            (body("Is the shop open?"), "template"),
            (body("Is the shop open?", stream=True), "template"),
            (body("Something else"), "error"),
            (body("What is a bridge?", "strict"), "error"),
        ]

        async def visit(number: int) -> None:
            await clock().sleep(number)
            asks, expected = asked[number % len(asked)]
            began = clock().now()
            heard = await ask(app, CHAT, asks)
            assert clock().now() - began <= DEADLINE_S
            assert heard.complete
            found = detail(heard)
            told[expected, found] += 1
            if heard.status != 200:
                assert int(heard.headers.get("retry-after", "1")) >= 1
                assert expected == "error"
                return
            assert found == expected
            assert f'"degraded":"{expected}"' in heard.headers["x-routing-metadata"]
            assert int(heard.headers["age"]) >= (120 if expected == "stale" else 0)

        await asyncio.gather(*(visit(number) for number in range(int(OUTAGE_S) - 30)))
        errors = {found: count for (expected, found), count in told.items() if expected == "error"}
        assert set(errors) <= {"503 no_upstream_ready", "502 None", "503 no_answer_in_time"}, errors
        assert errors.get("502 None", 0) <= 40, "only until the breakers are open, and when one is tried"
        await clock().sleep(120.0)
        assert detail(await ask(app, CHAT, body("Something else"))) == "miss", "all is well again"

    run(story())
