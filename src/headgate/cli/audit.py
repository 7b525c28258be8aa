"""`headgate audit`: what admins have done, whether it was tampered with, and where requests went."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from headgate.cli.issue import Desk, show
from headgate.core.audit import START, Noted, broken_at
from headgate.ports.store import Store

DEFAULT_FILE = Path("headgate.yaml")
PAGE = 1000

app = typer.Typer(help="The audit log of this configuration's store.", no_args_is_help=True)

File = Annotated[Path, typer.Option("--config", help="The configuration file.")]

AsJson = Annotated[bool, typer.Option("--json", help="Write for programs.")]


async def _all(store: Store) -> list[Noted]:
    return [act async for act in _pages(store)]


async def _pages(store: Store) -> AsyncIterator[Noted]:
    after = 0
    while page := await store.acts(after, PAGE):
        for act in page:
            yield act
        after = page[-1].number


@app.command()
def verify(
    holds: Annotated[str, typer.Option(help="A hash that was kept: of an act that must be there.")] = "",
    config: File = DEFAULT_FILE,
    as_json: AsJson = False,
) -> None:
    """Check the chain. Exit code 1 where an act is not as it was written, or the one that is asked for is
    gone. Prints the last hash: keep it."""
    acts = Desk(config).run(_all)
    broken, last = broken_at(acts), acts[-1].hash if acts else START
    held = not holds or holds in {START, *(act.hash for act in acts)}
    if as_json:
        found = {"acts": len(acts), "last": last, "broken_at": broken, "holds": held if holds else None}
        typer.echo(json.dumps(found))
    elif broken is not None:
        typer.echo(f"the chain is broken at act {broken} of {len(acts)}", err=True)
    elif not held:
        typer.echo(f"there is no act {holds} among {len(acts)}: some were taken off the end", err=True)
    else:
        typer.echo(f"{len(acts)} acts, {last}")
    if broken is not None or not held:
        raise typer.Exit(1)


@app.command()
def export(config: File = DEFAULT_FILE) -> None:
    """Every act, oldest first, a JSON object a line."""
    for act in Desk(config).run(_all):
        typer.echo(msgspec.json.encode(act).decode())


@app.command()
def residency(
    tenant: Annotated[str, typer.Option(help="Whose requests.")],
    config: File = DEFAULT_FILE,
    as_json: AsJson = False,
) -> None:
    """Where a tenant's requests went: providers and their regions, also those that were asked in vain."""

    async def work(store: Store) -> list[dict[str, Any]]:
        return [_told(row) for row in await store.places(tenant)]

    rows = Desk(config).run(work)
    if as_json:
        typer.echo(json.dumps(rows))
    else:
        show(rows, as_json=False)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    first, last = row.pop("first_us"), row.pop("last_us")
    return row | {"first": _moment(first), "last": _moment(last)}


def _moment(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="seconds")
