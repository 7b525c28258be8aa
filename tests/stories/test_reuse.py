"""The assembled stack: a question asked again, at the same time, and by somebody else."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgi import CHAT, KEY, Heard, ask, gateway
from headgate.assemble import Gateway
from headgate.config.tree import Model
from headgate.providers.simulated import Scheduled
from virtual import clock, run

HI = [{"role": "user", "content": "Tell me about bridges"}]
ASKED: dict[str, dict[str, Any]] = {
    CHAT: {"model": "m", "messages": HI, "max_tokens": 50},
    "/v1/completions": {"model": "m", "prompt": "Bridges"},
    "/v1/embeddings": {"model": "m", "input": "Bridges"},
    "/v1/messages": {"model": "m", "messages": HI, "max_tokens": 50},
}
TOOL = {
    "type": "function",
    "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}},
}
DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
SEEN = [{"type": "text", "text": "what is this"}, {"type": "image_url", "image_url": {"url": DOT}}]
CALLED = {"model": "m", "messages": [{"role": "user", "content": "look_up bridges"}], "tools": [TOOL]}
RICH = [
    (CHAT, {**body, "stream": stream})
    for body in (CALLED, {"model": "m", "messages": [{"role": "user", "content": SEEN}]})
    for stream in (False, True)
]
"""Tools that are called, and images that are asked about."""
STREAMED = [(path, {**ASKED[path], "stream": True}) for path in (CHAT, "/v1/messages")]
PRICED = {"models": {"m": {"provider": "p", "price": {"input": 1.0, "output": 10.0}}}}
TWO_TENANTS = {
    "keys": [
        {"name": "a", "key": KEY, "tenant": "one"},
        {"name": "b", "key": "key-of-b", "tenant": "one"},
        {"name": "c", "key": "key-of-c", "tenant": "two"},
    ]
}


def decided(heard: Heard) -> Any:
    return json.loads(heard.headers["x-routing-metadata"])


def without_metadata(heard: Heard) -> list[Any]:
    """The answer's documents, or its events, without what differs from one telling to the next."""
    lines = heard.body.decode().split("\n")
    texts = [line.removeprefix("data: ") for line in lines if line.startswith(("data: {", "{"))]
    found = [json.loads(text) for text in texts]
    for document in found:
        document.pop("x-routing-metadata", None)
    return found


def counted(served: Gateway, name: str) -> float:
    return sum(count for key, count in served.tally.snapshot().counters if key[0] == name)


@pytest.mark.parametrize(("path", "body"), [*ASKED.items(), *STREAMED, *RICH])
def test_the_same_question_is_answered_from_here_in_every_dialect(path: str, body: dict[str, Any]) -> None:
    async def story() -> None:
        served = gateway(**PRICED)
        app = served.endpoints()[path]
        first = await ask(app, path, body)
        await clock().sleep(60.0)
        began = clock().now()
        second = await ask(app, path, dict(reversed(body.items())))
        assert clock().now() == began
        assert without_metadata(second) == without_metadata(first)
        assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
        assert second.headers["cache-status"] == "headgate; hit; detail=exact; ttl=3540"
        assert second.headers["age"] == "60"
        found = decided(second)
        assert (found["cache"], found["attempts"], found["fallback_used"]) == ("exact", 0, False)
        assert b'"cache":"exact"' in second.body
        assert b'"cost_usd":0.000000000' in second.body
        assert counted(served, "model_requests_total") == 1
        assert counted(served, "saved_usd_total") == pytest.approx(counted(served, "cost_usd_total")) != 0

    run(story())


@pytest.mark.parametrize(("path", "body"), [*ASKED.items(), *STREAMED])
def test_a_hundred_at_once_are_one_upstream_call(path: str, body: dict[str, Any]) -> None:
    async def story() -> None:
        served = gateway(cache={"exact": {"ttl_s": 0}})
        app = served.endpoints()[path]
        heard = await asyncio.gather(*(ask(app, path, body) for _ in range(100)))
        assert {one.status for one in heard} == {200}
        assert all(one.complete for one in heard)
        assert all(without_metadata(one) == without_metadata(heard[0]) for one in heard)
        details = [one.headers["cache-status"] for one in heard]
        assert details.count("headgate; hit; detail=coalesced") == 99
        assert counted(served, "model_requests_total") == 1
        assert counted(served, "coalesced_total") == 99
        assert counted(served, "requests_total") == 100

    run(story())


@pytest.mark.parametrize("stream", [True, False])
def test_where_the_leader_s_call_fails_one_retry_serves_all_the_others(stream: bool) -> None:
    async def story() -> None:
        patient = {"dialect": "simulated", "timeouts": {"first_byte_s": 3}, "simulated": {"latency_s": 0.1}}
        served = gateway(retry={"attempts": 1}, providers={"p": patient})
        simulation = served.simulations()["p"]
        simulation.schedule([Scheduled(fault="hang", to_s=1)])
        app = served.endpoints()[CHAT]
        body = {**ASKED[CHAT], "stream": stream}
        leader, *others = await asyncio.gather(*(ask(app, CHAT, body) for _ in range(10)))
        assert leader.status == 502, "whose call it was has had his attempts"
        assert [one.status for one in others] == [200] * 9
        assert [decided(one)["cache"] for one in others] == ["miss", *["coalesced"] * 8]
        assert counted(served, "model_requests_total") == 1

    run(story())


