"""What an admin key may do. Each includes those before it."""

from __future__ import annotations

from enum import IntEnum

import msgspec


class Scope(IntEnum):
    """`READ`: look at everything but secrets; `OPERATE`: make and revoke what callers use; `OWN`: all."""

    READ = 1
    OPERATE = 2
    OWN = 3


class Admin(msgspec.Struct, frozen=True):
    """Who holds an admin key, by its name, and what it may do."""

    name: str
    scope: Scope
