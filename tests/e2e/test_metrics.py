"""What is counted, what the pages say, and what nothing ever says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from configs import DIALECTS, GUEST, PLANTED, every_dialect
from gateway import CHAT, HI, HOST, KEY, Gateway, Metrics, free_port, running
from simserver import Server

pytestmark = pytest.mark.e2e

HOT = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/messages")
COLD = (
    "/v1/models",
    "/v1/models/{model}",
    "/livez",
    "/readyz",
    "/health",
    "/metrics",
    "/router/info",
    "/router/explain",
    "/v1/feedback",
)
NAMES = (
    "requests_total",
    "model_requests_total",
    "fallback_requests_total",
    "fallback_rate",
    "latency_seconds",
    "model_health",
    "errors_total",
    "overhead_seconds",
    "time_to_first_token_seconds",
    "tokens_total",
    "cost_usd_total",
    "breaker_state",
    "breaker_transitions_total",
    "limit_usage_ratio",
    "in_flight",
)
"""The contract's names, of what exists so far."""


@pytest.fixture(scope="module")
def own(sim: Server) -> Iterator[Gateway]:
    """A gateway whose counts are nobody else's."""
    text = every_dialect(sim.port)
    more = "down: {use: [openai-status-503, openai]}, praised: {use: [openai], feedback: {bandit: true}}"
    text = text.replace("routes: {", f"routes: {{{more}, ")
    with running(text) as served:
        yield served


# ── counts ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_tokens_and_cost_are_what_the_answer_says(own: Gateway, dialect: str, stream: bool) -> None:
    before = own.metrics()
    answer = own.chat(dialect, stream=stream, stream_options={"include_usage": True} if stream else None)
    assert answer.status == 200
    last = answer.body.split(b"data: ")[-2] if stream else answer.body
    document: Any = json.loads(last)
    after = own.metrics()

    def grown(name: str, **labels: str) -> float:
        return after(name, model=dialect, **labels) - before(name, model=dialect, **labels)

    usage = document["usage"]
    assert grown("tokens_total", **{"class": "output"}) == usage["completion_tokens"]
    assert (
        sum(grown("tokens_total", **{"class": kind}) for kind in ("input", "cache_read"))
        == usage["prompt_tokens"]
    )
    told = document["x-routing-metadata"]["cost_usd"]
    assert grown("cost_usd_total") == pytest.approx(told)
    assert told == pytest.approx((usage["prompt_tokens"] + 2 * usage["completion_tokens"]) / 1e6)
    assert grown("requests_total", status="finished") == 1
    assert grown("model_requests_total") == 1
    assert grown("latency_seconds_count") == 1
    assert grown("time_to_first_token_seconds_count") == stream


@pytest.mark.parametrize(
    ("path", "body", "key", "status"),
    [
        (CHAT, b"{", KEY, "refused"),
        (CHAT, {"model": "nobody", "messages": HI}, KEY, "refused"),
        (CHAT, {"model": "openai", "messages": HI}, None, "refused"),
        (CHAT, {"model": "gemini", "messages": HI}, GUEST, "refused"),
        (CHAT, {"model": "openai-status-400", "messages": HI}, KEY, "rejected"),
        (CHAT, {"model": "openai-status-503", "messages": HI}, KEY, "failed"),
        ("/v1/messages", {"model": "openai", "messages": HI}, KEY, "refused"),
        ("/v1/embeddings", {"model": "anthropic", "input": "x"}, KEY, "refused"),
    ],
    ids=["no-json", "unknown", "no-key", "forbidden", "rejected", "failed", "no-max-tokens", "unsupported"],
)
def test_every_request_ends_as_exactly_one_thing(
    own: Gateway, path: str, body: Any, key: str | None, status: str
) -> None:
    before = own.metrics()
    assert own.ask(path, body, key=key).status >= 400
    after = own.metrics()
    assert after("requests_total") - before("requests_total") == 1
    assert after("requests_total", status=status) - before("requests_total", status=status) == 1


def test_a_deadline_is_an_ending_of_its_own(own: Gateway) -> None:
    body = {"model": "openai-hang", "messages": HI}
    answer = own.ask(CHAT, body, {"x-headgate-deadline": "50ms"})
    assert answer.status == 504
    assert own.metrics()("requests_total", status="deadline") == 1


def test_the_fallback_rate_is_a_share(own: Gateway) -> None:
    for _ in range(4):
        assert own.chat("down").status == 200
    page = own.metrics()
    assert page("fallback_requests_total", from_model="openai-status-503", to_model="openai") == 4
    assert 0 < page("fallback_rate", model="openai-status-503") <= 1


