"""Model prices from genai-prices, looked up in a child process that ends at once.

The list costs tens of megabytes and a good part of a second of CPU where it is imported
(`docs/decisions/003-prices-in-a-child-process.md`), and a gateway asks it once. So the child imports it,
answers and is gone: run as `python -m headgate.adapters.prices`, it reads JSON `[[provider, model], …]` from
standard input and writes `{"source": …, "prices": [{…} | null, …]}` in the same order.

Known weakness: a price that rises with the length of the prompt, and one that depends on the time of day,
is taken as it is for a short prompt now; cache writes are priced as those that live five minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from headgate.core.price import Price, nano

Pair = tuple[str, str]
"""The provider's id in genai-prices and the provider's name for the model."""

CHILD = (sys.executable, "-m", "headgate.adapters.prices")
TIMEOUT_S = 20.0
"""A machine that needs longer than this to import a module has other worries than prices."""


class Prices(msgspec.Struct, frozen=True):
    """What was found. `warning` says why nothing was, where something went wrong; not finding a model in
    the list is not wrong."""

    known: dict[Pair, Price] = {}
    warning: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    source: str
    prices: list[dict[str, int] | None]


_seen: dict[Pair, Price | None] = {}


def catalogue_prices(
    pairs: Iterable[Pair], *, command: Sequence[str] = CHILD, timeout_s: float = TIMEOUT_S
) -> Prices:
    """Prices for those of `pairs` that the list has. Blocks for up to `timeout_s` seconds; never raises.

    What has been asked once in this process is not asked again; a failure is. May run in a thread of its own,
    beside whatever else a start has to do.
    """
    wanted = list(dict.fromkeys(pairs))
    missing = [pair for pair in wanted if pair not in _seen]
    warning = _ask(missing, command, timeout_s) if missing else None
    known = {pair: price for pair in wanted if (price := _seen.get(pair)) is not None}
    return Prices(known, warning)


def _ask(pairs: list[Pair], command: Sequence[str], timeout_s: float) -> str | None:
    """Asks a child for `pairs` and notes the answers. Returns why there are none."""
    try:
        child = subprocess.run(  # noqa: S603  # the command is ours; what is asked goes through a pipe
            command,
            input=msgspec.json.encode(pairs),
            capture_output=True,
            timeout=timeout_s,
            check=True,
        )
        answer = msgspec.json.decode(child.stdout, type=_Answer)
        found = [_price(row, answer.source) for row in answer.prices]
        _seen.update(zip(pairs, found, strict=True))
    except subprocess.TimeoutExpired:
        return f"the price catalogue did not answer within {timeout_s:g} s: costs are unknown"
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError, ValueError, TypeError) as error:
        return f"the price catalogue could not be read ({type(error).__name__}): costs are unknown"
    return None


def _price(row: dict[str, int] | None, source: str) -> Price | None:
    return None if row is None else Price(**row, source=source)


# ── the child ────────────────────────────────────────────────────────────────────────────────────

_CLASSES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "reasoning": "output_reasoning_mtok",
}
"""Our token classes and what genai-prices calls them."""


def row_of(price: Any) -> dict[str, int] | None:
    """A `ModelPrice` of genai-prices as nano-dollars per million tokens by class, of its lowest tier.

    `None` for a model that is not priced by what goes in; an embedding's output is free.
    """
    row: dict[str, int] = {}
    for name, theirs in _CLASSES.items():
        value = getattr(price, theirs, None)
        amount = getattr(value, "base", value)
        if isinstance(amount, Decimal):
            row[name] = nano(amount)
    return {"output": 0, **row} if "input" in row else None


def _look_up(provider: str, model: str) -> dict[str, int] | None:
    from genai_prices import Usage, calc_price

    try:
        found = calc_price(Usage(input_tokens=0, output_tokens=0), model, provider_id=provider)
    except (LookupError, ValueError):
        return None
    return row_of(found.model_price)


def main() -> None:
    """The child's whole life."""
    from genai_prices import __version__

    pairs = json.load(sys.stdin)
    answer = {
        "source": f"genai-prices {__version__}",
        "prices": [_look_up(provider, model) for provider, model in pairs],
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
