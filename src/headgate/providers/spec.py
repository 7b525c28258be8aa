"""What differs between providers of one dialect, as data."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from headgate.core.errors import Unsupported


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How one provider departs from its dialect.

    `rename`: a parameter's name in the dialect → its name here (`max_tokens` → `max_completion_tokens`).
    `refuse`: parameters this provider does not take. `ranges`: the inclusive bounds of a number here.
    `drop`: parameters the operator lets us leave out where they cannot be expressed; `*` means all.
    `stream_usage`: whether streams report usage when asked by `stream_options.include_usage`.
    """

    rename: Mapping[str, str] = {}
    refuse: frozenset[str] = frozenset()
    ranges: Mapping[str, tuple[float, float]] = {}
    drop: frozenset[str] = frozenset()
    stream_usage: bool = True

    def lacks(self, param: str, *, reason: str | None = None) -> None:
        """The dialect or the provider cannot express `param`: dropped if the operator said so, else refused.

        Raises:
            Unsupported: naming the parameter.
        """
        if param in self.drop or "*" in self.drop:
            return
        raise Unsupported(
            reason or f"The upstream model does not support the parameter '{param}'.",
            param=param,
            code="unsupported_parameter",
        )

    def permits(self, param: str, value: object) -> bool:
        """Whether `param` may be sent here; `False` means the operator lets us drop it.

        Raises:
            Unsupported: where it may neither be sent nor dropped.
        """
        if param in self.refuse:
            self.lacks(param)
            return False
        bounds = self.ranges.get(param)
        if bounds and isinstance(value, int | float) and not bounds[0] <= value <= bounds[1]:
            self.lacks(
                param,
                reason=f"The upstream model takes '{param}' from {bounds[0]} to {bounds[1]}, not {value}.",
            )
            return False
        return True


STANDARD = Rules()
"""A provider that is exactly its dialect."""
