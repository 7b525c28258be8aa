"""`headgate keys create`, and what else becomes of keys of callers that were made at run time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from headgate.assemble.ledgers import ledger
from headgate.assemble.rim import known
from headgate.cli.noted import operator
from headgate.config.check import ConfigError
from headgate.config.load import load
from headgate.config.tree import Settings
from headgate.core.budget import Per, terms
from headgate.core.errors import InvalidRequest
from headgate.core.issued import Issued, ends_at
from headgate.core.price import usd
from headgate.ports.ledger import LedgerGone
from headgate.ports.store import Store
from headgate.server.desk import Desk as Keys
from headgate.server.desk import NameTaken, NoSuchKey

T = TypeVar("T")


class Desk:
    """A configuration, and the store of its keys."""

    def __init__(self, file: Path) -> None:
        try:
            self.settings: Settings = load(file)
            found = ledger(self.settings, file)
        except ConfigError as error:
            stop(str(error), 2)
        except ImportError:
            stop("store.url is set, but the client is not installed (pip install 'headgate[postgres]')", 1)
        if found is None:
            stop("keys are made at run time only where books are kept: store.url is off", 1)
        self._store: Store = found[1]

    def run(self, work: Callable[[Store], Awaitable[T]]) -> T:
        async def whole() -> T:
            try:
                return await work(self._store)
            finally:
                await self._store.close()

        try:
            return asyncio.run(whole())
        except LedgerGone as error:
            stop(f"the store cannot be reached: {error}", 1)
        except InvalidRequest as error:
            stop(error.message, 2)
        except NoSuchKey as error:
            stop(str(error), 2)
        except NameTaken as error:
            stop(str(error), 1)

    def create(self, name: str, **members: Any) -> str:
        """Makes a key; its text, which nobody can tell again."""
        return self.run(lambda store: self._desk(store).create(name, **members))

    def rotate(self, name: str, overlap_s: float) -> str:
        return self.run(lambda store: self._desk(store).rotate(name, overlap_s))

    def revoke(self, name: str) -> Issued:
        return self.run(lambda store: self._desk(store).revoke(name))

    def _desk(self, store: Store) -> Keys:
        """Acts are under the name of who runs the command."""
        return Keys(store, known(self.settings), who=operator(), wall=now)

    def all(self) -> list[dict[str, Any]]:
        async def work(store: Store) -> list[dict[str, Any]]:
            found = await store.snapshot(-1)
            return [_row(key) for key in found.keys] if found else []

        return self.run(work)


def _row(key: Issued) -> dict[str, Any]:
    return {
        "name": key.name,
        "tenant": key.tenant,
        "key": key.hint,
        "state": key.state(now()),
        "tier": key.tier,
        "rpm": key.rpm,
        "tpm": key.tpm,
        "budget": ",".join(f"{usd(amount):g}/{per}" for amount, per in key.budgets),
        "models": ",".join(key.models or ()),
        "regions": ",".join(key.regions or ()),
        "privacy": key.privacy,
        "expires_at": key.expires_at and time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(key.expires_at)),
    }


def budgets(text: str) -> tuple[tuple[int, Per], ...]:
    try:
        return terms(text)
    except ValueError as error:
        stop(f"--budget-usd takes {error}", 2)


def until(text: str) -> float:
    """`30d`, `12h` or a day such as `2027-01-31`, as seconds since the epoch."""
    try:
        return ends_at(text, now())
    except ValueError:
        stop("--expires takes 12h, 30d or a day such as 2027-01-31", 2)


def show(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table(*(word.replace("_", " ") for word in (rows[0] if rows else ())), box=None)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console().print(table)


def now() -> float:
    return time.time()  # noqa: TID251 - a command is its own clock


def stop(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)
