"""How a key stands with its limits, as the provider itself says in the headers of an answer."""

from __future__ import annotations

import msgspec

from headgate.core.allowance import Rates

LONGEST_S = 75.0
"""A limit that takes longer than this to be whole again is not one of a minute (some are of a day)."""


class Quota(msgspec.Struct, frozen=True):
    """One limit: how much there is, how much of it is left, and in how many seconds all of it will be."""

    limit: int
    remaining: int | None = None
    reset_s: float | None = None

    @property
    def of_a_minute(self) -> bool:
        return self.reset_s is None or self.reset_s <= LONGEST_S

    @property
    def used(self) -> int:
        return 0 if self.remaining is None else max(self.limit - self.remaining, 0)


class Standing(msgspec.Struct, frozen=True):
    """What is known of requests and of tokens a minute. `None`: the answer did not say."""

    requests: Quota | None = None
    tokens: Quota | None = None

    @property
    def rates(self) -> Rates:
        """As limits of a minute; those of a longer time are none."""
        return Rates(rpm=_a_minute(self.requests), tpm=_a_minute(self.tokens))


def _a_minute(quota: Quota | None) -> int | None:
    return quota.limit if quota is not None and quota.of_a_minute else None
