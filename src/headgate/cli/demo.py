"""`headgate demo`: the gateway, simulated providers and a few requests, in one process.

Everything is real but the models: the requests go over HTTP to the port that keeps serving afterwards.
"""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from pyreqwest.client import Client, ClientBuilder
from rich.console import Console
from rich.table import Table

from headgate.cli.life import Application, Origin
from headgate.cli.serve import Server, config
from headgate.config.load import load

KEY = "demo-key"
HOST = "127.0.0.1"

CONFIG = f"""
server: {{host: {HOST}, log: text, log_level: error}}
keys: [{{name: demo, key: {KEY}}}]
providers:
  cloud:  {{dialect: simulated, simulated: {{latency_s: 0.12, tokens_per_s: 300}}}}
  local:  {{dialect: simulated, simulated: {{latency_s: 0.03, tokens_per_s: 150}}}}
  dying:  {{dialect: simulated, simulated: {{latency_s: 0.05, faults: [refuse]}}}}
models:
  large:  {{provider: cloud, name: sim-large, price: {{input: 3.0, output: 15.0}}}}
  coder:  {{provider: local, name: sim-coder, price: {{input: 0.2, output: 0.6}}}}
  small:  {{provider: local, name: sim-small, price: {{input: 0.1, output: 0.3}}}}
  doomed: {{provider: dying, name: sim-doomed, price: {{input: 1.0, output: 5.0}}}}
routes:
  auto:
    by: intent
    when: {{code: [coder, large], reasoning: [large, small]}}
    use: [small, large]
  resilient: {{use: [doomed, large, small]}}
breaker: {{failures: 2}}
"""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One request of the workload."""

    what: str
    model: str
    prompt: str
    stream: bool = False
    extra: dict[str, Any] = {}


_WEATHER = {
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
            },
        }
    ],
    "tool_choice": "required",
}

WORKLOAD = (
    Ask(what="plain", model="auto", prompt="Why is the sky blue?"),
    Ask(what="the same again", model="auto", prompt="Why is the sky blue?"),
    Ask(what="streamed", model="auto", prompt="Tell me about the Moon in three sentences.", stream=True),
    Ask(what="code", model="auto", prompt="Write a Python function that reverses a linked list."),
    Ask(what="reasoning", model="auto", prompt="Prove that the square root of two is irrational."),
    Ask(what="by name, local", model="small", prompt="Say hello."),
    Ask(what="tool call", model="auto", prompt="What is the weather in Paris?", extra=_WEATHER),
    Ask(what="provider dies", model="resilient", prompt="Name three rivers."),
    Ask(what="… again, streamed", model="resilient", prompt="Name three lakes.", stream=True),
    Ask(what="… breaker now open", model="resilient", prompt="Name three seas."),
)


def demo(*, once: bool, port: int) -> int:
    """Runs it all. The exit code: 0 if every request was answered."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_demo(once=once, port=port))


async def _demo(*, once: bool, port: int) -> int:
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "demo.yaml"
        file.write_text(CONFIG)
        sock = _listening(port)
        url = f"http://{HOST}:{sock.getsockname()[1]}"
        server = Server(config(Application(Origin(file)), load(file)))
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            rows = await _workload(url)
            _show(console, rows, url)
            if not once:
                console.print("Serving until Ctrl-C.")
            server.should_exit = once
        except BaseException:  # nobody reads what is printed, say: the server ends in good order all the same
            server.should_exit = True
            raise
        finally:
            await serving
    return 0 if all(row["status"] == 200 for row in rows) else 1


def _listening(port: int) -> socket.socket:
    """A socket on `port`, or on any free one where that is taken."""
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError:
        return socket.create_server((HOST, 0), backlog=128)


async def _workload(url: str) -> list[dict[str, Any]]:
    """Sends it, one request after the other: the socket is open already, and waits for the server."""
    headers = {"authorization": f"Bearer {KEY}"}
    async with ClientBuilder().no_proxy().default_headers(headers).build() as client:
        return [await _ask(client, url, ask) for ask in WORKLOAD]


async def _ask(client: Client, url: str, ask: Ask) -> dict[str, Any]:
    body = {
        "model": ask.model,
        "messages": [{"role": "user", "content": ask.prompt}],
        "stream": ask.stream,
        **ask.extra,
    }
    if ask.stream:
        body["stream_options"] = {"include_usage": True}
    started = asyncio.get_running_loop().time()
    answer = await client.post(f"{url}/v1/chat/completions").body_json(body).build().send()
    text = await answer.text()
    last = _last_event(text) if ask.stream and answer.status == 200 else json.loads(text)
    seconds = asyncio.get_running_loop().time() - started
    return {"ask": ask, "status": answer.status, "seconds": seconds, **last}


def _last_event(text: str) -> dict[str, Any]:
    """The data event before `[DONE]`."""
    events = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    last: dict[str, Any] = json.loads(events[-2])
    return last


def _show(console: Console, rows: list[dict[str, Any]], url: str) -> None:
    table = Table(title="What the gateway decided", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("request", "intent", "served by"):
        table.add_column(name, no_wrap=True)
    for name in ("cache", "tries", "latency", "cost"):
        table.add_column(name, no_wrap=True, justify="right")
    for row in rows:
        table.add_row(*_cells(row))
    console.print(table)
    console.print(_how_to_call(url), highlight=False, markup=False, soft_wrap=True)


def _cells(row: dict[str, Any]) -> list[str]:
    ask: Ask = row["ask"]
    decision = row.get("x-routing-metadata")
    if decision is None:
        return [ask.what, "", f"[red]{row['status']} {row['error']['message']}[/]", "", "", "", ""]
    served = ("[yellow]↪[/] " if decision["fallback_used"] else "") + decision["model_id"]
    return [
        ask.what,
        decision["intent"] or "(by name)",
        served,
        "[green]hit[/]" if decision["attempts"] == 0 else decision["cache"],
        str(decision["attempts"]),
        f"{row['seconds'] * 1e3:.0f} ms",
        "?" if decision["cost_usd"] is None else f"${decision['cost_usd']:.6f}",
    ]


def _how_to_call(url: str) -> str:
    return f"""↪ a fallback served, because the first choice could not

Endpoint {url}/v1  key {KEY}  models auto, resilient, large, coder, small

  curl {url}/v1/chat/completions -H 'Authorization: Bearer {KEY}' \\
    -H 'content-type: application/json' \\
    -d '{{"model": "auto", "messages": [{{"role": "user", "content": "Hello"}}]}}'

  from openai import OpenAI
  client = OpenAI(base_url="{url}/v1", api_key="{KEY}")
  answer = client.chat.completions.create(model="auto", messages=[{{"role": "user", "content": "Hello"}}])
  print(answer.choices[0].message.content)
"""
