"""`headgate usage`: who has used what, and what it cost, from the store of the books."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from headgate.assemble.ledgers import ledger
from headgate.config.check import ConfigError
from headgate.config.load import load
from headgate.core.errors import InvalidRequest
from headgate.core.report import Asked, asked, costs, month_of
from headgate.ports.ledger import Ledger, LedgerGone

DEFAULT_FILE = Path("headgate.yaml")
_SHOWN = ("requests", "failed", "hits", "input", "cache_read", "cache_write", "output", "reasoning")


def usage(
    group_by: Annotated[
        str, typer.Option(help="Names with commas between: day, tenant, key, model, provider, tag, intent.")
    ] = "tenant,model",
    since: Annotated[
        str | None, typer.Option("--from", help="First day, in UTC; default: the first of this month.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Day after the last.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Of this tenant alone.")] = None,
    key: Annotated[str | None, typer.Option(help="Of this key alone.")] = None,
    config: Annotated[Path, typer.Option("--config", help="The configuration file.")] = DEFAULT_FILE,
    as_json: Annotated[bool, typer.Option("--json", help="Write for programs.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write for spreadsheets.")] = False,
) -> None:
    """Who has used what, and what it cost."""
    try:
        wanted = asked([group_by], since or _month(), until, tenant=tenant, key=key)
        store = ledger(load(config), config)
    except (InvalidRequest, ConfigError) as error:
        _stop(str(error), 2)
    except ImportError:
        _stop("store.url is set, but the client is not installed (pip install 'headgate[postgres]')", 1)
    if store is None:
        _stop("no books are kept: store.url is off", 1)
    try:
        rows = asyncio.run(_rows(store[1], wanted))
    except LedgerGone as error:
        _stop(f"the books cannot be read: {error}", 1)
    if as_json:
        typer.echo(json.dumps(rows))
    elif as_csv:
        _write(rows, wanted)
    else:
        _show(rows, wanted)


async def _rows(store: Ledger, wanted: Asked) -> list[dict[str, Any]]:
    try:
        wall = time.time()  # noqa: TID251 - a command is its own clock
        month = month_of(wanted, wall)
        return [row | costs(row, month, wall) for row in await store.usage(wanted)]
    finally:
        await store.close()


def _month() -> str:
    return datetime.now(UTC).strftime("%Y-%m-01")  # noqa: TID251 - a command is its own clock


def _columns(rows: list[dict[str, Any]], wanted: Asked) -> list[str]:
    foretold = ["forecast_usd"] if rows and "forecast_usd" in rows[0] else []
    return [*wanted.group_by, *_SHOWN, "cost_usd", *foretold]


def _write(rows: list[dict[str, Any]], wanted: Asked) -> None:
    names = _columns(rows, wanted)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_plain(row[name]) for name in names] for row in rows)


def _plain(value: Any) -> Any:
    """A name that a spreadsheet would take for a formula is told to be text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def _show(rows: list[dict[str, Any]], wanted: Asked) -> None:
    """Names give way where it is narrow; numbers are shown whole."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    columns = {name: [_cell(name, row[name]) for row in rows] for name in _columns(rows, wanted)}
    for name, cells in columns.items():
        if name in wanted.group_by:
            table.add_column(name)
        else:
            words = name.split("_")
            table.add_column(" ".join(words), justify="right", min_width=max(map(len, [*cells, *words])))
    for line in zip(*columns.values(), strict=True):
        table.add_row(*line)
    console = Console()
    needed = console.measure(table, options=console.options.update_width(1_000)).minimum
    console.print(table, width=max(console.width, needed), crop=False, soft_wrap=needed > console.width)


def _cell(name: str, value: Any) -> str:
    return f"{value:.6f}" if name in ("cost_usd", "forecast_usd") else str(value)


def _stop(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)
