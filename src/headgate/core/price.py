"""Money is integer nano-dollars (1e-9 USD), so that sums are exact."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import msgspec

from headgate.core.usage import Usage

NANO = 1_000_000_000
_PER_MILLION = 1_000_000


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """Nano-dollars per million tokens, by class.

    A class left `None` costs what its parent costs: cache reads and writes as input, reasoning as
    output. `source` names the list the price was read from.
    """

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    source: str = "config"

    def cost_nano(self, usage: Usage) -> int:
        """The answer's cost in nano-dollars, rounded half up once, over the sum of the classes."""
        total = usage.input * self.input + usage.output * self.output
        if usage.cache_read:
            total += usage.cache_read * (self.input if self.cache_read is None else self.cache_read)
        if usage.cache_write:
            total += usage.cache_write * (self.input if self.cache_write is None else self.cache_write)
        if usage.reasoning:
            total += usage.reasoning * (self.output if self.reasoning is None else self.reasoning)
        return (total + _PER_MILLION // 2) // _PER_MILLION


def usd(nano: int) -> float:
    """For display: nano-dollars as dollars."""
    return nano / NANO


def nano(usd: Decimal) -> int:
    """Dollars as nano-dollars: exact down to nine decimals, half rounded up beyond."""
    return int((usd * NANO).to_integral_value(rounding=ROUND_HALF_UP))
