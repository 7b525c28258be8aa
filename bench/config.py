"""The gateway as it is measured: everything on that a small production set-up would have on.

Keys are required, every model name is a route of two models at two providers (the second never needed),
breaker, retries and concurrency limits are in force, metrics are counted, the routing metadata goes into
header and body, prices are known. The access log is off, as the targets say, no answer is used again, and no
books are kept: what those cost is measured by itself (`bench.books`).
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.processes import HOST, Server, free_port
from bench.wire import KEY

SHORT = "paced-4-2000"
LONG = "paced-64-2000"
TYPICAL = "paced-22-2000"
BURST_SHORT = "burst-4-0"
BURST_LONG = "burst-204-0"
STAMP = "stamp-6-20000"
HELD = "paced-1000-200000"
MODELS = ("json", SHORT, LONG, TYPICAL, BURST_SHORT, BURST_LONG, STAMP, HELD)
"""Every model name the bench asks for; `x` before one asks for the same across dialects."""

BY_NAME, BY_INTENT, BY_AGENTS = "json@name", "json@intent", "json@agents"
"""The same for prompts of many kinds: a route of two models, and one that looks at what is asked."""

_FULL = {"max_bytes": 4_194_304}
REUSE: dict[str, dict[str, Any]] = {
    "nothing": {"cache": {"exact": {"ttl_s": 0}}, "coalesce": {"window_s": 0}},
    "exact": {"cache": {"exact": _FULL}, "coalesce": {"window_s": 0}},
    "coalesce": {"cache": {"exact": {"ttl_s": 0}}},
    "both": {"cache": {"exact": _FULL}},
}
"""What uses answers again. The cache is small, so that it is full as one in use is: for each answer another
goes."""

GATEWAY = f"{Path(sys.executable).with_name('headgate')} serve --config {{config}}"
BARE = (
    f"{sys.executable} -m bench.bare --port {{port}} --json-url http://{HOST}:{{json}}/v1/chat/completions"
    f" --sse-url http://{HOST}:{{sse}}/v1/chat/completions"
)

_STREAMS = 1024
_OTHER_KEYS = 9


def _providers(json_port: int, sse_port: int) -> dict[str, Any]:
    """Two of each kind: documents and streams, OpenAI and Anthropic."""
    providers = {}
    for name, port in (("documents", json_port), ("streams", sse_port)):
        for letter in "ab":
            common = {"concurrency": _STREAMS, "keys": [f"sk-bench-{name}-{letter}"]}
            providers[f"{name}-{letter}"] = common | {
                "dialect": "openai",
                "base_url": f"http://{HOST}:{port}/v1",
            }
            providers[f"x{name}-{letter}"] = common | {
                "dialect": "anthropic",
                "base_url": f"http://{HOST}:{port}",
            }
    return providers


def settings(
    *, port: int, json_port: int, sse_port: int, by_intent: bool = True, reuse: str = "nothing"
) -> dict[str, Any]:
    """Headgate's configuration file, as a tree; `by_intent`: with the route that needs word vectors; `reuse`:
    one of `REUSE`."""
    models: dict[str, Any] = {}
    routes: dict[str, Any] = {}
    for name in MODELS:
        for cross in ("", "x"):
            kind = cross + ("documents" if name == "json" else "streams")
            routes[cross + name] = {"use": [f"{cross}{name}-{letter}" for letter in "ab"]}
            for letter in "ab":
                models[f"{cross}{name}-{letter}"] = {
                    "provider": f"{kind}-{letter}",
                    "name": name,
                    "price": {"input": 2.0, "output": 8.0, "cache_read": 0.5},
                }
    pair = ["json-a", "json-b"]
    routes[BY_NAME] = {"use": pair}
    if by_intent:
        by_intent_route = {"by": "intent", "when": {"code": pair, "reasoning": pair}, "use": pair}
        routes |= {BY_INTENT: by_intent_route, BY_AGENTS: by_intent_route}
    return {
        "server": {"host": HOST, "port": port, "metadata": "both", "auth": "required", "log": "off"},
        "providers": _providers(json_port, sse_port),
        "models": models,
        "routes": routes,
        "keys": [
            *({"name": f"other-{number}", "key": f"hk-other-{number:032d}"} for number in range(_OTHER_KEYS)),
            {"name": "bench", "tenant": "bench", "key": KEY},
        ],
        "store": {"url": "off"},
        **REUSE[reuse],
        "breaker": {"failures": 5, "recovery_s": 60},
        "retry": {"attempts": 3, "backoff_s": 0.2, "budget": 0.2},
        "metrics": {"namespace": "headgate"},
    }


@dataclass(frozen=True)
class Recipe:
    """How to start the gateway to be measured.

    In the command, and in the configuration file where another than Headgate's is given, `{port}` stands
    for the port to listen on, `{json}` and `{sse}` for the ports of the two upstreams, `{key}` for the
    caller's key; in the command also `{config}` for the path of the file.
    """

    command: str = GATEWAY
    config: Path | None = None

    def server(
        self,
        at: Path,
        *,
        json_port: int,
        sse_port: int,
        cores: set[int],
        name: str,
        by_intent: bool,
        reuse: str = "nothing",
    ) -> Server:
        """A new gateway on a free port, not yet started."""
        port = free_port()
        values = {"port": str(port), "json": str(json_port), "sse": str(sse_port), "key": KEY}
        file = at / f"{name}-{port}.yaml"
        if self.config is None:
            tree = settings(
                port=port, json_port=json_port, sse_port=sse_port, by_intent=by_intent, reuse=reuse
            )
            file.write_text(yaml.safe_dump(tree, sort_keys=False))
        else:
            file.write_text(_filled(self.config.read_text(), values))
        command = [_filled(word, values | {"config": str(file)}) for word in shlex.split(self.command)]
        return Server(name, command, port=port, cores=cores, log=at / f"{name}-{port}.log")


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text
