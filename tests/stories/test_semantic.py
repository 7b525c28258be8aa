"""Semantic: the same in other words is answered from here, anything else is not, and promises are held."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from asgi import CHAT, KEY, Heard, ask, gateway
from headgate.assemble import Gateway, Machine
from headgate.assemble.stores import Stores
from headgate.cli.cache import _told
from headgate.config.validate import settings
from virtual import clock, run

ON: dict[str, Any] = {"semantic": {}}
TOOLS = [{"type": "function", "function": {"name": "boil"}}]
SHOWN = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]
ONE, OTHER = (
    "How do I boil an egg for 5 minutes?",
    "could you please tell me how to boil an egg for five minutes",
)


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


def words(body: bytes) -> str:
    return "".join(re.findall(r'"content":"([^"]*)"', body.decode()))


def counted(served: Gateway) -> list[tuple[tuple[str, ...], float]]:
    return list(served.tally.snapshot().counters)


async def both(served: Gateway, one: dict[str, Any], other: dict[str, Any], key: str = KEY) -> Heard:
    """How the second is answered."""
    app = served.endpoints()[CHAT]
    await ask(app, CHAT, one)
    return await ask(app, CHAT, other, key=key)


@pytest.mark.parametrize("then", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_other_words_get_the_same_answer_and_say_so(stream: bool, then: bool) -> None:
    async def story() -> None:
        served = gateway(cache=ON)
        app = served.endpoints()[CHAT]
        first = await ask(app, CHAT, asked(ONE, stream=stream))
        second = await ask(app, CHAT, asked(OTHER, stream=then))
        assert second.body.startswith(b"data:") == then
        assert words(second.body) == words(first.body)
        assert second.headers["cache-status"].endswith("; ttl=1800")
        assert second.headers["x-cache"] == "HIT"
        assert second.headers["cache-status"].startswith("headgate; hit; detail=semantic")
        metadata = json.loads(second.headers["x-routing-metadata"])
        assert (metadata["cache"], metadata["attempts"], metadata["cache_confidence"]) == (
            "semantic",
            0,
            0.99,
        )
        assert first.headers["x-cache"] == "MISS"

    run(story())


@pytest.mark.parametrize(
    "other",
    [
        asked("How do I boil an egg for 15 minutes?"),
        asked("How do I not boil an egg for 5 minutes?"),
        asked(OTHER, temperature=1.5),
        {"model": "m", "messages": [{"role": "user", "content": OTHER, "name": "ann"}]},
        {"model": "m", "messages": [{"role": "user", "content": OTHER, "unknown": True}]},
        asked(OTHER, unknown=True),
        asked(OTHER, seed=7),
        asked(OTHER, tools=TOOLS),
        {"model": "m", "messages": [{"role": "user", "content": [*SHOWN, {"type": "text", "text": OTHER}]}]},
        {"model": "m", "messages": [{"role": "system", "content": "Be rude."}, *asked(OTHER)["messages"]]},
        {"model": "m", "messages": [{"role": "user", "content": "Hi"}, *asked(OTHER)["messages"]]},
        {"model": "m", "messages": [{"role": "user", "content": "Hi"}] * 5 + asked(OTHER)["messages"]},
    ],
    ids=[
        "number",
        "negation",
        "temperature",
        "name",
        "member",
        "parameter",
        "seed",
        "tools",
        "image",
        "system",
        "earlier",
        "long",
    ],
)
def test_anything_else_is_asked(other: dict[str, Any]) -> None:
    async def story() -> None:
        assert (await both(gateway(cache=ON), asked(ONE), other)).headers["x-cache"] == "MISS"

    run(story())


@pytest.mark.parametrize(("betas", "told"), [("one-2025", "HIT"), ("two-2025", "MISS")])
def test_what_a_header_asks_for_is_asked_too(betas: str, told: str) -> None:
    async def story() -> None:
        served = gateway(cache=ON)
        app = served.endpoints()["/v1/messages"]
        heard = [
            await ask(app, "/v1/messages", asked(text, max_tokens=9), headers=[("anthropic-beta", header)])
            for text, header in ((ONE, "one-2025"), (OTHER, betas))
        ]
        assert [one.headers["x-cache"] for one in heard] == ["MISS", told]

    run(story())


SEEN: list[dict[str, Any]] = [{"role": "user", "content": SHOWN}, {"role": "assistant", "content": "An egg."}]
LONG: list[dict[str, Any]] = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello."},
] * 4
UNUSUAL: dict[str, tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]] = {
    "tools": ({"tools": True}, [], {"tools": TOOLS}),
    "images": ({"images": True}, SEEN, {}),
    "temperature": ({"max_temperature": 1.5}, [], {"temperature": 1.5}),
    "turns": ({"max_turns": 5}, LONG, {}),
}


@pytest.mark.parametrize(("on", "before", "more"), UNUSUAL.values(), ids=UNUSUAL)
def test_what_is_off_by_default_can_be_switched_on(
    on: dict[str, Any], before: list[dict[str, Any]], more: dict[str, Any]
) -> None:
    def said(text: str) -> dict[str, Any]:
        return {"model": "m", "messages": [*before, {"role": "user", "content": text}], **more}

    async def story() -> None:
        assert (await both(gateway(cache=ON), said(ONE), said(OTHER))).headers["x-cache"] == "MISS"
        heard = await both(gateway(cache={"semantic": on}), said(ONE), said(OTHER))
        assert "detail=semantic" in heard.headers["cache-status"]

    run(story())


def test_nobody_is_told_another_tenant_s_answer() -> None:
    keys = [{"name": "a", "key": KEY, "tenant": "one"}, {"name": "c", "key": "key-of-c", "tenant": "two"}]

    async def story() -> None:
        heard = await both(gateway(cache=ON, keys=keys), asked(ONE), asked(OTHER), key="key-of-c")
        assert heard.headers["x-cache"] == "MISS"
        shared = gateway(cache={**ON, "scope": "shared"}, keys=keys)
        assert (await both(shared, asked(ONE), asked(OTHER), key="key-of-c")).headers["x-cache"] == "HIT"

    run(story())


@pytest.mark.parametrize("cache", [{}, {"semantic": {"ttl_s": 0}}, {**ON, "exact": {"ttl_s": 0}}])
def test_off_is_off(cache: dict[str, Any]) -> None:
    async def story() -> None:
        assert (await both(gateway(cache=cache), asked(ONE), asked(OTHER))).headers["x-cache"] != "HIT"

    run(story())


def test_what_is_not_installed_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The store of questions and the layer both want the embedder."""

    async def story() -> None:
        semantic = {"store": "file", "file": str(tmp_path / "questions.db"), "embedder": "nowhere"}
        raw = {
            "keys": [{"name": "me", "key": KEY}],
            "providers": {"p": {"dialect": "simulated"}},
            "models": {"m": {"provider": "p"}},
            "cache": {"store": "file", "file": str(tmp_path / "answers.db"), "semantic": semantic},
        }
        configured = settings(raw, environ={})
        stores = Stores(configured, clock(), None, None)
        machine = Machine(
            clock=clock(),
            chance=Random(1),
            pepper=b"x" * 16,
            answers=stores.answers,
            questions=stores.questions,
        )
        served = Gateway(configured, machine)
        served.reload(configured)

    run(story())
    assert len([one for one in caplog.records if "cache.semantic is off" in one.getMessage()]) == 1


