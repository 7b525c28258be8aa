"""The assembled stack in an outage, and callers who take their answers later: each gets one, once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from asgi import CHAT, KEY, Heard, ask
from headgate.adapters.memory.jobs import MemoryJobs
from headgate.core.call import Outcome
from jobbing import HOUSE, LATER, OTHER, SHY, House, body, house
from virtual import clock, run


def test_who_takes_it_later_is_told_of_a_job_and_finds_its_answer_there() -> None:
    async def story() -> None:
        async with house() as here:
            here.befalls("status:503", for_s=120.0)
            heard = await here.ask(headers=[*LATER, ("x-headgate-tags", "night"), ("x-request-id", "mine")])
            told = heard.document
            assert heard.status == 202
            assert heard.headers["preference-applied"] == "respond-async"
            assert heard.headers["location"] == f"/v1/jobs/{told['id']}"
            assert int(heard.headers["retry-after"]) >= 1
            assert json.loads(heard.headers["x-routing-metadata"])["degraded"] == "job"
            assert (told["status"], told["response"], told["durable"]) == ("queued", None, False)
            assert told["request_id"] == "mine"
            found = await here.until_over(told["id"])
            assert clock().now() >= 120.0
            assert (found["status"], found["error"]) == ("succeeded", None)
            assert found["response"]["choices"][0]["message"]["content"]
            assert found["response"]["x-routing-metadata"]["model_id"] == "a"
            first, *failed, last = here.notes.records
            assert (first.outcome, first.request_id, first.tags) == (Outcome.DEFERRED, "mine", ("night",))
            assert {record.outcome for record in failed} <= {Outcome.FAILED, Outcome.REFUSED}
            assert (last.outcome, last.tags, last.key) == (Outcome.FINISHED, ("night", "job"), "me")
            assert last.request_id.startswith(told["id"])
            assert last.usage is not None
            assert last.usage.output > 0
            metrics = here.served.tally.counters
            assert metrics["degraded_total", "job"] == 1

    run(story())


@pytest.mark.parametrize(
    ("path", "asks"),
    [
        (CHAT, body(stream=True, stream_options={"include_usage": True})),
        ("/v1/completions", {"model": "auto", "prompt": "Once", "stream": True}),
        ("/v1/embeddings", {"model": "a", "input": ["one", "two"]}),
        ("/v1/messages", body(max_tokens=50, stream=True)),
    ],
)
def test_every_surface_has_it_and_the_answer_is_whole(path: str, asks: dict[str, Any]) -> None:
    async def story() -> None:
        async with house() as here:
            here.befalls("refuse", for_s=60.0)
            heard = await here.ask(asks, path=path)
            assert heard.status == 202, heard.body
            found = await here.until_over(heard.document["id"])
            asks_now = {name: value for name, value in asks.items() if not name.startswith("stream")}
            now = (await here.ask(asks_now, path=path)).document
            assert found["status"] == "succeeded"
            assert found["response"].keys() == now.keys()

    run(story())


def test_on_a_good_day_it_is_answered_at_once() -> None:
    async def story() -> None:
        async with house() as here:
            heard = await here.ask()
            assert heard.status == 200
            assert "preference-applied" not in heard.headers
            streamed = await here.ask(body(stream=True))
            assert (streamed.status, streamed.complete) == (200, True)
            assert here.store._jobs == {}

    run(story())


@pytest.mark.parametrize("where", ["off", "headers", "body", "both"])
def test_what_was_decided_is_told_where_it_is_wanted(where: str) -> None:
    async def story() -> None:
        async with house(works=False, server={"metadata": where}) as here:
            here.befalls("refuse")
            heard = await here.ask()
            assert heard.status == 202
            assert ("x-routing-metadata" in heard.headers) == (where in ("headers", "both"))
            assert ("x-routing-metadata" in heard.document) == (where in ("body", "both"))

    run(story())


def test_who_would_not_wait_longer_has_a_job_instead() -> None:
    async def story() -> None:
        async with house() as here:
            here.befalls("hang", for_s=10.0)
            began = clock().now()
            heard = await here.ask(headers=[("prefer", "respond-async, wait=2")])
            assert heard.status == 202
            assert 2.0 <= clock().now() - began < 2.2
            assert (await here.until_over(heard.document["id"]))["status"] == "succeeded"

    run(story())


@pytest.mark.parametrize("key", ["", "now", SHY, "no-store"])
def test_who_does_not_say_so_or_may_not_gets_the_error(key: str) -> None:
    """By the route, the key's privacy or the request itself; and who says nothing."""

    async def story() -> None:
        async with house() as here:
            here.befalls("status:503")
            headers = {"": [], "no-store": [*LATER, ("cache-control", "no-store")]}.get(key, LATER)
            shown = SHY if key == SHY else KEY
            heard = await here.ask(body(model="now" if key == "now" else "auto"), headers=headers, key=shown)
            assert heard.status == 502
            assert here.store._jobs == {}

    run(story())