def test_overhead_is_ours_alone(own: Gateway) -> None:
    for _ in range(20):
        own.chat("openai")
    page = own.metrics()
    mean = page("overhead_seconds_sum") / page("overhead_seconds_count")
    assert 0 < mean < 0.05


def test_the_page_has_the_contracts_names_and_bounded_labels(own: Gateway) -> None:
    own.chat("openai")
    answer = own.ask("/metrics", key=None)
    text = answer.body.decode()
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.headers["content-type"].count("charset") == 1
    told = set(re.findall(r"^# TYPE headgate_(\w+) ", text, re.MULTILINE))
    assert {name.removesuffix("_total") for name in NAMES} <= {name.removesuffix("_total") for name in told}
    own.chat("x" * 50)
    own.ask(CHAT, {"model": 'y\n"}' * 9, "messages": HI}, {"x-request-id": "find-me"})
    text = own.ask("/metrics").body.decode()
    assert "xxxx" not in text
    assert "find-me" not in text
    assert not re.search(r"bridges|caller|guest", text)
    for line in text.splitlines():
        assert line.startswith("#") or re.fullmatch(r'\w+(\{(\w+="[^"]*",?)*\})? [-+.0-9einfa]+', line), line


def test_a_port_for_metrics_alone(sim: Server) -> None:
    port = free_port()
    text = every_dialect(sim.port).replace("server: {", f"server: {{metrics_port: {port}, ")
    with running(text) as gateway:
        gateway.chat("openai")
        main, gateway.port = gateway.port, port
        page = Metrics(gateway.ask("/metrics", key=None).body.decode())
        assert page("requests_total", model="openai") == 1
        assert gateway.ask(CHAT, {"model": "openai", "messages": HI}).status != 200
        gateway.port = main
        assert gateway.stop() == 0


# ── pages ────────────────────────────────────────────────────────────────────────────────────────


def test_it_lives_and_is_ready(own: Gateway) -> None:
    assert own.ask("/livez", key=None).document == {"status": "ok"}
    ready = own.ask("/readyz", key=None)
    assert (ready.status, ready.document["ready"]) == (200, True)


def test_health_tells_of_every_model_and_provider(own: Gateway) -> None:
    own.chat("openai")
    found = own.ask("/health", key=None)
    assert found.status == 200
    assert set(DIALECTS) <= set(found.document["models"])
    (upstream,) = found.document["models"]["openai"]
    assert upstream["upstream"] == "openai/openai"
    assert (upstream["state"], upstream["ready"], upstream["in_flight"]) == ("closed", True, 0)
    assert upstream["latency_ms"] >= 0
    assert 0 <= upstream["availability"] <= 1


def test_nobody_ready_is_said_by_health_and_readiness(sim: Server) -> None:
    text = """
server: {auth: off}
breaker: {failures: 1}
providers: {p: {dialect: simulated, simulated: {faults: [refuse]}}}
models: {only: {provider: p}}
"""
    with running(text) as gateway:
        assert gateway.ask("/health").document["status"] == "ok"
        assert gateway.chat("only").status in (502, 503)
        health, ready = gateway.ask("/health"), gateway.ask("/readyz")
        assert (health.status, health.document["status"]) == (503, "down")
        assert (ready.status, ready.document["ready"]) == (503, False)
        assert ready.document["reason"]
        assert ready.headers["retry-after"]
        assert gateway.ask("/livez").status == 200
        answer = gateway.chat("only")
        assert (answer.status, answer.error["type"]) == (503, "overloaded_error")
        assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_the_routers_page_needs_a_key(own: Gateway) -> None:
    assert own.ask("/router/info", key=None).status == 401
    assert own.ask("/v1/models", key=None).status == 401
    found = own.ask("/router/info").document
    assert found["routes"]["auto"] == ["openai", "anthropic"]
    assert found["providers"]["gemini"] == {"dialect": "gemini", "keys": 1}


def test_a_decision_is_explained_before_and_after_it_was_made(own: Gateway) -> None:
    asked = {"model": "auto", "messages": [{"role": "user", "content": "Sort a list in Python"}]}
    found = own.ask("/router/explain", asked).document
    assert (found["model_id"], found["fallbacks"], found["intent"]) == ("openai", ["anthropic"], "code")
    assert [one["model_id"] for one in found["candidates"]] == ["openai", "anthropic"]
    assert own.ask("/router/explain", asked, key=None).status == 401
    assert own.ask("/router/explain", {"model": "nope", "messages": HI}).status == 404
    assert own.ask("/router/explain", b"{").status == 400
    assert own.ask("/router/explain/nobody-knows").status == 404


