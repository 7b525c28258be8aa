"""What the limits of keys cost a request when there is room: `python -m bench.limits`.

Two gateways in one process, the same but that the keys of one have limits, far from used up. Upstreams answer
at once from memory; requests go through the assembled service one at a time, the two taking turns in short
slices. Judged is the lower quartile of the differences, in CPU µs a request: noise on a shared machine only
ever adds. The target is for limits and queue together.
"""

from __future__ import annotations

import argparse
import random
import time
from contextlib import AbstractAsyncContextManager
from statistics import median, quantiles
from typing import Any

import msgspec
import uvloop

from bench.turns import answered, by_turns
from bench.wire import OPENAI_DOCUMENT
from headgate.adapters.system import SystemClock
from headgate.assemble import Gateway, Machine
from headgate.assemble.bank import Bank
from headgate.config.tree import Settings
from headgate.core.call import Caller

TARGET_US = 8.0
SLICE = 200
"""Requests of one side before it is the other's turn."""

PROMPT = "Explain how a suspension bridge carries its load, and what happened at Tacoma in 1940. " * 6
BODY = msgspec.json.encode(
    {"model": "m", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 200, "temperature": 0.2}
)
CALLER = Caller(key="bench", tenant="bench")


class Answer:
    """A transport, and its answer."""

    status = 200

    def __call__(self, request: Any, *, stream: bool) -> AbstractAsyncContextManager[Any]:
        return self

    async def __aenter__(self) -> Answer:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def header(self, name: str) -> str | None:
        return None

    async def read(self) -> bytes:
        return OPENAI_DOCUMENT

    async def chunk(self) -> bytes | None:
        return None


def gateway(
    limits: dict[str, int], keys: int, more: dict[str, Any] | None = None, bank: Bank | None = None
) -> Gateway:
    """One pool of so many keys, each with these limits; `more` sections of the configuration."""
    named = [{"key": f"sk-bench-{number}", **limits} for number in range(keys)]
    settings = Settings.model_validate(
        {
            "server": {"auth": "off", "log": "off"},
            "providers": {"p": {"base_url": "http://127.0.0.1:9", "keys": named}},
            "models": {"m": {"provider": "p"}},
            "routes": {"auto": {"use": ["m"]}},
            "cache": {"exact": {"ttl_s": 0}},
            "coalesce": {"window_s": 0},
            **(more or {}),
        }
    )
    machine = Machine(clock=SystemClock(), chance=random.Random(1), pepper=b"x" * 16, bank=bank)
    made = Gateway(settings, machine)
    for upstream in made._generation.upstreams["m"]:
        dispatch: Any = upstream._inner
        while not hasattr(dispatch, "_transport"):
            dispatch = dispatch._inner
        dispatch._transport = Answer()
    return made


async def slice_us(one: Gateway) -> float:
    """CPU µs a request, over one slice."""
    begin = time.process_time()
    for _ in range(SLICE):
        await answered(one, BODY, CALLER)
    return (time.process_time() - begin) / SLICE * 1e6


async def compare(limits: dict[str, int], *, keys: int, rounds: int) -> tuple[float, list[float]]:
    """CPU µs a request without limits, and what they add, round by round."""
    plain, limited = gateway({}, keys), gateway(limits, keys)
    base, added = await by_turns(plain, limited, slice_us, rounds)
    return median(base), added


async def main(rounds: int) -> None:
    sizes = {
        "requests": {"rpm": 100_000_000},
        "requests and burst": {"rpm": 100_000_000, "burst": 1_000_000},
        "requests, tokens and burst": {"rpm": 100_000_000, "tpm": 1_000_000_000, "burst": 1_000_000},
    }
    for keys in (1, 3):
        for name, limits in sizes.items():
            base, added = await compare(limits, keys=keys, rounds=rounds)
            low, middle, high = quantiles(added, n=4)
            verdict = "ok" if low <= TARGET_US else f"over {TARGET_US:g}"
            print(f"{keys} key(s), {name}: +{low:.1f} µs ({middle:.1f}, {high:.1f}) on {base:.0f}: {verdict}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    uvloop.run(main(parser.parse_args().rounds))
