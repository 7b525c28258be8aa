"""`headgate route`: which model a prompt would go to, and why. Nobody is asked."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Mapping
from math import inf
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from headgate.adapters.system import SystemClock
from headgate.assemble import Gateway, Machine
from headgate.assemble.rim import callers
from headgate.cli.life import Origin
from headgate.config.tree import Settings
from headgate.core.call import Call, Caller, Operation
from headgate.core.errors import GatewayError

ANYBODY = Caller(key="nobody", tenant="nobody")
"""Who may use everything."""


def route(file: Path | None, prompt: str, *, model: str, key: str | None, as_json: bool) -> int:
    """Prints the decision. The exit code: 0, 1 where the request would be refused, 2 for a key that is not
    there. Raises `ConfigError`."""
    settings, _ = Origin(file).read()
    if key is not None and all(one.name != key for one in settings.keys):
        typer.echo(f"There is no key of the name '{key}'.", err=True)
        return 2
    try:
        found = asyncio.run(_explained(settings, prompt, model, key))
    except GatewayError as error:
        said = {"error": {"message": error.message, "param": error.param, "code": error.code}}
        typer.echo(json.dumps(said) if as_json else f"Refused: {error.message}", err=not as_json)
        return 1
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _print(found, Console())
    return 0


async def _explained(settings: Settings, prompt: str, model: str, key: str | None) -> Mapping[str, Any]:
    machine = Machine(clock=SystemClock(), chance=Random(), pepper=os.urandom(32))
    gateway = Gateway(settings, machine)
    body = msgspec.json.encode({"model": model, "messages": [{"role": "user", "content": prompt}]})
    call = Call(
        payload=gateway.surface.parse(Operation.CHAT, body),
        caller=ANYBODY if key is None else callers(settings)[key],
        request_id="",
        started_at=0.0,
        deadline_at=inf,
    )
    return gateway.house.front.explain(call)


def _print(found: Mapping[str, Any], console: Console) -> None:
    sure = "" if found["confidence"] is None else f" ({found['confidence']:.2f}, {found['band']})"
    lines = {
        "model": found["model_id"],
        "then": ", ".join(found["fallbacks"]),
        "intent": f"{found['intent']}{sure}" if found["intent"] else "",
        "evidence": ", ".join(found["evidence"]),
        "complexity": found["complexity"],
        "rule": found["when"] and f"{found['route']}: {found['when']}",
        "strategy": found["strategy"],
        "agent": found["agent"],
        "experiment": found["experiment"],
        "expected cost": _cost(found["expected_cost_usd"]),
    }
    facts = Table.grid(padding=(0, 2))
    for name, value in lines.items():
        if value:
            facts.add_row(f"[dim]{name}[/]", str(value))
    console.print(facts, highlight=False)
    console.print(_candidates(found["candidates"]))


def _candidates(candidates: Iterable[Mapping[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("candidate", "score", "expected cost", ""):
        table.add_column(heading)
    for one in candidates:
        parts = ", ".join(f"{name} {value:+.3f}" for name, value in one["parts"].items())
        why = f"out by {one['removed_by']}: {one['reason']}" if one["removed_by"] else parts
        why += "" if one["ready"] else " (not ready)"
        score = "" if one["score"] is None else f"{one['score']:.3f}"
        table.add_row(one["model_id"], score, _cost(one["expected_cost_usd"]), why.strip())
    return table


def _cost(usd: float | None) -> str:
    return "" if usd is None else f"${usd:.6f}"