def test_a_job_is_its_key_s_alone() -> None:
    async def story() -> None:
        async with house(works=False) as here:
            here.befalls("status:503")
            mine = (await here.ask()).document["id"]
            assert (await here.job(mine)).status == 200
            for key, method in ((OTHER, "GET"), (OTHER, "DELETE"), (SHY, "GET")):
                found = await here.job(mine, key=key, method=method)
                assert (found.status, found.document["error"]["code"]) == (404, "not_found")
            assert (await here.job("job_0")).status == 404
            assert (await here.job(mine, key="")).status == 401
            listed = [await ask(here.cold, "/v1/jobs", method="GET", key=key) for key in (KEY, OTHER)]
            assert [len(one.document["data"]) for one in listed] == [1, 0]
            assert "response" not in listed[0].document["data"][0]

    run(story())


def test_a_job_that_is_cancelled_is_not_run() -> None:
    async def story() -> None:
        async with house() as here:
            here.befalls("status:503", for_s=60.0)
            id_ = (await here.ask()).document["id"]
            assert (await here.job(id_, method="DELETE")).document["status"] == "cancelled"
            await clock().sleep(600.0)
            assert (await here.job(id_)).document["status"] == "cancelled"
            assert Outcome.FINISHED not in here.outcomes()
            assert (await here.job(id_, method="DELETE")).document["deleted"]
            assert (await here.job(id_)).status == 404

    run(story())


def test_a_run_that_is_cancelled_ends() -> None:
    async def story() -> None:
        async with house() as here:
            here.befalls("status:503", for_s=1.0)
            id_ = (await here.ask()).document["id"]
            here.befalls("slow:1")
            while (await here.job(id_)).document["status"] != "running":
                await clock().sleep(0.2)
            await here.job(id_, method="DELETE")
            await clock().sleep(15.0)
            assert here.worker._runs == {}
            assert here.outcomes()[-1] == Outcome.CANCELLED

    run(story())


def test_so_many_attempts_and_then_the_error() -> None:
    async def story() -> None:
        async with house(
            jobs={"attempts": 3, "backoff_s": 1, "max_backoff_s": 2}, breaker={"failures": 99}
        ) as here:
            here.befalls("status:503")
            found = await here.until_over((await here.ask()).document["id"])
            assert (found["status"], found["attempts"], found["response"]) == ("failed", 3, None)
            assert found["error"]["type"] == "upstream_error"
            assert here.outcomes() == ["deferred", "failed", "failed", "failed"]

    run(story())


def test_while_breakers_are_open_no_attempt_is_lost() -> None:
    async def story() -> None:
        async with house(jobs={"attempts": 3, "backoff_s": 1, "max_backoff_s": 5}) as here:
            here.befalls("refuse", for_s=115.0)
            ids = [(await here.ask(body(str(number)))).document["id"] for number in range(20)]
            found = [await here.until_over(id_) for id_ in ids]
            assert {one["status"] for one in found} == {"succeeded"}
            assert max(one["attempts"] for one in found) <= 3

    run(story())


def test_how_things_stand_is_looked_up_only_where_there_is_a_job_and_metrics_count_them() -> None:
    async def story() -> None:
        async with house(jobs={"backoff_s": 1, "max_backoff_s": 5}) as here:
            front, looks = here.served.house.front, 0

            def health() -> Any:
                nonlocal looks
                looks += 1
                return front.health()

            here.served.house.front = replace(front, health=health)
            await clock().sleep(60.0)
            assert looks == 0
            assert b'headgate_jobs{status="queued"} 0.0' in here.served.house.metrics()[0]
            here.befalls("status:503", for_s=30.0)
            id_ = (await here.ask()).document["id"]
            await clock().sleep(15.0)
            assert looks > 0
            assert b'headgate_jobs{status="queued"} 1.0' in here.served.house.metrics()[0]
            assert (await here.until_over(id_))["status"] == "succeeded"
            await clock().sleep(15.0)
            page = here.served.house.metrics()[0]
            assert b'headgate_jobs{status="queued"} 0.0' in page
            assert b'headgate_jobs{status="succeeded"} 1.0' in page

    run(story())


def test_whose_time_has_come_has_expired() -> None:
    async def story() -> None:
        async with house(jobs={"expires_s": 300, "keep_s": 600}) as here:
            here.befalls("status:503")
            id_ = (await here.ask()).document["id"]
            found = await here.until_over(id_)
            assert found["status"] == "expired"
            assert clock().now() == pytest.approx(300.0, abs=5.0)
            await clock().sleep(700.0)
            assert (await here.job(id_)).status == 404

    run(story())


def test_what_is_wrong_with_it_ends_it_at_once() -> None:
    async def story() -> None:
        async with house() as here:
            here.befalls("status:503", for_s=20.0)
            id_ = (await here.ask()).document["id"]
            here.befalls("context")
            found = await here.until_over(id_)
            assert (found["status"], found["attempts"]) == ("failed", found["attempts"])
            assert found["error"]["code"] == "context_length_exceeded"

    run(story())


