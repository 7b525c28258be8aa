"""Jobs of a real server process: what was acknowledged with 202 survives `kill -9`, and runs once."""

from __future__ import annotations

import http.client
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from os import environ
from pathlib import Path
from typing import Any

import pytest

from booked import POSTGRES, schema
from gateway import CHAT, KEY, Gateway, running
from simserver import Server

pytestmark = pytest.mark.e2e

OTHER = "other-key-0123456789abcdef"
LATER = {"prefer": "respond-async"}
CONFIG = """
server: {{log: off}}
keys: [{{name: me, key: {key}}}, {{name: other, key: {other}}}]
store: {{url: "{url}", folder: {folder}, namespace: {schema}}}
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
breaker: {{failures: 1, recovery_s: 1}}
retry: {{attempts: 1}}
jobs: {{backoff_s: 0.5, max_backoff_s: 1, lease_s: 3}}
providers: {{p: {{dialect: openai, base_url: "http://127.0.0.1:{port}/v1", keys: [k]}}}}
models: {{m: {{provider: p, name: {name}, price: {{input: 1, output: 1}}}}}}
"""
KILLS = 20 if environ.get("HEADGATE_SOAK") else 1
NOWHERE = 1
"""A port at which nobody listens."""


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        found = {
            "url": f"sqlite:///{tmp_path}/books.db",
            "schema": "headgate",
            "folder": str(tmp_path / "kept"),
        }
        if request.param == "postgres":
            found |= {"url": POSTGRES, "schema": stack.enter_context(schema())}
        yield found


def config(store: dict[str, str], port: int, name: str = "m") -> str:
    return CONFIG.format(key=KEY, other=OTHER, port=port, name=name, **store)


def asked(gateway: Gateway, text: str, **headers: str) -> Any:
    body = {"model": "m", "messages": [{"role": "user", "content": text}], "max_tokens": 20}
    found = gateway.ask(CHAT, body, {**LATER, **headers})
    assert found.status == 202, found.body
    assert found.headers["location"] == f"/v1/jobs/{found.document['id']}"
    return found.document


def over(gateway: Gateway, id_: str, patience_s: float = 20.0) -> Any:
    until = time.monotonic() + patience_s
    while (found := gateway.ask(f"/v1/jobs/{id_}").document)["status"] in ("queued", "running"):
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return found


def test_what_was_acknowledged_survives_a_kill_and_is_answered(store: dict[str, str], sim: Server) -> None:
    with running(config(store, NOWHERE)) as first:
        jobs = [asked(first, f"question {number}") for number in range(5)]
        assert all(job["durable"] for job in jobs)
        first.stop(signal.SIGKILL)
    with running(config(store, sim.port)) as second:
        for job in jobs:
            found = over(second, job["id"])
            assert found["status"] == "succeeded", found
            assert found["response"]["choices"][0]["message"]["content"]
            assert found["request_id"] == job["request_id"]
        assert second.ask(f"/v1/jobs/{jobs[0]['id']}", key=OTHER).status == 404
        assert len(second.ask("/v1/jobs").document["data"]) == 5
        assert second.ask("/v1/jobs", key=OTHER).document["data"] == []
        assert second.ask(f"/v1/jobs/{jobs[0]['id']}", method="DELETE").document["deleted"]
        assert second.ask(f"/v1/jobs/{jobs[0]['id']}").status == 404


def test_a_run_that_was_killed_is_taken_over_by_another(store: dict[str, str], sim: Server) -> None:
    with running(config(store, sim.port, "fault-hang")) as first:
        body = {"model": "m", "messages": [{"role": "user", "content": "hold"}]}
        found = first.ask(CHAT, body, {"prefer": "respond-async, wait=1"})
        id_ = found.document["id"]
        while first.ask(f"/v1/jobs/{id_}").document["status"] != "running":
            time.sleep(0.05)
        first.stop(signal.SIGKILL)
    began = time.monotonic()
    with running(config(store, sim.port)) as second:
        found = over(second, id_)
        assert found["status"] == "succeeded", found
        assert found["attempts"] == 2
        assert time.monotonic() - began < 15.0


def test_no_job_is_lost_whenever_the_process_is_killed(store: dict[str, str]) -> None:
    """Callers ask on and on while it is killed: whatever was acknowledged is there."""
    acknowledged: list[str] = []

    def caller(gateway: Gateway, name: str) -> None:
        with suppress(OSError, http.client.HTTPException):
            for number in range(10_000):
                acknowledged.append(asked(gateway, f"{name} {number}")["id"])

    text = config(store, NOWHERE).replace("failures: 1,", "failures: 1000000,")
    for kill in range(KILLS):
        with running(text) as gateway:
            callers = [
                threading.Thread(target=caller, args=(gateway, f"{kill}-{name}"), daemon=True)
                for name in range(4)
            ]
            for one in callers:
                one.start()
            time.sleep(random.Random(kill).uniform(0.2, 1.0))
            gateway.tell(signal.SIGKILL)
            for one in callers:
                one.join()
    with running(text) as last:
        assert len(acknowledged) >= 4 * KILLS
        assert {last.ask(f"/v1/jobs/{id_}").status for id_ in acknowledged} == {200}


def test_two_replicas_run_each_job_once(store: dict[str, str], sim: Server) -> None:
    with running(config(store, NOWHERE)) as first:
        jobs = [asked(first, f"question {number}") for number in range(10)]
        first.stop(signal.SIGKILL)
    with running(config(store, sim.port)) as one, running(config(store, sim.port)) as other:
        for job in jobs:
            assert over(one, job["id"])["status"] == "succeeded"
        ran = [served.metrics()("requests_total", status="finished") for served in (one, other)]
        assert sum(ran) == len(jobs), "each was run once"


def test_a_store_in_memory_says_so(sim: Server) -> None:
    text = config({"url": "off", "folder": "kept", "schema": "headgate"}, NOWHERE)
    with running(text) as gateway:
        job = asked(gateway, "hello")
        assert job["durable"] is False
        assert gateway.ask(f"/v1/jobs/{job['id']}").document["status"] == "queued"
