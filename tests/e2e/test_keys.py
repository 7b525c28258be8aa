"""`headgate keys` and gateways that run: rotating, revoking, and a key that the provider refuses."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from gateway import HOST, KEY, Gateway, ran, running
from redises import private
from simserver import Server

pytestmark = pytest.mark.e2e

FIRST, SECOND, THIRD = "sk-first-0000000000001111", "sk-second-000000000002222", "sk-third-0000000000003333"


def config(sim: Server, *, store: str = "", keys: str = f"{FIRST}, {SECOND}", more: str = "") -> str:
    return f"""
server: {{host: {HOST}, drain_s: 1}}
keys: [{{name: me, key: {KEY}}}]
{f"store: {{redis: '{store}'}}" if store else ""}
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
  sim: {{dialect: openai, base_url: 'http://{HOST}:{sim.port}/v1', keys: [{keys}]}}
models: {{m: {{provider: sim, name: fine, price: {{input: 1, output: 2}}}}}}
{more}"""


@pytest.fixture
def sim() -> Any:
    server = Server()
    try:
        yield server
    finally:
        server.kill()


def keys(gateway: Gateway, *words: str, next_key: str = "") -> str:
    done = ran("keys", *words, "--config", str(gateway.file), NEXT=next_key)
    assert done.returncode == 0, done.stderr
    for secret in (FIRST, SECOND, THIRD):
        assert secret not in done.stdout + done.stderr
    return done.stdout


def listed(gateway: Gateway) -> dict[str, dict[str, Any]]:
    rows = json.loads(keys(gateway, "list", "--json", "--url", gateway.url))
    return {row["name"]: row for row in rows}


def shown(sim: Server) -> dict[str, int]:
    """How often each key was shown to the provider, which tells their ends alone."""
    named = {"…1111": FIRST, "…2222": SECOND, "…3333": THIRD}
    return {named[name]: key["requests"] for name, key in sim.stats()["keys"].items()}


def test_a_key_is_rotated_in_every_worker_within_a_second(sim: Server) -> None:
    with running(config(sim, keys=FIRST), workers=2) as gateway:
        assert [gateway.chat("m").status for _ in range(4)] == [200] * 4
        assert shown(sim) == {FIRST: 4}
        keys(gateway, "rotate", "1", "--provider", "sim", "--new-from-env", "NEXT", next_key=THIRD)
        began = time.monotonic()
        gateway.logged("provider keys changed", times=2)
        assert time.monotonic() - began < 1.0
        assert [gateway.chat("m").status for _ in range(20)] == [200] * 20
        assert shown(sim) == {FIRST: 4, THIRD: 20}
        rows = listed(gateway)
        assert (rows["1"]["state"], rows["1.2"]["state"]) == ("draining", "active")
        assert rows["1"]["key"] == "…1111"


def test_a_key_is_revoked_in_every_worker_within_a_second(sim: Server) -> None:
    with running(config(sim), workers=2) as gateway:
        keys(gateway, "revoke", "1", "--provider", "sim")
        began = time.monotonic()
        gateway.logged("provider keys changed", times=2)
        assert time.monotonic() - began < 1.0
        assert [gateway.chat("m").status for _ in range(12)] == [200] * 12
        assert shown(sim) == {SECOND: 12}
        gateway.until(lambda page: page("key_requests_total", key="2") == 12.0)  # of both together


def test_a_key_is_revoked_in_every_replica_within_a_second_and_stays_so(sim: Server) -> None:
    with private() as redis:
        text = config(sim, store=redis.url)
        with running(text) as one, running(text) as two:
            keys(one, "revoke", "1", "--provider", "sim")
            began = time.monotonic()
            for gateway in (one, two):
                gateway.logged("provider keys changed")
            assert time.monotonic() - began < 1.0
            before = shown(sim).get(FIRST, 0)
            for _ in range(10):
                assert one.chat("m").status == two.chat("m").status == 200
            assert shown(sim).get(FIRST, 0) == before
            assert listed(one)["1"]["state"] == "revoked"
        with running(text) as again:
            assert [again.chat("m").status for _ in range(10)] == [200] * 10
            assert shown(sim).get(FIRST, 0) == before


def test_with_all_keys_revoked_nobody_is_asked(sim: Server) -> None:
    with running(config(sim, keys=FIRST, more="queue: {max_wait_s: 0}")) as gateway:
        assert gateway.chat("m").status == 200
        keys(gateway, "revoke", "1", "--provider", "sim")
        gateway.logged("provider keys changed")
        refused = gateway.chat("m")
        assert refused.status in (429, 503)
        assert refused.error["message"]
        assert shown(sim) == {FIRST: 1}


def test_a_key_that_the_provider_refuses_is_dead_and_its_neighbour_serves(sim: Server) -> None:
    with running(config(sim)) as gateway:
        sim.ask("/sim/faults", [{"fault": "bad-key", "key": FIRST}])
        assert [gateway.chat("m").status for _ in range(12)] == [200] * 12
        assert shown(sim) == {FIRST: 1, SECOND: 12}
        moved = json.loads(gateway.logged("key_moved"))
        assert (moved["provider"], moved["key"], moved["to"]) == ("sim", "1", "dead")
        rows = listed(gateway)
        assert (rows["1"]["state"], rows["2"]["state"]) == ("dead", "active")
        assert rows["2"]["requests"] == 12
        assert rows["2"]["tokens"] > 0
        assert rows["2"]["cost_usd"] > 0


def test_a_key_that_should_be_rotated_is_told(sim: Server) -> None:
    one = f"{{key: {FIRST}, name: main, rotate_every_days: 0.000001}}"
    with running(config(sim, keys=one)) as gateway:
        gateway.until(lambda page: page("key_rotation_due_seconds", key="main") > 0)
        assert listed(gateway)["main"]["rotation_due_s"] <= 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["revoke", "7", "--provider", "sim"], "sim has no key '7'"),
        (["revoke", "1", "--provider", "nobody"], "no provider 'nobody'"),
        (["rotate", "1", "--provider", "sim"], "say where the new key is"),
        (["rotate", "1", "--provider", "sim", "--new-from-env", "NOPE"], "there is no key"),
        (["rotate", "1", "--provider", "sim", "--new-from-file", "nope"], "there is no key"),
    ],
)
def test_what_makes_no_sense_is_exit_code_2(tmp_path: Path, words: list[str], said: str) -> None:
    file = tmp_path / "headgate.yaml"
    file.write_text(f"""
keys: [{{name: me, key: {KEY}}}]
providers: {{sim: {{dialect: openai, base_url: 'http://{HOST}:1/v1', keys: [{FIRST}]}}}}
models: {{m: {{provider: sim}}}}
""")
    done = ran("keys", *words, "--config", str(file))
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert FIRST not in done.stdout + done.stderr


def test_a_redis_that_cannot_be_told_is_exit_code_1(tmp_path: Path) -> None:
    file = tmp_path / "headgate.yaml"
    file.write_text(f"""
keys: [{{name: me, key: {KEY}}}]
store: {{redis: 'redis://{HOST}:1'}}
providers: {{sim: {{dialect: openai, base_url: 'http://{HOST}:1/v1', keys: [{FIRST}]}}}}
models: {{m: {{provider: sim}}}}
""")
    done = ran("keys", "revoke", "1", "--provider", "sim", "--config", str(file))
    assert (done.returncode, "not every gateway has been told" in done.stderr) == (1, True), done.stderr