def test_an_answer_is_scored_once_by_who_got_it(own: Gateway) -> None:
    answer = own.ask(CHAT, {"model": "praised", "messages": HI})
    said = {"request_id": answer.headers["x-request-id"], "score": 0.25}
    assert own.ask("/v1/feedback", said, key=None).status == 401
    for wrong in (b"{", {"request_id": "r"}, {**said, "score": 1.5}, {**said, "more": 1}):
        assert own.ask("/v1/feedback", wrong).status == 400
    found = own.ask("/v1/feedback", said)
    assert (found.status, found.document["model_id"], found.document["score"]) == (200, "openai", 0.25)
    assert own.ask("/v1/feedback", said).status == 404
    assert own.ask("/router/info").document["feedback"]["models"][0]["model"] == "openai"
    plain = own.ask(CHAT, {"model": "openai", "messages": HI})
    assert own.ask("/v1/feedback", {**said, "request_id": plain.headers["x-request-id"]}).status == 404


def test_every_path_is_documented(own: Gateway) -> None:
    document = own.ask("/openapi.json", key=None).document
    assert document["openapi"].startswith("3.")
    assert document["info"]["title"] == "Headgate"
    for path in HOT:
        described = document["paths"][path]["post"]
        assert described["requestBody"]["content"]["application/json"]["schema"]
        assert {"200", "400", "401", "404", "413", "429", "502", "503", "504"} <= set(described["responses"])
    assert set(COLD) <= set(document["paths"])
    known = set(document["components"]["schemas"])
    wanted = set(re.findall(r'"\$ref": ?"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert wanted <= known, wanted - known
    ids = [way["operationId"] for ways in document["paths"].values() for way in ways.values()]
    assert len(set(ids)) == len(ids)
    assert own.ask("/openapi.json").document == document, "asking twice changes nothing"


def test_the_documentation_is_a_page(own: Gateway) -> None:
    answer = own.ask("/docs", key=None)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("POST", "/nowhere", 404),
        ("GET", "/", 404),
        ("GET", "//v1/chat/completions", 404),
        ("POST", "/health", 405),
        ("DELETE", "/v1/models", 405),
        ("GET", CHAT, 405),
        ("PUT", CHAT, 405),
        ("GET", "/v1/models/no%0d%0asuch", 404),
        ("GET", "/v1/models/..%2f..%2fetc%2fpasswd", 404),
    ],
)
def test_a_wrong_path_or_method_is_an_error_of_the_usual_shape(
    own: Gateway, method: str, path: str, status: int
) -> None:
    answer = own.ask(path, b"{}" if method in ("POST", "PUT") else None, method=method)
    assert answer.status == status
    assert answer.error["message"]
    assert set(answer.error) == {"message", "type", "param", "code"}
    if status == 405:
        assert answer.headers["allow"]


@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/health"])
def test_a_head_has_no_body(own: Gateway, path: str) -> None:
    with own.connect() as connection:
        lines = f"HEAD {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\r\n"
        connection.sendall(lines.encode())
        found = b"".join(iter(lambda: connection.recv(65536), b""))
    assert found.startswith(b"HTTP/1.1 ")
    assert found.endswith(b"\r\n\r\n"), "a HEAD was answered with a body"


# ── what nothing ever says ───────────────────────────────────────────────────────────────────────


def test_no_key_no_path_and_no_stack_trace_anywhere(own: Gateway) -> None:
    said = [own.ask(page).body.decode() for page in ("/health", "/metrics", "/router/info", "/openapi.json")]
    models = [card["id"] for card in own.ask("/v1/models").document["data"]]
    for model in models:
        if model.endswith("-hang"):
            continue
        for stream in (False, True):
            answer = own.chat(model, stream=stream)
            said.append(str(answer.headers) + answer.body.decode())
            answer = own.ask(
                "/v1/messages", {"model": model, "messages": HI, "max_tokens": 9, "stream": stream}
            )
            said.append(str(answer.headers) + answer.body.decode())
    said.append(own.log.partition("\n")[2])
    for secret in (PLANTED, KEY, GUEST):
        assert not [text for text in said if secret in text]
    ours = re.compile(rf"Traceback|/site-packages/|\.py\b|/tmp/|{HOST}:\d+|/usr/")
    assert not [found.group() for text in said[:-1] if (found := ours.search(text))]


def test_the_request_id_finds_the_line_in_the_log(own: Gateway) -> None:
    answer = own.ask(CHAT, {"model": "openai", "messages": HI}, {"x-request-id": "order:66"})
    assert answer.headers["x-request-id"] == "order:66"
    line = json.loads(own.logged('"order:66"'))
    assert (line["event"], line["outcome"], line["key"], line["model_id"]) == (
        "request",
        "finished",
        "me",
        "openai",
    )
    assert "suspension" not in json.dumps(line)
