"""What an operator has done on the command line, for the audit log.

Known weakness: what is done elsewhere than in the store of the books is done first and noted then; where the
store cannot be reached, the command says that it is not in the log.
"""

from __future__ import annotations

import asyncio
import getpass
import socket
import time
from pathlib import Path

import typer

from headgate.assemble.ledgers import ledger
from headgate.config.tree import Settings
from headgate.core.audit import Act
from headgate.core.entry import clean
from headgate.ports.ledger import LedgerGone
from headgate.ports.store import Store


def operator() -> str:
    """Who runs the command."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def noted(settings: Settings, file: Path, action: str, target: str, detail: str = "") -> None:
    """Puts an act that is done into the audit log, where books are kept."""
    at_us = int(time.time() * 1e6)  # noqa: TID251 - a command is its own clock
    act = Act(at_us=at_us, who=operator(), action=action, target=clean(target), detail=clean(detail))
    try:
        found = ledger(settings, file)
        if found is not None:
            asyncio.run(_note(found[1], act))
    except (ImportError, LedgerGone) as error:
        typer.echo(f"it is done, but it is not in the audit log: {error}", err=True)


async def _note(store: Store, act: Act) -> None:
    try:
        await store.note(act)
    finally:
        await store.close()
