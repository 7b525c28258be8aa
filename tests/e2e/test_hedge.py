"""Two providers over HTTP, one of which is silent: the other serves, and the first is let go of at once."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from configs import provider
from gateway import KEY, Gateway, running
from simserver import Server

pytestmark = pytest.mark.e2e

AFTER_S = 0.2


@pytest.fixture(scope="module")
def gateway(sim: Server) -> Iterator[Gateway]:
    text = f"""
server: {{host: 127.0.0.1}}
keys: [{{name: me, key: {KEY}}}]
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
{provider("openai", sim.port)}{provider("anthropic", sim.port)}models:
  mute: {{provider: openai, name: fault-hang}}
  well: {{provider: anthropic, name: claude-well}}
  broken: {{provider: anthropic, name: claude-fault-cut-mid-2}}
routes:
  fast: {{use: [mute, well], hedge: {{after_s: {AFTER_S}, max_share: 1}}}}
  cut: {{use: [mute, broken], hedge: {{after_s: {AFTER_S}, max_share: 1}}}}
"""
    with running(text) as served:
        assert served.ask("/livez").status == 200, "what is still being imported would take its time"
        yield served


@pytest.mark.parametrize("stream", [True, False])
def test_the_other_serves_and_the_silent_one_is_hung_up_on(
    gateway: Gateway, sim: Server, stream: bool
) -> None:
    began = time.monotonic()
    answer = gateway.chat("fast", stream=stream, max_tokens=40)
    took_s = time.monotonic() - began
    assert answer.status == 200
    assert AFTER_S <= took_s < 5.0
    assert '"attempts":2' in answer.headers["x-routing-metadata"]
    assert '"model_id":"well"' in answer.headers["x-routing-metadata"]
    assert (b"data: [DONE]" in answer.body) is stream
    visits = {visit["model"]: visit for visit in sim.until(lambda stats: not stats["open"])["closed"][-2:]}
    assert visits["fault-hang"]["ended"] == "client_gone"
    assert visits["claude-well"]["ended"] != "client_gone"


def test_a_second_that_breaks_off_is_cut_for_the_caller(gateway: Gateway) -> None:
    answer = gateway.chat("cut", stream=True)
    assert b"[DONE]" not in answer.body
    assert b'"error"' in answer.body


def test_it_is_counted(gateway: Gateway) -> None:
    gateway.chat("fast")
    assert gateway.metrics()("hedges_total", model="mute", to="well", result="won") >= 1