def test_a_question_is_forgotten_after_its_time() -> None:
    async def story() -> None:
        served = gateway(cache=ON)
        app = served.endpoints()[CHAT]
        await ask(app, CHAT, asked(ONE))
        await clock().sleep(1799.0)
        assert (await ask(app, CHAT, asked(OTHER))).headers["x-cache"] == "HIT"
        await clock().sleep(2.0)
        late = await ask(app, CHAT, asked("Tell me how to boil an egg for 5 minutes"))
        assert late.headers["x-cache"] == "MISS"

    run(story())


def test_with_a_promise_hits_are_checked_behind_the_caller_s_back() -> None:
    async def story() -> None:
        served = gateway(cache={"semantic": {"max_false_hit_rate": 0.5}})
        app = served.endpoints()[CHAT]
        await ask(app, CHAT, asked(ONE))
        spellings = [f"{'please ' * (count % 9)}{OTHER}{'?' * (count // 9)}" for count in range(60)]
        heard = [await ask(app, CHAT, asked(text)) for text in spellings]
        await clock().sleep(60.0)
        hits = sum(one.headers["cache-status"].startswith("headgate; hit; detail=semantic") for one in heard)
        copies = sum(count for key, count in counted(served) if key[0] == "mirror_requests_total")
        assert hits >= 50
        assert 0 < copies < hits / 2
        page = served.house.metrics()[0].decode()
        [share] = re.findall(r'headgate_cache_wrong_ratio\{route=""\} (\S+)', page)
        assert 0.0 < float(share) <= 1.0
        found = _told(page, None)
        assert found["wrong_ratio"] == {"": round(float(share), 6)}
        assert found["tenants"]["me"]["wrong_ratio"] == round(float(share), 6)

    run(story())


def test_a_promise_is_held_for_each_tenant_of_a_route_unless_they_share_answers() -> None:
    keys = [{"name": "a", "key": KEY, "tenant": "one"}, {"name": "c", "key": "key-of-c", "tenant": "two"}]
    routes = {"help": {"use": ["m"], "max_false_hit_rate": 0.5}}

    async def told(scope: str) -> Any:
        served = gateway(cache={**ON, "scope": scope}, keys=keys, routes=routes)
        app = served.endpoints()[CHAT]
        for key, count in ((KEY, 30), ("key-of-c", 3)):
            for number in range(count):
                await ask(app, CHAT, asked(f"{'please ' * number}{ONE}") | {"model": "help"}, key=key)
        await clock().sleep(60.0)
        return _told(served.house.metrics()[0].decode(), None)

    async def story() -> None:
        apart = await told("tenant")
        assert apart["wrong_ratio"].keys() == {"help"}
        assert {tenant for tenant, row in apart["tenants"].items() if "wrong_ratio" in row} == {"one", "two"}
        shared = await told("shared")
        assert shared["wrong_ratio"].keys() == {"help"}
        assert not any("wrong_ratio" in row for row in shared["tenants"].values())

    run(story())
