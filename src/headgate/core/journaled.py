"""What a journal holds, in one order: rows of requests, acts for the audit log, what is kept of content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from headgate.core.audit import Noting
from headgate.core.captured import Captured
from headgate.core.entry import OWN, Entry
from headgate.core.kind import DAY_US, Kind, packed

Row = Entry | Noting | Captured

FORMER = (
    *("at_us", "request_id", "outcome", "operation", "tenant", "key", "tier", "requested", "intent", "tags"),
    *("total_us", "error", "flags", "model", "upstream_model", "served_model", "provider", "provider_key"),
    *("region", "input", "cache_read", "cache_write", "output", "reasoning", "cost_nano", "saved_nano"),
    *("price", "reuse", "attempts", "queue_us", "first_byte_us", "upstream_us", "others"),
)
"""What a row had, in this order, before it had a kind."""


def of_former(values: Sequence[Any]) -> Entry:
    """A row that was written down in that way."""
    found = dict(zip(FORMER, values, strict=True))
    kind = [found["at_us"] // DAY_US, *(found[name] for name in Kind.__struct_fields__[1:])]
    own = [found[name] for name in OWN]
    return msgspec.convert([packed(kind), *own, found["others"]], Entry)