def test_what_a_model_was_asked_with_tools_is_kept_with_its_calls() -> None:
    async def story() -> None:
        app = gateway(**PRICED).endpoints()[CHAT]
        first, second = [await ask(app, CHAT, CALLED) for _ in range(2)]
        assert second.headers["x-cache"] == "HIT"
        calls = [one.document["choices"][0]["message"]["tool_calls"] for one in (first, second)]
        assert calls[0] == calls[1] != []
        other = {**CALLED, "tools": [{"type": "function", "function": {"name": "look_it_up"}}]}
        assert (await ask(app, CHAT, other)).headers["x-cache"] == "MISS", "other tools are another question"

    run(story())


def test_tenants_do_not_share_unless_the_operator_says_so() -> None:
    async def story() -> None:
        for scope, expected in (("tenant", ["MISS", "HIT", "MISS"]), ("shared", ["MISS", "HIT", "HIT"])):
            app = gateway(cache={"scope": scope}, **TWO_TENANTS).endpoints()[CHAT]
            found = []
            for key in (KEY, "key-of-b", "key-of-c"):
                heard = await ask(app, CHAT, ASKED[CHAT], key=key)
                found.append(heard.headers["x-cache"])
            assert found == expected

    run(story())


def test_a_caller_has_a_say() -> None:
    async def story() -> None:
        app = gateway().endpoints()[CHAT]

        async def with_(directive: str) -> Heard:
            return await ask(app, CHAT, ASKED[CHAT], headers=[("cache-control", directive)])

        nothing = await with_("only-if-cached")
        assert nothing.status == 504
        assert nothing.document["error"]["code"] == "not_cached"
        assert (await with_("no-store")).headers["x-cache"] == "BYPASS"
        assert (await with_("max-age=0")).headers["x-cache"] == "MISS"
        assert (await with_("only-if-cached, max-age=9")).headers["x-cache"] == "HIT"
        assert (await with_("No-Cache")).headers["x-cache"] == "MISS"
        assert (await with_("max-age=nonsense")).headers["x-cache"] == "HIT"

    run(story())


def test_a_reload_keeps_what_is_kept_and_heeds_what_is_switched_off() -> None:
    async def story() -> None:
        served = gateway()
        app = served.endpoints()[CHAT]
        await ask(app, CHAT, ASKED[CHAT])
        before = served._generation.settings
        served.reload(before)
        assert (await ask(app, CHAT, ASKED[CHAT])).headers["x-cache"] == "HIT"
        off = before.model_copy(
            update={
                "cache": before.cache.model_copy(
                    update={"exact": before.cache.exact.model_copy(update={"ttl_s": 0.0})}
                ),
                "coalesce": before.coalesce.model_copy(update={"window_s": 0.0}),
            }
        )
        served.reload(off)
        assert (await ask(app, CHAT, ASKED[CHAT])).headers["x-cache"] == "BYPASS"

    run(story())


@pytest.mark.parametrize(
    "change", [{"name": "another"}, {"provider": "q"}, {"prompt": {"system": "Be brief."}}], ids=repr
)
def test_who_serves_no_more_is_not_told_any_more(change: dict[str, Any]) -> None:
    async def story() -> None:
        quick = {"dialect": "simulated", "simulated": {"latency_s": 0.1}}
        model = {"provider": "p", "name": "one"}
        served = gateway(providers={"p": quick, "q": quick}, models={"m": model, "other": {"provider": "p"}})
        app = served.endpoints()[CHAT]
        asked = [{**ASKED[CHAT], "model": name} for name in ("m", "other")]
        for body in asked:
            await ask(app, CHAT, body)
        before = served._generation.settings
        changed = Model.model_validate({**model, **change})
        served.reload(before.model_copy(update={"models": {**before.models, "m": changed}}))
        found = [(await ask(app, CHAT, body)).headers["x-cache"] for body in asked]
        assert found == ["MISS", "HIT"]

    run(story())


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_is_too_long_is_not_kept(stream: bool) -> None:
    async def story() -> None:
        app = gateway(cache={"exact": {"max_answer_bytes": 100}}).endpoints()[CHAT]
        for _ in range(2):
            heard = await ask(app, CHAT, {**ASKED[CHAT], "stream": stream})
            assert (heard.complete, heard.headers["x-cache"]) == (True, "MISS")

    run(story())


def test_an_error_is_never_kept() -> None:
    async def story() -> None:
        app = gateway(retry={"attempts": 1}).endpoints()[CHAT]
        for _ in range(2):
            heard = await ask(app, CHAT, {**ASKED[CHAT], "model": "down"})
            assert heard.status == 502
            cut = await ask(app, CHAT, {**ASKED[CHAT], "model": "cut", "stream": True})
            assert b"upstream_interrupted" in cut.body

    run(story())


BODIES = st.fixed_dictionaries(
    {"model": st.sampled_from(["m", "auto"]), "messages": st.just(HI)},
    optional={
        "temperature": st.sampled_from([0, 1]),
        "max_tokens": st.sampled_from([5, 6]),
        "stream": st.booleans(),
        "user": st.sampled_from(["x", "y"]),
        "stop": st.sampled_from(["a", ["a"]]),
    },
)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([KEY, "key-of-b", "key-of-c"]), BODIES), max_size=8))
def test_a_hit_is_always_the_same_question_by_the_same_tenant(
    asked: list[tuple[str, dict[str, Any]]],
) -> None:
    async def story() -> None:
        app = gateway(**TWO_TENANTS).endpoints()[CHAT]
        seen: set[str] = set()
        for key, body in asked:
            tenant = "two" if key == "key-of-c" else "one"
            same = json.dumps([tenant, {**body, "user": None, "stream": None}], sort_keys=True)
            heard = await ask(app, CHAT, body, key=key)
            assert heard.headers["x-cache"] == ("HIT" if same in seen else "MISS")
            seen.add(same)

    run(story())
