"""What was found out: rows of the table, and the little statistics they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share (0..1) of the values lies, the nearest one."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def quiet(values: Sequence[float]) -> float:
    """The lower quartile: noise on a shared machine only ever adds to a time."""
    return quantile(values, 0.25)


def per_event(short: Sequence[float], long: Sequence[float], events: int) -> list[float]:
    """Costs of one event, round by round: `long` streams have `events` more than `short` ones."""
    return [(more - less) / events for less, more in zip(short, long, strict=True)]


def ratios(ours: Sequence[float], bare: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(ours, bare, strict=True)]


@dataclass(frozen=True)
class Row:
    """One line of the table. `value` is what is held against `target` (at most); `spread` is the value's
    (lower quartile, upper quartile) over the rounds, where there were rounds."""

    name: str
    what: str
    unit: str
    bare: float | None = None
    gateway: float | None = None
    value: float | None = None
    value_unit: str = ""
    spread: tuple[float, float] | None = None
    target: float | None = None

    @property
    def ok(self) -> bool | None:
        if self.target is None or self.value is None:
            return None
        return self.value <= self.target

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"ok": self.ok}


@dataclass
class Findings:
    """Rows, the raw numbers they came from, and every wrong answer met on the way."""

    rows: list[Row] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def ratio(
        self,
        name: str,
        what: str,
        bare: Sequence[float],
        ours: Sequence[float],
        *,
        target: float | None = None,
    ) -> None:
        """A row of CPU µs on both sides, judged by the median of the rounds' ratios."""
        each = ratios(ours, bare)
        self.rows.append(
            Row(
                name,
                what,
                "µs",
                bare=median(bare),
                gateway=median(ours),
                value=median(each),
                value_unit="×",
                spread=(quantile(each, 0.25), quantile(each, 0.75)),
                target=target,
            )
        )
        self.raw[name] = {"bare_us": list(bare), "gateway_us": list(ours)}

    def absolute(
        self,
        name: str,
        what: str,
        unit: str,
        ours: Sequence[float],
        *,
        bare: Sequence[float] | None = None,
        target: float | None = None,
    ) -> None:
        """A row of times, judged by the lower quartile of the rounds."""
        self.rows.append(
            Row(
                name,
                what,
                unit,
                bare=quiet(bare) if bare else None,
                gateway=quiet(ours),
                value=quiet(ours),
                value_unit=unit,
                spread=(quantile(ours, 0.25), quantile(ours, 0.75)),
                target=target,
            )
        )
        self.raw[name] = {"unit": unit, "gateway": list(ours), "bare": list(bare or ())}

    def single(
        self,
        name: str,
        what: str,
        unit: str,
        ours: float,
        *,
        bare: float | None = None,
        target: float | None = None,
    ) -> None:
        """A row of one observation."""
        self.rows.append(
            Row(name, what, unit, bare=bare, gateway=ours, value=ours, value_unit=unit, target=target)
        )
