"""The rim without sockets: a whole gateway over the in-process simulated provider, asked by ASGI messages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from headgate.assemble import Gateway, Machine
from headgate.assemble.jobs import Intake
from headgate.config.validate import settings
from headgate.ports.jobs import Jobs
from headgate.server.app import AsgiApp
from virtual import clock, run

KEY = "caller-key-0123456789abcdef"
CHAT = "/v1/chat/completions"
HOT = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/messages")
HI = [{"role": "user", "content": "Tell me about bridges"}]


@dataclass
class Heard:
    """What came back, message by message, and when."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    @property
    def status(self) -> int:
        found: int = self.messages[0]["status"]
        return found

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode("latin-1") for name, value in self.messages[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def complete(self) -> bool:
        """Whether the answer has come to its end, and only once."""
        more = [bool(message.get("more_body")) for message in self.messages[1:]]
        return bool(more) and more[-1] is False and more.count(False) == 1


def gateway(**members: Any) -> Gateway:
    """A gateway of the running (virtual) loop: one quick simulated provider, unless told otherwise."""
    return gateway_with(None, members)


def gateway_with(kept: Jobs | None, members: Mapping[str, Any]) -> Gateway:
    """The same; `kept`: where its jobs are, if it has any."""
    raw = {
        "keys": [{"name": "me", "key": KEY}, {"name": "guest", "key": "guest-key", "models": ["m"]}],
        "providers": {"p": {"dialect": "simulated", "simulated": {"latency_s": 0.1, "tokens_per_s": 10}}},
        "models": {
            "m": {"provider": "p"},
            "cut": {"provider": "p", "name": "fault-cut-mid"},
            "hang": {"provider": "p", "name": "fault-hang"},
            "down": {"provider": "p", "name": "fault-503"},
        },
        **members,
    }
    jobs = Intake(kept) if kept is not None else None
    machine = Machine(clock=clock(), chance=Random(7), pepper=b"pepper-of-16-byt", jobs=jobs)
    return Gateway(settings(raw, environ={}), machine)


def scope(path: str = CHAT, headers: Iterable[tuple[str, str]] = (), method: str = "POST") -> dict[str, Any]:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return {"type": "http", "method": method, "path": path, "query_string": b"", "headers": raw}


Step = bytes | float
"""A piece of the body, or seconds until the next."""


async def ask(
    app: AsgiApp,
    path: str = CHAT,
    body: object = b"",
    *,
    headers: Iterable[tuple[str, str]] = (),
    key: str | None = KEY,
    method: str = "POST",
    steps: Iterable[Step] | None = None,
    leaves_after_s: float | None = None,
) -> Heard:
    """One request from its first message to the end of the call.

    `steps` are the body in pieces instead of `body`; `leaves_after_s` counts from when all is sent.
    """
    heard, now = Heard(), clock().now
    shown = [("authorization", f"Bearer {key}"), *headers] if key else list(headers)
    whole = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def send(message: Any) -> None:
        heard.messages.append(dict(message))
        heard.at.append(now())

    await app(scope(path, shown, method), _receiver(list(steps or [whole]), leaves_after_s), send)
    return heard


def _receiver(steps: list[Step], leaves_after_s: float | None) -> Callable[[], Awaitable[Any]]:
    async def receive() -> Any:
        while steps:
            step = steps.pop(0)
            if isinstance(step, bytes):
                return {"type": "http.request", "body": step, "more_body": bool(steps)}
            await clock().sleep(step)
        if leaves_after_s is None:
            await asyncio.get_running_loop().create_future()
        await clock().sleep(leaves_after_s or 0.0)
        return {"type": "http.disconnect"}

    return receive


def told(path: str = CHAT, body: object = b"", **more: Any) -> Heard:
    """The answer of a fresh gateway, in virtual time. `settings` among `more` are the gateway's."""
    members = more.pop("settings", {})

    async def main() -> Heard:
        return await ask(gateway(**members).endpoints()[path], path, body, **more)

    found: Heard = run(main())
    return found
