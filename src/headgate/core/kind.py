"""What many rows of a day have in common: who asked for what, who served it, how it ended, at what price.

There are few of them and many rows. So a row has its kind as it is written down, and whoever sums rows up or
puts them away looks at each kind once.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

DAY_US = 86_400_000_000
MOST = 4096
"""Kinds that are kept in mind."""


class Kind(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`day` is counted from the epoch, in UTC. `price` names the list and the amounts that costs were
    reckoned with. From `model` on: of the answer, where there was one."""

    day: int
    outcome: str
    operation: str
    tenant: str
    key: str
    tier: str
    requested: str
    intent: str
    error: str
    flags: int = 0
    model: str = ""
    upstream_model: str = ""
    served_model: str = ""
    provider: str = ""
    provider_key: str = ""
    region: str = ""
    price: str = ""
    reuse: str = ""


packed = msgspec.msgpack.Encoder().encode
unpacked = lru_cache(maxsize=MOST)(msgspec.msgpack.Decoder(Kind).decode)
