"""What is kept for good, of one gateway or many: rows, keys that were made at run time, acts of admins."""

from __future__ import annotations

from typing import Protocol

from headgate.ports.audit import Audit
from headgate.ports.issuing import Issuing
from headgate.ports.ledger import Ledger


class Store(Ledger, Issuing, Audit, Protocol):
    """All three in one place. Every verb may raise `ports.ledger.LedgerGone`."""

    async def close(self) -> None: ...
