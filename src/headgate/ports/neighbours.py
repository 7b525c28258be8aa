"""Kept questions, and which of them are nearest to a new one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:  # numpy comes with the extra `embed`
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A question that was answered. `reading`: what it asks (`core.semantic.packing.packed`). `identity`:
    under which its answer is kept; `alike`: 8 bytes, the same for answers that say the same; `sign`: 128
    bits, see `core.semantic.signature`. `until`: seconds since the epoch."""

    reading: bytes
    identity: bytes
    alike: bytes
    sign: int
    until: float


class Near(msgspec.Struct, frozen=True, gc=False):
    kept: Kept
    likeness: float


class Neighbours(Protocol):
    """A bounded index of questions. Nothing on the request's way waits for it, unless it is `deep`: the other
    verbs are local and return at once.

    Every verb takes the partition first; no question is ever seen from another one. Vectors are of length 1
    and of one dimension.
    """

    @property
    def deep(self) -> bool:
        """Whether there may be questions that `near` does not know and `seek` does."""
        ...

    def same(self, partition: bytes, sign: int, now: float) -> Kept | None:
        """The last question of that signature, if it has not expired at `now`."""
        ...

    def near(self, partition: bytes, vector: Vector, most: int, now: float) -> list[Near]:
        """Up to so many of the nearest that have not expired at `now`, the nearest first. Likeness is the
        cosine, as exact as the index is."""
        ...

    def add(self, partition: bytes, vector: Vector, kept: Kept) -> None:
        """Keeps a question, in the place of one of the same identity. Where there is no room, the oldest
        goes, whoever's it is."""
        ...

    def drop(self, partition: bytes, identity: bytes) -> None:
        """Forgets a question, if it is there."""
        ...

    def clear(self) -> int:
        """Forgets everything. How many questions that was, as far as it is known at once."""
        ...

    def resize(self, most: int) -> None:
        """Room for more or fewer from now on."""
        ...

    def __len__(self) -> int: ...

    async def seek(self, partition: bytes, sign: int, vector: Vector, most: int, now: float) -> list[Near]:
        """One of that signature and the nearest, the nearest first, where looking for them takes a moment.
        Never raises: an index that does not answer knows nothing."""
        ...


class Written(msgspec.Struct, frozen=True, gc=False):
    """A question as it is written down. `vector`: a byte a dimension, 127 for 1."""

    partition: bytes
    vector: bytes
    kept: Kept


class Register(Protocol):
    """Questions written down outside of this process's memory, where everything takes a moment; bounded, the
    oldest go first. Several processes may share one. Every verb raises `RegisterGone` where nobody answers.
    What is found damaged is set aside, with a warning, and begun anew.
    """

    @property
    def searches(self) -> bool:
        """Whether it knows the nearest. Where it does not, it is read."""
        ...

    async def read(self, after: int, now: float) -> tuple[int, list[Written]]:
        """What was written after that point (0 is the beginning) and has not expired at `now`, the oldest
        first; and the point that was reached. One that `searches` tells nothing, and is ready from then
        on: nobody who asks it waits until a connection stands."""
        ...

    async def near(self, partition: bytes, sign: int, vector: bytes, most: int, now: float) -> list[Near]:
        """As `Neighbours.seek`; only where it `searches`."""
        ...

    async def write(self, questions: Sequence[Written], now: float) -> None:
        """Keeps them all, each in the place of one of the same identity."""
        ...

    async def drop(self, identities: Sequence[bytes]) -> None: ...

    async def clear(self) -> int:
        """Forgets everything. How many questions that was."""
        ...

    async def close(self) -> None: ...


class RegisterGone(Exception):
    """The register gave no answer."""
