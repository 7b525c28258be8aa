"""Everything that can be made to go wrong, as one table."""

from __future__ import annotations

import re
from difflib import get_close_matches

import msgspec


class Effect(msgspec.Struct, frozen=True):
    """One row: what the client meets, what the number after the colon means, and its default."""

    what: str
    number: str | None = None
    default: float = 0.0


FAULTS: dict[str, Effect] = {
    "refuse": Effect("the connection is reset before any byte of an answer"),
    "hang": Effect("no byte ever; it ends when the client leaves"),
    "status": Effect("an error document with this HTTP status (`503` alone means the same)", "CODE", 500),
    "bad-key": Effect("the provider's own answer to a key it does not know"),
    "quota": Effect("the provider's own answer to a key without credit: 429, and no time to come back"),
    "context": Effect("the provider's own answer to a prompt that is too long: 400"),
    "garbage": Effect("200 with an HTML page"),
    "garbage-json": Effect("200 with JSON of another shape"),
    "garbage-sse": Effect("200 with events that hold no JSON"),
    "empty": Effect("200 with an empty body"),
    "cut-head": Effect("the connection closes after the headers, before the first event"),
    "cut-mid": Effect("the connection closes after so many events, without a terminator", "EVENTS", 3),
    "cut-mid-json": Effect(
        "the same, but within a JSON text: half a document, or half an event", "EVENTS", 3
    ),
    "error-event": Effect("after so many events an error comes in the stream; unstreamed: 500", "EVENTS", 3),
    "late": Effect("the answer begins so many seconds later", "SECONDS", 5),
    "slow": Effect("the answer comes at so many tokens a second", "RATE", 1),
    "stall-mid": Effect("after so many events, or half a document, silence", "EVENTS", 3),
}

EARLY = frozenset({"refuse", "hang", "status", "bad-key", "quota", "context"})
"""These come before the request is looked at, and do not count against the key's limits."""

_STATUS = re.compile(r"[345]\d\d")
_IN_MODEL = re.compile(r"(?:^|.*[-/:])fault-(.+)$")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault about to happen: `number` as its row says, `retry_after_s` with a status alone."""

    name: str
    number: float = 0.0
    retry_after_s: float | None = None

    @property
    def count(self) -> int:
        return int(self.number)


def parse(text: str) -> Fault:
    """Reads `NAME`, `NAME:NUMBER`, `status:CODE:RETRY_AFTER_S`, or a bare `CODE` with or without it.

    Raises:
        ValueError: naming the nearest fault of the table.
    """
    name, *numbers = text.strip().split(":")
    if _STATUS.fullmatch(name):
        name, numbers = "status", [name, *numbers]
    effect = FAULTS.get(name)
    if effect is None:
        near = get_close_matches(name, FAULTS, n=1)
        raise ValueError(f"no fault is called {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return _with_numbers(name, effect, numbers)


def _with_numbers(name: str, effect: Effect, numbers: list[str]) -> Fault:
    allowed = 2 if name == "status" else 1 if effect.number else 0
    try:
        values = [float(number) for number in numbers]
    except ValueError:
        raise ValueError(f"{name} takes a number after the colon, not {numbers}") from None
    if len(values) > allowed or any(not 0 <= value < 1e9 for value in values):
        raise ValueError(f"{name} takes {allowed or 'no'} number(s) of 0 or more, not {':'.join(numbers)}")
    number = values[0] if values else effect.default
    if name == "status" and not 300 <= number <= 599:
        raise ValueError(f"{number:g} is not the status of an error (300 to 599)")
    return Fault(name=name, number=number, retry_after_s=values[1] if len(values) > 1 else None)


def of_model(model: str) -> Fault | None:
    """The fault a model's name asks for: `fault-hang`, `gpt-4o-fault-cut-mid-5`, `fault-429-7`.

    What follows the last `fault-` is a fault with `-` for every colon, so that it is a plain word in
    YAML, in a URL's path and in a tag. `None` for any other name, an unknown fault included.
    """
    found = _IN_MODEL.match(model)
    if found is None:
        return None
    words = found.group(1).split("-")
    for length in range(len(words), 0, -1):
        name = "-".join(words[:length])
        if name in FAULTS or _STATUS.fullmatch(name):
            try:
                return parse(":".join([name, *words[length:]]))
            except ValueError:
                return None
    return None
