"""How long each table keeps what it has."""

from __future__ import annotations

import msgspec

from headgate.core.kind import DAY_US


class Old(msgspec.Struct, frozen=True, kw_only=True):
    """What is past its time at `now_us` (microseconds since the epoch): rows of requests, and acts, from
    before a moment; sums from before a day. What was kept of content says so itself."""

    now_us: int
    rows_before_us: int
    sums_before_day: int
    acts_before_us: int


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """For how many days rows of requests, their sums, and acts are kept."""

    requests: int
    usage: int
    audit: int

    def old(self, now_us: int) -> Old:
        return Old(
            now_us=now_us,
            rows_before_us=now_us - self.requests * DAY_US,
            sums_before_day=now_us // DAY_US - self.usage,
            acts_before_us=now_us - self.audit * DAY_US,
        )
