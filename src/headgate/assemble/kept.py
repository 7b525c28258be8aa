"""What a process has one of, and what outlives a generation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from headgate.assemble.bank import Bank
from headgate.assemble.books import Books
from headgate.assemble.issued import IssuedKeys
from headgate.assemble.jobs import Intake
from headgate.assemble.remembered import Remembered
from headgate.assemble.ring import KeyRing
from headgate.assemble.sharing import Sharing
from headgate.assemble.shelved import Shelved
from headgate.assemble.upkeep import Upkeep
from headgate.core.price import Price
from headgate.ports.clock import Clock
from headgate.ports.journal import Journal

Prices = Mapping[str, Price]
"""Model id → price, for models whose settings name none."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a process has one of, whatever its configuration. `pepper`: 16 to 64 random bytes; `sharing`: with
    whom it shares the limits of its keys, if with anybody; `ring`: what has been said of them; `books`: where
    what happened is written down for good, and `journal`: where that is waited for; `issued`: keys that were
    made at run time; `answers` and `questions`: those that it keeps, where there is more than its memory for
    them; `bank`: who knows what may be spent; `jobs`: what is to be answered later; `upkeep`: who
    sees to what goes on beside the requests."""

    clock: Clock
    chance: Random
    pepper: bytes
    sharing: Sharing | None = None
    ring: KeyRing | None = None
    books: Books | None = None
    journal: Journal | None = None
    issued: IssuedKeys | None = None
    answers: Shelved | None = None
    questions: Remembered | None = None
    bank: Bank | None = None
    jobs: Intake | None = None
    upkeep: Upkeep | None = None


class Kept:
    """Things that outlive a generation, by name, for as long as what they are made from stays the same."""

    def __init__(self, before: Kept | None = None) -> None:
        self._before: Mapping[object, tuple[object, Any]] = before._now if before else {}
        self._now: dict[object, tuple[object, Any]] = {}

    def __call__(self, name: object, made_from: object, make: Callable[[], T]) -> T:
        known = self._now.get(name) or self._before.get(name)
        thing: T = known[1] if known and known[0] == made_from else make()
        self._now[name] = (made_from, thing)
        return thing

    def before(self, kind: str) -> list[Any]:
        """What the generation before had under names like `(kind, name)`: those names."""
        return [name[1] for name in self._before if isinstance(name, tuple) and name[0] == kind]

    def of(self, kind: str) -> dict[Any, Any]:
        """What is kept under names like `(kind, name)`, by name."""
        named = ((name, thing) for name, (_, thing) in self._now.items() if isinstance(name, tuple))
        return {name[1]: thing for name, thing in named if name[0] == kind}
