"""How numbers are spread: percentiles of what was seen, exactly."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from math import ceil

import msgspec


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Of `count` observations; of none, all zero. Percentiles are observations themselves (nearest rank)."""

    count: int = 0
    mean: float = 0.0
    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    most: float = 0.0


class Sample:
    """Keeps every observation: eight bytes each."""

    __slots__ = ("values",)

    def __init__(self, values: Iterable[float] = ()) -> None:
        self.values = array("d", values)

    def __len__(self) -> int:
        return len(self.values)

    def add(self, value: float) -> None:
        self.values.append(value)

    def spread(self, digits: int = 6) -> Spread:
        """Rounded to so many digits after the point."""
        ordered = sorted(self.values)
        if not ordered:
            return Spread()
        p50, p90, p99 = (round(percentile(ordered, share), digits) for share in (0.5, 0.9, 0.99))
        return Spread(
            count=len(ordered),
            mean=round(sum(ordered) / len(ordered), digits),
            p50=p50,
            p90=p90,
            p99=p99,
            most=round(ordered[-1], digits),
        )


def percentile(ordered: list[float], share: float) -> float:
    """The smallest of the `ordered` values that `share` of them do not exceed."""
    return ordered[max(ceil(share * len(ordered)) - 1, 0)]
