"""Where keys of callers are kept that were made at run time, and what was agreed with tenants and others."""

from __future__ import annotations

from typing import Protocol

from headgate.core.audit import Act
from headgate.core.issued import Issued, Snapshot, Terms


class Issuing(Protocol):
    """Every change counts the generation up in the same transaction. Every verb may raise
    `ports.ledger.LedgerGone`."""

    async def pepper(self, fresh: bytes) -> bytes:
        """What hashes are made with: `fresh`, where nothing has been decided yet, and from then on that."""
        ...

    async def snapshot(self, known: int) -> Snapshot | None:
        """All keys, and all terms: `NOBODY`, where there has been nothing yet. `None` where the generation is
        still the one that is `known`."""
        ...

    async def add(self, key: Issued, act: Act | None = None) -> bool:
        """False, and nothing is changed, where there is one of that name. `act` is noted in the audit log in
        the same transaction, where something is changed."""
        ...

    async def change(self, key: Issued, act: Act | None = None) -> bool:
        """Puts it in the place of the one of that name; false, where there is none."""
        ...

    async def agree(self, terms: Terms, act: Act | None = None) -> bool:
        """From now on these hold; those that say nothing are taken away, and false is returned where there
        were none."""
        ...

    async def close(self) -> None: ...
