"""`headgate keys create`, and what else becomes of keys of callers that were made at run time."""

from __future__ import annotations

import asyncio
import calendar
import getpass
import json
import os
import re
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from headgate.assemble.ledgers import ledger
from headgate.config.check import ConfigError
from headgate.config.load import load
from headgate.config.tree import Settings
from headgate.core.audit import Act
from headgate.core.budget import Per
from headgate.core.issued import PREFIX, Issued, digested
from headgate.core.price import nano, usd
from headgate.core.secret import Secret
from headgate.ports.ledger import LedgerGone
from headgate.ports.store import Store

NAME = re.compile(r"[!-~]{1,200}")
AMOUNT = re.compile(r"\d{1,9}(\.\d{1,9})?")
PERIODS: dict[str, Per] = {"day": "day", "week": "week", "month": "month"}
UNITS_S = {"h": 3600.0, "d": 86400.0}
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

    def create(self, name: str, **members: Any) -> str:
        """Makes a key; its text, which nobody can tell again."""
        self._check(name, members)

        async def work(store: Store) -> str:
            text, digest = await _fresh(store)
            key = Issued(name=name, digest=digest, hint=Secret(text).hint, created_at=now(), **members)
            if not await store.add(key):
                stop(f"there is a key {name!r} already; a revoked one keeps its name", 1)
            await _noted(store, "key.create", name, f"tenant={key.tenant} key={key.hint}")
            return text

        return self.run(work)

    def _check(self, name: str, members: dict[str, Any]) -> None:
        settings = self.settings
        for text in (name, members["tenant"], *(members["regions"] or ())):
            if not NAME.fullmatch(text):
                stop("names are of at most 200 ASCII characters without spaces", 2)
        if any(key.name == name for key in settings.keys):
            stop(f"there is a key {name!r} in the configuration", 1)
        if members["tier"] and members["tier"] not in settings.tiers:
            stop(f"no tier {members['tier']!r}: one of {', '.join(settings.tiers) or 'none'}", 2)
        known = {*settings.models, *settings.routes}
        for model in members["models"] or ():
            if model not in known:
                stop(f"{model!r} is neither a model nor a route", 2)

    def rotate(self, name: str, overlap_s: float) -> str:
        async def work(store: Store) -> str:
            old = await _find(store, name)
            text, digest = await _fresh(store)
            await store.change(
                msgspec.structs.replace(
                    old,
                    digest=digest,
                    hint=Secret(text).hint,
                    former=old.digest,
                    former_until=now() + overlap_s,
                )
            )
            await _noted(store, "key.rotate", name, f"key={Secret(text).hint} overlap_s={overlap_s:g}")
            return text

        return self.run(work)

    def revoke(self, name: str) -> Issued:
        async def work(store: Store) -> Issued:
            old = await _find(store, name)
            await store.change(msgspec.structs.replace(old, revoked_at=now()))
            await _noted(store, "key.revoke", name, f"tenant={old.tenant} key={old.hint}")
            return old

        return self.run(work)

    def all(self) -> list[dict[str, Any]]:
        async def work(store: Store) -> list[dict[str, Any]]:
            found = await store.snapshot(-1)
            return [_row(key) for key in found.keys] if found else []

        return self.run(work)


async def _fresh(store: Store) -> tuple[str, bytes]:
    """A new key and its digest."""
    text = PREFIX + secrets.token_urlsafe(32)
    return text, digested(text.encode(), await store.pepper(os.urandom(32)))


async def _noted(store: Store, action: str, target: str, detail: str) -> None:
    """In the audit log, under the name of who runs the command."""
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    await store.note(Act(at_us=int(now() * 1e6), who=who, action=action, target=target, detail=detail))


async def _find(store: Store, name: str) -> Issued:
    found = await store.snapshot(-1)
    key = next((one for one in found.keys if one.name == name), None) if found else None
    if key is None:
        stop(f"no key {name!r} was made at run time", 2)
    if key.revoked_at is not None:
        stop(f"key {name} is revoked already", 1)
    return key


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
    """`100/month`, or several with commas between; `100` is for a month."""
    found: dict[Per, int] = {}
    for part in filter(None, text.split(",")):
        amount, _, period = part.partition("/")
        per = PERIODS.get(period or "month")
        if not AMOUNT.fullmatch(amount) or per is None or per in found:
            stop("--budget-usd takes an amount of 0 or more and day, week or month, such as 100/month", 2)
        found[per] = nano(Decimal(amount))
    return tuple((limit, per) for per, limit in found.items())


def until(text: str) -> float:
    """`30d`, `12h` or a day such as `2027-01-31`, as seconds since the epoch."""
    if found := re.fullmatch(r"(\d{1,6})([hd])", text):
        return now() + int(found[1]) * UNITS_S[found[2]]
    try:
        return calendar.timegm(time.strptime(text, "%Y-%m-%d"))
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
