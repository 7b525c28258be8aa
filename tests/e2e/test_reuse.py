"""A real server: the same question again, at the same time, and hung up on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from configs import provider
from gateway import CHAT, HI, KEY, Gateway, running
from simserver import Server

pytestmark = pytest.mark.e2e

MANY = 40


@pytest.fixture(scope="module")
def gateway(sim: Server) -> Iterator[Gateway]:
    text = f"""
server: {{host: 127.0.0.1}}
keys: [{{name: me, key: {KEY}}}]
providers:
{provider("openai", sim.port)}models:
  slow: {{provider: openai, name: fault-slow-60, price: {{input: 1, output: 2}}}}
"""
    with running(text) as served:
        yield served


def upstream_calls(gateway: Gateway) -> float:
    return gateway.metrics()("model_requests_total")


def test_many_at_once_are_one_upstream_call_and_all_are_told(gateway: Gateway) -> None:
    before = upstream_calls(gateway)
    with ThreadPoolExecutor(MANY) as pool:
        answers = list(pool.map(lambda _: gateway.chat("slow", stream=True, user="at once"), range(MANY)))
    assert {answer.status for answer in answers} == {200}
    bodies = {answer.body.rpartition(b"x-routing-metadata")[0] for answer in answers}
    assert len(bodies) == 1
    assert all(answer.body.endswith(b"data: [DONE]\n\n") for answer in answers)
    assert upstream_calls(gateway) == before + 1


def test_who_hangs_up_takes_nobody_with_him(gateway: Gateway) -> None:
    body = {"model": "slow", "messages": HI, "stream": True, "seed": 1}
    leaver = gateway.open(CHAT, body)
    with ThreadPoolExecutor(4) as pool:
        stayers = [pool.submit(gateway.ask, CHAT, body) for _ in range(4)]
        leaver.close()
        answers = [stayer.result() for stayer in stayers]
    assert all(answer.body.endswith(b"data: [DONE]\n\n") for answer in answers)
    gateway.until(lambda page: page("in_flight") == 0)


def test_an_sdk_hears_a_kept_stream_like_any_other(gateway: Gateway) -> None:
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0) as client:

        def told() -> tuple[str, str]:
            stream = client.chat.completions.with_raw_response.create(
                model="slow", messages=[{"role": "user", "content": "Twice"}], stream=True
            )
            said = "".join(chunk.choices[0].delta.content or "" for chunk in stream.parse() if chunk.choices)
            return stream.headers["x-cache"], said

        (first, said), (second, again) = told(), told()
    assert (first, second) == ("MISS", "HIT")
    assert said == again != ""


def test_what_is_said_of_a_hit_is_true(gateway: Gateway) -> None:
    gateway.chat("slow", user="a")
    answer = gateway.chat("slow", user="b")
    found = json.loads(answer.headers["x-routing-metadata"])
    assert (answer.headers["x-cache"], found["cost_usd"], found["attempts"]) == ("HIT", 0.0, 0)
    assert gateway.metrics()("saved_usd_total", kind="exact") > 0
