"""`headgate sim-providers` as a real process: four dialects, true limits, and its life and death."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import openai
import pytest
from pydantic import BaseModel

from headgate.core.call import Operation
from headgate.core.chat import Chat, Event, Finish, Message, Role, Spent, Text, TextDelta
from headgate.core.embeddings import Embedded, Embeddings
from headgate.ports.codec import Codec
from headgate.ports.transport import Outgoing
from headgate.providers.gemini import GeminiCodec
from headgate.providers.ollama import OllamaCodec
from headgate.providers.spec import STANDARD
from simserver import BODIES, CHAT, HI, START, Server

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    try:
        yield running
        assert running.stop()[::2] == (0, b""), "the server logged something, or did not end well"
    finally:
        running.kill()


# ── dialects ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def gpt(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="sdk", max_retries=0) as client:
        yield client


class City(BaseModel):
    name: str
    inhabitants: int


def test_the_openai_sdk_chats_and_streams(gpt: openai.OpenAI) -> None:
    asked: Any = {"model": "gpt-4o", "messages": HI}
    answer = gpt.chat.completions.create(**asked)
    assert "suspension bridges" in (answer.choices[0].message.content or "")
    assert answer.usage is not None
    stream = list(gpt.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert text == answer.choices[0].message.content
    assert stream[-1].usage == answer.usage
    assert gpt.models.list().data[0].id == "simulated-small"


def test_the_openai_sdk_gets_tools_structure_and_vectors(gpt: openai.OpenAI) -> None:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool: Any = {"type": "function", "function": {"name": "get_weather", "parameters": parameters}}
    prompt: Any = [{"role": "user", "content": "What is the weather in Paris and Oslo?"}]
    called = gpt.chat.completions.create(model="m", messages=prompt, tools=[tool]).choices[0]
    assert called.finish_reason == "tool_calls"
    arguments = [
        json.loads(call.function.arguments)
        for call in called.message.tool_calls or ()
        if call.type == "function"
    ]
    assert arguments == [{"city": "Paris"}, {"city": "Oslo"}]
    parsed = gpt.chat.completions.parse(model="m", messages=prompt, response_format=City)
    assert isinstance(parsed.choices[0].message.parsed, City)
    vectors = gpt.embeddings.create(model="e", input=["a", "b"], dimensions=8).data
    assert [len(row.embedding) for row in vectors] == [8, 8]
    assert (
        gpt.completions.create(model="c", prompt="Bridges", max_tokens=3).choices[0].finish_reason == "length"
    )


def test_the_anthropic_sdk_chats_streams_and_thinks(server: Server) -> None:
    asked: Any = {"model": "claude", "max_tokens": 2000, "messages": HI}
    with anthropic.Anthropic(base_url=server.url, api_key="sdk", max_retries=0) as client:
        answer = client.messages.create(**asked)
        with client.messages.stream(**asked) as stream:
            streamed = stream.get_final_message()
        thinking = client.messages.create(**asked, thinking={"type": "enabled", "budget_tokens": 1024})
    assert answer.content[0].type == "text"
    assert streamed.content[0].type == "text"
    assert "suspension bridges" in answer.content[0].text
    assert streamed.content[0].text == answer.content[0].text
    assert streamed.usage.output_tokens == answer.usage.output_tokens > 0
    assert [block.type for block in thinking.content] == ["thinking", "text"]


CODECS: list[tuple[Codec, str]] = [
    (GeminiCodec(STANDARD), "/v1beta"),
    (OllamaCodec(STANDARD), ""),
]


@pytest.mark.parametrize(("codec", "prefix"), CODECS, ids=["gemini", "ollama"])
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])
def test_our_own_codecs_read_the_other_two(server: Server, codec: Codec, prefix: str, stream: bool) -> None:
    prompt = (Message(role=Role.USER, parts=(Text("Tell me about suspension bridges"),)),)
    found = read(server, codec, prefix, Chat(model="m", messages=prompt), stream=stream)
    text = "".join(event.text for event in found if isinstance(event, TextDelta))
    assert "suspension bridges" in text
    assert any(isinstance(event, Finish) for event in found)
    assert [event.usage.completion for event in found if isinstance(event, Spent)][-1] > 5


@pytest.mark.parametrize(("codec", "prefix"), CODECS, ids=["gemini", "ollama"])
def test_embeddings_of_the_other_two(server: Server, codec: Codec, prefix: str) -> None:
    (event,) = read(server, codec, prefix, Embeddings(model="e", inputs=("a", "b")), stream=False)
    assert isinstance(event, Embedded)
    assert len(event.vectors) == 2


def read(
    server: Server, codec: Codec, prefix: str, asked: Chat | Embeddings, *, stream: bool
) -> list[Event | Embedded]:
    outgoing: Outgoing = codec.encode(asked, model="m", stream=stream)
    status, _, body = server.ask(prefix + outgoing.path, outgoing.body, dict(outgoing.headers))
    assert status == 200, body
    operation = Operation.CHAT if isinstance(asked, Chat) else Operation.EMBEDDINGS
    decoder = codec.decoder(operation, stream=stream)
    return [*decoder.feed(body), *decoder.close()]


def test_ollama_lists_its_models(server: Server) -> None:
    assert json.loads(server.ask("/api/tags")[2])["models"][0]["name"] == "simulated-small"
    assert json.loads(server.ask("/api/version")[2])["version"]


def test_a_connection_serves_many_requests(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    for _ in range(3):
        connection.request("POST", CHAT, json.dumps(BODIES[CHAT]))
        response = connection.getresponse()
        assert (response.status, bool(response.read())) == (200, True)
    connection.close()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (CHAT, b"{", 400),
        (CHAT, {"model": "m"}, 400),
        ("/v1/messages", b"\xff", 400),
        ("/v1beta/models/m:nonsense", {}, 400),
        ("/v1beta/models/m:generateContent", b"[]", 400),
        ("/api/chat", b"null", 400),
        ("/nowhere", {}, 404),
        ("/v1/models", {}, 404),
        ("/sim/limits", {"rpm": "many"}, 400),
        ("/sim/limits", {"rpm": -1}, 400),
        ("/sim/limits", {"rqm": 1}, 400),
        ("/sim/faults", [{"fault": "nonsense"}], 400),
        ("/sim/faults", {}, 400),
    ],
)
def test_bad_input_is_answered_as_such(server: Server, path: str, body: object, status: int) -> None:
    found, _, answer = server.ask(path, body)
    assert found == status
    assert "error" in json.loads(answer)


# ── limits ───────────────────────────────────────────────────────────────────────────────────────


def test_limits_hold_under_concurrent_requests(server: Server) -> None:
    assert server.ask("/sim/limits", {"rpm": 20, "key": "busy"})[0] == 200
    bearer = {"authorization": "Bearer busy"}
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: server.ask(CHAT, BODIES[CHAT], bearer)[0], range(60)))
    assert (statuses.count(200), statuses.count(429)) == (20, 40)
    report = server.stats()["keys"]["busy"]
    assert (report["granted"], report["throttled"]) == (20, 40)
    assert report["worst"]["requests_in_60_s"] == 20


@pytest.mark.parametrize(
    ("path", "headers", "key"),
    [
        (CHAT, {"authorization": "Bearer one"}, "one"),
        ("/v1/messages", {"x-api-key": "two"}, "two"),
        ("/v1beta/models/m:generateContent", {"x-goog-api-key": "three"}, "three"),
        ("/v1beta/models/m:generateContent?key=four", {}, "four"),
        ("/api/chat", {"authorization": "Bearer five"}, "five"),
    ],
)
def test_a_limit_is_told_as_the_dialect_tells_it(
    server: Server, path: str, headers: dict[str, str], key: str
) -> None:
    server.ask("/sim/limits", {"rpm": 1, "tpm": 100000, "key": key})
    body = BODIES[path.partition("?")[0]]
    assert server.ask(path, body, headers)[0] == 200
    status, found, answer = server.ask(path, body, headers)
    error = json.loads(answer)["error"]
    assert status == 429
    if path == CHAT:
        assert 55 <= int(found["retry-after"]) <= 60
        assert (found["x-ratelimit-limit-requests"], found["x-ratelimit-remaining-requests"]) == ("1", "0")
        assert found["x-ratelimit-limit-tokens"] == "100000"
    elif path == "/v1/messages":
        assert error["type"] == "rate_limit_error"
        assert 55 <= int(found["retry-after"]) <= 60
        assert found["anthropic-ratelimit-requests-remaining"] == "0"
        assert found["anthropic-ratelimit-tokens-reset"].endswith("Z")
    else:
        assert found["retry-after"] is None
    if "v1beta" in path:
        (delay,) = (detail["retryDelay"] for detail in error["details"] if "retryDelay" in detail)
        assert 55 <= float(delay.removesuffix("s")) <= 60
    server.ask("/sim/reset", {})
    assert server.ask(path, body, headers)[0] == 200


# ── the process ──────────────────────────────────────────────────────────────────────────────────


def test_sigterm_ends_it_at_once_with_requests_open() -> None:
    server = Server("--rpm", "5", "--fault", "hang@1/0-3600")
    try:
        with server.open(CHAT, BODIES[CHAT]):
            server.until(lambda stats: len(stats["open"]) == 1)
            started = time.monotonic()
            code, out, errors = server.stop()
        assert (code, errors) == (0, b"")
        assert time.monotonic() - started < 1.0
        assert json.loads(out)["requests"] == 1
    finally:
        server.kill()


def test_a_port_in_use_is_one_line_and_exit_code_1(server: Server) -> None:
    command = [sys.executable, "-c", START, "sim-providers", "--port", str(server.port)]
    ran = subprocess.run(command, capture_output=True, timeout=10, env={**os.environ, "COLUMNS": "200"})
    assert ran.returncode == 1
    assert ran.stderr.count(b"\n") == 1
    assert str(server.port).encode() in ran.stderr


def test_a_fault_that_is_none_is_a_bad_usage() -> None:
    command = [sys.executable, "-c", START, "sim-providers", "--fault", "hong"]
    ran = subprocess.run(command, capture_output=True, timeout=10)
    assert ran.returncode == 2
    assert b"hang" in ran.stderr
