"""No planted secret is in any log, metric, error, page or file, however a provider fails and what it says."""

from __future__ import annotations

import json
import random
import string
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway import CHAT, Answer, Gateway, running

pytestmark = pytest.mark.e2e

ALPHABET = string.ascii_letters + string.digits


class Talkative(BaseHTTPRequestHandler):
    """A provider that says everything it knows, in every way it can fail."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        shown = self.headers.get("authorization", "") + self.headers.get("x-api-key", "")
        key = shown.removeprefix("Bearer ")
        said = f"Incorrect API key provided: {key}. Header was 'authorization: {shown}' at /srv/app/auth.py"
        trace = f'Traceback (most recent call last):\n  File "/srv/app/x.py", line 7\nValueError: {key}'
        how = asked["messages"][-1]["content"].split()[0]
        answers: dict[str, tuple[int, Any]] = {
            "401": (401, {"error": {"message": said, "type": "authentication_error"}}),
            "403": (403, {"error": {"message": said, "code": key}}),
            "400": (400, {"error": {"message": said, "type": "invalid_request_error", "param": "x"}}),
            "404": (404, {"error": {"message": said}}),
            "429": (429, {"error": {"message": said, "type": "rate_limit"}}),
            "500": (500, {"error": {"message": trace}}),
            "502": (502, trace),
            "html": (503, f"<html><body>{said}</body></html>"),
            "garbage": (200, f"{{not json {key}"),
        }
        status, answer = answers.get(how, (200, _completion(asked)))
        body = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("x-debug-key", key)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Nothing."""


def _completion(asked: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": "You said: " + asked["messages"][-1]["content"]}
    usage = {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


WAYS = ["fine", "401", "403", "400", "404", "429", "500", "502", "html", "garbage"]


@contextmanager
def provider() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Talkative)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def planted(chance: random.Random) -> dict[str, str]:
    """A secret of each kind, of the forms that are seen in the wild."""
    forms = {
        "first": "sk-proj-{}",
        "second": "sk-ant-api03-{}",
        "header": "{}",
        "caller": "caller-{}",
        "admin": "{}",
        "reader": "adm_{}",
        "wrong": "sk-{}",
        "typed": "ghp_{}",
    }
    return {name: form.format("".join(chance.choices(ALPHABET, k=32))) for name, form in forms.items()}


def config(secrets: dict[str, str], port: int, folder: Path) -> str:
    return f"""
server:
  log: json
  log_level: debug
  admin_key: {secrets["admin"]}
  admin_keys: [{{name: rita, key: {secrets["reader"]}}}]
keys: [{{name: me, key: {secrets["caller"]}, tenant: acme}}]
store: {{url: "sqlite:///{folder}/books.db", folder: {folder}/kept}}
cache: {{store: file, file: {folder}/answers.db}}
breaker: {{failures: 1000, recovery_s: 0.01}}
retry: {{backoff_s: 0}}
providers:
  one:
    dialect: openai
    base_url: "http://127.0.0.1:{port}/v1"
    keys: [{secrets["first"]}]
    headers: {{x-own: {secrets["header"]}}}
  two: {{dialect: anthropic, base_url: "http://127.0.0.1:{port}", keys: [{secrets["second"]}]}}
models: {{m: {{provider: one}}, n: {{provider: two}}}}
routes:
  auto: {{use: [m, n], capture: {{}}}}
  alone: {{use: [m], capture: {{}}}}
"""


def asked(gateway: Gateway, secrets: dict[str, str]) -> Iterator[Answer]:
    """Everything that can be asked of it, rightly and wrongly."""
    for how in WAYS:
        text = f"{how} my key is {secrets['typed']}, mine here is {secrets['first']}"
        for model, stream in (("auto", False), ("alone", False), ("alone", True), (secrets["wrong"], False)):
            body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream}
            if model == secrets["wrong"]:
                continue
            yield gateway.ask(CHAT, body, key=secrets["caller"])
            yield gateway.ask("/v1/messages", body | {"max_tokens": 9}, key=secrets["caller"])
    hi = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
    for key in (secrets["wrong"], secrets["first"], secrets["admin"], secrets["caller"] + "x"):
        yield gateway.ask(CHAT, hi, key=key)
        yield gateway.ask("/v1/models", key=key)
    for path in ("usage", "requests", "keys", "audit", "config", "budgets", "tenants"):
        yield gateway.ask(f"/admin/v1/{path}", key=secrets["admin"])
        yield gateway.ask(f"/admin/v1/{path}", key=secrets["wrong"])
        yield gateway.ask(f"/admin/v1/{path}", key=secrets["caller"])
    yield gateway.ask("/admin/v1/keys", {"tenant": "t"}, key=secrets["reader"])
    for path in ("/health", "/readyz", "/metrics", "/openapi.json", "/router/info", "/v1/usage"):
        yield gateway.ask(path, key=secrets["caller"])


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_that_is_told_or_kept_holds_a_secret(tmp_path: Path, seed: int) -> None:
    secrets = planted(random.Random(seed))
    with provider() as port, running(config(secrets, port, tmp_path)) as gateway:
        answers = list(asked(gateway, secrets))
        assert gateway.stop() == 0
        logs = gateway.log
    told = [f"{answer.status} {answer.headers} {answer.body.decode()}" for answer in answers]
    echoed = [one for one in told if "You said" in one]
    assert echoed, "nothing was ever answered: the test proves nothing"
    kept = {
        file: file.read_bytes()
        for file in tmp_path.rglob("*")
        if file.is_file() and "answers" not in file.name
    }
    assert any(b"You said" in data for data in kept.values()), "nothing was ever captured"
    ours = {name: value for name, value in secrets.items() if name != "typed"}
    for name, secret in secrets.items():
        assert secret not in logs, name
        for file, data in kept.items():
            assert secret.encode() not in data, (name, file.name)
    for name, secret in ours.items():
        leaks = [one for one in told if secret in one and not ("You said" in one and name == "first")]
        assert not leaks, (name, leaks[0][:400])
