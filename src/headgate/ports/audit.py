"""Where acts of admins are written down, for good."""

from __future__ import annotations

from typing import Any, Protocol

from headgate.core.audit import Act, Noted


class Audit(Protocol):
    """Append-only. Every verb may raise `ports.ledger.LedgerGone`."""

    async def note(self, act: Act) -> Noted:
        """Puts it at the end of the chain: one end, whoever else is writing."""
        ...

    async def acts(self, after: int, limit: int) -> list[Noted]:
        """In order, from behind that number on."""
        ...

    async def places(self, tenant: str) -> list[dict[str, Any]]:
        """Where a tenant's requests went: provider, region, how many, the first and the last (microseconds
        since the epoch), upstream calls that failed included."""
        ...
