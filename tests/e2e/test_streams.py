"""A stream that its upstream cuts: the client is told, nothing is glued on, everybody who counts knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from configs import DIALECTS, provider
from gateway import CHAT, HI, KEY, Answer, Gateway, events, running
from simserver import Server

pytestmark = pytest.mark.e2e

MESSAGES = "/v1/messages"
CUTS = ("cut-mid-1", "cut-mid-2", "cut-mid-9", "cut-mid-json-5", "error-event-4", "stall-mid-4")
HURRIED = "{connect_s: 1, first_byte_s: 5, idle_s: 0.3, total_s: 20}"


def config(sim: Server, *, failures: int) -> str:
    """For every dialect and cut a route: the model that is cut, then one that is well."""
    providers = provider("openai", sim.port, name="well")
    models, routes = "  good: {provider: well, name: fine}\n", ""
    for dialect in DIALECTS:
        providers += provider(dialect, sim.port, timeouts=HURRIED)
        for cut in ("cut-mid-0", *CUTS):
            models += f"  {dialect}-{cut}: {{provider: {dialect}, name: fault-{cut}}}\n"
            routes += f"  via-{dialect}-{cut}: {{use: [{dialect}-{cut}, good]}}\n"
    return f"""
server: {{host: 127.0.0.1}}
keys: [{{name: me, key: {KEY}}}]
breaker: {{failures: {failures}, recovery_s: 600}}
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
{providers}models:
{models}routes:
{routes}"""


@pytest.fixture(scope="module")
def gateway(sim: Server) -> Iterator[Gateway]:
    with running(config(sim, failures=1_000_000)) as served:
        yield served


def ask(gateway: Gateway, path: str, model: str, **members: Any) -> Answer:
    return gateway.ask(path, {"model": model, "max_tokens": 300, "messages": HI, "stream": True, **members})


# ── cut ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [CHAT, MESSAGES], ids=["openai-client", "anthropic-client"])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("cut", CUTS)
def test_a_cut_stream_ends_with_an_error_and_nothing_else(
    gateway: Gateway, dialect: str, cut: str, path: str
) -> None:
    model = f"{dialect}-{cut}"
    before = gateway.metrics()
    answer = ask(gateway, path, f"via-{model}")
    after = gateway.metrics()
    assert answer.status == 200
    assert json.loads(answer.headers["x-routing-metadata"])["model_id"] == model
    check_end(answer.body, path)
    for name, labels, count in (
        ("requests_total", {"model": model, "status": "upstream_cut"}, 1),
        ("requests_total", {"model": model}, 1),
        ("errors_total", {"model": model, "error_type": "UpstreamInterrupted"}, 1),
        ("requests_total", {"model": "good"}, 0),
        ("fallback_requests_total", {"from_model": model}, 0),
    ):
        assert after(name, **labels) - before(name, **labels) == count, (name, labels)
    assert after("in_flight") == 0


def check_end(body: bytes, path: str) -> None:
    """The last event is an error, and the only one that ends anything."""
    *said, last = events(body)
    error = json.loads(last)["error"]
    assert error["message"]
    assert body.endswith(b"\n\n")
    if path == CHAT:
        assert error["type"] == "upstream_interrupted"
        assert b"[DONE]" not in body
        chunks = [json.loads(data) for data in said]
        assert len({chunk["id"] for chunk in chunks}) <= 1
        assert not any(choice["finish_reason"] for chunk in chunks for choice in chunk["choices"])
    else:
        assert b"event: error\ndata: " + last in body
        assert json.loads(last)["type"] == "error"
        kinds = [json.loads(data)["type"] for data in said]
        assert "message_stop" not in kinds
        assert kinds.count("message_start") <= 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_cut_is_the_sdks_exception(gateway: Gateway, dialect: str) -> None:
    model = f"via-{dialect}-cut-mid-9"
    messages: Any = HI
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as gpt:
        stream = gpt.chat.completions.create(model=model, messages=messages, stream=True)
        with pytest.raises(openai.APIError) as raised:
            list(stream)
        assert raised.value.type == "upstream_interrupted"
    with (
        anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0) as claude,
        pytest.raises(anthropic.APIStatusError),
        claude.messages.stream(model=model, max_tokens=300, messages=messages) as said,
    ):
        list(said.text_stream)


def test_what_was_said_before_the_cut_has_arrived(gateway: Gateway) -> None:
    body = ask(gateway, CHAT, "via-openai-cut-mid-9").body
    said = [json.loads(data)["choices"][0]["delta"].get("content", "") for data in events(body)[:-1]]
    assert len("".join(said)) > 10


def test_a_connection_lives_on_after_a_cut(gateway: Gateway) -> None:
    with gateway.open(
        CHAT, {"model": "via-anthropic-cut-mid-2", "messages": HI, "stream": True}
    ) as connection:
        found = b""
        while not found.endswith(b"0\r\n\r\n"):
            piece = connection.recv(65536)
            assert piece, "closed"
            found += piece
        connection.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert b'{"status":"ok"}' in b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("path", [CHAT, MESSAGES], ids=["openai-client", "anthropic-client"])
def test_cuts_open_the_breaker(sim: Server, path: str) -> None:
    with running(config(sim, failures=3)) as gateway:
        for dialect in DIALECTS:
            model = f"{dialect}-cut-mid-9"
            for _ in range(3):
                check_end(ask(gateway, path, f"via-{model}").body, path)
            served = ask(gateway, path, f"via-{model}")
            told = json.loads(served.headers["x-routing-metadata"])
            assert (told["model_id"], told["attempts"], told["fallback_used"]) == ("good", 1, True)
            assert b'"error"' not in served.body
            (upstream,) = gateway.ask("/health").document["models"][model]
            assert (upstream["state"], upstream["ready"]) == ("open", False)
            assert upstream["availability"] == 0
        page = gateway.metrics()
        assert page("breaker_transitions_total", to="open") == len(DIALECTS)
        assert page("breaker_state", upstream="openai/openai-cut-mid-9") == 2


# ── not cut ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [CHAT, MESSAGES], ids=["openai-client", "anthropic-client"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_cut_before_its_first_event_is_asked_elsewhere(
    gateway: Gateway, dialect: str, path: str
) -> None:
    """Nothing had left: the whole answer comes from the second."""
    answer = ask(gateway, path, f"via-{dialect}-cut-mid-0")
    assert json.loads(answer.headers["x-routing-metadata"])["model_id"] == "good"
    assert b'"error"' not in answer.body


def test_metadata_comes_exactly_once_and_last(gateway: Gateway) -> None:
    found = events(ask(gateway, CHAT, "good", stream_options={"include_usage": True}).body)
    assert found[-1] == b"[DONE]"
    carrying = [number for number, data in enumerate(found) if b"x-routing-metadata" in data]
    assert carrying == [len(found) - 2]
    last = json.loads(found[-2])
    assert last["usage"]["total_tokens"] > 0
    assert last["x-routing-metadata"]["model_id"] == "good"


@pytest.mark.parametrize(
    ("metadata", "header", "body"),
    [("headers", True, False), ("off", False, False)],
)
def test_metadata_goes_where_it_is_wanted(sim: Server, metadata: str, header: bool, body: bool) -> None:
    text = config(sim, failures=3).replace("{host: 127.0.0.1}", f"{{host: 127.0.0.1, metadata: {metadata}}}")
    with running(text) as gateway:
        for path in (CHAT, MESSAGES):
            for stream in (True, False):
                answer = ask(gateway, path, "good", stream=stream)
                assert answer.status == 200
                assert (answer.headers["x-routing-metadata"] is not None) == header
                assert (b"x-routing-metadata" in answer.body) == body
