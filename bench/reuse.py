"""What the layers that use answers again cost who asks something new: `python -m bench.reuse`.

Gateways in one process, the same but for what is switched on: nothing, the exact cache, coalescing, both; and
one that only ever answers from its cache. Upstreams answer at once from memory; requests go through the
assembled service, the gateways taking turns in short slices. Judged is the lower quartile of
the differences, in CPU µs a request: noise on a shared machine only ever adds.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import random
import time
from statistics import median, quantiles
from typing import Any

import msgspec
import uvloop

from bench.config import REUSE
from bench.limits import CALLER, PROMPT, Answer
from bench.turns import answered
from headgate.adapters.system import SystemClock
from headgate.assemble import Gateway, Machine
from headgate.config.tree import Settings

CLIENTS = 16
"""Who ask at once, each one request after the other: a turn of the loop is shared, as it is in a server."""

SLICE = 320
"""Requests of one side before it is the other's turn."""

TARGETS_US = {"exact": 6.0}
SIDES: dict[str, dict[str, Any]] = {**REUSE, "hit": REUSE["exact"]}
METADATA = b'{"model_id":"m","provider":"p","cache":"miss","cost_usd":0.000001,"total_time_seconds":0.012345}'
_numbers = itertools.count()


def _body(number: int) -> bytes:
    return msgspec.json.encode(
        {
            "model": "m",
            "messages": [{"role": "user", "content": f"{number:09d} {PROMPT}"}],
            "max_tokens": 200,
            "temperature": 0.2,
        }
    )


def gateway(switched: dict[str, Any]) -> Gateway:
    """One model of one upstream, and what is switched on."""
    settings = Settings.model_validate(
        {
            "server": {"auth": "off", "log": "off"},
            "providers": {"p": {"base_url": "http://127.0.0.1:9", "keys": ["sk-bench"]}},
            "models": {"m": {"provider": "p", "price": {"input": 2.0, "output": 8.0}}},
            "routes": {"auto": {"use": ["m"]}},
            **switched,
        }
    )
    machine = Machine(clock=SystemClock(), chance=random.Random(1), pepper=b"x" * 16)
    made = Gateway(settings, machine)
    dispatch: Any = made._generation.upstreams["m"][0]
    while not hasattr(dispatch, "_transport"):
        dispatch = dispatch._inner
    dispatch._transport = Answer()
    return made


async def slice_us(one: Gateway, *, same: bool) -> float:
    """CPU µs a request, over one slice; `same`: all ask the same."""

    async def asking(mine: list[bytes]) -> None:
        for body in mine:
            await answered(one, body, CALLER, METADATA)

    bodies = [_body(0 if same else next(_numbers) + 1) for _ in range(SLICE)]
    begin = time.process_time()
    async with asyncio.TaskGroup() as clients:
        for client in range(CLIENTS):
            clients.create_task(asking(bodies[client::CLIENTS]))
    return (time.process_time() - begin) / SLICE * 1e6


async def measured(rounds: int) -> dict[str, list[float]]:
    """CPU µs a request of every side, round by round."""
    gateways = {name: gateway(switched) for name, switched in SIDES.items()}
    found: dict[str, list[float]] = {name: [] for name in SIDES}
    names = list(SIDES)
    for turn in range(rounds + 5):
        names.reverse()
        for name in names:
            gc.collect()
            cost = await slice_us(gateways[name], same=name == "hit")
            if turn >= 5:
                found[name].append(cost)
    return found


async def main(rounds: int) -> None:
    found = await measured(rounds)
    nothing = found.pop("nothing")
    print(f"nothing on: {median(nothing):.0f} µs a request")
    for name, costs in found.items():
        added = [one - base for one, base in zip(costs, nothing, strict=True)]
        low, middle, high = quantiles(added, n=4)
        target = TARGETS_US.get(name)
        verdict = "" if target is None else ": ok" if low <= target else f": over {target:g}"
        print(f"{name}: {low:+.1f} µs ({middle:+.1f}, {high:+.1f}){verdict}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=40)
    uvloop.run(main(parser.parse_args().rounds))