def test_what_the_key_may_now_is_what_counts() -> None:
    """A region that was closed, a privacy that became stricter, a key that is gone."""
    keys: list[dict[str, Any]] = deepcopy(HOUSE["keys"])

    async def story(changed: list[dict[str, Any]]) -> Any:
        async with house() as here:
            here.befalls("status:503", for_s=30.0)
            id_ = (await here.ask()).document["id"]
            visits = here.visits()
            from headgate.config.validate import settings

            here.served.reload(settings(deepcopy({**HOUSE, "keys": changed}), environ={}))
            await clock().sleep(600.0)
            assert here.visits() == visits, "nobody was asked who may not serve it"
            [job] = here.store._jobs.values()
            assert job.id == id_
            return job.status, job.result

    for change in ({"regions": ["eu"]}, {"privacy": "no_content"}, {"tenant": "elsewhere"}, {"name": "new"}):
        status, result = run(story([keys[0] | change, *keys[1:]]))
        assert status in ("failed", "expired"), change
        assert json.loads(result)["error"]["type"] == "permission_error", change


def test_many_workers_run_each_job_once() -> None:
    async def story() -> None:
        store = MemoryJobs()
        async with house(store) as one, house(store) as other:
            one.befalls("status:503", for_s=30.0)
            other.befalls("status:503", for_s=30.0)
            ids = [(await one.ask(body(str(number)))).document["id"] for number in range(60)]
            found = [await other.until_over(id_) for id_ in ids]
            assert {job["status"] for job in found} == {"succeeded"}
            served = [
                record.request_id.partition(".")[0]
                for here in (one, other)
                for record in here.notes.records
                if record.outcome is Outcome.FINISHED
            ]
            assert sorted(served) == sorted(ids)

    run(story())


def test_what_the_dead_had_begun_the_living_take_over() -> None:
    async def story() -> None:
        store = MemoryJobs()
        async with house(store) as one, house(store, works=False) as other:
            one.befalls("status:503", for_s=1.0)
            id_ = (await one.ask()).document["id"]
            one.befalls("hang")
            while (await one.job(id_)).document["status"] != "running":
                await clock().sleep(0.2)
            began = clock().now()
            one.dies()
            other.works()
            found = await other.until_over(id_)
            assert found["status"] == "succeeded"
            assert 20.0 <= clock().now() - began <= 33.0

    run(story())


def test_who_stops_puts_back_what_he_had_begun() -> None:
    async def story() -> None:
        async with house() as here:
            here.befalls("status:503", for_s=1.0)
            id_ = (await here.ask()).document["id"]
            here.befalls("hang")
            while (await here.job(id_)).document["status"] != "running":
                await clock().sleep(0.2)
            before = here.store._jobs[id_].attempts
            await here.stops()
            job = here.store._jobs[id_]
            assert (job.status, job.attempts) == ("queued", before - 1)

    run(story())


def test_total_outage_everybody_gets_something_and_nobody_hangs() -> None:
    """Ten minutes without anybody: a stale answer, a template, a job, or a clear error; then every job is
    answered."""
    known = body("Is it known?")
    lesser: dict[str, Any] = {
        "cache": {
            "exact": {"ttl_s": 60},
            "template": {"templates": [{"match": "is {x} open", "answer": "{x}: yes.", "when": "outage"}]},
        },
        "degrade": {"after_s": 8},
    }

    async def visit(here: House, number: int) -> tuple[str, str]:
        await clock().sleep(float(number))
        kinds: list[tuple[str, Coroutine[Any, Any, Heard]]] = [
            ("stale", here.ask(known)),
            ("template", here.ask(body("is the shop open"))),
            ("job", here.ask(body(f"new {number}"))),
            ("error", here.ask(body(f"new {number}"), headers=())),
        ]
        expected, asking = kinds[number % 4]
        for _, other in (one for one in kinds if one[0] != expected):
            other.close()
        began = clock().now()
        heard = await asking
        assert clock().now() - began <= 20.0
        said = json.loads(heard.headers.get("x-routing-metadata", "{}")).get("degraded", "error")
        if said == "error":
            assert heard.status in (502, 503)
        return expected, said

    async def story(fault: str) -> None:
        async with house(**lesser) as here:
            assert (await here.ask(known)).status == 200
            await clock().sleep(90.0)
            here.befalls(fault, for_s=600.0)
            told = await asyncio.gather(*(visit(here, number) for number in range(560)))
            assert all(expected == said for expected, said in told)
            ids = list(here.store._jobs)
            assert len(ids) == 140
            found = [await here.until_over(id_) for id_ in ids]
            assert {one["status"] for one in found} == {"succeeded"}

    for fault in ("status:503", "refuse", "hang"):
        run(story(fault))
